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

public import SystemPackage

/// What went wrong with shared memory, and what to do about it.
///
/// Everything in this library that can fail throws this error. Misuse by the caller (an index out
/// of range, a misaligned offset, a write to a read-only mapping) is not an error but a failed
/// precondition.
///
/// ```swift
/// do {
///   let memory = try SharedMemory.attach("MyMemory")
///   print(memory[0])
/// } catch where error.code == .notFound {
///   print("Start the other program first.")
/// }
/// ```
public struct InterprocessError: Error, Sendable, Hashable {
  /// The reasons for which an operation can fail.
  public enum Code: Sendable, Hashable {
    /// The name is taken (`EEXIST`; Python's `FileExistsError`).
    case alreadyExists
    /// There is no shared memory of that name (`ENOENT`; Python's `FileNotFoundError`).
    case notFound
    /// The file's permissions, or the directory's, forbid it (`EACCES`, `EPERM`).
    case permissionDenied
    /// The segment belongs to another user, and the caller did not allow that; or only that user
    /// may remove it.
    case foreignOwner
    /// Nobody is seen to have the stale segment, but a process may have it that this one cannot
    /// look into.
    case perhapsInUse
    /// The name is not one that shared memory can have.
    case invalidName
    /// The size is not one that shared memory can have, or not the one that is needed.
    case invalidSize
    /// There is no room for that many bytes: in the file system, or below the memory limit of the
    /// control group or the machine, whichever the message names. Both numbers are bytes.
    case outOfMemory(needed: Int, available: Int)
    /// Something else lies under that name, or something of another type.
    case wrongKind(expected: String, found: String)
    /// The elements there are laid out in another way than the type that is asked for. Both are
    /// written as dtypes of NumPy.
    case layoutMismatch(expected: String, found: String)
    /// The memory was made by a version of this library, or on a machine, that lays it out in a way
    /// that this one does not read.
    case unsupportedVersion
    /// The queue takes no more messages.
    case finished
    /// Another handle has the role, which only one can have at a time; or the process that has
    /// forked this one has what this one only has a copy of.
    case roleTaken
    /// There are as many subscribers, or a subscriber holds as many samples, as the topic was made
    /// for.
    case limitReached
    /// A process died while it held the lock, and nobody has repaired the value since.
    case ownerDied
    /// The bytes are not what they should be, for that reason.
    case corrupted(String)
    /// The value cannot be stored so that every reader gets it back as it is.
    case valueNotRepresentable
    /// The time-out passed.
    case timedOut
    /// A signal arrived while the thread slept in a wait that was to end then (`EINTR`); see
    /// ``withInterruptibleWaits(_:)``.
    case interrupted
    /// Any other error of the system.
    case system(Errno)
  }

  /// The reason.
  public var code: Code

  /// The name of the segment; `nil` if it has none.
  public var name: String?

  /// One sentence, or two, that say what happened and what to do.
  public var message: String

  /// The error of the system call beneath, where there is one.
  public var errno: Errno?

  /// Creates an error.
  ///
  /// Programs need this only to end an `initializingWith` closure of
  /// ``SharedMemory/create(_:byteCount:options:initializingWith:)``.
  ///
  /// - Parameters:
  ///   - code: The reason.
  ///   - name: The name of the segment, if it has one.
  ///   - message: What happened and what to do.
  ///   - errno: The error of the system call beneath.
  public init(code: Code, name: String? = nil, message: String, errno: Errno? = nil) {
    self.code = code
    self.name = name
    self.message = message
    self.errno = errno
  }
}

// MARK: - CustomStringConvertible

extension InterprocessError: CustomStringConvertible {
  /// The message.
  public var description: String { message }
}

// MARK: - Errors of system calls

extension InterprocessError {
  /// The error for a system call that failed in a way that no caller has a better word for.
  ///
  /// - Parameter action: What was being done, to follow "Cannot": `map "MyMemory"`.
  static func system(_ errno: Errno, name: String?, action: String) -> InterprocessError {
    InterprocessError(
      code: errno == .interrupted ? .interrupted : .system(errno), name: name,
      message: "Cannot \(action): \(errno).", errno: errno)
  }
}
