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

// Taking the lock for reading.
extension SharedReadWriteLock {
  /// Calls `body` with the value while no other thread or task writes.
  ///
  /// Other readers may run at the same time. Blocks while a writer writes or waits to, and while
  /// ``maximumReaderCount`` readers hold the lock. Corresponds to `pthread_rwlock_rdlock` in C.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for the lock; `nil`: as long as it takes.
  ///   - body: Reads the value. It must not take this lock again, for reading or writing.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws. If `body` was not called, ``InterprocessError``: `timedOut`;
  ///   `ownerDied` if a process died while it wrote, and the value has not been repaired;
  ///   `corrupted` if something other than this type has written there; `system` for anything else.
  @inlinable
  public func withReadLock<Result: ~Copyable>(
    timeout: Duration? = nil, _ body: (Value) throws -> Result
  ) throws -> Result {
    let place = try _acquireForReading(timeout: timeout)
    defer { _releaseForReading(place) }
    return try _value.read(body)
  }

  /// Calls `body` with the value while no other thread or task writes; other readers may run at the
  /// same time.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for the lock; `nil`: as long as it takes.
  ///   - body: Reads the value.
  /// - Returns: What `body` returns.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  @inlinable
  public nonisolated(nonsending) func withReadLock<Result: ~Copyable>(
    timeout: Duration? = nil, _ body: (Value) throws -> Result
  ) async throws -> Result {
    let place = try await _acquireForReading(timeout: timeout)
    defer { _releaseForReading(place) }
    return try _value.read(body)
  }

  /// Calls `body` with the value if no other thread or task writes or waits to write.
  ///
  /// Other readers may run at the same time. Does not block. Corresponds to
  /// `pthread_rwlock_tryrdlock` and `pthread_rwlock_unlock` in C.
  ///
  /// - Parameter body: Reads the value. It must not take this lock again, for reading or writing.
  /// - Returns: What `body` returns; `nil` if another thread or task writes, waits to write or is
  ///   trying to, or if ``maximumReaderCount`` readers hold the lock.
  /// - Throws: What `withReadLock(timeout:_:)` throws, except `timedOut`.
  /// - Precondition: This thread does not write through this handle.
  @inlinable
  public func tryWithReadLock<Result: ~Copyable>(
    _ body: (Value) throws -> Result
  ) throws -> Result? {
    guard let place = try _tryAcquireForReading() else { return nil }
    defer { _releaseForReading(place) }
    return try _value.read(body)
  }

  // MARK: - Conditions

  /// Waits until the value fulfils a condition, and calls `body` with it while no other thread or
  /// task writes.
  ///
  /// Checks the condition as a reader: at once, and again each time a writer has released the lock.
  /// Other readers may run at the same time, also while `body` runs. No change is missed, and a
  /// waiter that is killed affects no other. Corresponds to no single function in C: the condition
  /// variables of `pthread` wait with a mutex only.
  ///
  /// - Parameters:
  ///   - condition: Whether `body` may run with this value. It must not take this lock again.
  ///   - timeout: How long to wait for the condition and for the lock; `nil`: as long as it takes.
  ///   - body: Reads the value, which fulfils the condition.
  /// - Returns: What `body` returns.
  /// - Throws: What `withReadLock(timeout:_:)` and `condition` throw.
  /// - Precondition: This thread does not write through this handle.
  @inlinable
  public func withReadLock<Result: ~Copyable>(
    until condition: (Value) throws -> Bool, timeout: Duration? = nil,
    _ body: (Value) throws -> Result
  ) throws -> Result {
    let place = try _acquireForReading(timeout: timeout) { place in
      try _isFulfilled(condition, place)
    }
    defer { _releaseForReading(place) }
    return try _value.read(body)
  }

  /// Waits until the value fulfils a condition, and calls `body` with it while no other thread or
  /// task writes.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - condition: Whether `body` may run with this value.
  ///   - timeout: How long to wait for the condition and for the lock; `nil`: as long as it takes.
  ///   - body: Reads the value, which fulfils the condition.
  /// - Returns: What `body` returns.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  @inlinable
  public nonisolated(nonsending) func withReadLock<Result: ~Copyable>(
    until condition: (Value) throws -> Bool, timeout: Duration? = nil,
    _ body: (Value) throws -> Result
  ) async throws -> Result {
    let place = try await _acquireForReading(timeout: timeout) { place in
      try _isFulfilled(condition, place)
    }
    defer { _releaseForReading(place) }
    return try _value.read(body)
  }

  // MARK: - For the inlined functions

  /// A reader's place.
  @usableFromInline
  struct Place {
    fileprivate var index: Int
    fileprivate var number: UInt32
    fileprivate let generation = Descriptor.generation
  }

  /// Takes a place if that needs neither a wait nor a look at the clock.
  private func acquireForReadingAtOnce() -> Place? {
    guard let number = lock.numberIfTaken, lock.isFree, let index = readers.take(as: number),
      isConfirmed(index, number)
    else { return nil }
    return Place(index: index, number: number)
  }

  @usableFromInline func _acquireForReading(
    timeout: Duration?
  ) throws(InterprocessError) -> Place {
    if let place = acquireForReadingAtOnce() { return place }
    return try acquireForReading(timeout: timeout)
  }

  @inline(never) private func acquireForReading(
    timeout: Duration?
  ) throws(InterprocessError) -> Place {
    let number = try lock.number()
    let index = try waits.wait(atMost: timeout) { stage throws(InterprocessError) in
      try attemptToRead(stage, as: number)
    }
    guard let index else { throw RobustLock.timedOut(name) }
    return Place(index: index, number: number)
  }

  @usableFromInline nonisolated(nonsending) func _acquireForReading(
    timeout: Duration?
  ) async throws -> Place {
    let number = try lock.number()
    let look = lock.look(as: number)
    let index = try await waits.wait(
      atMost: timeout,
      isDue: { [readers] in look.isFree ? readers.seemsFree(own: number) : look.seemsDead() }
    ) { stage throws(InterprocessError) in
      try attemptToRead(stage, as: number)
    }
    guard let index else { throw RobustLock.timedOut(name) }
    return Place(index: index, number: number)
  }

  @usableFromInline func _tryAcquireForReading() throws(InterprocessError) -> Place? {
    if let place = acquireForReadingAtOnce() { return place }
    let number = try lock.number()
    for _ in 0..<SharedWord32.attemptLimit {
      guard try lock.attemptOnce(as: number, isTaking: false),
        let index = try readers.takeAlsoOfDead(as: number)
      else { return nil }
      if isConfirmed(index, number) { return Place(index: index, number: number) }
    }
    return nil
  }

  private func attemptToRead(
    _ stage: Waiting.Stage, as number: UInt32
  ) throws(InterprocessError) -> Waiting.Outcome<Int> {
    for _ in 0..<SharedWord32.attemptLimit {
      if case .wait(let word, let value, let alike) = try lock.attempt(
        stage, as: number, isTaking: false)
      {
        return .wait(word, while: value, alike: alike)
      }
      switch try readers.attemptToTake(stage, as: number) {
      case .wait(let gate, let value, let alike):
        return .wait(gate, while: value, alike: alike)
      case .done(let index):
        if isConfirmed(index, number) { return .done(index) }
      }
    }
    return lock.tryAgain()
  }

  /// Looks for a writer after taking a place, and gives the place back if there is one.
  private func isConfirmed(_ index: Int, _ number: UInt32) -> Bool {
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    if lock.isFree { return true }
    readers.free(index, number)
    return false
  }

  /// Checks a condition, and releases the lock if that throws.
  @inlinable func _isFulfilled(
    _ condition: (Value) throws -> Bool, _ place: Place
  ) throws -> Bool {
    let isFulfilled = try _value.fulfils(condition) { _releaseForReading(place) }
    try _check(place)
    return isFulfilled
  }

  /// Keeps a child that was forked within one closure from running the next.
  ///
  /// - Throws: `roleTaken`.
  @usableFromInline func _check(_ place: Place) throws(InterprocessError) {
    if place.generation != Descriptor.generation { throw ofParent }
  }

  /// Takes a place as often as the value has to change for `isFulfilled` to return `true`; that
  /// frees the place if it throws.
  ///
  /// Not inlined: clients would have to look up the type of the clock's moments.
  @usableFromInline func _acquireForReading(
    timeout: Duration?, when isFulfilled: (Place) throws -> Bool
  ) throws -> Place {
    let place = acquireForReadingAtOnce()
    if let place, try isFulfilled(place) { return place }
    return try acquireForReading(holding: place, timeout: timeout, when: isFulfilled)
  }

  /// - Parameter first: The place that is held now, if the value has to change.
  @inline(never) private func acquireForReading(
    holding first: Place?, timeout: Duration?, when isFulfilled: (Place) throws -> Bool
  ) throws -> Place {
    var sleeps = Sleeps(atMost: timeout)
    var unfulfilled = first
    while true {
      if let place = unfulfilled {
        let change = lock.awaitChange()
        _releaseForReading(place)
        try lock.sleep(until: change, &sleeps)
      }
      let place = try _acquireForReading(timeout: sleeps.timeLeft)
      if try isFulfilled(place) { return place }
      unfulfilled = place
    }
  }

  @usableFromInline nonisolated(nonsending) func _acquireForReading(
    timeout: Duration?, when isFulfilled: (Place) throws -> Bool
  ) async throws -> Place {
    var sleeps = Sleeps(atMost: timeout)
    while true {
      let place = try await _acquireForReading(timeout: sleeps.timeLeft)
      if try isFulfilled(place) { return place }
      let change = lock.awaitChange()
      _releaseForReading(place)
      try await lock.sleep(until: change, &sleeps)
    }
  }

  @usableFromInline func _releaseForReading(_ place: Place) {
    // A child that was forked within the closure leaves its parent's place alone.
    if place.generation == Descriptor.generation { readers.free(place.index, place.number) }
  }
}
