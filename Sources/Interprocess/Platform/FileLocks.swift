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

/// Locks on a byte of a file that belong to the open file description.
///
/// The kernel drops them when the last descriptor and the last mapping of it are gone, however the
/// process ends. A process's own POSIX locks would vanish as soon as it closes *any* descriptor of
/// the file.
///
/// Each function throws `EBADF` for a descriptor whose number other code has closed, and in a
/// forked child that could not open the file again: on a description shared with its parent, its
/// locks would not exclude its parent, and would end with its parent's.
enum FileLocks {
  enum Kind: Sendable {
    case shared, exclusive

    var rawValue: CShort {
      switch self {
      case .shared: CShort(F_RDLCK)
      case .exclusive: CShort(F_WRLCK)
      }
    }
  }

  /// A lock that another open file description holds, or another process through `lockf` or
  /// `fcntl`.
  struct Lock: Sendable, Hashable {
    var kind: Kind
    /// The bytes that it covers, in a file of any length.
    var bytes: ClosedRange<Int>
    /// The process that holds it: 0 if it runs in another PID namespace, and `nil` for a lock that
    /// belongs to an open file description.
    var processID: Int32?
  }

  /// Takes a lock, or changes one that this description holds, without waiting.
  ///
  /// - Returns: Whether the lock was taken; `false` if a conflicting lock exists.
  /// - Throws: Any other error; see `isRefusal(_:)`.
  static func tryLock(
    _ kind: Kind, byte offset: Int, of descriptor: borrowing Descriptor
  ) throws(Errno) -> Bool {
    do {
      try set(kind.rawValue, byte: offset, of: descriptor)
      return true
    } catch .resourceTemporarilyUnavailable {
      // Other systems may return EACCES, which on Linux means a refusal.
      return false
    }
  }

  /// Whether an error means that the system lets no process take such locks here.
  static func isRefusal(_ errno: Errno) -> Bool {
    switch errno {
    // A kernel before Linux 3.15, and gVisor, do not know the command.
    case .invalidArgument: true
    // A filter of system calls, or the security module.
    case .notPermitted, .permissionDenied, .noFunction: true
    case .notSupported, .noLocks: true
    default: false
    }
  }

  /// Gives up any lock that this description holds on the byte.
  static func unlock(byte offset: Int, of descriptor: borrowing Descriptor) throws(Errno) {
    try set(CShort(F_UNLCK), byte: offset, of: descriptor)
  }

  /// The first lock of others that keeps this description from a lock on the byte, if there is one.
  ///
  /// Needs no permission beyond the open descriptor.
  ///
  /// - Parameter kind: The lock that would be taken. An exclusive lock prevents both kinds, a
  ///   shared one only an exclusive lock.
  static func obstacle(
    to kind: Kind, byte offset: Int, of descriptor: borrowing Descriptor
  ) throws(Errno) -> Lock? {
    let fd = descriptor.fdForLock(taking: false)
    var lock = request(kind.rawValue, byte: offset)
    try retryingInterrupts { unsafe fcntl(fd, ipc_F_OFD_GETLK, &lock) }
    if lock.l_type == CShort(F_UNLCK) { return nil }
    let (end, overflow) = lock.l_start.addingReportingOverflow(lock.l_len - 1)
    // A length of 0 means all bytes that follow.
    let last = lock.l_len == 0 || overflow ? Int.max : Int(end)
    return Lock(
      kind: lock.l_type == CShort(F_RDLCK) ? .shared : .exclusive,
      bytes: Int(lock.l_start)...max(last, Int(lock.l_start)),
      processID: lock.l_pid == -1 ? nil : lock.l_pid)
  }

  private static func set(
    _ type: CShort, byte offset: Int, of descriptor: borrowing Descriptor
  ) throws(Errno) {
    let fd = descriptor.fdForLock(taking: type != CShort(F_UNLCK))
    var lock = request(type, byte: offset)
    try retryingInterrupts { unsafe fcntl(fd, ipc_F_OFD_SETLK, &lock) }
  }

  private static func request(_ type: CShort, byte offset: Int) -> flock {
    var lock = flock()
    lock.l_type = type
    lock.l_whence = CShort(SEEK_SET)
    lock.l_start = off_t(offset)
    lock.l_len = 1
    return lock
  }
}
