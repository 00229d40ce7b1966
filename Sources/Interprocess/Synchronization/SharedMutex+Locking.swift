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

// Taking the lock.
extension SharedMutex {
  // MARK: - For threads

  /// Calls `body` with the value while no other thread of any process uses it.
  ///
  /// Blocks until the lock is free: spins for some microseconds, and then sleeps in the kernel.
  /// Waiters get the lock in no particular order. Corresponds to `pthread_mutex_lock` or
  /// `pthread_mutex_timedlock`, and `pthread_mutex_unlock`, in C.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for the lock; `nil`: as long as it takes.
  ///   - body: Reads and changes the value. It must not take this lock again.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws; the value then stays as `body` left it, and the lock is free. If
  ///   `body` was not called, ``InterprocessError``: `timedOut`; `ownerDied` if a process died
  ///   while it held the lock, and the value has not been repaired; `corrupted` if something other
  ///   than this type has written there; `system` for anything else.
  /// - Precondition: This thread does not hold the lock through this handle.
  @inlinable
  public func withLock<Result: ~Copyable>(
    timeout: Duration? = nil, _ body: (inout Value) throws -> Result
  ) throws -> Result {
    let turn = if let turn = acquireAtOnce() { turn } else { try acquire(timeout: timeout) }
    defer { release(turn) }
    return try value.change(body)
  }

  /// Calls `body` with the value if the lock is free.
  ///
  /// Does not block. Corresponds to `pthread_mutex_trylock` and `pthread_mutex_unlock` in C.
  ///
  /// - Parameter body: Reads and changes the value.
  /// - Returns: What `body` returns, or `nil` if the lock is held.
  /// - Throws: What `withLock(timeout:_:)` throws, except `timedOut`.
  /// - Precondition: This thread does not hold the lock through this handle.
  @inlinable
  public func tryWithLock<Result: ~Copyable>(
    _ body: (inout Value) throws -> Result
  ) throws -> Result? {
    guard let turn = try tryAcquire() else { return nil }
    defer { release(turn) }
    return try value.change(body)
  }

  /// Calls `body` with the value; if a process died while it held the lock, calls `repair` first.
  ///
  /// If this process dies in `repair` or in `body`, the next one gets the same chance. Blocks as
  /// `withLock(timeout:_:)` does. Corresponds to `pthread_mutex_consistent` in C.
  ///
  /// - Parameters:
  ///   - repair: Makes a value valid again that may be half changed. If it throws, the lock still
  ///     counts as that of a dead holder.
  ///   - timeout: How long to wait for the lock; `nil`: as long as it takes.
  ///   - body: Reads and changes the value.
  /// - Returns: What `body` returns.
  /// - Throws: What `repair` and `body` throw, and what `withLock(timeout:_:)` throws, except
  ///   `ownerDied`.
  /// - Precondition: This thread does not hold the lock through this handle.
  @inlinable
  public func withLock<Result: ~Copyable>(
    recovering repair: (inout Value) throws -> Void, timeout: Duration? = nil,
    _ body: (inout Value) throws -> Result
  ) throws -> Result {
    let turn = try acquireRecovering(timeout: timeout)
    try value.repair(turn.wasAbandoned, by: repair) { releaseAbandoned(turn) }
    try check(turn)
    defer { release(turn) }
    return try value.change(body)
  }

  /// Waits until the value fulfils a condition, and calls `body` with it.
  ///
  /// Checks the condition with the lock held: at once, and again each time another holder has
  /// released the lock. No change is missed, and a waiter that is killed affects no other.
  /// Corresponds to `pthread_cond_timedwait` in C and to `multiprocessing.Condition.wait_for` in
  /// Python.
  ///
  /// - Parameters:
  ///   - condition: Whether `body` may run with this value.
  ///   - timeout: How long to wait for the condition and for the lock; `nil`: as long as it takes.
  ///   - body: Reads and changes the value, which fulfils the condition.
  /// - Returns: What `body` returns.
  /// - Throws: What `withLock(timeout:_:)` and `condition` throw.
  /// - Precondition: This thread does not hold the lock through this handle.
  @inlinable
  public func withLock<Result: ~Copyable>(
    until condition: (Value) throws -> Bool, timeout: Duration? = nil,
    _ body: (inout Value) throws -> Result
  ) throws -> Result {
    var sleeps = Sleeps(atMost: timeout)
    while true {
      let turn = try acquire(timeout: sleeps.timeLeft)
      if try isFulfilled(condition, turn) {
        defer { release(turn) }
        return try value.change(body)
      }
      try sleepUntilChanged(&sleeps)
    }
  }

  // MARK: - For tasks

  /// Calls `body` with the value while no other task or thread of any process uses it.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  /// `body` is not asynchronous, because suspending it would keep other processes waiting.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for the lock; `nil`: as long as it takes.
  ///   - body: Reads and changes the value.
  /// - Returns: What `body` returns.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  @inlinable
  public nonisolated(nonsending) func withLock<Result: ~Copyable>(
    timeout: Duration? = nil,
    _ body: (inout Value) throws -> Result
  ) async throws -> Result {
    let turn = if let turn = acquireAtOnce() { turn } else { try await acquire(timeout: timeout) }
    defer { release(turn) }
    return try value.change(body)
  }

  /// Calls `body` with the value; if a process died while it held the lock, calls `repair` first.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - repair: Makes a value valid again that may be half changed.
  ///   - timeout: How long to wait for the lock; `nil`: as long as it takes.
  ///   - body: Reads and changes the value.
  /// - Returns: What `body` returns.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  @inlinable
  public nonisolated(nonsending) func withLock<Result: ~Copyable>(
    recovering repair: (inout Value) throws -> Void, timeout: Duration? = nil,
    _ body: (inout Value) throws -> Result
  ) async throws -> Result {
    let turn = try await acquireRecovering(timeout: timeout)
    try value.repair(turn.wasAbandoned, by: repair) { releaseAbandoned(turn) }
    try check(turn)
    defer { release(turn) }
    return try value.change(body)
  }

  /// Waits until the value fulfils a condition, and calls `body` with it.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - condition: Whether `body` may run with this value.
  ///   - timeout: How long to wait for the condition and for the lock; `nil`: as long as it takes.
  ///   - body: Reads and changes the value, which fulfils the condition.
  /// - Returns: What `body` returns.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  @inlinable
  public nonisolated(nonsending) func withLock<Result: ~Copyable>(
    until condition: (Value) throws -> Bool, timeout: Duration? = nil,
    _ body: (inout Value) throws -> Result
  ) async throws -> Result {
    var sleeps = Sleeps(atMost: timeout)
    while true {
      let turn = try await acquire(timeout: sleeps.timeLeft)
      if try isFulfilled(condition, turn) {
        defer { release(turn) }
        return try value.change(body)
      }
      try await sleepUntilChanged(&sleeps)
    }
  }

  // MARK: - For the inlined functions

  @usableFromInline func acquireAtOnce() -> LockTurn? { lock.lockAtOnce() ? LockTurn() : nil }

  @usableFromInline func acquire(timeout: Duration?) throws(InterprocessError) -> LockTurn {
    _ = try lock.lock(atMost: timeout, isRecovering: false)
    return LockTurn()
  }

  @usableFromInline nonisolated(nonsending) func acquire(
    timeout: Duration?
  ) async throws -> LockTurn {
    _ = try await lock.lock(atMost: timeout, isRecovering: false)
    return LockTurn()
  }

  @usableFromInline func tryAcquire() throws(InterprocessError) -> LockTurn? {
    try lock.tryLock() ? LockTurn() : nil
  }

  @usableFromInline func acquireRecovering(
    timeout: Duration?
  ) throws(InterprocessError) -> LockTurn {
    LockTurn(wasAbandoned: try lock.lock(atMost: timeout, isRecovering: true))
  }

  @usableFromInline nonisolated(nonsending) func acquireRecovering(
    timeout: Duration?
  ) async throws -> LockTurn {
    LockTurn(wasAbandoned: try await lock.lock(atMost: timeout, isRecovering: true))
  }

  /// Keeps a child that was forked within one closure from running the next.
  ///
  /// - Throws: `roleTaken`.
  @usableFromInline func check(_ turn: LockTurn) throws(InterprocessError) { try turn.check(name) }

  /// Checks a condition, and releases the lock if that throws.
  @inlinable func isFulfilled(
    _ condition: (Value) throws -> Bool, _ turn: LockTurn
  ) throws -> Bool {
    let isFulfilled = try value.fulfils(condition) { release(turn) }
    try check(turn)
    return isFulfilled
  }

  @usableFromInline func release(_ turn: LockTurn) { lock.unlock(takenIn: turn.generation) }

  @usableFromInline func releaseAbandoned(_ turn: LockTurn) {
    lock.unlockAbandoned(takenIn: turn.generation)
  }

  /// Releases the lock, and sleeps until another holder has released it.
  @usableFromInline func sleepUntilChanged(_ sleeps: inout Sleeps) throws(InterprocessError) {
    try lock.sleepUntilChanged(&sleeps)
  }

  @usableFromInline nonisolated(nonsending) func sleepUntilChanged(
    _ sleeps: inout Sleeps
  ) async throws {
    try await lock.sleepUntilChanged(&sleeps)
  }
}
