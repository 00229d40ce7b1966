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

/// A value as words, for moving values that other processes may change meanwhile.
///
/// Inlinable, so that a client's compiler knows the size of its type.
@usableFromInline
enum ValueWords<Value: Shareable> {
  /// How many words a value has; the last one may extend past the end of the value.
  @inlinable static var count: Int { (MemoryLayout<Value>.size + 7) / 8 }

  /// The value that lies in words of shared memory, each of which is loaded relaxed.
  ///
  /// - Parameter words: As many words as the value has.
  @inlinable @inline(__always)
  static func load(_ words: SharedWords) -> Value {
    // SAFETY: the caller has as many words as the value's size needs, and so has the copy; every
    // bit pattern is a value.
    if count == 1 {
      // In a register. The copy below needs memory, and the compiler guards that.
      let word = unsafe words[0].loadRelaxed()
      return unsafe withUnsafeBytes(of: word) { unsafe $0.loadUnaligned(as: Value.self) }
    }
    return unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: count) { copy in
      for index in 0..<count {
        unsafe copy.initializeElement(at: index, to: words[index].loadRelaxed())
      }
      return unsafe UnsafeRawBufferPointer(copy).loadUnaligned(as: Value.self)
    }
  }

  /// Whether a value is so small that a client's compiler had better see how it is copied.
  @inlinable static var isSmall: Bool { count <= 16 }

  /// The value whose words `body` fills.
  @inlinable
  static func value(
    filledBy body: (inout MutableSpan<UInt64>) throws(InterprocessError) -> Void
  ) throws(InterprocessError) -> Value {
    // SAFETY: the copy has as many words as the value's size needs, all of them are initialised,
    // and every bit pattern is a value.
    try unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: count) {
      copy throws(InterprocessError) in
      unsafe copy.initialize(repeating: 0)
      var words = unsafe copy.mutableSpan
      try body(&words)
      return unsafe UnsafeRawBufferPointer(copy).loadUnaligned(as: Value.self)
    }
  }

  /// Lends the words of a value to `body`; the bytes after the value are zero.
  @inlinable
  static func withWords(
    of value: Value, _ body: (Span<UInt64>) throws(InterprocessError) -> Void
  ) throws(InterprocessError) {
    // SAFETY: as for `value(filledBy:)`.
    try unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: count) {
      copy throws(InterprocessError) in
      unsafe copy.initialize(repeating: 0)
      unsafe UnsafeMutableRawBufferPointer(copy).storeBytes(of: value, as: Value.self)
      try body(unsafe copy.span)
    }
  }
}
