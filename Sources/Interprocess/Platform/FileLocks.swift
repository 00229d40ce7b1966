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

/// Locks on a byte of a file that belong to the open file description, so that the kernel drops
/// them when the last descriptor and the last mapping of it are gone, however the process ends.
///
/// A process's own POSIX locks would vanish as soon as it closes *any* descriptor of the file.
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

  /// Takes a lock, or changes one that this description holds, without waiting.
  ///
  /// - Returns: Whether the lock was taken; `false` if another description holds one that
  ///   conflicts.
  static func tryLock(
    _ kind: Kind, byte offset: Int, of descriptor: borrowing Descriptor
  ) throws(Errno) -> Bool {
    do {
      try set(kind.rawValue, byte: offset, of: descriptor)
      return true
    } catch .resourceTemporarilyUnavailable, .permissionDenied {
      // EAGAIN, or EACCES on some systems: POSIX allows both for a lock that is held. A missing
      // right to lock is EBADF.
      return false
    }
  }

  /// Gives up whatever lock this description holds on the byte.
  static func unlock(byte offset: Int, of descriptor: borrowing Descriptor) throws(Errno) {
    try set(CShort(F_UNLCK), byte: offset, of: descriptor)
  }

  /// The lock that another description holds on the byte, if any does; needs no permission beyond
  /// the open descriptor.
  static func othersLock(
    byte offset: Int, of descriptor: borrowing Descriptor
  ) throws(Errno) -> Kind? {
    let fd = descriptor.fd
    var lock = request(CShort(F_WRLCK), byte: offset)
    try retryingInterrupts { unsafe fcntl(fd, ipc_F_OFD_GETLK, &lock) }
    switch lock.l_type {
    case CShort(F_UNLCK): return nil
    case CShort(F_RDLCK): return .shared
    default: return .exclusive
    }
  }

  private static func set(
    _ type: CShort, byte offset: Int, of descriptor: borrowing Descriptor
  ) throws(Errno) {
    let fd = descriptor.fd
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
