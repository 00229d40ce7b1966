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

/// Cache lines of this process's own, for copies of what lies in shared memory.
///
/// A structure, so that using it counts no references: its owner frees it.
@safe @usableFromInline
struct PrivateLines: @unchecked Sendable {
  // Sendable: the address and the size never change. The user of a line ensures that no other
  // thread does.

  private static let lineByteCount = 64

  @usableFromInline let memory: UnsafeMutableRawPointer
  @usableFromInline let count: Int

  /// - Parameter count: The number of lines, which are zero at first.
  init(count: Int) {
    let byteCount = count * Self.lineByteCount
    unsafe memory = UnsafeMutableRawPointer.allocate(
      byteCount: byteCount, alignment: Self.lineByteCount)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    self.count = count
  }

  /// Frees the lines, which are not used afterwards.
  func free() { unsafe memory.deallocate() }

  /// A line, in the form of a part of shared memory.
  @inlinable @inline(__always)
  func range(ofLine index: Int) -> MappedRange {
    // SAFETY: `start` has checked that the line exists.
    unsafe MappedRange(start: start(ofLine: index), byteCount: 64, isWritable: true)
  }

  /// Lends the first words of a line to `body`.
  @inlinable @inline(__always)
  func withWords<Result>(
    ofLine index: Int, count wordCount: Int, _ body: (inout MutableSpan<UInt64>) -> Result
  ) -> Result {
    precondition(wordCount <= 8, "A line has 8 words")
    // SAFETY: as above; the line is initialised, aligned, and used by no other thread meanwhile.
    var words = unsafe MutableSpan(
      _unsafeStart: start(ofLine: index).assumingMemoryBound(to: UInt64.self), count: wordCount)
    return body(&words)
  }

  @inlinable @inline(__always) @unsafe
  func start(ofLine index: Int) -> UnsafeMutableRawPointer {
    precondition(index >= 0 && index < count, "There is no such line")
    return unsafe memory + (index << 6)
  }
}
