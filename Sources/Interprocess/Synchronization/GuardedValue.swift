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

/// A value in shared memory that a lock guards, for who holds the lock.
@usableFromInline
struct GuardedValue<Value: Shareable>: Sendable {
  @usableFromInline let range: MappedRange

  /// - Precondition: The value lies within the range, where its alignment lets it.
  init(in range: MappedRange, at offset: Int) {
    self.range = range.part(at: offset, byteCount: MemoryLayout<Value>.size)
  }

  @inlinable @unsafe var pointer: UnsafeMutablePointer<Value> {
    // SAFETY: the range has the size of the value and begins where it may lie, and every bit
    // pattern is a value. The lock keeps away whoever must not touch it meanwhile.
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

  /// Lets a value be repaired whose last holder died, and does something else if that fails.
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

/// That a lock was taken: by this process, or by the one that has forked it.
///
/// Whoever leaves a closure under a lock may be a child that was forked within it. It has a copy of
/// this; the lock is its parent's, who gives it back.
@usableFromInline
struct LockTurn: Sendable {
  let generation = Descriptor.generation
  /// Whether the lock's last holder died.
  @usableFromInline let wasAbandoned: Bool

  init(wasAbandoned: Bool = false) { self.wasAbandoned = wasAbandoned }

  /// Keeps a child that was forked under the lock from what is done next under it.
  ///
  /// - Throws: `roleTaken`.
  func check(_ name: String) throws(InterprocessError) {
    guard generation == Descriptor.generation else { throw .ofParent("lock", of: name) }
  }
}
