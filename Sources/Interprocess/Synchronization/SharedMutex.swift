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

/// A value that processes change one at a time, under a lock that survives the death of its holder.
///
/// ```swift
/// struct Totals: Shareable { var count: UInt64; var sum: Double }
///
/// let totals = try SharedMutex.create("totals", initialValue: Totals(count: 0, sum: 0))
/// // ... in any number of processes:
/// let totals = try SharedMutex<Totals>.attach("totals")
/// try totals.withLock { totals in
///   totals.count += 1
///   totals.sum += 2.5
/// }
/// ```
///
/// A process that dies while it holds the lock may leave the value half changed. From then on,
/// taking the lock throws `ownerDied`, in every process, until one of them repairs the value:
///
/// ```swift
/// try totals.withLock(recovering: { $0 = Totals(count: 0, sum: 0) }) { totals in
///   totals.count += 1
/// }
/// ```
///
/// The value lies in shared memory, and the closures change it in place. Keep them short, and let
/// them wait for nothing else. If one process stores and others only read, use ``SharedValue``,
/// whose readers never wait; for a single number, use ``SharedAtomic``.
///
/// Tasks and threads of one process may use one handle at once. The handle is closed when the last
/// reference to it goes. Corresponds to `Mutex` of the standard library, to a robust
/// `pthread_mutex_t` with `PTHREAD_PROCESS_SHARED` in C, and to `multiprocessing.Lock` in Python,
/// which stays locked when its holder dies.
public final class SharedMutex<Value: Shareable>: Sendable {
  let segment: StructuredSegment
  let lock: RobustLock
  @usableFromInline let value: GuardedValue<Value>

  // MARK: - Create and attach

  /// Creates a value with its lock under a name that is not taken.
  ///
  /// No other process can attach before the initial value is in place. Does not wait for other
  /// processes.
  ///
  /// - Parameters:
  ///   - name: The name, as for ``SharedMemory/create(_:byteCount:options:initializingWith:)``.
  ///   - initialValue: The value that the first holder finds.
  ///   - options: When the name is removed, who may use the mutex, and when its pages are taken.
  ///     Every user needs permission to write.
  /// - Returns: The mutex, which is free.
  /// - Throws: What creating ``SharedMemory`` throws: `alreadyExists`, `invalidName`,
  ///   `invalidSize`, `outOfMemory`, `permissionDenied` and `system`.
  /// - Precondition: All fields of the value are ``Shareable``.
  public static func create(
    _ name: String? = nil,
    initialValue: Value,
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedMutex {
    SharedMutex(
      try StructuredSegment.create(
        name, plan(initialValue), options: options))
  }

  /// Attaches to a mutex, or creates it if it does not exist.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - initialValue: The value of a new mutex.
  ///   - options: The options of a new mutex.
  ///   - owner: Whose memory to accept.
  /// - Returns: The mutex; ``isCreator`` tells whether this call created it.
  /// - Throws: What creating and attaching throw.
  /// - Precondition: All fields of the value are ``Shareable``.
  public static func attachOrCreate(
    _ name: String,
    initialValue: Value,
    options: SegmentOptions = SegmentOptions(),
    owner: SharedMemory.Owner = .currentUser
  ) throws(InterprocessError) -> SharedMutex {
    try _open(
      StructuredSegment.attachOrCreate(
        name, plan(initialValue), options: options, owner: owner))
  }

  private static func plan(_ initialValue: Value) -> StructuredSegment.Plan<Value> {
    StructuredSegment.Plan(kind: MutexKind.self, byteCount: LockLayout<Value>.byteCount) {
      bytes, offset in
      bytes.storeBytes(
        of: initialValue, toByteOffset: offset + LockLayout<Value>.valueOffset, as: Value.self)
    }
  }

  init(_ segment: StructuredSegment) {
    let offset = segment.contentOffset
    let range = segment.memory.range
    lock = RobustLock(
      in: segment, word: range.word32(at: offset + fieldOffset(\ipc_mutex.word)),
      turn: range.word32(at: offset + fieldOffset(\ipc_mutex.turn)),
      repair: "withLock(recovering:)")
    value = GuardedValue(in: range, at: offset + LockLayout<Value>.valueOffset)
    self.segment = segment
  }

  // MARK: - Basics

  /// Ends this handle's use of the mutex.
  ///
  /// Gives up its lease; a temporary name goes with the last lease of all processes. The same
  /// happens when the last reference to the handle goes, which also unmaps the memory. A closed
  /// handle can only report its name and what belongs to the name, and unlink it. Any other use is
  /// a failed precondition, even by a thread or task that was waiting here, when it resumes.
  /// Closing the handle again does nothing.
  ///
  /// Does not block, except as ``SharedMemory/close()`` does.
  ///
  /// - Precondition: This handle does not hold the lock.
  public func close() {
    segment.close { lock.close(orElse: "The handle holds its lock, and was to be closed") }
  }

  // MARK: - Locking

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

  // MARK: - Locking, for tasks

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
    do {
      let isFulfilled = try value.read(condition)
      try check(turn)
      return isFulfilled
    } catch {
      release(turn)
      throw error
    }
  }

  @usableFromInline func release(_ turn: LockTurn) { lock.unlock(takenIn: turn.generation) }

  @usableFromInline func releaseAbandoned(_ turn: LockTurn) {
    lock.unlockAbandoned(takenIn: turn.generation)
  }

  /// Releases the lock, and sleeps until another holder has released it.
  @usableFromInline func sleepUntilChanged(_ sleeps: inout Sleeps) throws(InterprocessError) {
    let (word, value) = lock.unlockToWait()
    guard let end = sleeps.begin() else { throw conditionTimedOut }
    do {
      try word.sleep(while: value, until: end)
    } catch {
      throw .system(error, name: name, action: "wait for a change")
    }
    _ = sleeps.end()
  }

  @usableFromInline nonisolated(nonsending) func sleepUntilChanged(
    _ sleeps: inout Sleeps
  ) async throws {
    let (word, value) = lock.unlockToWait()
    guard let end = sleeps.begin() else { throw conditionTimedOut }
    _ = sleeps.end(isOver: try await TaskWaiter.sleep(on: word, while: value, until: end))
  }

  private var conditionTimedOut: InterprocessError {
    InterprocessError(
      code: .timedOut, name: name,
      message: "The value of \"\(name)\" did not fulfil the condition in time.")
  }
}

/// Where the parts of a value with a lock lie after the header: `ipc_lock` of C, and the value.
enum LockLayout<Value: Shareable> {
  /// In the cache line of the lock, if it fits: taking the lock then also fetches the value.
  static var valueOffset: Int { MemoryLayout<ipc_mutex>.size }
  static var byteCount: Int { valueOffset + MemoryLayout<Value>.size }
}

extension SharedMutex: StructuredObject {
  /// For the functions of ``StructuredObject``.
  public static func _open(
    _ memory: consuming SharedMemory
  ) throws(InterprocessError) -> SharedMutex {
    SharedMutex(
      try StructuredSegment(reading: memory, MutexKind.self, of: Value.self) { _ in
        LockLayout<Value>.byteCount
      })
  }

  /// For the functions of ``SharedObject``.
  public func _withMemory<Result, Failure: Error>(
    open isNeeded: Bool, _ body: (borrowing SharedMemory) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if isNeeded { segment.checkOpen() }
    return try body(segment.memory)
  }
}
