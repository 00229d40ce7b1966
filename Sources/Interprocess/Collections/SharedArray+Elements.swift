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

// Each subscript takes as many indices as the array has dimensions. For a flat index into an array
// of several dimensions, use its span: refusing a single index here catches a forgotten one, and
// what numpy means by it, a row, is not an element.
extension SharedArray {
  /// The element at an index of an array of one dimension.
  ///
  /// Reads and writes in place: `array[i].mass = 1` writes only the mass. An aligned element of at
  /// most 8 bytes is read or written at once; others may be read or written in parts, between which
  /// another process writes. Nothing is promised about when, and in which order, this process sees
  /// what another one writes, and a loop that waits for an element to change may never end: wait
  /// with ``SharedAtomic``, ``SharedEvent`` or ``SharedValue``. Corresponds to `array[i]` in
  /// Python.
  ///
  /// - Parameter index: From 0 up to, but not including, ``count``.
  /// - Precondition: The array has one dimension, and the index is in range; to write, the array is
  ///   attached for writing.
  /// - Complexity: O(1), without blocking.
  @inlinable
  public subscript(index: Int) -> Element {
    @inline(__always) unsafeAddress { unsafe _address(at: _offset(index)) }
    @inline(__always) unsafeMutableAddress { unsafe _mutableAddress(at: _offset(index)) }
  }

  /// The element at the indices of an array of two dimensions, the row and the column.
  ///
  /// Corresponds to `array[i, j]` in Python. See ``subscript(_:)`` for accesses by several
  /// processes.
  ///
  /// - Parameters:
  ///   - i: An index in the first dimension.
  ///   - j: An index in the second dimension, in which neighbours are also neighbours in memory.
  /// - Precondition: The array has two dimensions, and each index is in range; to write, the array
  ///   is attached for writing.
  /// - Complexity: O(1), without blocking.
  @inlinable
  public subscript(i: Int, j: Int) -> Element {
    @inline(__always) unsafeAddress { unsafe _address(at: _offset(i, j)) }
    @inline(__always) unsafeMutableAddress { unsafe _mutableAddress(at: _offset(i, j)) }
  }

  /// The element at the indices of an array of three dimensions.
  ///
  /// Corresponds to `array[i, j, k]` in Python. See ``subscript(_:)`` for accesses by several
  /// processes.
  ///
  /// - Parameters:
  ///   - i: An index in the first dimension.
  ///   - j: An index in the second dimension.
  ///   - k: An index in the third dimension, in which neighbours are also neighbours in memory.
  /// - Precondition: The array has three dimensions, and each index is in range; to write, the
  ///   array is attached for writing.
  /// - Complexity: O(1), without blocking.
  @inlinable
  public subscript(i: Int, j: Int, k: Int) -> Element {
    @inline(__always) unsafeAddress { unsafe _address(at: _offset(i, j, k)) }
    @inline(__always) unsafeMutableAddress { unsafe _mutableAddress(at: _offset(i, j, k)) }
  }

  /// The element at the indices of an array of four dimensions.
  ///
  /// Corresponds to `array[i, j, k, l]` in Python. See ``subscript(_:)`` for accesses by several
  /// processes.
  ///
  /// - Parameters:
  ///   - i: An index in the first dimension.
  ///   - j: An index in the second dimension.
  ///   - k: An index in the third dimension.
  ///   - l: An index in the fourth dimension, in which neighbours are also neighbours in memory.
  /// - Precondition: The array has four dimensions, and each index is in range; to write, the array
  ///   is attached for writing.
  /// - Complexity: O(1), without blocking.
  @inlinable
  public subscript(i: Int, j: Int, k: Int, l: Int) -> Element {
    @inline(__always) unsafeAddress { unsafe _address(at: _offset(i, j, k, l)) }
    @inline(__always) unsafeMutableAddress { unsafe _mutableAddress(at: _offset(i, j, k, l)) }
  }

  // MARK: - Offsets

  // The products and sums below cannot overflow: each is less than the number of elements, once
  // each index is known to be less than its extent.

  @inlinable @inline(__always)
  borrowing func _offset(_ i: Int) -> Int {
    _checkDimensions(1)
    _check(i, _extents.0)
    return i
  }

  @inlinable @inline(__always)
  borrowing func _offset(_ i: Int, _ j: Int) -> Int {
    _checkDimensions(2)
    _check(i, _extents.0)
    _check(j, _extents.1)
    return i &* _extents.1 &+ j
  }

  @inlinable @inline(__always)
  borrowing func _offset(_ i: Int, _ j: Int, _ k: Int) -> Int {
    _checkDimensions(3)
    _check(i, _extents.0)
    _check(j, _extents.1)
    _check(k, _extents.2)
    return (i &* _extents.1 &+ j) &* _extents.2 &+ k
  }

  @inlinable @inline(__always)
  borrowing func _offset(_ i: Int, _ j: Int, _ k: Int, _ l: Int) -> Int {
    _checkDimensions(4)
    _check(i, _extents.0)
    _check(j, _extents.1)
    _check(k, _extents.2)
    _check(l, _extents.3)
    return ((i &* _extents.1 &+ j) &* _extents.2 &+ k) &* _extents.3 &+ l
  }

  @inlinable @inline(__always)
  borrowing func _checkDimensions(_ indexCount: Int) {
    precondition(
      indexCount == _dimensionCount,
      "The number of indices differs from the number of dimensions of the array")
  }

  @inlinable @inline(__always)
  borrowing func _check(_ index: Int, _ extent: Int) {
    precondition(index >= 0 && index < extent, "Index out of range of the array")
  }

  /// - Parameter index: A position in row-major order, already checked.
  @inlinable @inline(__always)
  borrowing func _address(at index: Int) -> UnsafePointer<Element> {
    // SAFETY: the range contains this element, aligned, and every bit pattern is an element.
    unsafe UnsafeRawPointer(_elements.start + index &* MemoryLayout<Element>.stride)
      .assumingMemoryBound(to: Element.self)
  }

  /// - Parameter index: A position in row-major order, already checked.
  @inlinable @inline(__always)
  borrowing func _mutableAddress(at index: Int) -> UnsafeMutablePointer<Element> {
    precondition(_elements.isWritable, "This array is attached read-only")
    // SAFETY: as for `address`, and the range is mapped for writing.
    return unsafe (_elements.start + index &* MemoryLayout<Element>.stride)
      .assumingMemoryBound(to: Element.self)
  }
}
