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
public import Synchronization

/// An aligned integer of shared memory, by which ``AtomicOperations`` are done.
///
/// It cannot outlive what has the memory, and has nothing of its own for others to call.
public struct AtomicInteger<Value: SharedAtomicValue>: ~Escapable, Sendable {
  @usableFromInline let word: AtomicWord

  /// An integer that is used no longer than its owner lives, who keeps the memory.
  @_lifetime(borrow owner)
  @inlinable
  init<Owner: ~Copyable & ~Escapable>(_ word: AtomicWord, of owner: borrowing Owner) {
    self.word = word
  }

  @inlinable
  func load(ordering: AtomicLoadOrdering) -> Value {
    Value(truncatingIfNeeded: word.load(ordering))
  }

  @inlinable
  func store(_ value: Value, ordering: AtomicStoreOrdering) {
    word.store(UInt64(truncatingIfNeeded: value), ordering)
  }

  @inlinable
  func exchange(_ value: Value, ordering: AtomicUpdateOrdering) -> Value {
    Value(truncatingIfNeeded: word.exchange(UInt64(truncatingIfNeeded: value), ordering))
  }

  @inlinable
  func compareExchange(
    expected: Value, desired: Value, ordering: AtomicUpdateOrdering
  ) -> (exchanged: Bool, original: Value) {
    let original = Value(
      truncatingIfNeeded: word.compareExchange(
        UInt64(truncatingIfNeeded: expected), UInt64(truncatingIfNeeded: desired), ordering))
    return (original == expected, original)
  }

  @inlinable
  func add(
    _ operand: Value, ordering: AtomicUpdateOrdering
  ) -> (oldValue: Value, newValue: Value) {
    let old = Value(truncatingIfNeeded: word.add(UInt64(truncatingIfNeeded: operand), ordering))
    return (old, old &+ operand)
  }

  @inlinable
  func subtract(
    _ operand: Value, ordering: AtomicUpdateOrdering
  ) -> (oldValue: Value, newValue: Value) {
    let old = Value(
      truncatingIfNeeded: word.add(UInt64(truncatingIfNeeded: 0 &- operand), ordering))
    return (old, old &- operand)
  }

  @inlinable
  func and(
    _ operand: Value, ordering: AtomicUpdateOrdering
  ) -> (oldValue: Value, newValue: Value) {
    let old = Value(truncatingIfNeeded: word.and(UInt64(truncatingIfNeeded: operand), ordering))
    return (old, old & operand)
  }

  @inlinable
  func or(
    _ operand: Value, ordering: AtomicUpdateOrdering
  ) -> (oldValue: Value, newValue: Value) {
    let old = Value(truncatingIfNeeded: word.or(UInt64(truncatingIfNeeded: operand), ordering))
    return (old, old | operand)
  }

  @inlinable
  func xor(
    _ operand: Value, ordering: AtomicUpdateOrdering
  ) -> (oldValue: Value, newValue: Value) {
    let old = Value(truncatingIfNeeded: word.xor(UInt64(truncatingIfNeeded: operand), ordering))
    return (old, old ^ operand)
  }

  @inlinable
  func min(
    _ operand: Value, ordering: AtomicUpdateOrdering
  ) -> (oldValue: Value, newValue: Value) {
    update(ordering) { Swift.min($0, operand) }
  }

  @inlinable
  func max(
    _ operand: Value, ordering: AtomicUpdateOrdering
  ) -> (oldValue: Value, newValue: Value) {
    update(ordering) { Swift.max($0, operand) }
  }

  /// A change for which the processor has no instruction.
  @inlinable
  func update(
    _ ordering: AtomicUpdateOrdering, _ change: (Value) -> Value
  ) -> (oldValue: Value, newValue: Value) {
    var old = load(ordering: .relaxed)
    while true {
      let new = change(old)
      let (exchanged, original) = compareExchange(expected: old, desired: new, ordering: ordering)
      if exchanged { return (old, new) }
      old = original
    }
  }
}

/// The bytes of such an integer, whose type its user knows.
///
/// Nothing here is inlined into clients, so that they need not see the C beneath.
@safe @usableFromInline
struct AtomicWord: @unchecked Sendable {
  // Sendable: an address is the same in every thread, and what lies there is atomic.
  private let address: UnsafeMutableRawPointer
  private let byteCount: Int

  init(in range: MappedRange, at offset: Int, byteCount: Int) {
    precondition(
      offset.isMultiple(of: byteCount), "An atomic integer lies at a multiple of its size")
    unsafe address = range.mutablePointer(at: offset, byteCount: byteCount)
    self.byteCount = byteCount
  }

  // SAFETY, of all of these: the address was checked when this was made, and the caller keeps the
  // mapping while it uses it.

  @usableFromInline
  func load(_ ordering: AtomicLoadOrdering) -> UInt64 {
    unsafe ipc_atomic_load(address, byteCount, Self.order(ordering))
  }

  @usableFromInline
  func store(_ value: UInt64, _ ordering: AtomicStoreOrdering) {
    unsafe ipc_atomic_store(address, byteCount, value, Self.order(ordering))
  }

  @usableFromInline
  func exchange(_ value: UInt64, _ ordering: AtomicUpdateOrdering) -> UInt64 {
    unsafe ipc_atomic_exchange(address, byteCount, value, Self.order(ordering))
  }

  @usableFromInline
  func compareExchange(
    _ expected: UInt64, _ desired: UInt64, _ ordering: AtomicUpdateOrdering
  ) -> UInt64 {
    unsafe ipc_atomic_compare_exchange(
      address, byteCount, expected, desired, Self.order(ordering))
  }

  @usableFromInline
  func add(_ operand: UInt64, _ ordering: AtomicUpdateOrdering) -> UInt64 {
    unsafe ipc_atomic_add(address, byteCount, operand, Self.order(ordering))
  }

  @usableFromInline
  func and(_ operand: UInt64, _ ordering: AtomicUpdateOrdering) -> UInt64 {
    unsafe ipc_atomic_and(address, byteCount, operand, Self.order(ordering))
  }

  @usableFromInline
  func or(_ operand: UInt64, _ ordering: AtomicUpdateOrdering) -> UInt64 {
    unsafe ipc_atomic_or(address, byteCount, operand, Self.order(ordering))
  }

  @usableFromInline
  func xor(_ operand: UInt64, _ ordering: AtomicUpdateOrdering) -> UInt64 {
    unsafe ipc_atomic_xor(address, byteCount, operand, Self.order(ordering))
  }

  // MARK: - Orders

  private static func order(_ ordering: AtomicLoadOrdering) -> CInt {
    switch ordering {
    case .relaxed: CInt(IPC_RELAXED)
    case .acquiring: CInt(IPC_ACQUIRING)
    default: CInt(IPC_SEQUENTIALLY_CONSISTENT)
    }
  }

  private static func order(_ ordering: AtomicStoreOrdering) -> CInt {
    switch ordering {
    case .relaxed: CInt(IPC_RELAXED)
    case .releasing: CInt(IPC_RELEASING)
    default: CInt(IPC_SEQUENTIALLY_CONSISTENT)
    }
  }

  private static func order(_ ordering: AtomicUpdateOrdering) -> CInt {
    switch ordering {
    case .relaxed: CInt(IPC_RELAXED)
    case .acquiring: CInt(IPC_ACQUIRING)
    case .releasing: CInt(IPC_RELEASING)
    case .acquiringAndReleasing: CInt(IPC_ACQUIRING_AND_RELEASING)
    default: CInt(IPC_SEQUENTIALLY_CONSISTENT)
    }
  }
}
