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

/// A file as `/proc` identifies it, in the mappings of a process and in the list of locks.
///
/// On a tmpfs these are the numbers that `fstat` reports. On other file systems (overlay, btrfs),
/// `fstat` may report a device that does not appear in `/proc`.
struct KernelFile: Hashable, Sendable {
  /// The device of the file system, such as `00:1a`.
  var device: String
  var inode: UInt64

  /// The form used in `/proc/locks`.
  var text: String { "\(device):\(inode)" }

  init(device: String, inode: UInt64) {
    self.device = device
    self.inode = inode
  }

  /// The file as `fstat` reports it.
  init(_ identity: FileIdentity) {
    self.init(device: DeviceNumber.text(identity.device), inode: identity.inode)
  }

  /// An open file as `/proc` reports it; as `fstat` does, if `/proc` does not.
  ///
  /// - Parameter mounts: The file systems by the numbers of their mounts.
  init(_ descriptor: borrowing Descriptor, _ identity: FileIdentity, mounts: MountTable) {
    self.init(identity)
    guard let text = try? Files.contents(of: "/proc/self/fdinfo/\(descriptor.fd)") else { return }
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 1)
      guard fields.count == 2,
        let number = UInt64(fields[1].drop { $0 == "\t" || $0 == " " })
      else { continue }
      switch fields[0] {
      case "mnt_id": device = mounts.devices[number] ?? device
      case "ino": inode = number
      default: break
      }
    }
  }
}

/// The contents of `/proc/self/mountinfo`.
struct MountTable: Sendable {
  /// The devices of file systems, such as `00:1a`, by the numbers of their mounts.
  private(set) var devices: [UInt64: String] = [:]
  /// Whether `/proc` hides processes of other users (`hidepid`).
  private(set) var hidesProcesses = false

  /// Reads the table once; if it cannot be read, the table is empty.
  init() {
    guard let text = try? Files.contents(of: "/proc/self/mountinfo") else { return }
    for line in text.split(separator: UInt8(ascii: "\n")) {
      // NUMBER PARENT MAJOR:MINOR ROOT PLACE OPTIONS ... - TYPE SOURCE OPTIONS; spaces in names are
      // written as \040.
      let fields = line.split(separator: UInt8(ascii: " ")).map {
        String(decoding: $0, as: UTF8.self)
      }
      guard fields.count >= 5, let number = UInt64(fields[0]) else { continue }
      let device = fields[2].split(separator: ":").compactMap { UInt32($0) }
      guard device.count == 2 else { continue }
      devices[number] = DeviceNumber.text(major: device[0], minor: device[1])
      // The last mount lies on top of the others.
      if fields[4] == "/proc" {
        hidesProcesses = (fields.last ?? "").split(separator: ",").contains {
          $0.hasPrefix("hidepid=") && $0 != "hidepid=0" && $0 != "hidepid=off"
        }
      }
    }
  }
}

/// How the kernel prints a device number in `/proc`.
enum DeviceNumber {
  static func text(_ device: UInt64) -> String {
    text(major: ipc_device_major(device), minor: ipc_device_minor(device))
  }

  static func text(major: UInt32, minor: UInt32) -> String {
    [major, minor].map { part in
      let digits = String(part, radix: 16)
      return digits.count < 2 ? "0\(digits)" : digits
    }.joined(separator: ":")
  }
}
