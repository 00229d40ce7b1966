//===----------------------------------------------------------------------===//
//
// This source file is part of the swift-interprocess open source project
//
// Copyright (c) 2026 the swift-interprocess authors
// Licensed under Apache License v2.0
//
// See LICENSE for license information
//
// SPDX-License-Identifier: Apache-2.0
//
//===----------------------------------------------------------------------===//

internal import Glibc
internal import SystemPackage

/// Which processes have which files mapped, as `/proc` tells it.
struct ProcessTable: Sendable {
  struct Entry: Sendable {
    var processID: Int32
    var command: String
  }

  /// The processes that have a file of the device mapped, by file; in the order of their numbers.
  private(set) var entries: [FileIdentity: [Entry]] = [:]

  /// The users of the processes that this user may not look into; root is left out.
  private(set) var hiddenUserIDs: Set<UInt32> = []

  /// Looks through all processes once.
  ///
  /// A process that ends meanwhile, or that this user may not look into, is left out.
  ///
  /// - Parameter device: Only files of this device are noted.
  /// - Complexity: Linear in the number of all mappings of all processes.
  init(device: UInt64) throws(Errno) {
    let processIDs = try Files.names(in: "/proc")
      .compactMap { Int32(String(decoding: $0, as: UTF8.self)) }
      .sorted()
    for processID in processIDs {
      let directory = "/proc/\(processID)"
      let maps: [UInt8]
      do {
        maps = try Files.contents(of: "\(directory)/maps")
      } catch {
        if error == .permissionDenied, let status = try? Files.status(at: directory),
          status.userID != 0
        {
          hiddenUserIDs.insert(status.userID)
        }
        continue
      }
      let identities = Self.mappedFiles(in: maps + [0], device: device)
      if identities.isEmpty { continue }
      guard let comm = try? Files.contents(of: "\(directory)/comm") else { continue }
      let command = String(decoding: comm.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
      for identity in identities {
        entries[identity, default: []].append(Entry(processID: processID, command: command))
      }
    }
  }

  /// Whether any process may have a file mapped: one that was seen with it, or one of another user
  /// that could not be looked into and has permission to open the file.
  ///
  /// Root is taken to have no file mapped that it is not seen with: it may open any file, and on
  /// every machine some process of root cannot be looked into, so that nothing would ever count as
  /// unused.
  func mayBeMapped(_ status: Files.Status) -> Bool {
    if entries[status.identity] != nil { return true }
    let isOpenToOthers = status.mode & 0o077 != 0
    return isOpenToOthers && hiddenUserIDs.contains { $0 != status.userID }
  }

  /// The files of `device` in the text of a `/proc/PID/maps`, ended by a NUL, whose lines are
  /// `address-range permissions offset major:minor inode path`, with the device in hexadecimal.
  static func mappedFiles(in maps: [UInt8], device: UInt64) -> Set<FileIdentity> {
    let device = (device: device, field: DeviceNumber.text(device))
    let newline = UInt8(ascii: "\n")
    var identities: Set<FileIdentity> = []
    // Most lines are of other devices, or of none; only those that name the device are taken apart.
    var position = 0
    while let match = firstOffset(of: " \(device.field) ", in: maps, from: position) {
      let start = maps[..<match].lastIndex(of: newline).map { $0 + 1 } ?? 0
      let end = maps[match...].firstIndex(of: newline) ?? maps.endIndex
      position = end
      // The path may contain the same characters, so that the place of the field counts.
      let fields = maps[start..<end].split(separator: UInt8(ascii: " "), maxSplits: 5)
      guard fields.count >= 5, fields[3].elementsEqual(device.field.utf8),
        let inode = UInt64(String(decoding: fields[4], as: UTF8.self))
      else { continue }
      identities.insert(FileIdentity(device: device.device, inode: inode))
    }
    return identities
  }

  /// Where a text is found in bytes that end in a NUL.
  private static func firstOffset(of text: String, in bytes: [UInt8], from offset: Int) -> Int? {
    unsafe bytes.withUnsafeBytes { buffer in
      guard let start = buffer.baseAddress, offset < buffer.count else { return nil }
      // SAFETY: the caller has put a NUL at the end, beyond which `strstr` does not read.
      let begin = unsafe (start + offset).assumingMemoryBound(to: CChar.self)
      return unsafe strstr(begin, text).map { unsafe UnsafeRawPointer($0) - start }
    }
  }
}
