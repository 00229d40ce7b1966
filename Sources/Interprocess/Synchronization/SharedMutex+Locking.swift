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
    let hold = if let hold = _acquireAtOnce() { hold } else { try _acquire(timeout: timeout) }
    defer { _release(hold) }
    return try _value.change(body)
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
    guard let hold = try _tryAcquire() else { return nil }
    defer { _release(hold) }
    return try _value.change(body)
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
    let hold = try _acquireRecovering(timeout: timeout)
    try _value.repair(hold.wasAbandoned, by: repair) { _releaseAbandoned(hold) }
    try _check(hold)
    defer { _release(hold) }
    return try _value.change(body)
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
    let hold = try _acquire(timeout: timeout) { hold in try _isFulfilled(condition, hold) }
    defer { _release(hold) }
    return try _value.change(body)
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
    let hold = if let hold = _acquireAtOnce() { hold } else { try await _acquire(timeout: timeout) }
    defer { _release(hold) }
    return try _value.change(body)
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
    let hold = try await _acquireRecovering(timeout: timeout)
    try _value.repair(hold.wasAbandoned, by: repair) { _releaseAbandoned(hold) }
    try _check(hold)
    defer { _release(hold) }
    return try _value.change(body)
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
    let hold = try await _acquire(timeout: timeout) { hold in try _isFulfilled(condition, hold) }
    defer { _release(hold) }
    return try _value.change(body)
  }

  // MARK: - For the inlined functions

  @usableFromInline func _acquireAtOnce() -> LockHold? { lock.lockAtOnce() ? LockHold() : nil }

  @usableFromInline func _acquire(timeout: Duration?) throws(InterprocessError) -> LockHold {
    _ = try lock.lock(atMost: timeout, isRecovering: false)
    return LockHold()
  }

  @usableFromInline nonisolated(nonsending) func _acquire(
    timeout: Duration?
  ) async throws -> LockHold {
    _ = try await lock.lock(atMost: timeout, isRecovering: false)
    return LockHold()
  }

  @usableFromInline func _tryAcquire() throws(InterprocessError) -> LockHold? {
    if let hold = _acquireAtOnce() { return hold }
    return try lock.tryLock() ? LockHold() : nil
  }

  @usableFromInline func _acquireRecovering(
    timeout: Duration?
  ) throws(InterprocessError) -> LockHold {
    if let hold = _acquireAtOnce() { return hold }
    return LockHold(wasAbandoned: try lock.lock(atMost: timeout, isRecovering: true))
  }

  @usableFromInline nonisolated(nonsending) func _acquireRecovering(
    timeout: Duration?
  ) async throws -> LockHold {
    LockHold(wasAbandoned: try await lock.lock(atMost: timeout, isRecovering: true))
  }

  /// Keeps a child that was forked within one closure from running the next.
  ///
  /// - Throws: `roleTaken`.
  @usableFromInline func _check(_ hold: LockHold) throws(InterprocessError) {
    if !hold.isOwn { throw ofParent }
  }

  private var ofParent: InterprocessError {
    @inline(never) get { .ofParent("lock", of: name) }
  }

  /// Checks a condition, and releases the lock if that throws.
  @inlinable func _isFulfilled(
    _ condition: (Value) throws -> Bool, _ hold: LockHold
  ) throws -> Bool {
    let isFulfilled = try _value.fulfils(condition) { _release(hold) }
    try _check(hold)
    return isFulfilled
  }

  @usableFromInline func _release(_ hold: LockHold) { lock.unlock(takenIn: hold.generation) }

  @usableFromInline func _releaseAbandoned(_ hold: LockHold) {
    lock.unlockAbandoned(takenIn: hold.generation)
  }

  /// Takes the lock as often as the value has to change for `isFulfilled` to return `true`; that
  /// releases the lock if it throws.
  ///
  /// Not inlined: clients would have to look up the type of the clock's moments.
  @usableFromInline func _acquire(
    timeout: Duration?, when isFulfilled: (LockHold) throws -> Bool
  ) throws -> LockHold {
    let hold = _acquireAtOnce()
    if let hold, try isFulfilled(hold) { return hold }
    return try acquire(isHeld: hold != nil, timeout: timeout, when: isFulfilled)
  }

  /// - Parameter isHeld: Whether the lock is held now, and the value has to change.
  @inline(never) private func acquire(
    isHeld: Bool, timeout: Duration?, when isFulfilled: (LockHold) throws -> Bool
  ) throws -> LockHold {
    var sleeps = Sleeps(atMost: timeout)
    if isHeld { try lock.sleepUntilChanged(&sleeps) }
    while true {
      let hold = try _acquire(timeout: sleeps.timeLeft)
      if try isFulfilled(hold) { return hold }
      try lock.sleepUntilChanged(&sleeps)
    }
  }

  @usableFromInline nonisolated(nonsending) func _acquire(
    timeout: Duration?, when isFulfilled: (LockHold) throws -> Bool
  ) async throws -> LockHold {
    var sleeps = Sleeps(atMost: timeout)
    while true {
      let hold = try await _acquire(timeout: sleeps.timeLeft)
      if try isFulfilled(hold) { return hold }
      try await lock.sleepUntilChanged(&sleeps)
    }
  }
}
