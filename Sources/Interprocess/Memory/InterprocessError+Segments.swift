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

/// Runs system calls, and translates the error of a failed one.
func translating<Result: ~Copyable>(
  _ translate: (Errno) -> InterprocessError, _ body: () throws(Errno) -> Result
) throws(InterprocessError) -> Result {
  do { return try body() } catch { throw translate(error) }
}

// Errors that several operations on segments share.
extension InterprocessError {
  static func waiting(for name: SegmentName, _ errno: Errno) -> InterprocessError {
    .system(errno, name: name.value, action: "wait for shared memory \"\(name.value)\"")
  }

  static func alreadyExists(_ name: SegmentName, _ errno: Errno) -> InterprocessError {
    InterprocessError(
      code: .alreadyExists, name: name.value,
      message: """
        Shared memory "\(name.value)" exists already. Attach to it, or remove it first if nobody \
        uses it.
        """,
      errno: errno)
  }

  static func notFound(_ name: SegmentName) -> InterprocessError {
    // With a trailing slash, as the directory may be a symbolic link.
    let directory = (try? Files.statusIfPresent(at: "\(SegmentName.directory)/"))??.kind
    let reason =
      directory == .directory ? "Has the process that creates it started?" : "\(missingDirectory)."
    return InterprocessError(
      code: .notFound, name: name.value,
      message: "No shared memory named \"\(name.value)\". \(reason)",
      errno: .noSuchFileOrDirectory)
  }

  /// What to say where there can be no shared memory, without a full stop.
  static let missingDirectory = """
    \(SegmentName.directory) does not exist, or is not a directory; mount a tmpfs there \
    (`mount -t tmpfs tmpfs \(SegmentName.directory)`)
    """

  /// The file exists but has no size.
  static func empty(_ name: SegmentName) -> InterprocessError {
    InterprocessError(
      code: .invalidSize, name: name.value,
      message: """
        Shared memory "\(name.value)" is still empty: the process that creates it has not set its \
        size. Wait for it, or remove the memory if that process is gone.
        """)
  }

  static func timedOut(
    _ name: SegmentName, waitingUpTo timeout: Duration, isEmpty: Bool
  ) -> InterprocessError {
    let found =
      isEmpty
      ? "Shared memory \"\(name.value)\" was still empty"
      : "No shared memory named \"\(name.value)\""
    return InterprocessError(
      code: .timedOut, name: name.value,
      message: "\(found) after \(timeout.asTimeout). Has the process that creates it started?")
  }

  static func timedOut(
    _ name: SegmentName, waitingUpTo timeout: Duration, _ lock: FileLocks.Lock
  ) -> InterprocessError {
    InterprocessError(
      code: .timedOut, name: name.value,
      message: """
        Shared memory "\(name.value)" could not be attached to for \(timeout.asTimeout): \
        \(FileLocks.Lock.description(of: lock)).
        """)
  }

  static func foreignOwner(_ name: SegmentName, userID: UInt32) -> InterprocessError {
    InterprocessError(
      code: .foreignOwner, name: name.value,
      message: """
        Shared memory "\(name.value)" belongs to user \(userID), not to this one. Attach with \
        `owner: .anyone` if you trust that user.
        """)
  }

  static func wrongKind(_ name: SegmentName, found: FileKind) -> InterprocessError {
    InterprocessError(
      code: .wrongKind(expected: "shared memory", found: found.description), name: name.value,
      message: "\"\(name.value)\" is \(found.description), not shared memory.")
  }

  /// - Parameter expected: What it should be, in words, with the article.
  static func wrongKind(
    _ name: String, expected: String, found: String
  ) -> InterprocessError {
    InterprocessError(
      code: .wrongKind(expected: expected, found: found), name: name,
      message: "\"\(name)\" is \(found), not \(expected).")
  }

  /// - Parameter reason: What is wrong, to follow a colon.
  static func corrupted(_ name: String, _ reason: String) -> InterprocessError {
    InterprocessError(
      code: .corrupted(reason), name: name,
      message: """
        Shared memory "\(name)" is damaged: \(reason). Remove it, and let its creator create it \
        again.
        """)
  }

  static func layoutMismatch(
    _ name: String, type: String, expected: String, found: String
  ) -> InterprocessError {
    InterprocessError(
      code: .layoutMismatch(expected: expected, found: found), name: name,
      message: """
        The elements of "\(name)" are not laid out like \(type): there they are \(found), and \
        here \(expected). Declare the type in the same way in both programs.
        """)
  }

  static func permissionDenied(
    _ name: SegmentName, _ message: String, _ errno: Errno
  ) -> InterprocessError {
    InterprocessError(
      code: .permissionDenied, name: name.value, message: message, errno: errno)
  }

  /// The error for a system that refuses a call for which there is no substitute.
  ///
  /// - Parameter call: What it refuses.
  static func callRefused(
    _ name: SegmentName?, _ call: String, _ errno: Errno
  ) -> InterprocessError {
    InterprocessError(
      code: .system(errno), name: name?.value,
      message: """
        This system refuses \(call), which \(SharedMemory.Room.description(of: name)) needs: \
        \(errno). Allow it in the filter of system calls.
        """,
      errno: errno)
  }

  /// The error for a directory that cannot be listed.
  static func listing(_ directory: String, _ errno: Errno) -> InterprocessError {
    switch errno {
    case .permissionDenied:
      InterprocessError(
        code: .permissionDenied, message: "This user may not list \(directory).", errno: errno)
    case .noSuchFileOrDirectory, .notDirectory:
      InterprocessError(
        code: .system(errno), message: "Cannot list \(directory): \(missingDirectory).",
        errno: errno)
    default:
      .system(errno, name: nil, action: "list \(directory)")
    }
  }

  /// The error for a name that cannot be removed.
  static func unlinking(_ name: SegmentName, _ errno: Errno) -> InterprocessError {
    switch errno {
    case .noSuchFileOrDirectory:
      .notFound(name)
    case .isDirectory:
      .wrongKind(name, found: .directory)
    case .permissionDenied, .notPermitted:
      // EPERM: the directory's sticky bit lets only the owner remove a file.
      .permissionDenied(
        name, "Only its owner and root may remove shared memory \"\(name.value)\".", errno)
    default:
      .system(errno, name: name.value, action: "remove shared memory \"\(name.value)\"")
    }
  }

  /// The error for a failed call on the way to attaching.
  static func attaching(
    _ name: SegmentName, access: SharedMemory.Access, _ errno: Errno
  ) -> InterprocessError {
    switch errno {
    case .tooManySymbolicLinkLevels:
      return .wrongKind(name, found: .symbolicLink)
    case .isDirectory:
      return .wrongKind(name, found: .directory)
    case .noSuchAddressOrDevice:
      return .wrongKind(name, found: .socket)
    case .notDirectory:
      return .notFound(name)
    case .permissionDenied, .notPermitted:
      let use = access == .readWrite ? "read and write" : "read"
      return .permissionDenied(
        name, "The permissions of shared memory \"\(name.value)\" do not let this user \(use) it.",
        errno)
    default:
      return .system(errno, name: name.value, action: "attach to \"\(name.value)\"")
    }
  }
}
