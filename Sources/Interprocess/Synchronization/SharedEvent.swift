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

/// A signal between processes, which is set or not; waiters continue when it is set.
///
/// ```swift
/// let ready = try SharedEvent.create("ready")
/// // ... in another process:
/// let ready = try SharedEvent.attach("ready")
/// try ready.wait(timeout: .seconds(10))
/// // ... and in the first one, when everything is there:
/// try ready.set()
/// ```
///
/// ``set()`` wakes all present waiters, and lets later ones pass until ``reset()``. ``pulse()``
/// wakes only the present waiters. Each of the two adds 1 to ``generation``, and
/// `wait(after:timeout:)` waits until the generation differs from one that was read before, so that
/// nothing is missed between two waits, however fast the events come.
///
/// An event signals that something has happened, not how often. To limit how many work at once, use
/// ``SharedSemaphore``; to wait for a state of a value, use `withLock(until:)` of ``SharedMutex``.
///
/// Tasks and threads of one process may use one handle at once. The handle is closed when the last
/// reference to it goes. Corresponds to `multiprocessing.Event` in Python.
public final class SharedEvent: Sendable {
  // The word is the generation, times four; `_isSetBit`; and the mark `waiters`, if a waiter may
  // sleep.
  //
  // A waiter sets the mark, and sleeps only while the word keeps the value that it had with the
  // mark. Each change of the generation is one compare-exchange, which clears the mark; if the mark
  // was set, the process that cleared it wakes all waiters. So no waiter sleeps through a change. A
  // process killed between the two steps leaves sleepers, which look again by themselves within a
  // second. A change is releasing, and the load that ends a wait is acquiring, so that a waiter
  // that continues sees what was written before the change.

  private static let waiters: UInt32 = 1
  @inlinable static var _isSetBit: UInt32 { 2 }

  /// The state of the event whose word this is.
  static func state(of word: UInt32) -> (isSet: Bool, generation: UInt32) {
    (word & _isSetBit != 0, word >> 2)
  }

  @usableFromInline let _segment: StructuredSegment
  @usableFromInline let _word: SharedWord32
  private let waits: Waiting

  // MARK: - Create and attach

  /// Creates an event under a name that is not taken.
  ///
  /// Does not wait for other processes.
  ///
  /// - Parameters:
  ///   - name: The name, as for ``SharedMemory/create(_:byteCount:options:initializingWith:)``.
  ///   - isSet: Whether it is set from the start.
  ///   - options: When the name is removed, who may use the event, and when its pages are taken.
  ///     Every user needs permission to write.
  /// - Returns: The event, of generation 0.
  /// - Throws: What creating ``SharedMemory`` throws: `alreadyExists`, `invalidName`,
  ///   `outOfMemory`, `permissionDenied` and `system`.
  public static func create(
    _ name: String? = nil,
    isSet: Bool = false,
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedEvent {
    SharedEvent(
      try StructuredSegment.create(
        name, plan(isSet: isSet), options: options))
  }

  /// Attaches to an event, or creates it if it does not exist.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - isSet: Whether a new event is set.
  ///   - options: The options of a new event.
  ///   - owner: Whose memory to accept.
  /// - Returns: The event; ``isCreator`` tells whether this call created it.
  /// - Throws: What creating and attaching throw.
  public static func attachOrCreate(
    _ name: String,
    isSet: Bool = false,
    options: SegmentOptions = SegmentOptions(),
    owner: SharedMemory.Owner = .currentUser
  ) throws(InterprocessError) -> SharedEvent {
    try _open(
      StructuredSegment.attachOrCreate(
        name, plan(isSet: isSet), options: options, owner: owner))
  }

  /// The bytes that an event takes within memory.
  public static var byteCount: Int { MemoryLayout<ipc_event>.size }

  private static func plan(isSet: Bool) -> StructuredSegment.Plan<UInt32> {
    StructuredSegment.Plan(kind: EventKind.self, byteCount: byteCount) { bytes, offset in
      bytes.storeBytes(of: isSet ? _isSetBit : 0, toByteOffset: offset, as: UInt32.self)
    }
  }

  init(_ segment: StructuredSegment) {
    _word = segment.memory._range.word32(at: segment.contentOffset)
    waits = Waiting(for: "the event", in: segment)
    _segment = segment
  }

  // MARK: - Basics

  /// Ends this handle's use of the event.
  ///
  /// Gives up its lease; a temporary name goes with the last lease of all processes. The same
  /// happens when the last reference to the handle goes, which also unmaps the memory. A closed
  /// handle can only report its name and what belongs to the name, and unlink it. Any other use is
  /// a failed precondition, even by a thread or task that was waiting here, when it resumes.
  /// Closing the handle again does nothing.
  ///
  /// Does not block, except as ``SharedMemory/close()`` does.
  public func close() { _segment.close() }

  // MARK: - State

  /// Whether the event is set.
  ///
  /// - Complexity: O(1), without blocking.
  @inlinable
  public var isSet: Bool {
    _segment.checkOpen()
    return _word.loadAcquiring() & Self._isSetBit != 0
  }

  /// How often the event was set or pulsed.
  ///
  /// Counts up to 2³⁰ - 1, and then starts again at 0.
  ///
  /// - Complexity: O(1), without blocking.
  @inlinable
  public var generation: UInt32 {
    _segment.checkOpen()
    return _word.loadAcquiring() >> 2
  }

  /// Sets the event: wakes all present waiters, and lets later ones pass until it is reset.
  ///
  /// Waiters that continue see what this thread has written before. Does not block, and makes a
  /// system call only if a waiter sleeps. Corresponds to `Event.set()` in Python.
  public func set() { advance(to: Self._isSetBit) }

  /// Wakes all present waiters, and leaves the event not set.
  ///
  /// Waiters that continue see what this thread has written before. Does not block, and makes a
  /// system call only if a waiter sleeps.
  public func pulse() { advance(to: 0) }

  /// Unsets the event, so that later callers wait.
  ///
  /// Does not affect present waiters. Does not block. Corresponds to `Event.clear()` in Python.
  public func reset() {
    _segment.checkOpen()
    if _word.loadRelaxed() & Self._isSetBit != 0 { _word.andReleasing(~Self._isSetBit) }
  }

  /// Adds 1 to the generation.
  private func advance(to bit: UInt32) {
    _segment.checkOpen()
    func next(_ current: UInt32) -> UInt32 { (current & ~3) &+ 4 | bit }
    for _ in 0..<SharedWord32.attemptLimit {
      let current = _word.loadRelaxed()
      guard _word.compareExchangeReleasing(current, next(current)) else { continue }
      checkpoint(.eventAdvanced)
      if current & Self.waiters != 0 { _word.wake(.max) }
      return
    }
    // Other processes keep changing the word; the waiters must continue nevertheless.
    _ = _word.exchangeReleasing(next(_word.loadRelaxed()))
    _word.wake(.max)
  }

  // MARK: - Waiting

  /// Waits until the event is set, or has been set or pulsed since the call began.
  ///
  /// Blocks: spins for some microseconds, and then sleeps in the kernel. Corresponds to
  /// `Event.wait()` in Python.
  ///
  /// - Parameter timeout: How long to wait; `nil`: as long as it takes.
  /// - Throws: `timedOut`; `system` if the system cannot wait on this memory.
  public func wait(timeout: Duration? = nil) throws(InterprocessError) {
    _segment.checkOpen()
    let begin = _word.loadAcquiring()
    // Without reading the clock.
    if begin & Self._isSetBit != 0 { return }
    try waitInTime(after: begin >> 2, timeout)
  }

  @inline(never)
  private func waitInTime(
    after generation: UInt32, _ timeout: Duration?
  ) throws(InterprocessError) {
    _ = try finish(
      waits.wait(atMost: timeout) { stage throws(InterprocessError) in
        attempt(stage, after: generation)
      })
  }

  /// Waits until the generation differs from the given one.
  ///
  /// Blocks as `wait(timeout:)` does. In a loop, this misses no change of the generation, but may
  /// report several changes as one:
  ///
  /// ```swift
  /// var seen = event.generation
  /// while true {
  ///   seen = try event.wait(after: seen)
  ///   // ... look at what there is
  /// }
  /// ```
  ///
  /// - Parameters:
  ///   - generation: One that ``generation`` or this function has returned.
  ///   - timeout: How long to wait; `nil`: as long as it takes.
  /// - Returns: The present generation.
  /// - Throws: `timedOut`; `system` if the system cannot wait on this memory.
  public func wait(
    after generation: UInt32, timeout: Duration? = nil
  ) throws(InterprocessError) -> UInt32 {
    _segment.checkOpen()
    let found = self.generation
    if found != generation { return found }
    return try finish(
      waits.wait(atMost: timeout) { stage throws(InterprocessError) in
        attempt(stage) { $0 >> 2 != generation }
      })
  }

  /// Waits until the event is set, or has been set or pulsed since the call began.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameter timeout: How long to wait; `nil`: as long as it takes.
  /// - Throws: `timedOut`, and `CancellationError`.
  public nonisolated(nonsending) func wait(
    timeout: Duration? = nil
  ) async throws {
    _segment.checkOpen()
    let begin = _word.loadRelaxed() >> 2
    _ = try finish(
      try await waits.wait(atMost: timeout, isDue: { false }) {
        stage throws(InterprocessError) in
        attempt(stage, after: begin)
      })
  }

  /// Waits until the generation differs from the given one.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - generation: One that ``generation`` or this function has returned.
  ///   - timeout: How long to wait; `nil`: as long as it takes.
  /// - Returns: The present generation.
  /// - Throws: `timedOut`, and `CancellationError`.
  public nonisolated(nonsending) func wait(
    after generation: UInt32, timeout: Duration? = nil
  ) async throws -> UInt32 {
    _segment.checkOpen()
    return try finish(
      try await waits.wait(atMost: timeout, isDue: { false }) {
        stage throws(InterprocessError) in
        attempt(stage) { $0 >> 2 != generation }
      })
  }

  /// Sets the mark that a waiter sleeps.
  ///
  /// - Returns: The word, and its value with the mark; each change that a waiter can wait for
  ///   changes it.
  func mark() -> (SharedWord32, while: UInt32) {
    for _ in 0..<SharedWord32.attemptLimit {
      let current = _word.loadRelaxed()
      let marked = current | Self.waiters
      if current == marked || _word.compareExchangeRelaxed(current, marked) {
        checkpoint(.eventMarked)
        return (_word, while: marked)
      }
    }
    // Other processes keep changing the word: return, so that the wait checks its time.
    return (_word, while: _word.loadRelaxed())
  }

  /// The generation, if it differs from the given one, or if the event is set; else `nil`.
  func generation(after generation: UInt32) -> UInt32? {
    let current = _word.loadAcquiring()
    let isOver = current & Self._isSetBit != 0 || current >> 2 != generation
    return isOver ? current >> 2 : nil
  }

  // Whatever a waiter can wait for changes the word on which it sleeps: so no look is due.

  /// One attempt of a wait for a generation other than the given one, or until the event is set.
  private func attempt(
    _ stage: Waiting.Stage, after generation: UInt32
  ) -> Waiting.Outcome<UInt32> {
    attempt(stage) { $0 & Self._isSetBit != 0 || $0 >> 2 != generation }
  }

  private func attempt(
    _ stage: Waiting.Stage, _ isOver: (UInt32) -> Bool
  ) -> Waiting.Outcome<UInt32> {
    var found = _word.loadAcquiring()
    if isOver(found) { return .done(found >> 2) }
    if !stage.isMarking { return .wait(_word, while: found) }
    let marked = mark().while
    found = _word.loadAcquiring()
    return isOver(found) ? .done(found >> 2) : .wait(_word, while: marked, alike: 0)
  }

  private func finish(_ generation: UInt32?) throws(InterprocessError) -> UInt32 {
    guard let generation else {
      throw InterprocessError(
        code: .timedOut, name: name,
        message: "The event \"\(name)\" did not occur in time. Does the process that sets it run?")
    }
    return generation
  }
}

extension SharedEvent: StructuredObject {
  /// For the functions of ``StructuredObject``.
  public static func _open(
    _ memory: consuming SharedMemory
  ) throws(InterprocessError) -> SharedEvent {
    SharedEvent(
      try StructuredSegment(reading: memory, EventKind.self, of: UInt32.self) { _ in
        byteCount
      })
  }

  /// For the functions of ``SharedObject``.
  public func _withMemory<Result, Failure: Error>(
    open isNeeded: Bool, _ body: (borrowing SharedMemory) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if isNeeded { _segment.checkOpen() }
    return try body(_segment.memory)
  }
}
