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

// The functions that return spans are always inlined: where the compiler did not do so by itself,
// the caller copied the whole handle before each call.
extension SharedMemory {
  // MARK: - Loads and stores

  /// A value whose bytes begin at an offset.
  ///
  /// An aligned value of at most 8 bytes is read in one step, others perhaps in parts between which
  /// another process writes. There is no promise about when another process's writes are seen here;
  /// see ``subscript(_:)``. Corresponds to `struct.unpack_from` in Python.
  ///
  /// - Parameters:
  ///   - byteOffset: Any offset, aligned or not.
  ///   - type: The type of the value.
  /// - Precondition: All bytes of the value are within the memory.
  /// - Complexity: O(1), without blocking.
  @inlinable
  public borrowing func load<Value: Shareable>(
    fromByteOffset byteOffset: Int = 0, as type: Value.Type
  ) -> Value {
    _range.loadUnaligned(at: byteOffset, as: type)
  }

  /// Writes a value whose bytes begin at an offset.
  ///
  /// An aligned value of at most 8 bytes is written in one step, others perhaps in parts between
  /// which another process reads. Corresponds to `struct.pack_into` in Python.
  ///
  /// - Parameters:
  ///   - value: The value.
  ///   - byteOffset: Any offset, aligned or not.
  ///   - type: The type of the value.
  /// - Precondition: All bytes of the value are within the memory, which is attached for writing.
  /// - Complexity: O(1), without blocking.
  @inlinable
  public mutating func storeBytes<Value: Shareable>(
    of value: Value, toByteOffset byteOffset: Int = 0, as type: Value.Type
  ) {
    // SAFETY: `mutablePointer` has checked that the bytes are mapped for writing.
    unsafe _range.mutablePointer(at: byteOffset, byteCount: MemoryLayout<Value>.size)
      .storeBytes(of: value, as: type)
  }

  // MARK: - Spans

  /// The memory as elements of one type, for reading in place.
  ///
  /// Holds as many whole elements as fit. Corresponds to `numpy.frombuffer(memory.buf, dtype)` in
  /// Python.
  ///
  /// - Parameter type: The type of the elements.
  /// - Complexity: O(1), without blocking.
  @inlinable @inline(__always)
  @_lifetime(borrow self)
  public borrowing func span<Element: Shareable>(of type: Element.Type) -> Span<Element> {
    let byteCount = _range.byteCount / MemoryLayout<Element>.stride * MemoryLayout<Element>.stride
    // SAFETY: a mapping begins on a page, so it is aligned for every type; every bit pattern is an
    // element; the bytes stay mapped while `self` is borrowed.
    let bytes = unsafe UnsafeRawBufferPointer(
      start: _range.pointer(at: 0, byteCount: byteCount), count: byteCount)
    return unsafe _overrideLifetime(Span<Element>(_unsafeBytes: bytes), borrowing: self)
  }

  /// The memory as elements of one type, for reading and writing in place.
  ///
  /// Holds as many whole elements as fit. While the view is used, the compiler allows no other use
  /// of the handle in this process. Corresponds to `numpy.frombuffer(memory.buf, dtype)` in Python.
  ///
  /// - Parameter type: The type of the elements.
  /// - Precondition: The memory is attached for writing.
  /// - Complexity: O(1), without blocking.
  @inlinable @inline(__always)
  @_lifetime(&self)
  public mutating func mutableSpan<Element: Shareable>(
    of type: Element.Type
  ) -> MutableSpan<Element> {
    let byteCount = _range.byteCount / MemoryLayout<Element>.stride * MemoryLayout<Element>.stride
    // SAFETY: as for `span(of:)`; the exclusive borrow of `self` rules out other views of this
    // handle.
    let bytes = unsafe UnsafeMutableRawBufferPointer(
      start: _range.mutablePointer(at: 0, byteCount: byteCount), count: byteCount)
    return unsafe _overrideLifetime(MutableSpan<Element>(_unsafeBytes: bytes), mutating: &self)
  }

  /// Calls a closure with the memory as elements of one type, for reading in place.
  ///
  /// The same as ``span(of:)``, for a handle that is stored in a class or an actor.
  ///
  /// - Parameters:
  ///   - type: The type of the elements.
  ///   - body: Reads the elements.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  /// - Complexity: O(1) and the closure, without blocking.
  @inlinable
  public borrowing func withSpan<Element: Shareable, Result: ~Copyable, Failure: Error>(
    of type: Element.Type, _ body: (Span<Element>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(span(of: type))
  }

  /// Calls a closure with the memory as elements of one type, for reading and writing in place.
  ///
  /// The same as ``mutableSpan(of:)``, for a handle that is stored in a class or an actor.
  ///
  /// - Parameters:
  ///   - type: The type of the elements.
  ///   - body: Reads and writes the elements.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  /// - Precondition: The memory is attached for writing.
  /// - Complexity: O(1) and the closure, without blocking.
  @inlinable
  public mutating func withMutableSpan<Element: Shareable, Result: ~Copyable, Failure: Error>(
    of type: Element.Type, _ body: (inout MutableSpan<Element>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var span = mutableSpan(of: type)
    return try body(&span)
  }

  // MARK: - Spans of a part

  /// A part of the memory as elements of one type, for reading in place.
  ///
  /// For data whose position and size are agreed elsewhere. Corresponds to
  /// `numpy.frombuffer(memory.buf, dtype, count, offset)` in Python.
  ///
  /// - Parameters:
  ///   - type: The type of the elements.
  ///   - byteOffset: Where the first element begins.
  ///   - count: The number of elements.
  /// - Precondition: The offset is a multiple of the type's alignment, and all elements are within
  ///   the memory.
  /// - Complexity: O(1), without blocking.
  @inlinable @inline(__always)
  @_lifetime(borrow self)
  public borrowing func span<Element: Shareable>(
    of type: Element.Type, byteOffset: Int, count: Int
  ) -> Span<Element> {
    // SAFETY: `elements` has checked that they are mapped and aligned; every bit pattern is an
    // element; the bytes stay mapped while `self` is borrowed.
    let bytes = unsafe UnsafeRawBufferPointer(
      _range.elements(of: type, at: byteOffset, count: count))
    return unsafe _overrideLifetime(Span<Element>(_unsafeBytes: bytes), borrowing: self)
  }

  /// A part of the memory as elements of one type, for reading and writing in place.
  ///
  /// For data whose position and size are agreed elsewhere. While the view is used, the compiler
  /// allows no other use of the handle in this process. Corresponds to
  /// `numpy.frombuffer(memory.buf, dtype, count, offset)` in Python.
  ///
  /// - Parameters:
  ///   - type: The type of the elements.
  ///   - byteOffset: Where the first element begins.
  ///   - count: The number of elements.
  /// - Precondition: The offset is a multiple of the type's alignment, all elements are within the
  ///   memory, and the memory is attached for writing.
  /// - Complexity: O(1), without blocking.
  @inlinable @inline(__always)
  @_lifetime(&self)
  public mutating func mutableSpan<Element: Shareable>(
    of type: Element.Type, byteOffset: Int, count: Int
  ) -> MutableSpan<Element> {
    precondition(_range.isWritable, "This shared memory is attached read-only")
    // SAFETY: as for `span(of:byteOffset:count:)`; the exclusive borrow of `self` rules out other
    // views of this handle.
    let bytes = unsafe _range.elements(of: type, at: byteOffset, count: count)
    return unsafe _overrideLifetime(MutableSpan<Element>(_unsafeBytes: bytes), mutating: &self)
  }

  /// Calls a closure with a part of the memory as elements of one type, for reading in place.
  ///
  /// The same as ``span(of:byteOffset:count:)``, for a handle that is stored in a class or an
  /// actor.
  ///
  /// - Parameters:
  ///   - type: The type of the elements.
  ///   - byteOffset: Where the first element begins.
  ///   - count: The number of elements.
  ///   - body: Reads the elements.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  /// - Precondition: The offset is a multiple of the type's alignment, and all elements are within
  ///   the memory.
  /// - Complexity: O(1) and the closure, without blocking.
  @inlinable
  public borrowing func withSpan<Element: Shareable, Result: ~Copyable, Failure: Error>(
    of type: Element.Type, byteOffset: Int, count: Int,
    _ body: (Span<Element>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(span(of: type, byteOffset: byteOffset, count: count))
  }

  /// Calls a closure with a part of the memory as elements of one type, for reading and writing in
  /// place.
  ///
  /// The same as ``mutableSpan(of:byteOffset:count:)``, for a handle that is stored in a class or
  /// an actor.
  ///
  /// - Parameters:
  ///   - type: The type of the elements.
  ///   - byteOffset: Where the first element begins.
  ///   - count: The number of elements.
  ///   - body: Reads and writes the elements.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  /// - Precondition: The offset is a multiple of the type's alignment, all elements are within the
  ///   memory, and the memory is attached for writing.
  /// - Complexity: O(1) and the closure, without blocking.
  @inlinable
  public mutating func withMutableSpan<Element: Shareable, Result: ~Copyable, Failure: Error>(
    of type: Element.Type, byteOffset: Int, count: Int,
    _ body: (inout MutableSpan<Element>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var span = mutableSpan(of: type, byteOffset: byteOffset, count: count)
    return try body(&span)
  }
}

extension MappedRange {
  /// The bytes of `count` elements at `offset` of a whole mapping; write them only if it is
  /// writable.
  @inlinable @inline(__always)
  func elements<Element>(
    of type: Element.Type, at offset: Int, count: Int
  ) -> UnsafeMutableRawBufferPointer {
    // A mapping begins on a page.
    precondition(
      offset % MemoryLayout<Element>.alignment == 0, "Offset not aligned for the elements")
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
    precondition(!overflow, "Offset out of range of the shared memory")
    // SAFETY: `pointer` has checked that the bytes are mapped.
    return unsafe UnsafeMutableRawBufferPointer(
      start: UnsafeMutableRawPointer(mutating: pointer(at: offset, byteCount: byteCount)),
      count: byteCount)
  }
}

extension MappedRange {
  /// A value at any offset, read once.
  @inlinable
  func loadUnaligned<Value: Shareable>(at offset: Int, as type: Value.Type) -> Value {
    // SAFETY: `pointer` has checked that the bytes are mapped, and every bit pattern is a value.
    unsafe pointer(at: offset, byteCount: MemoryLayout<Value>.size).loadUnaligned(as: type)
  }
}
