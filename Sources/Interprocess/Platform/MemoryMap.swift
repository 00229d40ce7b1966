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

/// The system calls on mappings.
enum MemoryMap {
  /// Maps the first `byteCount` bytes of a file, shared with all other processes that map it.
  ///
  /// - Returns: The range; it begins on a page.
  static func map(
    _ descriptor: borrowing Descriptor, byteCount: Int, writable: Bool
  ) throws(Errno) -> UnsafeMutableRawPointer {
    let fd = descriptor.fd
    var start: UnsafeMutableRawPointer?
    try unsafe descriptor.changeMapping { () throws(Errno) in
      let protection = writable ? PROT_READ | PROT_WRITE : PROT_READ
      let address = unsafe mmap(nil, byteCount, protection, MAP_SHARED, fd, 0)
      guard let address = unsafe address, unsafe address != MAP_FAILED else {
        throw Errno(rawValue: Glibc.errno)
      }
      unsafe start = address
      return unsafe UnsafeMutableRawBufferPointer(start: address, count: byteCount)
    }
    guard let start = unsafe start else { preconditionFailure("mmap returned no address") }
    return unsafe start
  }

  /// Makes a mapping larger, in which case it may move, or smaller.
  ///
  /// It may become larger than the file; the pages beyond the file must not be touched.
  ///
  /// - Returns: The range; it begins on a page.
  static func resize(
    _ start: UnsafeMutableRawPointer, from oldByteCount: Int, to byteCount: Int,
    of descriptor: borrowing Descriptor
  ) throws(Errno) -> UnsafeMutableRawPointer {
    var newStart = unsafe start
    try unsafe descriptor.changeMapping { () throws(Errno) in
      let address = unsafe ipc_remap(start, oldByteCount, byteCount)
      guard let address = unsafe address, unsafe address != MAP_FAILED else {
        throw Errno(rawValue: Glibc.errno)
      }
      unsafe newStart = address
      return unsafe UnsafeMutableRawBufferPointer(start: address, count: byteCount)
    }
    return unsafe newStart
  }

  /// Takes the pages of a mapping that the file does not have yet, without changing a byte, even
  /// while other processes write there.
  ///
  /// `ENOSPC` if there are no free pages; `EINVAL` if the system does not know the call.
  static func populate(_ range: MappedRange) throws(Errno) {
    var offset = 0
    while offset < range.byteCount {
      let byteCount = min(Files.reservationStepByteCount, range.byteCount - offset)
      let start = unsafe range.mutablePointer(at: offset, byteCount: byteCount)
      do {
        try retryingInterrupts { unsafe ipc_populate(start, byteCount) }
      } catch .badAddress {
        // A touch would raise SIGBUS here.
        throw .noSpace
      }
      offset += byteCount
    }
  }

  /// Removes a mapping; it cannot fail for a range that `map` returned.
  static func unmap(
    _ start: UnsafeMutableRawPointer, byteCount: Int, of descriptor: borrowing Descriptor
  ) {
    do {
      try unsafe descriptor.changeMapping { () throws(Errno) in
        guard unsafe munmap(start, byteCount) == 0 else { throw Errno(rawValue: Glibc.errno) }
        return nil
      }
    } catch {
      preconditionFailure("munmap of a mapped range failed: \(error)")
    }
  }
}
