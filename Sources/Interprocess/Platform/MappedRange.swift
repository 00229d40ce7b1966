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

/// Where the bytes of a mapping lie; it owns nothing, and is used only while the mapping lives.
///
/// It is separate from the mapping so that clients can inline accesses without seeing how a mapping
/// ends.
@safe @usableFromInline
struct MappedRange: @unchecked Sendable {
  // Sendable: an address is the same in every thread. Races on the bytes are the responsibility of
  // those who share them, in this process and others.

  /// The first byte; page-aligned, unless this is a part of a mapping.
  @usableFromInline let start: UnsafeMutableRawPointer
  /// The number of bytes that may be touched.
  @usableFromInline let byteCount: Int
  @usableFromInline let isWritable: Bool

  @unsafe @inlinable
  init(start: UnsafeMutableRawPointer, byteCount: Int, isWritable: Bool) {
    unsafe self.start = unsafe start
    self.byteCount = byteCount
    self.isWritable = isWritable
  }

  /// A part of the range.
  func part(at offset: Int, byteCount count: Int) -> MappedRange {
    // SAFETY: `pointer` has checked that the part is within this range, and the part is writable
    // only if the range is.
    unsafe MappedRange(
      start: UnsafeMutableRawPointer(mutating: pointer(at: offset, byteCount: count)),
      byteCount: count, isWritable: isWritable)
  }

  /// The address of `count` bytes at `offset`, for reading.
  @inlinable
  func pointer(at offset: Int, byteCount count: Int) -> UnsafeRawPointer {
    // The subtraction cannot overflow, as both operands are known not to be negative there.
    precondition(
      offset >= 0 && count >= 0 && offset <= byteCount && count <= byteCount - offset,
      "Offset out of range of the shared memory")
    return unsafe UnsafeRawPointer(start + offset)
  }

  /// The address of `count` bytes at `offset`, for writing.
  @inlinable
  func mutablePointer(at offset: Int, byteCount count: Int) -> UnsafeMutableRawPointer {
    precondition(isWritable, "This shared memory is attached read-only")
    return unsafe UnsafeMutableRawPointer(mutating: pointer(at: offset, byteCount: count))
  }
}
