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

/// A value that processes change one after the other, under a lock that survives its holder.
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
/// If a process dies while it holds the lock, it may leave the value half changed. From then on
/// taking the lock throws `ownerDied`, in every process, until somebody repairs the value:
///
/// ```swift
/// try totals.withLock(recovering: { $0 = Totals(count: 0, sum: 0) }) { totals in
///   totals.count += 1
/// }
/// ```
///
/// The value lies in shared memory, and the closures change it there. Keep them short, and let them
/// wait for nothing else. Where one process stores and others only read, use ``SharedValue``, whose
/// readers never wait; for a single number use ``SharedAtomic``.
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
  ///   - name: The name, as for
  ///     ``SharedMemory/create(_:byteCount:options:initializingWith:)``.
  ///   - initialValue: The value that the first holder finds.
  ///   - options: When its name goes, who may use it, and when its pages are taken. Everybody who
  ///     uses it has to be allowed to write.
  /// - Returns: The mutex, which nobody holds.
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

  /// Attaches to a mutex that another process has created.
  ///
  /// Waits only if asked to, and not for the lock.
  ///
  /// - Parameters:
  ///   - name: The name that it was created under.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait for the mutex if there is none yet; `nil`: not at all.
  /// - Returns: The mutex.
  /// - Throws: `wrongKind` if something else lies under that name, `layoutMismatch` if the value
  ///   there has other fields, `unsupportedVersion`, `corrupted`, and what attaching to
  ///   ``SharedMemory`` throws: `notFound`, `timedOut`, `invalidSize`, `foreignOwner`,
  ///   `permissionDenied`, `invalidName` and `system`.
  /// - Precondition: All fields of the value are ``Shareable``.
  public static func attach(
    _ name: String,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration? = nil
  ) throws(InterprocessError) -> SharedMutex {
    SharedMutex(
      try StructuredSegment.attach(
        name, MutexKind.self, of: Value.self, owner: owner, waitingUpTo: timeout
      ) { _ in LockLayout<Value>.byteCount })
  }

  /// Attaches to a mutex, or creates it if there is none.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - initialValue: The value of a new mutex.
  ///   - options: Those of a new mutex.
  ///   - owner: Whose memory to accept.
  /// - Returns: The mutex; ``isCreator`` tells which of both has happened.
  /// - Throws: What creating and attaching throw.
  /// - Precondition: All fields of the value are ``Shareable``.
  public static func attachOrCreate(
    _ name: String,
    initialValue: Value,
    options: SegmentOptions = SegmentOptions(),
    owner: SharedMemory.Owner = .currentUser
  ) throws(InterprocessError) -> SharedMutex {
    SharedMutex(
      try StructuredSegment.attachOrCreate(
        name, plan(initialValue), options: options, owner: owner
      ) { _ in LockLayout<Value>.byteCount })
  }

  private static func plan(_ initialValue: Value) -> StructuredSegment.Plan<Value> {
    StructuredSegment.Plan(kind: MutexKind.self, byteCount: LockLayout<Value>.byteCount) {
      bytes, offset in
      bytes.storeBytes(
        of: initialValue, toByteOffset: offset + LockLayout<Value>.valueOffset, as: Value.self)
    }
  }

  init(_ segment: consuming StructuredSegment) {
    let offset = segment.contentOffset
    let range = segment.memory.range
    lock = RobustLock(
      word: range.word32(at: offset), turn: range.word32(at: offset + 4),
      repair: "withLock(recovering:)")
    value = GuardedValue(in: range, at: offset + LockLayout<Value>.valueOffset)
    self.segment = segment
  }

  // MARK: - Basics

  /// Ends this handle's use of the mutex.
  ///
  /// Its lease is given up, and with the last one of all processes a temporary name. The same
  /// happens when the last reference to the handle goes, and then the memory is unmapped.
  /// Afterwards the handle only tells its name and what belongs to that, and unlinks it; all else
  /// is a failed precondition, also for a thread or task that waits here meanwhile, when it goes
  /// on. To close it once more does nothing.
  ///
  /// Does not block, but as ``SharedMemory/close()``.
  ///
  /// - Precondition: This handle does not hold the lock.
  public func close() {
    segment.close { lock.close(orElse: "The handle holds its lock, and was to be closed") }
  }

  // MARK: - Locking

  /// Calls `body` with the value while no other thread of any process has it.
  ///
  /// Blocks until the lock is free: spins for some microseconds, and then sleeps in the kernel.
  /// Waiters get the lock in no particular order. Corresponds to `pthread_mutex_lock` or
  /// `pthread_mutex_timedlock`, and `pthread_mutex_unlock` in C.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for the lock; `nil`: as long as it takes.
  ///   - body: Reads and changes the value. It must not take this lock again.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws, after which the value is as `body` has left it, and the lock is
  ///   free. Before that, ``InterprocessError``: `timedOut`; `ownerDied` if a process has died
  ///   while it held the lock, and the value has not been repaired; `corrupted` if something else
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
  /// - Returns: What `body` returns, or `nil` if somebody holds the lock.
  /// - Throws: As `withLock(timeout:_:)`, but not `timedOut`.
  /// - Precondition: This thread does not hold the lock through this handle.
  @inlinable
  public func withLockIfAvailable<Result: ~Copyable>(
    _ body: (inout Value) throws -> Result
  ) throws -> Result? {
    guard let turn = try acquireIfAvailable() else { return nil }
    defer { release(turn) }
    return try value.change(body)
  }

  /// Calls `body` with the value, which `repair` mends before if a process has died while it held
  /// the lock.
  ///
  /// If this process dies in `repair` or in `body`, the next one gets the same chance. Blocks as
  /// `withLock(timeout:_:)` does. Corresponds to `pthread_mutex_consistent` in C.
  ///
  /// - Parameters:
  ///   - repair: Makes a whole value of one that may be half changed. If it throws, the lock stays
  ///     that of a holder that died.
  ///   - timeout: How long to wait for the lock; `nil`: as long as it takes.
  ///   - body: Reads and changes the value.
  /// - Returns: What `body` returns.
  /// - Throws: What `repair` and `body` throw, and as `withLock(timeout:_:)`, but not
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
  /// The condition is asked with the lock held, now and whenever somebody has had the lock since;
  /// no change is missed, and whoever waits and is killed harms nobody. Corresponds to
  /// `pthread_cond_timedwait` in C and to `multiprocessing.Condition.wait_for` in Python.
  ///
  /// - Parameters:
  ///   - condition: Whether the value is as it should be.
  ///   - timeout: How long to wait for that and for the lock; `nil`: as long as it takes.
  ///   - body: Reads and changes the value, for which the condition holds.
  /// - Returns: What `body` returns.
  /// - Throws: As `withLock(timeout:_:)`, and what `condition` throws.
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

  /// Runs a closure with the value, which nobody else uses meanwhile.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  /// `body` is not asynchronous, as it would keep other processes waiting.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for the lock; `nil`: as long as it takes.
  ///   - body: Reads and changes the value.
  /// - Returns: What `body` returns.
  /// - Throws: As the blocking form, and `CancellationError`.
  @inlinable
  public nonisolated(nonsending) func withLock<Result: ~Copyable>(
    timeout: Duration? = nil,
    _ body: (inout Value) throws -> Result
  ) async throws -> Result {
    let turn = if let turn = acquireAtOnce() { turn } else { try await acquire(timeout: timeout) }
    defer { release(turn) }
    return try value.change(body)
  }

  /// Runs a closure with the value, after another one has repaired it if its holder has died.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - repair: Makes a whole value of one that may be half changed.
  ///   - timeout: How long to wait for the lock; `nil`: as long as it takes.
  ///   - body: Reads and changes the value.
  /// - Returns: What `body` returns.
  /// - Throws: As the blocking form, and `CancellationError`.
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

  /// Runs a closure with the value as soon as a condition holds for it.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - condition: Whether the value is as it should be.
  ///   - timeout: How long to wait for that and for the lock; `nil`: as long as it takes.
  ///   - body: Reads and changes the value, for which the condition holds.
  /// - Returns: What `body` returns.
  /// - Throws: As the blocking form, and `CancellationError`.
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

  // MARK: - What the inlined functions are made of

  @usableFromInline func acquireAtOnce() -> LockTurn? { lock.lockAtOnce() ? LockTurn() : nil }

  @usableFromInline func acquire(timeout: Duration?) throws(InterprocessError) -> LockTurn {
    _ = try lock.lock(segment.memory, atMost: timeout, isRecovering: false)
    return LockTurn()
  }

  @usableFromInline nonisolated(nonsending) func acquire(
    timeout: Duration?
  ) async throws -> LockTurn {
    _ = try await lock.lock(segment.memory, atMost: timeout, isRecovering: false)
    return LockTurn()
  }

  @usableFromInline func acquireIfAvailable() throws(InterprocessError) -> LockTurn? {
    try lock.lockIfAvailable(segment.memory) ? LockTurn() : nil
  }

  @usableFromInline func acquireRecovering(
    timeout: Duration?
  ) throws(InterprocessError) -> LockTurn {
    LockTurn(wasAbandoned: try lock.lock(segment.memory, atMost: timeout, isRecovering: true))
  }

  @usableFromInline nonisolated(nonsending) func acquireRecovering(
    timeout: Duration?
  ) async throws -> LockTurn {
    LockTurn(
      wasAbandoned: try await lock.lock(segment.memory, atMost: timeout, isRecovering: true))
  }

  /// Keeps a child that was forked within a closure from the next one.
  ///
  /// - Throws: `roleTaken`.
  @usableFromInline func check(_ turn: LockTurn) throws(InterprocessError) { try turn.check(name) }

  /// Asks a condition, and gives the lock back if that fails.
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

  /// Gives the lock back, and sleeps until somebody else has had it.
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
      message: "The value of \"\(name)\" did not become what is waited for in time.")
  }
}

/// Where the parts of a value with a lock lie behind the header: `ipc_lock` of C, and the value.
enum LockLayout<Value: Shareable> {
  /// In the cache line of the lock, if it fits: whoever gets the lock gets the value with it.
  static var valueOffset: Int { 16 }
  static var byteCount: Int { valueOffset + MemoryLayout<Value>.size }
}

extension SharedMutex: SharedObject {
  /// For the functions of ``SharedObject``.
  public func _withMemory<Result, Failure: Error>(
    open isNeeded: Bool, _ body: (borrowing SharedMemory) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if isNeeded { segment.checkOpen() }
    return try body(segment.memory)
  }
}
