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

// The errors about locks on a segment's file: those of other programs, and locks that the system
// refuses.
extension InterprocessError {
  /// The error for a lock of another program that is in the way.
  ///
  /// - Parameters:
  ///   - name: The name of the segment, empty if it has none.
  ///   - lock: The lock; `nil` if it is already gone.
  ///   - action: What it keeps this process from, to follow "Cannot".
  static func locked(
    _ name: String, by lock: FileLocks.Lock?, action: String
  ) -> InterprocessError {
    let errno = Errno.resourceTemporarilyUnavailable
    return InterprocessError(
      code: .system(errno), name: name.isEmpty ? nil : name,
      message: "Cannot \(action): \(FileLocks.Lock.description(of: lock)).", errno: errno)
  }

  /// The error for locks that the system refuses to every process.
  ///
  /// - Parameter need: What needs them, to follow "which": `temporary memory needs`.
  static func locksRefused(_ name: String, _ errno: Errno, need: String) -> InterprocessError {
    InterprocessError(
      code: .system(errno), name: name.isEmpty ? nil : name,
      message: """
        This system refuses OFD locks (fcntl F_OFD_SETLK), which \(need): \(errno). Allow that \
        call if a seccomp filter forbids it, or use a kernel that has it (Linux 3.15 or newer).
        """,
      errno: errno)
  }

  /// The error for a lock that could not be taken, other than because it is held.
  static func locking(
    _ name: String, _ errno: Errno, action: String, need: String
  ) -> InterprocessError {
    FileLocks.isRefusal(errno)
      ? .locksRefused(name, errno, need: need)
      : .system(errno, name: name.isEmpty ? nil : name, action: action)
  }
}

extension FileLocks.Lock {
  /// A clause that names the holder and kind of a lock, and suggests a remedy.
  static func description(of lock: FileLocks.Lock?) -> String {
    guard let lock else {
      return "another program held a lock on the file at that moment; try again"
    }
    let holder =
      switch lock.processID {
      case nil: "an open file of another program (see `lslocks`)"
      case 0?: "a process of another PID namespace"
      case let processID?: "process \(processID)"
      }
    let kind = lock.kind == .shared ? "a shared" : "an exclusive"
    let call = lock.processID == nil ? "OFD lock" : "lockf or fcntl lock"
    let place =
      lock.bytes == 0...Int.max
      ? "the whole file" : "bytes \(lock.bytes.lowerBound) to \(lock.bytes.upperBound) of the file"
    return """
      \(holder) holds \(kind) \(call) on \(place), which covers the bytes that this library \
      locks; let it unlock the file, or use flock, which does not conflict
      """
  }
}
