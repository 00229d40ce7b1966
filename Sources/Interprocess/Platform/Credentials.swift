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

/// On whose behalf a process runs: what the kernel checks when it opens a file.
struct Credentials: Sendable, Equatable {
  /// The real, effective, saved and file-system users; the process may become any of these.
  var userIDs: [UInt32]
  /// The real, effective, saved and file-system groups.
  var groupIDs: [UInt32]
  var supplementaryGroupIDs: [UInt32]
  /// The capabilities that it has or may take, one bit each.
  var capabilities: UInt64

  /// The user whose permissions the kernel checks for this process.
  static var effectiveUserID: UInt32 { geteuid() }

  var effectiveUserID: UInt32 { userIDs[1] }

  /// Whether it may open any file for reading: `CAP_DAC_OVERRIDE` or `CAP_DAC_READ_SEARCH`.
  var ignoresModes: Bool { capabilities & 0b110 != 0 }

  /// Whether it may read or write a file by the file's mode.
  ///
  /// The owner always may, since it can change the mode.
  ///
  /// - Parameter hasAccessList: Whether users and groups that the mode does not name may have the
  ///   rights of the group.
  func canOpen(_ file: Files.Status, hasAccessList: Bool) -> Bool {
    if userIDs.contains(file.userID) { return true }
    let isGroupPermitted = file.mode & 0o060 != 0
    if isGroupPermitted {
      if hasAccessList { return true }
      if groupIDs.contains(file.groupID) || supplementaryGroupIDs.contains(file.groupID) {
        return true
      }
    }
    // The bits for others do not apply to members of the group; a process can leave all groups but
    // the supplementary ones.
    return file.mode & 0o006 != 0 && !supplementaryGroupIDs.contains(file.groupID)
  }
}

/// The contents of `/proc/PID/status`, which most systems let every user read.
struct ProcessStatus: Sendable {
  /// The name of its program; the kernel escapes newlines and backslashes in it.
  var command: String
  var credentials: Credentials
  /// Whether it has memory of its own; a kernel thread and a process that has ended have none.
  var hasMemory: Bool
  var threadCount: Int

  /// `nil` if the text is not what the kernel writes.
  init?(_ text: [UInt8]) {
    var fields: [Substring: Substring] = [:]
    // A name contains no newline, but may end in a carriage return, which forms one character with
    // the newline after it.
    for bytes in text.split(separator: UInt8(ascii: "\n")) {
      let line = Substring(decoding: bytes, as: UTF8.self)
      guard let colon = line.firstIndex(of: ":") else { continue }
      fields[line[..<colon]] = line[line.index(after: colon)...]
    }
    func numbers(_ key: Substring) -> [UInt32]? {
      guard let words = fields[key]?.split(whereSeparator: { $0 == "\t" || $0 == " " }) else {
        return nil
      }
      let numbers = words.compactMap { UInt32($0) }
      return numbers.count == words.count ? numbers : nil
    }
    guard let name = fields["Name"], let userIDs = numbers("Uid"), userIDs.count == 4,
      let groupIDs = numbers("Gid"), groupIDs.count == 4,
      let supplementaryGroupIDs = numbers("Groups"),
      let permitted = fields["CapPrm"]?.drop(while: { $0 == "\t" || $0 == " " }),
      let capabilities = UInt64(permitted, radix: 16)
    else { return nil }
    command = String(name.drop { $0 == "\t" })
    credentials = Credentials(
      userIDs: userIDs, groupIDs: groupIDs, supplementaryGroupIDs: supplementaryGroupIDs,
      capabilities: capabilities)
    hasMemory = fields["VmSize"] != nil
    threadCount = numbers("Threads")?.first.map { Int($0) } ?? 1
  }
}

/// Which users of this process's namespace another process's namespace maps (`/proc/PID/uid_map`).
///
/// Capabilities count only for files whose owner and group are mapped.
enum NamespaceMap {
  /// - Parameters:
  ///   - text: The map of the other process, `first-inside first-here count` in each line.
  ///   - ownText: The map of this process. It is identical for a process in the same namespace,
  ///     where the second number belongs to the surrounding namespace.
  static func knows(_ id: UInt32, in text: [UInt8], ownText: [UInt8]) -> Bool {
    if text == ownText { return true }
    return text.split(separator: UInt8(ascii: "\n")).contains { line in
      let numbers = line.split(separator: UInt8(ascii: " ")).compactMap {
        UInt64(String(decoding: $0, as: UTF8.self))
      }
      guard numbers.count == 3 else { return true }
      let (end, overflow) = numbers[1].addingReportingOverflow(numbers[2])
      return UInt64(id) >= numbers[1] && (overflow || UInt64(id) < end)
    }
  }
}
