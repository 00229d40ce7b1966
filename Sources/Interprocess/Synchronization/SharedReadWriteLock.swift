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

/// A value that many processes read at once, or one changes, under a lock that survives its
/// holders.
///
/// ```swift
/// let settings = try SharedReadWriteLock.create("settings", initialValue: Settings())
/// // ... in any number of processes:
/// let settings = try SharedReadWriteLock<Settings>.attach("settings")
/// let rate = try settings.withReadLock { $0.rate }
/// try settings.withWriteLock { $0.rate = 50 }
/// ```
///
/// A reader that dies holds up nobody. If a writer dies, the value may be half changed: taking the
/// lock, for reading as for writing, throws `ownerDied` from then on, in every process, until
/// somebody repairs the value with `withWriteLock(recovering:)`. Writers go before readers: whoever
/// wants to read waits while somebody writes or wants to.
///
/// The bookkeeping of a reader costs as much as a mutex. This pays where values are large, or where
/// readers take their time; where one process stores and others only read, use ``SharedValue``,
/// whose readers wait for nobody, and for everything else ``SharedMutex``.
///
/// Tasks and threads of one process may use one handle at once. The handle is closed when the last
/// reference to it goes. Corresponds to a `pthread_rwlock_t` with `PTHREAD_PROCESS_SHARED` in C,
/// which stays locked when its holder dies.
public final class SharedReadWriteLock<Value: Shareable>: Sendable {
  // Two locks, each argued where it is: a writer holds the one of `RobustLock`; a reader has a
  // place of `HolderTable`. Each side first says that it comes, and then looks for the other:
  //
  //   reader: place: 0 -> number, fence, is the lock free?   else gives the place back, and waits
  //   writer: lock: 0 -> number, fence, are all places 0?     else waits, with the lock
  //
  // The fences are sequentially consistent, so that not both find the other absent. A reader that
  // has seen the lock free acquires what the last writer released; a writer that has seen a place
  // free acquires what its reader released, which keeps the reads of that one before its writes.
  // A reader that dies leaves a place that names no holder, which a waiting writer frees. A writer
  // that dies, also one that waits for readers, leaves an abandoned lock.

  let segment: StructuredSegment
  private let lock: RobustLock
  private let readers: HolderTable
  private let waiting = Waiting()
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
  ///   - maximumReaderCount: How many may read at once, at least 1; each takes 64 bytes.
  ///   - options: When its name goes, who may use it, and when its pages are taken. Everybody who
  ///     uses it has to be allowed to write.
  /// - Returns: The lock, which nobody holds.
  /// - Throws: What creating ``SharedMemory`` throws: `alreadyExists`, `invalidName`,
  ///   `invalidSize`, `outOfMemory`, `permissionDenied` and `system`.
  /// - Precondition: All fields of the value are ``Shareable``.
  public static func create(
    _ name: String? = nil,
    initialValue: Value,
    maximumReaderCount: Int = 64,
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedReadWriteLock {
    SharedReadWriteLock(
      try StructuredSegment.create(
        name, plan(initialValue, maximumReaderCount), options: options))
  }

  /// Attaches to a lock that another process has created.
  ///
  /// Waits only if asked to, and not for the lock.
  ///
  /// - Parameters:
  ///   - name: The name that it was created under.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait for the lock if there is none yet; `nil`: not at all.
  /// - Returns: The lock.
  /// - Throws: `wrongKind` if something else lies under that name, `layoutMismatch` if the value
  ///   there has other fields, `unsupportedVersion`, `corrupted`, and what attaching to
  ///   ``SharedMemory`` throws: `notFound`, `timedOut`, `invalidSize`, `foreignOwner`,
  ///   `permissionDenied`, `invalidName` and `system`.
  /// - Precondition: All fields of the value are ``Shareable``.
  public static func attach(
    _ name: String,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration? = nil
  ) throws(InterprocessError) -> SharedReadWriteLock {
    SharedReadWriteLock(
      try StructuredSegment.attach(
        name, ReadWriteLockKind.self, of: Value.self, owner: owner, waitingUpTo: timeout
      ) { byteCount(of: $0) })
  }

  /// Attaches to a lock, or creates it if there is none.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - initialValue: The value of a new lock.
  ///   - maximumReaderCount: That of a new lock.
  ///   - options: Those of a new lock.
  ///   - owner: Whose memory to accept.
  /// - Returns: The lock; ``isCreator`` tells which of both has happened.
  /// - Throws: What creating and attaching throw.
  /// - Precondition: All fields of the value are ``Shareable``.
  public static func attachOrCreate(
    _ name: String,
    initialValue: Value,
    maximumReaderCount: Int = 64,
    options: SegmentOptions = SegmentOptions(),
    owner: SharedMemory.Owner = .currentUser
  ) throws(InterprocessError) -> SharedReadWriteLock {
    SharedReadWriteLock(
      try StructuredSegment.attachOrCreate(
        name, plan(initialValue, maximumReaderCount), options: options, owner: owner
      ) { byteCount(of: $0) })
  }

  /// Where the gate lies on which writers wait for readers.
  static var gateOffset: Int { 8 }
  /// Where the readers' places begin, and where the next one is: each on a cache line of its own.
  static var placesOffset: Int { 128 }
  static var placeStride: Int { 64 }

  /// Where the value lies; `nil` for a number of readers that no lock has.
  static func valueOffset(_ maximumReaderCount: Int) -> Int? {
    guard maximumReaderCount >= 1 else { return nil }
    let (byteCount, overflow) = maximumReaderCount.multipliedReportingOverflow(by: placeStride)
    let (offset, isTooLarge) = byteCount.addingReportingOverflow(placesOffset)
    return overflow || isTooLarge ? nil : offset
  }

  /// The bytes behind the header; `nil` for a number of readers that no lock has.
  static func byteCount(of maximumReaderCount: Int) -> Int? {
    guard let offset = valueOffset(maximumReaderCount) else { return nil }
    let (sum, overflow) = offset.addingReportingOverflow(MemoryLayout<Value>.size)
    return overflow ? nil : sum
  }

  private static func plan(
    _ initialValue: Value, _ maximumReaderCount: Int
  ) throws(InterprocessError) -> StructuredSegment.Plan<Value> {
    guard let byteCount = byteCount(of: maximumReaderCount),
      let valueOffset = valueOffset(maximumReaderCount)
    else {
      throw InterprocessError(
        code: .invalidSize, message: "A lock has at least one reader, not \(maximumReaderCount).")
    }
    return StructuredSegment.Plan(
      kind: ReadWriteLockKind.self, capacity: maximumReaderCount, byteCount: byteCount
    ) { bytes, offset in
      bytes.storeBytes(of: initialValue, toByteOffset: offset + valueOffset, as: Value.self)
    }
  }

  init(_ segment: consuming StructuredSegment) {
    let offset = segment.contentOffset
    let range = segment.memory.range
    readers = HolderTable(
      in: range, gateOffset: offset + Self.gateOffset, offset: offset + Self.placesOffset,
      stride: Self.placeStride, count: segment.capacity, wakeCount: .max)
    lock = RobustLock(
      word: range.word32(at: offset), turn: range.word32(at: offset + 4), wakeCount: .max,
      places: readers, repair: "withWriteLock(recovering:)")
    // The capacity has been checked against the memory.
    value = GuardedValue(in: range, at: offset + Self.valueOffset(segment.capacity)!)
    self.segment = segment
  }

  // MARK: - Basics

  /// How many may read at once.
  public var maximumReaderCount: Int { segment.capacity }

  /// Ends this handle's use of the lock.
  ///
  /// Its lease is given up, and with the last one of all processes a temporary name. The same
  /// happens when the last reference to the handle goes, and then the memory is unmapped.
  /// Afterwards the handle only tells its name and what belongs to that, and unlinks it; all else
  /// is a failed precondition, also for a thread or task that waits here meanwhile, when it goes
  /// on. To close it once more does nothing.
  ///
  /// Does not block, but as ``SharedMemory/close()``.
  ///
  /// - Precondition: This handle holds the lock neither for reading nor for writing.
  public func close() {
    segment.close { lock.close(orElse: "The handle holds its lock, and was to be closed") }
  }

  // MARK: - Reading

  /// Calls `body` with the value while nobody writes.
  ///
  /// Others may read at the same time. Blocks while somebody writes or waits to, and while as many
  /// read as may. Corresponds to `pthread_rwlock_rdlock` in C.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for the lock; `nil`: as long as it takes.
  ///   - body: Reads the value. It must not take this lock again, for reading or writing.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws. Before that, ``InterprocessError``: `timedOut`; `ownerDied` if a
  ///   process has died while it wrote, and the value has not been repaired; `corrupted` if
  ///   something else than this type has written there; `system` for anything else.
  @inlinable
  public func withReadLock<Result: ~Copyable>(
    timeout: Duration? = nil, _ body: (Value) throws -> Result
  ) throws -> Result {
    let place = try acquireForReading(timeout: timeout)
    defer { releaseForReading(place) }
    return try value.read(body)
  }

  /// Runs a closure that reads the value, while others may read it too.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for the lock; `nil`: as long as it takes.
  ///   - body: Reads the value.
  /// - Returns: What `body` returns.
  /// - Throws: As the blocking form, and `CancellationError`.
  @inlinable
  public nonisolated(nonsending) func withReadLock<Result: ~Copyable>(
    timeout: Duration? = nil, _ body: (Value) throws -> Result
  ) async throws -> Result {
    let place = try await acquireForReading(timeout: timeout)
    defer { releaseForReading(place) }
    return try value.read(body)
  }

  // MARK: - Writing

  /// Calls `body` with the value while nobody else reads or writes.
  ///
  /// Blocks until all who read and write have ended. Corresponds to `pthread_rwlock_wrlock` in C.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for the lock; `nil`: as long as it takes.
  ///   - body: Reads and changes the value. It must not take this lock again.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws, after which the value is as `body` has left it, and the lock is
  ///   free. Before that, as `withReadLock(timeout:_:)`.
  /// - Precondition: This thread does not write through this handle.
  @inlinable
  public func withWriteLock<Result: ~Copyable>(
    timeout: Duration? = nil, _ body: (inout Value) throws -> Result
  ) throws -> Result {
    let turn = try acquireForWriting(timeout: timeout, isRecovering: false)
    defer { releaseForWriting(turn) }
    return try value.change(body)
  }

  /// Calls `body` with the value, which `repair` mends before if a process has died while it wrote.
  ///
  /// Blocks as `withWriteLock(timeout:_:)` does.
  ///
  /// - Parameters:
  ///   - repair: Makes a whole value of one that may be half changed. If it throws, the lock stays
  ///     that of a writer that died.
  ///   - timeout: How long to wait for the lock; `nil`: as long as it takes.
  ///   - body: Reads and changes the value.
  /// - Returns: What `body` returns.
  /// - Throws: What `repair` and `body` throw, and as `withWriteLock(timeout:_:)`, but not
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

  /// Runs a closure that changes the value, which nobody else uses meanwhile.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for the lock; `nil`: as long as it takes.
  ///   - body: Reads and changes the value.
  /// - Returns: What `body` returns.
  /// - Throws: As the blocking form, and `CancellationError`.
  @inlinable
  public nonisolated(nonsending) func withWriteLock<Result: ~Copyable>(
    timeout: Duration? = nil, _ body: (inout Value) throws -> Result
  ) async throws -> Result {
    let turn = try await acquireForWriting(timeout: timeout, isRecovering: false)
    defer { releaseForWriting(turn) }
    return try value.change(body)
  }

  /// Runs a closure with the value, after another one has repaired it if a writer has died.
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

  // MARK: - What the inlined functions are made of

  /// A place of a reader.
  @usableFromInline
  struct Place {
    fileprivate var index: Int
    fileprivate var number: UInt32
    fileprivate let generation = Descriptor.generation
  }

  @usableFromInline func acquireForReading(
    timeout: Duration?
  ) throws(InterprocessError) -> Place {
    let number = try lock.number(segment.memory)
    let index = try waiting.wait(atMost: timeout) { stage throws(InterprocessError) in
      try attemptToRead(stage, as: number)
    } translatingErrors: { [name] errno in
      .system(errno, name: name, action: "wait for the lock")
    }
    guard let index else { throw RobustLock.timedOut(name) }
    return Place(index: index, number: number)
  }

  @usableFromInline nonisolated(nonsending) func acquireForReading(
    timeout: Duration?
  ) async throws -> Place {
    let number = try lock.number(segment.memory)
    let index = try await waiting.wait(atMost: timeout) { stage throws(InterprocessError) in
      try attemptToRead(stage, as: number)
    }
    guard let index else { throw RobustLock.timedOut(name) }
    return Place(index: index, number: number)
  }

  private func attemptToRead(
    _ stage: Waiting.Stage, as number: UInt32
  ) throws(InterprocessError) -> Waiting.Turn<Int> {
    for _ in 0..<SharedWord32.attemptLimit {
      if case .wait(let word, let value, let alike) = try lock.attempt(
        stage, as: number, segment.memory, isTaking: false)
      {
        return .wait(word, while: value, alike: alike)
      }
      switch try readers.attemptToTake(stage, as: number, segment.memory) {
      case .wait(let gate, let value, let alike):
        return .wait(gate, while: value, alike: alike)
      case .done(let index):
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        if lock.isFree { return .done(index) }
        readers.free(index, number)
      }
    }
    return lock.anotherTurn()
  }

  @usableFromInline func releaseForReading(_ place: Place) {
    // A child that was forked within the closure leaves its parent's place.
    if place.generation == Descriptor.generation { readers.free(place.index, place.number) }
  }

  @usableFromInline func acquireForWriting(
    timeout: Duration?, isRecovering: Bool
  ) throws(InterprocessError) -> LockTurn {
    let sleeps = Sleeps(atMost: timeout)
    var wasAbandoned = false
    if !lock.lockAtOnce() {
      wasAbandoned = try lock.lock(
        segment.memory, atMost: timeout, isRecovering: isRecovering)
    }
    let turn = LockTurn(wasAbandoned: wasAbandoned)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    if readers.isFree { return turn }
    do throws(InterprocessError) {
      let number = try lock.number(segment.memory)
      let isFree = try waiting.wait(atMost: sleeps.timeLeft) { stage throws(InterprocessError) in
        try attemptToWrite(stage, as: number)
      } translatingErrors: { [name] errno in
        .system(errno, name: name, action: "wait for the readers")
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
      wasAbandoned: try await lock.lock(
        segment.memory, atMost: timeout, isRecovering: isRecovering))
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    // Another task that comes to this thread meanwhile is not the one that holds the lock.
    lock.setHolder(isRunning: false)
    do {
      let number = try lock.number(segment.memory)
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

  private func attemptToWrite(
    _ stage: Waiting.Stage, as number: UInt32
  ) throws(InterprocessError) -> Waiting.Turn<Bool> {
    try readers.attempt(stage, as: number, segment.memory, alike: 1) {
      readers.isFree ? true : nil
    }
  }

  /// Gives back a lock with which nothing has been done.
  private func giveUp(_ turn: LockTurn) {
    if turn.wasAbandoned { releaseAbandoned(turn) } else { releaseForWriting(turn) }
  }

  /// Keeps a child that was forked within a closure from the next one.
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

extension SharedReadWriteLock: SharedObject {
  /// For the functions of ``SharedObject``.
  public func _withMemory<Result, Failure: Error>(
    open isNeeded: Bool, _ body: (borrowing SharedMemory) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if isNeeded { segment.checkOpen() }
    return try body(segment.memory)
  }
}
