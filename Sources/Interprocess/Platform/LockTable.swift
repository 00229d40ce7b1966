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
internal import SystemPackage

/// Who holds locks on what, as `/proc/locks` tells it: the locks of all processes of this machine.
struct LockTable: Sendable {
  private var counts: [FileIdentity: Int] = [:]

  /// Counts the shared locks that open file descriptions hold on one byte of the files of a device.
  ///
  /// The system tells its locks a page at a time. What anybody locks or unlocks between two pages
  /// shifts the rest, so that a lock may be told twice or not at all.
  init(device: UInt64, byte offset: Int) throws(Errno) {
    let devicePrefix = "\(DeviceNumber.text(device)):"
    let text = String(decoding: try Files.contents(of: "/proc/locks"), as: UTF8.self)
    for line in text.split(separator: "\n") {
      guard let lock = LockLine(line), lock.isShared, lock.bytes.lowerBound == offset,
        lock.file.hasPrefix(devicePrefix),
        let inode = UInt64(lock.file.dropFirst(devicePrefix.count))
      else { continue }
      counts[FileIdentity(device: device, inode: inode), default: 0] += 1
    }
  }

  /// The number of locks on a file.
  func count(of identity: FileIdentity) -> Int { counts[identity] ?? 0 }
}

/// A lock that an open file description holds on a part of a file.
private struct LockLine {
  var isShared: Bool
  /// The file, such as `00:1a:1234`.
  var file: Substring
  var bytes: ClosedRange<Int>

  /// - Parameter line: Is `ID: TYPE ADVISORY READ|WRITE PID MAJOR:MINOR:INODE START END`.
  init?(_ line: Substring) {
    let fields = line.split(separator: " ")
    guard fields.count >= 8, fields[1] == "OFDLCK", let first = Int(fields[6]),
      let last = fields[7] == "EOF" ? Int.max : Int(fields[7]), first <= last
    else { return nil }
    isShared = fields[3] == "READ"
    file = fields[5]
    bytes = first...last
  }
}

extension ProcessTable {
  /// The process that has a file mapped and holds a lock on one of its bytes, of those that this
  /// user may look into.
  ///
  /// - Complexity: Linear in the number of descriptors that processes with the file have open.
  func holder(ofLockOnByte offset: Int, of identity: FileIdentity) -> Entry? {
    let file = "\(DeviceNumber.text(identity.device)):\(identity.inode)"
    return entries[identity]?.first { entry in
      let directory = "/proc/\(entry.processID)/fdinfo"
      // Neither the process nor the descriptor has to be there any more.
      return ((try? Files.names(in: directory)) ?? []).contains { number in
        let path = "\(directory)/\(String(decoding: number, as: UTF8.self))"
        let text = String(decoding: (try? Files.contents(of: path)) ?? [], as: UTF8.self)
        return text.split(separator: "\n").contains { line in
          // The same as a line of `/proc/locks`, behind a word.
          guard line.hasPrefix("lock:"), let lock = LockLine(line.dropFirst("lock:".count)) else {
            return false
          }
          return lock.file == file && lock.bytes.contains(offset)
        }
      }
    }
  }
}

/// How the kernel prints a device number in `/proc`.
enum DeviceNumber {
  static func text(_ device: UInt64) -> String {
    [ipc_device_major(device), ipc_device_minor(device)].map { part in
      let digits = String(part, radix: 16)
      return digits.count < 2 ? "0\(digits)" : digits
    }.joined(separator: ":")
  }
}
