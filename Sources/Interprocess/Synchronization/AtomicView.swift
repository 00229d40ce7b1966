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
public import Synchronization

/// An integer within shared memory that processes change at once.
///
/// ```swift
/// let memory = try SharedMemory.attach("MyMemory")
/// memory.atomic(UInt64.self, at: 64).add(1, ordering: .relaxed)
/// ```
///
/// It is nothing but the bytes of the integer, so that programs in C use it as an atomic object of
/// the same size. It cannot outlive the handle of the memory. To wait for a change of 4 bytes, use
/// `SharedMemory.wait(at:while:timeout:)`; a ``SharedAtomic`` has that for all
/// sizes.
public struct AtomicView<Value: SharedAtomicValue>: ~Escapable, Sendable {
  @usableFromInline let integer: AtomicInteger<Value>

  @_lifetime(borrow memory)
  init(_ memory: borrowing SharedMemory, at byteOffset: Int) {
    integer = AtomicInteger(in: memory.range, at: byteOffset)
  }

  /// The value; see ``SharedAtomic/load(ordering:)``.
  ///
  /// - Parameter ordering: As for `Atomic`.
  @inlinable
  public func load(ordering: AtomicLoadOrdering) -> Value { integer.load(ordering: ordering) }

  /// Stores a value; see ``SharedAtomic/store(_:ordering:)``.
  ///
  /// - Parameters:
  ///   - value: The value.
  ///   - ordering: As for `Atomic`.
  @inlinable
  public func store(_ value: Value, ordering: AtomicStoreOrdering) {
    integer.store(value, ordering: ordering)
  }

  /// Stores a value; see ``SharedAtomic/exchange(_:ordering:)``.
  ///
  /// - Parameters:
  ///   - value: The value.
  ///   - ordering: As for `Atomic`.
  /// - Returns: The value before.
  @inlinable @discardableResult
  public func exchange(_ value: Value, ordering: AtomicUpdateOrdering) -> Value {
    integer.exchange(value, ordering: ordering)
  }

  /// Stores a value if the present one is as expected; see
  /// ``SharedAtomic/compareExchange(expected:desired:ordering:)``.
  ///
  /// - Parameters:
  ///   - expected: The value that is to be replaced.
  ///   - desired: The value that replaces it.
  ///   - ordering: As for `Atomic`.
  /// - Returns: Whether it was replaced, and the value before.
  @inlinable @discardableResult
  public func compareExchange(
    expected: Value, desired: Value, ordering: AtomicUpdateOrdering
  ) -> (exchanged: Bool, original: Value) {
    integer.compareExchange(expected: expected, desired: desired, ordering: ordering)
  }

  /// Adds a number; see ``SharedAtomic/add(_:ordering:)``.
  ///
  /// - Parameters:
  ///   - operand: The number.
  ///   - ordering: As for `Atomic`.
  /// - Returns: The values before and after.
  @inlinable @discardableResult
  public func add(
    _ operand: Value, ordering: AtomicUpdateOrdering
  ) -> (oldValue: Value, newValue: Value) {
    integer.add(operand, ordering: ordering)
  }

  /// Subtracts a number; see ``SharedAtomic/subtract(_:ordering:)``.
  ///
  /// - Parameters:
  ///   - operand: The number.
  ///   - ordering: As for `Atomic`.
  /// - Returns: The values before and after.
  @inlinable @discardableResult
  public func subtract(
    _ operand: Value, ordering: AtomicUpdateOrdering
  ) -> (oldValue: Value, newValue: Value) {
    integer.subtract(operand, ordering: ordering)
  }

  /// Clears the bits that another number does not have; see ``SharedAtomic/and(_:ordering:)``.
  ///
  /// - Parameters:
  ///   - operand: The number.
  ///   - ordering: As for `Atomic`.
  /// - Returns: The values before and after.
  @inlinable @discardableResult
  public func and(
    _ operand: Value, ordering: AtomicUpdateOrdering
  ) -> (oldValue: Value, newValue: Value) {
    integer.and(operand, ordering: ordering)
  }

  /// Sets the bits of another number; see ``SharedAtomic/or(_:ordering:)``.
  ///
  /// - Parameters:
  ///   - operand: The number.
  ///   - ordering: As for `Atomic`.
  /// - Returns: The values before and after.
  @inlinable @discardableResult
  public func or(
    _ operand: Value, ordering: AtomicUpdateOrdering
  ) -> (oldValue: Value, newValue: Value) {
    integer.or(operand, ordering: ordering)
  }

  /// Flips the bits of another number; see ``SharedAtomic/xor(_:ordering:)``.
  ///
  /// - Parameters:
  ///   - operand: The number.
  ///   - ordering: As for `Atomic`.
  /// - Returns: The values before and after.
  @inlinable @discardableResult
  public func xor(
    _ operand: Value, ordering: AtomicUpdateOrdering
  ) -> (oldValue: Value, newValue: Value) {
    integer.xor(operand, ordering: ordering)
  }

  /// Stores a number if it is less than the value; see ``SharedAtomic/min(_:ordering:)``.
  ///
  /// - Parameters:
  ///   - operand: The number.
  ///   - ordering: As for `Atomic`.
  /// - Returns: The values before and after.
  @inlinable @discardableResult
  public func min(
    _ operand: Value, ordering: AtomicUpdateOrdering
  ) -> (oldValue: Value, newValue: Value) {
    integer.min(operand, ordering: ordering)
  }

  /// Stores a number if it is greater than the value; see ``SharedAtomic/max(_:ordering:)``.
  ///
  /// - Parameters:
  ///   - operand: The number.
  ///   - ordering: As for `Atomic`.
  /// - Returns: The values before and after.
  @inlinable @discardableResult
  public func max(
    _ operand: Value, ordering: AtomicUpdateOrdering
  ) -> (oldValue: Value, newValue: Value) {
    integer.max(operand, ordering: ordering)
  }
}

extension SharedMemory {
  /// An integer that processes change at once, within the memory.
  ///
  /// - Parameters:
  ///   - type: The type of the integer.
  ///   - byteOffset: Where it begins, in bytes.
  /// - Returns: A view of it, which cannot outlive this handle.
  /// - Precondition: It lies within the memory, at a multiple of its size, and the memory is
  ///   attached for writing.
  /// - Complexity: O(1), without blocking.
  @_lifetime(borrow self)
  public borrowing func atomic<Value: SharedAtomicValue>(
    _ type: Value.Type, at byteOffset: Int
  ) -> AtomicView<Value> {
    AtomicView(self, at: byteOffset)
  }
}
