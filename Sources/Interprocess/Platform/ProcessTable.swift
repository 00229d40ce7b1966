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

internal import CInterprocess
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
      guard let maps = try? Files.contents(of: "/proc/\(processID)/maps") else { continue }
      let identities = Self.mappedFiles(in: maps + [0], device: device)
      if identities.isEmpty { continue }
      guard let comm = try? Files.contents(of: "/proc/\(processID)/comm") else { continue }
      let command = String(decoding: comm.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
      for identity in identities {
        entries[identity, default: []].append(Entry(processID: processID, command: command))
      }
    }
  }

  /// The files of `device` in the text of a `/proc/PID/maps`, ended by a NUL, whose lines are
  /// `address-range permissions offset major:minor inode path`, with the device in hexadecimal.
  static func mappedFiles(in maps: [UInt8], device: UInt64) -> Set<FileIdentity> {
    let device = (device: device, field: deviceText(device))
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

  /// A device as the kernel prints it in `/proc`.
  private static func deviceText(_ device: UInt64) -> String {
    let parts = [ipc_device_major(device), ipc_device_minor(device)]
    return parts.map { part in
      let digits = String(part, radix: 16)
      return digits.count < 2 ? "0\(digits)" : digits
    }.joined(separator: ":")
  }
}
