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
  /// - Returns: The range; it begins on a page. If it can contain a huge page and there are enough
  ///   addresses, it begins where a huge page may begin.
  static func map(
    _ descriptor: borrowing Descriptor, byteCount: Int, writable: Bool
  ) throws(Errno) -> UnsafeMutableRawPointer {
    let fd = descriptor.fd
    var start: UnsafeMutableRawPointer?
    try unsafe descriptor.changeMapping { () throws(Errno) in
      let address = unsafe try mapUnrecorded(fd, byteCount: byteCount, writable: writable)
      unsafe start = address
      return unsafe UnsafeMutableRawBufferPointer(start: address, count: byteCount)
    }
    guard let start = unsafe start else { preconditionFailure("mmap returned no address") }
    return unsafe start
  }

  /// The same, without a record for forked children.
  static func mapUnrecorded(
    _ fd: CInt, byteCount: Int, writable: Bool
  ) throws(Errno) -> UnsafeMutableRawPointer {
    let protection = writable ? PROT_READ | PROT_WRITE : PROT_READ
    let place = unsafe alignedPlace(byteCount: byteCount)
    let flags = unsafe place == nil ? MAP_SHARED : MAP_SHARED | MAP_FIXED
    let address = unsafe mmap(place, byteCount, protection, flags, fd, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      let errno = Errno(rawValue: Glibc.errno)
      if let place = unsafe place { unsafe munmap(place, byteCount) }
      throw errno
    }
    return unsafe address
  }

  /// Takes addresses for a range that begins where a huge page may begin.
  ///
  /// Elsewhere the kernel maps a huge page as if it were small ones.
  ///
  /// - Returns: The first address, where the caller maps something; `nil` if the range can contain
  ///   no huge page, or if there are not enough addresses.
  private static func alignedPlace(byteCount: Int) -> UnsafeMutableRawPointer? {
    guard byteCount >= HugePages.byteCount, byteCount <= Int.max - 2 * HugePages.byteCount else {
      return nil
    }
    let whole = (byteCount + HugePages.byteCount - 1) / HugePages.byteCount * HugePages.byteCount
    // Recent kernels align a range of whole huge pages by themselves.
    for taken in [whole, whole + HugePages.byteCount] {
      let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
      let first = unsafe mmap(nil, taken, PROT_NONE, flags, -1, 0)
      guard let first = unsafe first, unsafe first != MAP_FAILED else { return nil }
      let start = unsafe first.alignedUp(toMultipleOf: HugePages.byteCount)
      guard unsafe start + whole <= first + taken else {
        unsafe munmap(first, taken)
        continue
      }
      let end = unsafe (start + byteCount).alignedUp(toMultipleOf: Files.pageByteCount)
      // If the kernel refuses to give back the addresses on either side, they stay unused.
      if unsafe start > first { unsafe munmap(first, start - first) }
      if unsafe end < first + taken { unsafe munmap(end, first + taken - end) }
      return unsafe start
    }
    return nil
  }

  /// Makes a mapping larger, in which case it may move, or smaller.
  ///
  /// It may become larger than the file; the pages beyond the file must not be touched.
  ///
  /// - Returns: The range; it begins as that of `map` does.
  static func resize(
    _ start: UnsafeMutableRawPointer, from oldByteCount: Int, to byteCount: Int,
    of descriptor: borrowing Descriptor
  ) throws(Errno) -> UnsafeMutableRawPointer {
    var newStart = unsafe start
    try unsafe descriptor.changeMapping { () throws(Errno) in
      let address = unsafe try remap(start, from: oldByteCount, to: byteCount)
      unsafe newStart = address
      return unsafe UnsafeMutableRawBufferPointer(start: address, count: byteCount)
    }
    return unsafe newStart
  }

  private static func remap(
    _ start: UnsafeMutableRawPointer, from oldByteCount: Int, to byteCount: Int
  ) throws(Errno) -> UnsafeMutableRawPointer {
    // Where the kernel moves a mapping to, no huge page may begin.
    if byteCount > oldByteCount && byteCount >= HugePages.byteCount {
      let same = unsafe ipc_remap(start, oldByteCount, byteCount, start)
      if let same = unsafe same, unsafe same != MAP_FAILED { return unsafe same }
      if let place = unsafe alignedPlace(byteCount: byteCount) {
        let moved = unsafe ipc_remap(start, oldByteCount, byteCount, place)
        if let moved = unsafe moved, unsafe moved != MAP_FAILED { return unsafe moved }
        unsafe munmap(place, byteCount)
      }
    }
    let address = unsafe ipc_remap(start, oldByteCount, byteCount, nil)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw Errno(rawValue: Glibc.errno)
    }
    return unsafe address
  }

  /// Takes the pages of a mapping that the file does not have yet, and maps all of them, without
  /// changing a byte, even while other processes write there.
  ///
  /// `ENOSPC` if there are no free pages; `EINVAL` if the system does not know the call.
  static func populate(_ range: MappedRange) throws(Errno) {
    var offset = 0
    while offset < range.byteCount {
      let byteCount = min(Files.reservationStepByteCount, range.byteCount - offset)
      let start = unsafe UnsafeMutableRawPointer(
        mutating: range.pointer(at: offset, byteCount: byteCount))
      do {
        // Reading maps several small pages at a time, most of which writing then finds mapped. Some
        // processors still need it, to note at the first write that a page has changed.
        try retryingInterrupts { unsafe ipc_populate(start, byteCount, 0) }
        if range.isWritable { try retryingInterrupts { unsafe ipc_populate(start, byteCount, 1) } }
      } catch .badAddress {
        // A touch would raise SIGBUS here.
        throw .noSpace
      }
      offset += byteCount
    }
  }

  /// Maps all pages by reading a byte of each.
  ///
  /// If a page cannot be had, `SIGBUS` ends the process, except in the scope of a `ReadGuard`.
  static func touch(_ range: MappedRange) {
    unsafe ipc_touch(
      range.pointer(at: 0, byteCount: range.byteCount), range.byteCount, Files.pageByteCount)
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
