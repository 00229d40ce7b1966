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
    let turn = try acquireForWriting(timeout: timeout, isRecovering: false)
    defer { releaseForWriting(turn) }
    return try value.change(body)
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
    let turn = try acquireForWriting(timeout: timeout, isRecovering: true)
    try value.repair(turn.wasAbandoned, by: repair) { releaseAbandoned(turn) }
    try check(turn)
    defer { releaseForWriting(turn) }
    return try value.change(body)
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
    let turn = try await acquireForWriting(timeout: timeout, isRecovering: false)
    defer { releaseForWriting(turn) }
    return try value.change(body)
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
    let turn = try await acquireForWriting(timeout: timeout, isRecovering: true)
    try value.repair(turn.wasAbandoned, by: repair) { releaseAbandoned(turn) }
    try check(turn)
    defer { releaseForWriting(turn) }
    return try value.change(body)
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
    guard let turn = try tryAcquireForWriting() else { return nil }
    defer { releaseForWriting(turn) }
    return try value.change(body)
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
    var sleeps = Sleeps(atMost: timeout)
    while true {
      let turn = try acquireForWriting(timeout: sleeps.timeLeft, isRecovering: false)
      if try isFulfilled(condition, turn) {
        defer { releaseForWriting(turn) }
        return try value.change(body)
      }
      try sleepUntilChanged(&sleeps)
    }
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
    var sleeps = Sleeps(atMost: timeout)
    while true {
      let turn = try await acquireForWriting(timeout: sleeps.timeLeft, isRecovering: false)
      if try isFulfilled(condition, turn) {
        defer { releaseForWriting(turn) }
        return try value.change(body)
      }
      try await sleepUntilChanged(&sleeps)
    }
  }

  // MARK: - For the inlined functions

  @usableFromInline func acquireForWriting(
    timeout: Duration?, isRecovering: Bool
  ) throws(InterprocessError) -> LockTurn {
    let sleeps = Sleeps(atMost: timeout)
    var wasAbandoned = false
    if !lock.lockAtOnce() {
      wasAbandoned = try lock.lock(atMost: timeout, isRecovering: isRecovering)
    }
    let turn = LockTurn(wasAbandoned: wasAbandoned)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    if readers.isFree { return turn }
    do throws(InterprocessError) {
      let number = try lock.number()
      let isFree = try waiting.wait(atMost: sleeps.timeLeft) { stage throws(InterprocessError) in
        try attemptToWrite(stage, as: number)
      }
      guard isFree != nil else { throw RobustLock.timedOut(name) }
      return turn
    } catch {
      giveUp(turn)
      throw error
    }
  }

  @usableFromInline nonisolated(nonsending) func acquireForWriting(
    timeout: Duration?, isRecovering: Bool
  ) async throws -> LockTurn {
    let sleeps = Sleeps(atMost: timeout)
    let turn = LockTurn(
      wasAbandoned: try await lock.lock(atMost: timeout, isRecovering: isRecovering))
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    // Another task that runs on this thread meanwhile does not hold the lock.
    lock.setHolder(isRunning: false)
    do {
      let number = try lock.number()
      let isFree = try await waiting.wait(atMost: sleeps.timeLeft) {
        stage throws(InterprocessError) in try attemptToWrite(stage, as: number)
      }
      guard isFree != nil else { throw RobustLock.timedOut(name) }
      lock.setHolder(isRunning: true)
      return turn
    } catch {
      giveUp(turn)
      throw error
    }
  }

  @usableFromInline func tryAcquireForWriting() throws(InterprocessError) -> LockTurn? {
    guard try lock.tryLock() else { return nil }
    let turn = LockTurn()
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    do throws(InterprocessError) {
      if readers.isFree { return turn }
      try readers.reclaim(own: lock.number())
      if readers.isFree { return turn }
    } catch {
      giveUp(turn)
      throw error
    }
    giveUp(turn)
    return nil
  }

  private func attemptToWrite(
    _ stage: Waiting.Stage, as number: UInt32
  ) throws(InterprocessError) -> Waiting.Turn<Bool> {
    try readers.attempt(stage, as: number, alike: 1) {
      readers.isFree ? true : nil
    }
  }

  /// Releases a lock that was taken, but under which nothing was changed.
  @usableFromInline func giveUp(_ turn: LockTurn) {
    if turn.wasAbandoned {
      releaseAbandoned(turn)
    } else {
      lock.unlockUnchanged(takenIn: turn.generation)
    }
  }

  /// Checks a condition, and releases the lock if that throws.
  @inlinable func isFulfilled(
    _ condition: (Value) throws -> Bool, _ turn: LockTurn
  ) throws -> Bool {
    let isFulfilled = try value.fulfils(condition) { giveUp(turn) }
    try check(turn)
    return isFulfilled
  }

  /// Releases the lock, and sleeps until another writer has released it.
  @usableFromInline func sleepUntilChanged(_ sleeps: inout Sleeps) throws(InterprocessError) {
    try lock.sleepUntilChanged(&sleeps)
  }

  @usableFromInline nonisolated(nonsending) func sleepUntilChanged(
    _ sleeps: inout Sleeps
  ) async throws {
    try await lock.sleepUntilChanged(&sleeps)
  }

  /// Keeps a child that was forked within one closure from running the next.
  ///
  /// - Throws: `roleTaken`.
  @usableFromInline func check(_ turn: LockTurn) throws(InterprocessError) { try turn.check(name) }

  @usableFromInline func releaseForWriting(_ turn: LockTurn) {
    lock.unlock(takenIn: turn.generation)
  }

  @usableFromInline func releaseAbandoned(_ turn: LockTurn) {
    lock.unlockAbandoned(takenIn: turn.generation)
  }
}
