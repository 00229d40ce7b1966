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

/// An open file descriptor that is closed at the end of its life.
///
/// A child that `fork` makes has a descriptor of the same number, which leads to the same file and
/// holds none of the locks of this one.
@safe
struct Descriptor: ~Copyable, @unchecked Sendable {
  // Sendable: the entry lives as long as the descriptor, and what changes in it changes under the
  // lock of the list.
  private let file: UnsafeMutablePointer<ipc_file>

  var fd: CInt { unsafe file.pointee.fd }

  /// Opens a descriptor.
  ///
  /// - Parameters:
  ///   - isWritable: Whether it is open for writing as well as for reading.
  ///   - open: One system call that returns a descriptor, or -1 and sets `errno`.
  init(isWritable: Bool, opening open: () -> CInt) throws(Errno) {
    unsafe file = try Self.open(isWritable: isWritable, open)
  }

  private static func open(
    isWritable: Bool, _ open: () -> CInt
  ) throws(Errno) -> UnsafeMutablePointer<ipc_file> {
    // A `fork` between the two calls would leave the child with a descriptor that is not in the
    // list.
    ipc_fork_lock()
    defer { ipc_fork_unlock() }
    let fd = try retryingInterrupts(open)
    guard let file = unsafe ipc_file_note(fd, isWritable ? 1 : 0) else {
      _ = Glibc.close(fd)
      throw .noMemory
    }
    return unsafe file
  }

  deinit {
    unsafe ipc_file_close(file)
  }

  /// Changes in a forked child, whose descriptors hold none of the locks that were taken before.
  static var generation: UInt32 { ipc_fork_generation() }

  // MARK: - The mapping

  /// Changes what is mapped from this descriptor, as a forked child has to find it.
  ///
  /// - Parameter change: Maps, moves or unmaps, and returns the range that is mapped afterwards.
  func changeMapping(
    _ change: () throws(Errno) -> UnsafeMutableRawBufferPointer?
  ) throws(Errno) {
    ipc_fork_lock()
    defer { ipc_fork_unlock() }
    let range = unsafe try change()
    unsafe file.pointee.start = range?.baseAddress
    unsafe file.pointee.byte_count = range?.count ?? 0
  }
}

/// Calls `body` until it is not interrupted by a signal.
///
/// - Parameter body: A system call that returns -1 and sets `errno` when it fails.
/// - Throws: The `errno` of the call, never `EINTR`.
@discardableResult
func retryingInterrupts<Result: SignedInteger>(
  _ body: () -> Result
) throws(Errno) -> Result {
  while true {
    let result = body()
    if result != -1 { return result }
    let errno = Errno(rawValue: Glibc.errno)
    if errno != .interrupted { throw errno }
  }
}
