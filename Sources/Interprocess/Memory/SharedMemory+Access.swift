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

// MARK: - Bytes

extension SharedMemory {
  /// The byte at an offset.
  ///
  /// Corresponds to `memory.buf[byteOffset]` in Python. There is no promise about when, and in
  /// which order, the writes of another process are seen here: the compiler assumes that no other
  /// process writes, and a loop that waits for a byte to change may load it once and never end.
  /// Wait with ``SharedAtomic``, ``SharedEvent`` or `wait(at:while:timeout:)`; read under a lock,
  /// or only what has been handed over.
  ///
  /// - Parameter byteOffset: From 0 up to, but not including, ``byteCount``.
  /// - Precondition: The offset is in range; to write, the memory is attached for writing.
  /// - Complexity: O(1), without blocking.
  @inlinable
  public subscript(byteOffset: Int) -> UInt8 {
    get {
      // SAFETY: `pointer` has checked that the byte is mapped.
      unsafe _range.pointer(at: byteOffset, byteCount: 1).load(as: UInt8.self)
    }
    set {
      // SAFETY: `mutablePointer` has checked that the byte is mapped for writing.
      unsafe _range.mutablePointer(at: byteOffset, byteCount: 1)
        .storeBytes(of: newValue, as: UInt8.self)
    }
  }

  /// All bytes, for reading in place.
  ///
  /// The view cannot outlive the handle. Other processes may change the bytes while it is used.
  /// Corresponds to `memory.buf.toreadonly()` in Python.
  ///
  /// - Complexity: O(1), without blocking.
  @inlinable
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      // SAFETY: the range is mapped for as long as `self` lives, which the borrow extends.
      let span = unsafe RawSpan(_unsafeStart: _range.start, byteCount: _range.byteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// All bytes, for reading and writing in place.
  ///
  /// While the view is used, the compiler allows no other use of the handle in this process.
  /// Corresponds to `memory.buf` in Python.
  ///
  /// - Precondition: The memory is attached for writing.
  /// - Complexity: O(1), without blocking.
  @inlinable
  public var mutableBytes: MutableRawSpan {
    @_lifetime(&self)
    mutating get {
      let start = unsafe _range.mutablePointer(at: 0, byteCount: _range.byteCount)
      // SAFETY: the range is mapped for as long as `self` lives, and the exclusive borrow of `self`
      // rules out other views of this handle.
      let span = unsafe MutableRawSpan(_unsafeStart: start, byteCount: _range.byteCount)
      return unsafe _overrideLifetime(span, mutating: &self)
    }
  }

  /// Calls a closure with all bytes, for reading in place.
  ///
  /// The same as ``bytes``, for a handle that is stored in a class or an actor: the language does
  /// not yet let those return spans.
  ///
  /// - Parameter body: Reads the bytes.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  /// - Complexity: O(1) and the closure, without blocking.
  @inlinable
  public borrowing func withBytes<Result: ~Copyable, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(bytes)
  }

  /// Calls a closure with all bytes, for reading and writing in place.
  ///
  /// The same as ``mutableBytes``, for a handle that is stored in a class or an actor.
  ///
  /// - Parameter body: Reads and writes the bytes.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  /// - Precondition: The memory is attached for writing.
  /// - Complexity: O(1) and the closure, without blocking.
  @inlinable
  public mutating func withMutableBytes<Result: ~Copyable, Failure: Error>(
    _ body: (inout MutableRawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var bytes = mutableBytes
    return try body(&bytes)
  }
}
