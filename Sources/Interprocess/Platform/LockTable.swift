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
    // A line is `ID: TYPE ADVISORY READ|WRITE PID MAJOR:MINOR:INODE START END`.
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count >= 8, fields[1] == "OFDLCK", fields[3] == "READ",
        fields[6] == "\(offset)", fields[5].hasPrefix(devicePrefix),
        let inode = UInt64(fields[5].dropFirst(devicePrefix.count))
      else { continue }
      counts[FileIdentity(device: device, inode: inode), default: 0] += 1
    }
  }

  /// The number of locks on a file.
  func count(of identity: FileIdentity) -> Int { counts[identity] ?? 0 }
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
