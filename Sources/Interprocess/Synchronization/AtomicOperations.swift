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

/// What can be done with an integer that processes change at once, wherever it lies.
///
/// Each operation is one instruction of the processor, or a short loop of them, and none blocks.
/// The orderings are those of the standard library's `Atomic`, and hold between processes as
/// between threads.
public protocol AtomicOperations<Value>: Sendable, ~Copyable, ~Escapable {
  /// The type of the integer.
  associatedtype Value: SharedAtomicValue
  /// The integer itself.
  var integer: AtomicInteger<Value> { @_lifetime(borrow self) get }
}

extension AtomicOperations where Self: ~Copyable & ~Escapable {
  /// The value.
  ///
  /// Corresponds to `std::atomic::load` in C++.
  ///
  /// - Parameter ordering: As for `Atomic`.
  @inlinable
  public func load(ordering: AtomicLoadOrdering) -> Value { integer.load(ordering: ordering) }

  /// Stores a value.
  ///
  /// Those who wait for a change of a ``SharedAtomic`` are told by ``SharedAtomic/notify()``.
  /// Corresponds to `std::atomic::store` in C++.
  ///
  /// - Parameters:
  ///   - value: The value.
  ///   - ordering: As for `Atomic`.
  @inlinable
  public func store(_ value: Value, ordering: AtomicStoreOrdering) {
    integer.store(value, ordering: ordering)
  }

  /// Stores a value.
  ///
  /// Corresponds to `std::atomic::exchange` in C++.
  ///
  /// - Parameters:
  ///   - value: The value.
  ///   - ordering: As for `Atomic`.
  /// - Returns: The value before.
  @inlinable @discardableResult
  public func exchange(_ value: Value, ordering: AtomicUpdateOrdering) -> Value {
    integer.exchange(value, ordering: ordering)
  }

  /// Stores a value if the present one is as expected.
  ///
  /// Corresponds to `std::atomic::compare_exchange_strong` in C++.
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

  /// Adds a number; what overflows is cut off.
  ///
  /// Corresponds to `std::atomic::fetch_add` in C++, except for what it returns.
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

  /// Subtracts a number; what overflows is cut off.
  ///
  /// Corresponds to `std::atomic::fetch_sub` in C++, except for what it returns.
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

  /// Clears the bits that another number does not have.
  ///
  /// Corresponds to `std::atomic::fetch_and` in C++, except for what it returns.
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

  /// Sets the bits of another number.
  ///
  /// Corresponds to `std::atomic::fetch_or` in C++, except for what it returns.
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

  /// Flips the bits of another number.
  ///
  /// Corresponds to `std::atomic::fetch_xor` in C++, except for what it returns.
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

  /// Stores a number if it is less than the value.
  ///
  /// Corresponds to `std::atomic::fetch_min` in C++, except for what it returns.
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

  /// Stores a number if it is greater than the value.
  ///
  /// Corresponds to `std::atomic::fetch_max` in C++, except for what it returns.
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
