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

/// A value in shared memory that a lock guards; only the lock holder may use it.
@usableFromInline
struct GuardedValue<Value: Shareable>: Sendable {
  @usableFromInline let range: MappedRange

  /// - Precondition: The value lies within the range, and is aligned.
  init(in range: MappedRange, at offset: Int) {
    self.range = range.part(at: offset, byteCount: MemoryLayout<Value>.size)
  }

  @inlinable @unsafe var pointer: UnsafeMutablePointer<Value> {
    // SAFETY: the range has the size of the value and is aligned for it, and every bit pattern is a
    // value. The lock keeps all others away meanwhile.
    unsafe range.mutablePointer(at: 0, byteCount: MemoryLayout<Value>.size)
      .assumingMemoryBound(to: Value.self)
  }

  /// Lends the value to be read.
  @inlinable
  func read<Result: ~Copyable>(_ body: (Value) throws -> Result) throws -> Result {
    try unsafe body(pointer.pointee)
  }

  /// Lends the value to be changed.
  @inlinable
  func change<Result: ~Copyable>(_ body: (inout Value) throws -> Result) throws -> Result {
    try unsafe body(&pointer.pointee)
  }

  /// Checks a condition; if it throws, calls `giveUp` and throws.
  @inlinable
  func fulfils(_ condition: (Value) throws -> Bool, orElse giveUp: () -> Void) throws -> Bool {
    do {
      return try read(condition)
    } catch {
      giveUp()
      throw error
    }
  }

  /// Repairs a value whose last lock holder died; if that fails, calls `giveUp` and throws.
  @inlinable
  func repair(
    _ isNeeded: Bool, by body: (inout Value) throws -> Void, orElse giveUp: () -> Void
  ) throws {
    guard isNeeded else { return }
    do {
      try change(body)
    } catch {
      giveUp()
      throw error
    }
  }
}

/// Proof that a lock was taken, by this process or by the one that forked it.
///
/// A child that was forked within a closure under a lock leaves that closure as well. It has a copy
/// of this, but the lock belongs to its parent, which releases it.
@usableFromInline
struct LockHold: Sendable {
  let generation = Descriptor.generation
  /// Whether the lock's last holder died.
  @usableFromInline let wasAbandoned: Bool

  init(wasAbandoned: Bool = false) { self.wasAbandoned = wasAbandoned }

  /// Keeps a child that was forked under the lock from using what it guards.
  ///
  /// - Throws: `roleTaken`.
  var isOwn: Bool { generation == Descriptor.generation }
}
