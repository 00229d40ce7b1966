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

internal import SystemPackage

// The errors about temporary memory without handles that cannot be replaced or swept.
extension InterprocessError {
  /// The error for a name taken by temporary memory without handles that could not be replaced.
  ///
  /// - Parameter reason: The reason, in a sentence or two.
  private static func alreadyExists(
    _ name: SegmentName, because reason: String, _ errno: Errno = .fileExists
  ) -> InterprocessError {
    InterprocessError(
      code: .alreadyExists, name: name.value,
      message: "Shared memory \"\(name.value)\" exists already. \(reason)", errno: errno)
  }

  static func notLookedAt(_ name: SegmentName, _ errno: Errno) -> InterprocessError {
    alreadyExists(name, because: "Cannot find out whether it is in use: \(errno).", errno)
  }

  static func mapped(
    _ name: SegmentName, by processes: [ProcessTable.Entry]
  ) -> InterprocessError {
    let list = processes.map { "process \($0.processID) (\($0.command))" }
    return alreadyExists(
      name,
      because: """
        No handle is open on it, but \(text(list)) \(list.count == 1 ? "has" : "have") it: attach \
        to it with Python, end what uses it, or remove it.
        """)
  }

  static func perhapsInUse(
    _ name: SegmentName, by holders: [SegmentInfo.PossibleHolder]
  ) -> InterprocessError {
    alreadyExists(name, because: doubt(holders))
  }

  /// Why memory may be in use, and what to do, in two sentences.
  private static func doubt(_ holders: [SegmentInfo.PossibleHolder]) -> String {
    let list = text(holders.map(\.description))
    return holders.contains(.unseenOpener)
      ? """
      No handle is open on it, but a process has it open: \(list). End that process, or remove \
      the memory if you know that no process needs it.
      """
      : """
      No process is seen to have it, but this process cannot know whether \(list) does. Remove it \
      if you know that none does.
      """
  }

  static func staleOfOther(
    _ name: SegmentName, userID: UInt32, isCertain: Bool
  ) -> InterprocessError {
    alreadyExists(name, because: ownership(userID, isCertain: isCertain))
  }

  /// Which users alone may remove memory, and how, in two sentences.
  private static func ownership(_ userID: UInt32, isCertain: Bool) -> String {
    """
    It is \(isCertain ? "stale" : "perhaps stale") memory of user \(userID), on which no \
    handle is open. Only that user and root can remove it: with `shm sweep`, or `shm remove`.
    """
  }

  // MARK: - Sweeps

  private static func notSwept(
    _ name: SegmentName, _ code: Code, because reason: String, _ errno: Errno? = nil
  ) -> InterprocessError {
    InterprocessError(
      code: code, name: name.value,
      message: "Shared memory \"\(name.value)\" was not swept. \(reason)", errno: errno)
  }

  static func notSwept(
    _ name: SegmentName, perhapsInUseBy holders: [SegmentInfo.PossibleHolder]
  ) -> InterprocessError {
    notSwept(name, .perhapsInUse, because: doubt(holders))
  }

  static func notSwept(
    _ name: SegmentName, ofOther userID: UInt32, isCertain: Bool
  ) -> InterprocessError {
    notSwept(name, .foreignOwner, because: ownership(userID, isCertain: isCertain))
  }

  static func notSwept(_ name: SegmentName, lockedBy lock: FileLocks.Lock) -> InterprocessError {
    locked(name.value, by: lock, action: "sweep shared memory \"\(name.value)\"")
  }

  /// The error for memory that another process has claimed, but does not remove.
  static func notSweptAsClaimed(_ name: SegmentName) -> InterprocessError {
    let errno = Errno.resourceTemporarilyUnavailable
    return notSwept(
      name, .system(errno),
      because: """
        Another process has been about to remove it for a while (see `lslocks`). Let it continue, \
        or end it, and sweep again.
        """,
      errno)
  }

  /// The error for stale memory whose name is not UTF-8.
  static func notSweptByName(_ name: SegmentName) -> InterprocessError {
    notSwept(
      name, .invalidName,
      because: """
        It is stale, but its name is not UTF-8, so this library did not create it: remove it with \
        `shm remove`.
        """)
  }

  /// The error for memory that could not be examined or removed.
  static func notSwept(_ name: SegmentName, _ errno: Errno) -> InterprocessError {
    let action = "sweep shared memory \"\(name.value)\""
    return switch errno {
    case .permissionDenied, .notPermitted:
      permissionDenied(
        name,
        """
        Cannot \(action): \(errno). Check whether this user may write to \
        \(SegmentName.directory), and whether an attribute protects the file (`lsattr`).
        """, errno)
    case .readOnlyFileSystem:
      InterprocessError(
        code: .system(errno), name: name.value,
        message: """
          Cannot \(action): \(errno). Mount \(SegmentName.directory) for writing \
          (`mount -o remount,rw \(SegmentName.directory)`).
          """,
        errno: errno)
    default:
      .system(errno, name: name.value, action: action)
    }
  }

  // MARK: - Texts

  /// A list for people; of a long one only the first items.
  private static func text(_ items: [String]) -> String {
    let shownCount = 4
    let shown = items.prefix(shownCount).joined(separator: " or ")
    return items.count > shownCount ? "\(shown) or \(items.count - shownCount) more" : shown
  }
}
