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

/// A range of shared memory that is mapped into this process, and unmapped at the end of its life.
///
/// This is the one type that owns a mapping. Everything else asks it for checked positions.
@safe @usableFromInline
struct Mapping: ~Copyable, @unchecked Sendable {
  // Sendable: the address stays valid and the same for the whole life of the value, whichever
  // thread uses it. Races on the bytes are the business of those who share them, in this process
  // and others.

  /// The first byte, aligned to a page.
  @usableFromInline let start: UnsafeMutableRawPointer
  /// The number of bytes that may be touched; positive.
  @usableFromInline let byteCount: Int
  @usableFromInline let isWritable: Bool

  init(_ descriptor: borrowing Descriptor, byteCount: Int, writable: Bool) throws(Errno) {
    unsafe start = try MemoryMap.map(descriptor, byteCount: byteCount, writable: writable)
    self.byteCount = byteCount
    isWritable = writable
  }

  // Inlinable, and in two parts, since the compiler inlines it into inlinable functions of clients.
  @inlinable
  deinit {
    unsafe Self.unmap(start, byteCount: byteCount)
  }

  @usableFromInline
  static func unmap(_ start: UnsafeMutableRawPointer, byteCount: Int) {
    unsafe MemoryMap.unmap(start, byteCount: byteCount)
  }

  // MARK: - Checked positions

  /// The address of `count` bytes at `offset`, to be read.
  @inlinable
  func pointer(at offset: Int, byteCount count: Int) -> UnsafeRawPointer {
    // The subtraction cannot overflow, as both are known not to be negative by then.
    precondition(
      offset >= 0 && count >= 0 && offset <= byteCount && count <= byteCount - offset,
      "Offset out of range of the shared memory")
    return unsafe UnsafeRawPointer(start + offset)
  }

  /// The address of `count` bytes at `offset`, to be written.
  @inlinable
  func mutablePointer(at offset: Int, byteCount count: Int) -> UnsafeMutableRawPointer {
    precondition(isWritable, "This shared memory is attached read-only")
    return unsafe UnsafeMutableRawPointer(mutating: pointer(at: offset, byteCount: count))
  }

  /// All bytes, to be read.
  @inlinable
  var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      // SAFETY: the range is mapped until `deinit`, which the borrow of `self` holds off.
      let span = unsafe RawSpan(_unsafeStart: start, byteCount: byteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// All bytes, to be written.
  @inlinable
  var mutableBytes: MutableRawSpan {
    @_lifetime(&self)
    mutating get {
      precondition(isWritable, "This shared memory is attached read-only")
      // SAFETY: as for `bytes`; the exclusive borrow of `self` keeps other views of this handle
      // away.
      let span = unsafe MutableRawSpan(_unsafeStart: start, byteCount: byteCount)
      return unsafe _overrideLifetime(span, mutating: &self)
    }
  }
}
