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

internal import Synchronization

// Taking the lock for writing.
extension SharedReadWriteLock {
  /// Calls `body` with the value while no other thread or task reads or writes.
  ///
  /// Blocks until all other readers and writers have finished. Corresponds to
  /// `pthread_rwlock_wrlock` in C.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for the lock; `nil`: as long as it takes.
  ///   - body: Reads and changes the value. It must not take this lock again.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws; the value then stays as `body` left it, and the lock is free. If
  ///   `body` was not called, what `withReadLock(timeout:_:)` throws then.
  /// - Precondition: This thread does not write through this handle.
  @inlinable
  public func withWriteLock<Result: ~Copyable>(
    timeout: Duration? = nil, _ body: (inout Value) throws -> Result
  ) throws -> Result {
    let hold = try _acquireForWriting(timeout: timeout, isRecovering: false)
    defer { _releaseForWriting(hold) }
    return try _value.change(body)
  }

  /// Calls `body` with the value; if a process died while it wrote, calls `repair` first.
  ///
  /// Blocks as `withWriteLock(timeout:_:)` does.
  ///
  /// - Parameters:
  ///   - repair: Makes a value valid again that may be half changed. If it throws, the lock still
  ///     counts as that of a dead writer.
  ///   - timeout: How long to wait for the lock; `nil`: as long as it takes.
  ///   - body: Reads and changes the value.
  /// - Returns: What `body` returns.
  /// - Throws: What `repair` and `body` throw, and what `withWriteLock(timeout:_:)` throws, except
  ///   `ownerDied`.
  /// - Precondition: This thread does not write through this handle.
  @inlinable
  public func withWriteLock<Result: ~Copyable>(
    recovering repair: (inout Value) throws -> Void, timeout: Duration? = nil,
    _ body: (inout Value) throws -> Result
  ) throws -> Result {
    let hold = try _acquireForWriting(timeout: timeout, isRecovering: true)
    try _value.repair(hold.wasAbandoned, by: repair) { _releaseAbandoned(hold) }
    try _check(hold)
    defer { _releaseForWriting(hold) }
    return try _value.change(body)
  }

  /// Calls `body` with the value while no other thread or task reads or writes.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for the lock; `nil`: as long as it takes.
  ///   - body: Reads and changes the value.
  /// - Returns: What `body` returns.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  @inlinable
  public nonisolated(nonsending) func withWriteLock<Result: ~Copyable>(
    timeout: Duration? = nil, _ body: (inout Value) throws -> Result
  ) async throws -> Result {
    let hold = try await _acquireForWriting(timeout: timeout, isRecovering: false)
    defer { _releaseForWriting(hold) }
    return try _value.change(body)
  }

  /// Calls `body` with the value; if a process died while it wrote, calls `repair` first.
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
  public nonisolated(nonsending) func withWriteLock<Result: ~Copyable>(
    recovering repair: (inout Value) throws -> Void, timeout: Duration? = nil,
    _ body: (inout Value) throws -> Result
  ) async throws -> Result {
    let hold = try await _acquireForWriting(timeout: timeout, isRecovering: true)
    try _value.repair(hold.wasAbandoned, by: repair) { _releaseAbandoned(hold) }
    try _check(hold)
    defer { _releaseForWriting(hold) }
    return try _value.change(body)
  }

  /// Calls `body` with the value if no other thread or task reads or writes.
  ///
  /// Does not block. Corresponds to `pthread_rwlock_trywrlock` and `pthread_rwlock_unlock` in C.
  ///
  /// - Parameter body: Reads and changes the value. It must not take this lock again.
  /// - Returns: What `body` returns; `nil` if another thread or task holds the lock or is just
  ///   taking it.
  /// - Throws: What `withWriteLock(timeout:_:)` throws, except `timedOut`.
  /// - Precondition: This thread does not write through this handle.
  @inlinable
  public func tryWithWriteLock<Result: ~Copyable>(
    _ body: (inout Value) throws -> Result
  ) throws -> Result? {
    guard let hold = try _tryAcquireForWriting() else { return nil }
    defer { _releaseForWriting(hold) }
    return try _value.change(body)
  }

  // MARK: - Conditions

  /// Waits until the value fulfils a condition, and calls `body` with it while no other thread or
  /// task reads or writes.
  ///
  /// Checks the condition as a writer: at once, and again each time another writer has released the
  /// lock. No change is missed, and a waiter that is killed in its sleep affects no other.
  /// Corresponds to no single function in C: the condition variables of `pthread` wait with a mutex
  /// only.
  ///
  /// - Parameters:
  ///   - condition: Whether `body` may run with this value. It must not take this lock again.
  ///   - timeout: How long to wait for the condition and for the lock; `nil`: as long as it takes.
  ///   - body: Reads and changes the value, which fulfils the condition.
  /// - Returns: What `body` returns.
  /// - Throws: What `withWriteLock(timeout:_:)` and `condition` throw.
  /// - Precondition: This thread does not write through this handle.
  @inlinable
  public func withWriteLock<Result: ~Copyable>(
    until condition: (Value) throws -> Bool, timeout: Duration? = nil,
    _ body: (inout Value) throws -> Result
  ) throws -> Result {
    let hold = try _acquireForWriting(timeout: timeout) { hold in
      try _isFulfilled(condition, hold)
    }
    defer { _releaseForWriting(hold) }
    return try _value.change(body)
  }

  /// Waits until the value fulfils a condition, and calls `body` with it while no other thread or
  /// task reads or writes.
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
  public nonisolated(nonsending) func withWriteLock<Result: ~Copyable>(
    until condition: (Value) throws -> Bool, timeout: Duration? = nil,
    _ body: (inout Value) throws -> Result
  ) async throws -> Result {
    let hold = try await _acquireForWriting(timeout: timeout) { hold in
      try _isFulfilled(condition, hold)
    }
    defer { _releaseForWriting(hold) }
    return try _value.change(body)
  }

  // MARK: - For the inlined functions

  @usableFromInline func _acquireForWriting(
    timeout: Duration?, isRecovering: Bool
  ) throws(InterprocessError) -> LockHold {
    let isHeld = lock.lockAtOnce()
    if isHeld {
      atomicMemoryFence(ordering: .sequentiallyConsistent)
      if readers.isFree { return LockHold() }
    }
    return try acquireForWriting(isHeld: isHeld, timeout: timeout, isRecovering: isRecovering)
  }

  /// - Parameter isHeld: Whether the lock is held now, and readers have to leave.
  @inline(never) private func acquireForWriting(
    isHeld: Bool, timeout: Duration?, isRecovering: Bool
  ) throws(InterprocessError) -> LockHold {
    let sleeps = Sleeps(atMost: timeout)
    var wasAbandoned = false
    if !isHeld { wasAbandoned = try lock.lock(atMost: timeout, isRecovering: isRecovering) }
    let hold = LockHold(wasAbandoned: wasAbandoned)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    if readers.isFree { return hold }
    do throws(InterprocessError) {
      let number = try lock.number()
      let isFree = try waits.wait(atMost: sleeps.timeLeft) { stage throws(InterprocessError) in
        try attemptToWrite(stage, as: number)
      }
      guard isFree != nil else { throw RobustLock.timedOut(name) }
      return hold
    } catch {
      _giveUp(hold)
      throw error
    }
  }

  @usableFromInline nonisolated(nonsending) func _acquireForWriting(
    timeout: Duration?, isRecovering: Bool
  ) async throws -> LockHold {
    let sleeps = Sleeps(atMost: timeout)
    let hold = LockHold(
      wasAbandoned: try await lock.lock(atMost: timeout, isRecovering: isRecovering))
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    // Another task that runs on this thread meanwhile does not hold the lock.
    lock.setHolder(isRunning: false)
    do {
      let number = try lock.number()
      let isFree = try await waits.wait(
        atMost: sleeps.timeLeft,
        isDue: { [readers] in readers.isFree || readers.seemsDead(own: number) }
      ) { stage throws(InterprocessError) in try attemptToWrite(stage, as: number) }
      guard isFree != nil else { throw RobustLock.timedOut(name) }
      lock.setHolder(isRunning: true)
      return hold
    } catch {
      _giveUp(hold)
      throw error
    }
  }

  @usableFromInline func _tryAcquireForWriting() throws(InterprocessError) -> LockHold? {
    guard lock.lockAtOnce() ? true : try lock.tryLock() else { return nil }
    let hold = LockHold()
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    do throws(InterprocessError) {
      if readers.isFree { return hold }
      try readers.reclaim(own: lock.number())
      if readers.isFree { return hold }
    } catch {
      _giveUp(hold)
      throw error
    }
    _giveUp(hold)
    return nil
  }

  private func attemptToWrite(
    _ stage: Waiting.Stage, as number: UInt32
  ) throws(InterprocessError) -> Waiting.Outcome<Bool> {
    try readers.attempt(stage, as: number, alike: 1) {
      readers.isFree ? true : nil
    }
  }

  /// Releases a lock that was taken, but under which nothing was changed.
  @usableFromInline func _giveUp(_ hold: LockHold) {
    if hold.wasAbandoned {
      _releaseAbandoned(hold)
    } else {
      lock.unlockUnchanged(takenIn: hold.generation)
    }
  }

  /// Checks a condition, and releases the lock if that throws.
  @inlinable func _isFulfilled(
    _ condition: (Value) throws -> Bool, _ hold: LockHold
  ) throws -> Bool {
    let isFulfilled = try _value.fulfils(condition) { _giveUp(hold) }
    try _check(hold)
    return isFulfilled
  }

  /// Takes the lock as often as the value has to change for `isFulfilled` to return `true`; that
  /// releases the lock if it throws.
  ///
  /// Not inlined: clients would have to look up the type of the clock's moments.
  @usableFromInline func _acquireForWriting(
    timeout: Duration?, when isFulfilled: (LockHold) throws -> Bool
  ) throws -> LockHold {
    var sleeps = Sleeps(atMost: timeout)
    while true {
      let hold = try _acquireForWriting(timeout: sleeps.timeLeft, isRecovering: false)
      if try isFulfilled(hold) { return hold }
      try lock.sleepUntilChanged(&sleeps)
    }
  }

  @usableFromInline nonisolated(nonsending) func _acquireForWriting(
    timeout: Duration?, when isFulfilled: (LockHold) throws -> Bool
  ) async throws -> LockHold {
    var sleeps = Sleeps(atMost: timeout)
    while true {
      let hold = try await _acquireForWriting(timeout: sleeps.timeLeft, isRecovering: false)
      if try isFulfilled(hold) { return hold }
      try await lock.sleepUntilChanged(&sleeps)
    }
  }

  /// Keeps a child that was forked within one closure from running the next.
  ///
  /// - Throws: `roleTaken`.
  @usableFromInline func _check(_ hold: LockHold) throws(InterprocessError) {
    if !hold.isOwn { throw ofParent }
  }

  var ofParent: InterprocessError {
    @inline(never) get { .ofParent("lock", of: name) }
  }

  @usableFromInline func _releaseForWriting(_ hold: LockHold) {
    lock.unlock(takenIn: hold.generation)
  }

  @usableFromInline func _releaseAbandoned(_ hold: LockHold) {
    lock.unlockAbandoned(takenIn: hold.generation)
  }
}
