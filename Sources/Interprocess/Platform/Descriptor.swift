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
/// A child created by `fork` has a descriptor of the same number, which leads to the same file but
/// holds none of this one's locks. If the system refuses it such a descriptor, the child shares its
/// parent's, and does not touch the locks.
///
/// Once memory is mapped from it, its number is used only while it leads to the same file: a
/// program may close any number, and then open something else under it. The mapping, and with it
/// the lease on the memory, outlive that.
@safe
struct Descriptor: ~Copyable, @unchecked Sendable {
  // Sendable: the entry lives as long as the descriptor, and changes only under the lock of the
  // list.
  private let file: UnsafeMutablePointer<ipc_file>

  /// The number; -1, which every system call refuses with `EBADF`, if other code has closed it.
  var fd: CInt { unsafe ipc_file_number(file) }

  /// The number, for a descriptor that is kept for long and never mapped; -1 if other code has
  /// closed it.
  var provenFD: CInt { unsafe ipc_file_proven_number(file) }

  /// The number with which to take, drop or examine locks; -1 also if a forked child shares its
  /// parent's locks, and can neither distinguish them nor exclude its parent.
  func fdForLock(taking isTaking: Bool) -> CInt {
    unsafe ipc_file_number_for_lock(file, isTaking ? 1 : 0)
  }

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
      let errno = Errno(rawValue: Glibc.errno)
      _ = Glibc.close(fd)
      throw errno
    }
    return unsafe file
  }

  deinit {
    unsafe ipc_file_close(file)
  }

  /// Changes in a forked child, whose descriptors hold none of the locks that were taken before.
  static var generation: UInt32 { ipc_fork_generation() }

  /// The address of the generation, valid for as long as the process runs.
  ///
  /// No thread reads it while it changes: the child has only one thread at that time.
  @unsafe static var generationWord: UnsafePointer<UInt32> { unsafe ipc_fork_generation_word() }

  // MARK: - In a forked child

  /// Whether the lease of the handle, if it has one, belongs to this process.
  var isOfThisProcess: Bool {
    unsafe file.pointee.lease_generation == Self.generation
  }

  /// States that the handle now has a lease of this process.
  func noteLease() {
    ipc_fork_lock()
    unsafe file.pointee.lease_generation = Self.generation
    ipc_fork_unlock()
  }

  /// Whether the descriptor has its own open file description, or could get one now.
  ///
  /// If not, either its parent holds the locks with it, or other code has closed it.
  func ownDescription() -> Bool { unsafe ipc_file_own(file) == 0 }

  /// Whether a forked child could not open the file again, and shares its parent's locks.
  var sharesLocksOfParent: Bool { unsafe file.pointee.is_inherited != 0 }

  /// Notes a name that the file can be found by.
  func notePath(_ path: String) {
    unsafe ipc_file_note_path(file, path)
  }

  // MARK: - The mapping

  /// Changes what is mapped from this descriptor, and records it for a forked child.
  ///
  /// - Parameter change: Maps, moves or unmaps, and returns the range that is mapped afterwards.
  func changeMapping(
    _ change: () throws(Errno) -> UnsafeMutableRawBufferPointer?
  ) throws(Errno) {
    ipc_fork_lock()
    defer { ipc_fork_unlock() }
    let range = unsafe try change()
    unsafe ipc_file_note_mapping(file, range?.baseAddress, range?.count ?? 0)
  }
}

/// Calls `body` until no signal interrupts it.
///
/// - Parameter body: A system call that returns -1 and sets `errno` when it fails.
/// - Throws: The `errno` of the call; `EINTR` only if a million signals in a row have interrupted
///   it.
@discardableResult
func retryingInterrupts<Result: SignedInteger>(
  _ body: () -> Result
) throws(Errno) -> Result {
  for _ in 0..<1_000_000 {
    let result = body()
    if result != -1 { return result }
    let errno = Errno(rawValue: Glibc.errno)
    if errno != .interrupted { throw errno }
  }
  throw .interrupted
}
