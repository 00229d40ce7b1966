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
  /// The reason for a failure.
  ///
  /// Later versions may add reasons, so a `switch` needs a `default`. A pattern without details
  /// matches every code of its kind:
  ///
  /// ```swift
  /// switch error.code {
  /// case .notFound: print("Start the other program first.")
  /// case .system(.tooManyOpenFiles): print("Close some files.")
  /// case .corrupted: print(error.code.reason ?? "")
  /// default: print(error)
  /// }
  /// ```
  public struct Code: Sendable, Hashable {
    /// The reason, without details.
    public let kind: Kind
    private let details: Details

    private enum Details: Sendable, Hashable {
      case none
      case room(needed: Int, available: Int)
      case difference(expected: String, found: String)
      case reason(String)
      case errno(Errno)
    }

    private init(_ kind: Kind, _ details: Details = .none) {
      self.kind = kind
      self.details = details
    }

    /// The name is taken (`EEXIST`; Python's `FileExistsError`).
    public static let alreadyExists = Code(.alreadyExists)
    /// There is no shared memory of that name (`ENOENT`; Python's `FileNotFoundError`).
    public static let notFound = Code(.notFound)
    /// The file's permissions, or the directory's, forbid it (`EACCES`, `EPERM`).
    public static let permissionDenied = Code(.permissionDenied)
    /// The segment belongs to another user, and the caller did not allow that; or only that user
    /// may remove it.
    public static let foreignOwner = Code(.foreignOwner)
    /// No process is seen to have the stale segment, but a process that this one cannot look into
    /// may have it.
    public static let perhapsInUse = Code(.perhapsInUse)
    /// The name is not one that shared memory can have.
    public static let invalidName = Code(.invalidName)
    /// The size is not one that shared memory can have, or not the one that is needed.
    public static let invalidSize = Code(.invalidSize)
    /// The memory was created by a version of this library, or on a machine, with a layout that
    /// this version cannot read.
    public static let unsupportedVersion = Code(.unsupportedVersion)
    /// The queue accepts no more messages.
    public static let finished = Code(.finished)
    /// Another handle holds the role, which only one can hold at a time; or what is used is a copy
    /// that this process got in a fork, and belongs to its parent.
    public static let roleTaken = Code(.roleTaken)
    /// The topic has as many subscribers, or a subscriber holds as many samples, as the topic was
    /// created for.
    public static let limitReached = Code(.limitReached)
    /// A process died while it held the lock, and no process has repaired the value since.
    public static let ownerDied = Code(.ownerDied)
    /// The value cannot be stored so that every reader gets it back unchanged.
    public static let valueNotRepresentable = Code(.valueNotRepresentable)
    /// The time-out passed.
    public static let timedOut = Code(.timedOut)
    /// A signal arrived while the thread slept in a wait that signals may end (`EINTR`); see
    /// ``withInterruptibleWaits(_:)``.
    public static let interrupted = Code(.interrupted)

    /// There is no room for that many bytes.
    ///
    /// Both numbers are bytes. The room is short in the file system, below the memory limit of the
    /// control group, or in the machine; the message says which.
    public static func outOfMemory(needed: Int, available: Int) -> Code {
      Code(.outOfMemory, .room(needed: needed, available: available))
    }

    /// Something else, or something of another type, lies under that name.
    public static func wrongKind(expected: String, found: String) -> Code {
      Code(.wrongKind, .difference(expected: expected, found: found))
    }

    /// The elements are not laid out like the requested type.
    ///
    /// Both layouts are written as dtypes of NumPy. If those are the same, the sizes and alignments
    /// follow, one of which differs.
    public static func layoutMismatch(expected: String, found: String) -> Code {
      Code(.layoutMismatch, .difference(expected: expected, found: found))
    }

    /// The bytes are not what they should be, for the given reason.
    public static func corrupted(_ reason: String) -> Code {
      Code(.corrupted, .reason(reason))
    }

    /// Any other system error.
    public static func system(_ errno: Errno) -> Code {
      Code(.system, .errno(errno))
    }

    /// How many bytes were needed and how many there are, for ``outOfMemory(needed:available:)``.
    public var room: (needed: Int, available: Int)? {
      if case .room(let needed, let available) = details { (needed, available) } else { nil }
    }

    /// What was expected and what was found, for ``wrongKind(expected:found:)`` and
    /// ``layoutMismatch(expected:found:)``.
    public var difference: (expected: String, found: String)? {
      if case .difference(let expected, let found) = details { (expected, found) } else { nil }
    }

    /// What is wrong with the bytes, for ``corrupted(_:)``.
    public var reason: String? { if case .reason(let reason) = details { reason } else { nil } }

    /// Whether a code is of a given kind, for patterns such as `case .corrupted`.
    @_disfavoredOverload
    public static func ~= (kind: Kind, code: Code) -> Bool { code.kind == kind }

    /// A reason without its details.
    public struct Kind: Sendable, Hashable {
      fileprivate enum Value: Sendable {
        case alreadyExists, notFound, permissionDenied, foreignOwner, perhapsInUse, invalidName,
          invalidSize, outOfMemory, wrongKind, layoutMismatch, unsupportedVersion, finished,
          roleTaken, limitReached, ownerDied, corrupted, valueNotRepresentable, timedOut,
          interrupted, system
      }

      fileprivate let value: Value

      /// There is no room.
      public static let outOfMemory = Kind(value: .outOfMemory)
      /// Something else lies under that name.
      public static let wrongKind = Kind(value: .wrongKind)
      /// The elements are laid out differently.
      public static let layoutMismatch = Kind(value: .layoutMismatch)
      /// The bytes are not what they should be.
      public static let corrupted = Kind(value: .corrupted)
      /// Any other system error.
      public static let system = Kind(value: .system)
      static let alreadyExists = Kind(value: .alreadyExists)
      static let notFound = Kind(value: .notFound)
      static let permissionDenied = Kind(value: .permissionDenied)
      static let foreignOwner = Kind(value: .foreignOwner)
      static let perhapsInUse = Kind(value: .perhapsInUse)
      static let invalidName = Kind(value: .invalidName)
      static let invalidSize = Kind(value: .invalidSize)
      static let unsupportedVersion = Kind(value: .unsupportedVersion)
      static let finished = Kind(value: .finished)
      static let roleTaken = Kind(value: .roleTaken)
      static let limitReached = Kind(value: .limitReached)
      static let ownerDied = Kind(value: .ownerDied)
      static let valueNotRepresentable = Kind(value: .valueNotRepresentable)
      static let timedOut = Kind(value: .timedOut)
      static let interrupted = Kind(value: .interrupted)
    }
  }

  /// The reason.
  public var code: Code

  /// The name of the segment; `nil` if it has none.
  public var name: String?

  /// What happened and what to do, in one sentence or two.
  public var message: String

  /// The error of the underlying system call, if there is one.
  public var errno: Errno?

  /// Creates an error.
  ///
  /// Programs need this only to throw from an `initializingWith` closure of
  /// ``SharedMemory/create(_:byteCount:options:initializingWith:)``.
  ///
  /// - Parameters:
  ///   - code: The reason.
  ///   - name: The name of the segment, if it has one.
  ///   - message: What happened and what to do.
  ///   - errno: The error of the underlying system call.
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

extension InterprocessError.Code: CustomStringConvertible {
  /// The code as it is written in Swift.
  public var description: String {
    switch details {
    case .none: "\(kind)"
    case .room(let needed, let available): "\(kind)(needed: \(needed), available: \(available))"
    case .difference(let expected, let found):
      "\(kind)(expected: \(expected.debugDescription), found: \(found.debugDescription))"
    case .reason(let reason): "\(kind)(\(reason.debugDescription))"
    case .errno(let errno): "\(kind)(\(errno))"
    }
  }
}

extension InterprocessError.Code.Kind: CustomStringConvertible {
  /// The kind as it is written in Swift.
  public var description: String { "\(value)" }
}

// MARK: - Errors of system calls

extension InterprocessError {
  /// The error for a failed system call that has no more specific code.
  ///
  /// - Parameter action: What was attempted, to follow "Cannot": `map "MyMemory"`.
  static func system(_ errno: Errno, name: String?, action: String) -> InterprocessError {
    InterprocessError(
      code: errno == .interrupted ? .interrupted : .system(errno), name: name,
      message: "Cannot \(action): \(errno).", errno: errno)
  }
}
