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

extension SharedArray {
  // MARK: - Views

  /// All elements in row-major order, for reading in place.
  ///
  /// The view cannot outlive the handle. Other processes may change the elements while it is used.
  /// Corresponds to `array.reshape(-1)` in Python.
  ///
  /// - Complexity: O(1), without blocking.
  @inlinable
  public var span: Span<Element> {
    @_lifetime(borrow self)
    get {
      // SAFETY: the elements are mapped, aligned, for as long as `self` lives, which the borrow
      // extends; every bit pattern is an element.
      let bytes = unsafe UnsafeRawBufferPointer(start: _elements.start, count: _elements.byteCount)
      return unsafe _overrideLifetime(Span<Element>(_unsafeBytes: bytes), borrowing: self)
    }
  }

  /// All elements in row-major order, for reading and writing in place.
  ///
  /// While the view is used, the compiler allows no other use of the handle in this process.
  /// Corresponds to `array.reshape(-1)` in Python.
  ///
  /// - Precondition: The array is attached for writing.
  /// - Complexity: O(1), without blocking.
  @inlinable
  public var mutableSpan: MutableSpan<Element> {
    @inline(__always) @_lifetime(&self)
    mutating get {
      // SAFETY: as for `span`; `mutableAddress` has checked that they are mapped for writing, and
      // the exclusive borrow of `self` keeps other views of this handle away.
      let bytes = unsafe UnsafeMutableRawBufferPointer(
        start: _mutableAddress(at: 0), count: _elements.byteCount)
      return unsafe _overrideLifetime(MutableSpan<Element>(_unsafeBytes: bytes), mutating: &self)
    }
  }

  /// Calls a closure with all elements in row-major order, for reading in place.
  ///
  /// The same as ``span``, for a handle that is stored in a class or an actor, from which the
  /// language does not yet lend spans.
  ///
  /// - Parameter body: Reads the elements.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  /// - Complexity: O(1) and the closure, without blocking.
  @inlinable
  public borrowing func withSpan<Result: ~Copyable, Failure: Error>(
    _ body: (Span<Element>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(span)
  }

  /// Calls a closure with all elements in row-major order, for reading and writing in place.
  ///
  /// The same as ``mutableSpan``, for a handle that is stored in a class or an actor.
  ///
  /// - Parameter body: Reads and writes the elements.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  /// - Precondition: The array is attached for writing.
  /// - Complexity: O(1) and the closure, without blocking.
  @inlinable
  public mutating func withMutableSpan<Result: ~Copyable, Failure: Error>(
    _ body: (inout MutableSpan<Element>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var span = mutableSpan
    return try body(&span)
  }

  /// Calls a closure with all elements in row-major order, for functions that take a pointer.
  ///
  /// Corresponds to `array.ctypes.data` in Python.
  ///
  /// - Parameter body: Reads the elements. The buffer must not be used after it returns.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  /// - Complexity: O(1) and the closure, without blocking.
  @inlinable
  public borrowing func withUnsafeBufferPointer<Result: ~Copyable, Failure: Error>(
    _ body: (UnsafeBufferPointer<Element>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    // SAFETY: all elements are mapped while `self` is borrowed; what follows is up to the caller.
    try unsafe body(UnsafeBufferPointer(start: _address(at: 0), count: count))
  }

  /// Calls a closure with all elements in row-major order, for functions that write to a pointer.
  ///
  /// Corresponds to `array.ctypes.data` in Python.
  ///
  /// - Parameter body: Reads and writes the elements. The buffer must not be used after it returns.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  /// - Precondition: The array is attached for writing.
  /// - Complexity: O(1) and the closure, without blocking.
  @inlinable
  public mutating func withUnsafeMutableBufferPointer<Result: ~Copyable, Failure: Error>(
    _ body: (UnsafeMutableBufferPointer<Element>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    // SAFETY: all elements are mapped for writing while `self` is borrowed; what follows is up to
    // the caller.
    try unsafe body(UnsafeMutableBufferPointer(start: _mutableAddress(at: 0), count: count))
  }

  // MARK: - All elements at once

  /// Sets all elements to one value.
  ///
  /// Corresponds to `array.fill(value)` in Python.
  ///
  /// - Parameter value: The new value of each element.
  /// - Precondition: The array is attached for writing.
  /// - Complexity: O(*n*), without blocking.
  @inlinable
  public mutating func fill(with value: Element) {
    // SAFETY: `mutableAddress` has checked that the elements are mapped for writing.
    unsafe _mutableAddress(at: 0).update(repeating: value, count: count)
  }

  /// Copies the elements of a collection into the array, in row-major order.
  ///
  /// Corresponds to `array.flat = source` in Python.
  ///
  /// - Parameter source: As many elements as the array has.
  /// - Precondition: The numbers of elements are equal, and the array is attached for writing.
  /// - Complexity: O(*n*), without blocking; elements that are contiguous in memory are copied at
  ///   once.
  @inlinable @inline(__always)
  public mutating func copy(from source: some Collection<Element>) {
    let isCopied: Void? = source.withContiguousStorageIfAvailable { unsafe _copy(from: $0) }
    if isCopied != nil { return }
    var span = mutableSpan
    Self._write(source, to: &span)
  }

  /// Copies the elements of a span into the array, in row-major order.
  ///
  /// Corresponds to `array.flat = source` in Python, and to `memmove` in C.
  ///
  /// - Parameter source: As many elements as the array has; it may be a view of the same memory
  ///   through another handle.
  /// - Precondition: The numbers of elements are equal, and the array is attached for writing.
  /// - Complexity: O(*n*), without blocking.
  @inlinable @inline(__always)
  public mutating func copy(from source: Span<Element>) {
    // SAFETY: the buffer is used only here.
    unsafe source.withUnsafeBufferPointer { unsafe _copy(from: $0) }
  }

  /// With as few checks as possible: 1 KiB takes ten nanoseconds.
  @inlinable @inline(__always)
  mutating func _copy(from source: UnsafeBufferPointer<Element>) {
    precondition(source.count == count, Self._wrongCount)
    // SAFETY: `mutableAddress` has checked that the elements are mapped for writing; both sides
    // have the same number of elements, and may overlap.
    unsafe UnsafeMutableRawBufferPointer(start: _mutableAddress(at: 0), count: _elements.byteCount)
      .copyBytes(from: UnsafeRawBufferPointer(source))
  }

  @usableFromInline
  static var _wrongCount: String { "The number of elements differs from that of the array" }

  /// Writes the elements of a collection, whose number must equal that of the span.
  @inlinable @inline(__always)
  static func _write(_ source: some Collection<Element>, to span: inout MutableSpan<Element>) {
    let isCopied: Void? = source.withContiguousStorageIfAvailable { source in
      precondition(source.count == span.count, _wrongCount)
      // SAFETY: both sides have the same number of elements, and may overlap; the buffer is used
      // only here.
      unsafe span.withUnsafeMutableBytes { bytes in
        unsafe bytes.copyBytes(from: UnsafeRawBufferPointer(source))
      }
    }
    if isCopied != nil { return }
    var index = 0
    for element in source {
      precondition(index < span.count, _wrongCount)
      span[index] = element
      index += 1
    }
    precondition(index == span.count, _wrongCount)
  }
}

extension UnsafeMutableRawBufferPointer {
  /// Like `copyMemory`, but bypasses the caches if the bytes would not fit into those of most
  /// processors.
  @inlinable @inline(__always)
  func copyBytes(from source: UnsafeRawBufferPointer) {
    if source.count < 32 << 20 {
      unsafe copyMemory(from: source)
    } else {
      unsafe copyLarge(from: source)
    }
  }

  @usableFromInline
  func copyLarge(from source: UnsafeRawBufferPointer) {
    // SAFETY: the caller has checked that both sides have the same number of bytes, and neither is
    // empty.
    unsafe ipc_copy_large(baseAddress!, source.baseAddress!, source.count)
  }
}

extension Array where Element: Shareable {
  /// Copies all elements of a shared array into an array of this process, in row-major order.
  ///
  /// Other processes may change elements while they are copied. Corresponds to `array.copy()` in
  /// Python.
  ///
  /// - Parameter array: The shared array.
  /// - Complexity: O(*n*), without blocking.
  @inlinable
  public init(_ array: borrowing SharedArray<Element>) {
    // SAFETY: the buffer is used only here, and its elements are copied.
    self = unsafe array.withUnsafeBufferPointer { unsafe Array($0) }
  }
}
