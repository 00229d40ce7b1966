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
internal import SystemPackage

/// Waits until any of several queues, subscribers, events, semaphores, values or integers is ready.
///
/// ```swift
/// enum Source { case job, frame, stop }
///
/// var sources = WaitSet<Source>()
/// sources.insert(jobs, as: .job)
/// sources.insert(subscriber, as: .frame)
/// sources.insert(stop, as: .stop)
/// while true {
///   switch try sources.wait() {
///   case .job: if let job = try jobs.tryReceive() { perform(job) }
///   case .frame: if let frame = try subscriber.latest() { show(frame) }
///   case .stop: return
///   }
/// }
/// ```
///
/// Waiting takes nothing: another thread or process may already have taken what was ready, so use
/// the functions that do not block, as above. What is ready and not taken is reported again by the
/// next wait. If several sources are ready, they take turns.
///
/// Sleeps until one of them is ready, with two system calls, however many there are; with more than
/// 128, other threads of this process sleep on the rest. If the kernel has no `futex_waitv` (before
/// Linux 5.16), the set checks every millisecond. Corresponds to `select` in C and to
/// `multiprocessing.connection.wait` in Python.
public struct WaitSet<ID: Sendable>: Sendable {
  private struct Member: Sendable {
    let id: ID
    let source: any WaitSource
    /// The state that the source returned when it was last ready.
    var seen: UInt64
  }

  private var members: [Member] = []
  /// The index of the source to check first.
  private var first = 0
  private let waiter = Waiter()

  /// Creates an empty set.
  public init() {}

  /// How many sources the set has.
  public var count: Int { members.count }

  /// How the waits of this set and its copies wait, from the next one on; ``WaitStrategy/adaptive``
  /// at first.
  ///
  /// The strategies of its sources do not matter here.
  public var waiting: WaitStrategy {
    get { waiter.choice.strategy }
    nonmutating set { waiter.choice.strategy = newValue }
  }

  // MARK: - Sources

  private mutating func insert(_ source: any WaitSource, _ id: ID) {
    members.append(Member(id: id, source: source, seen: source.beginning))
  }

  /// Adds a queue, which is ready when there is a message, or when it is finished.
  ///
  /// - Parameters:
  ///   - queue: The queue, from which any handle may receive.
  ///   - id: What `wait(timeout:)` returns for it.
  public mutating func insert<Element>(_ queue: SharedQueue<Element>, as id: ID) {
    insert(QueueSource(queue: queue), id)
  }

  /// Adds a queue of bytes, which is ready when there is a message, or when it is finished.
  ///
  /// - Parameters:
  ///   - queue: The queue, from which any handle may receive.
  ///   - id: What `wait(timeout:)` returns for it.
  public mutating func insert(_ queue: SharedByteQueue, as id: ID) {
    insert(ByteQueueSource(queue: queue), id)
  }

  /// Adds a subscriber of a topic, which is ready when there is a message that it has not received.
  ///
  /// The subscriber keeps its place for as long as it is in the set.
  ///
  /// - Parameters:
  ///   - subscriber: The subscriber.
  ///   - id: What `wait(timeout:)` returns for it.
  public mutating func insert<Element>(
    _ subscriber: borrowing SharedTopic<Element>.Subscriber, as id: ID
  ) {
    insert(TopicSource(reader: subscriber._reader), id)
  }

  /// Adds an event, which is ready while it is set, and once for each time it was set or pulsed
  /// since it was added; several times may be reported together.
  ///
  /// - Parameters:
  ///   - event: The event.
  ///   - id: What `wait(timeout:)` returns for it.
  public mutating func insert(_ event: SharedEvent, as id: ID) {
    insert(EventSource(event: event), id)
  }

  /// Adds a semaphore, which is ready when a permit is free.
  ///
  /// - Parameters:
  ///   - semaphore: The semaphore.
  ///   - id: What `wait(timeout:)` returns for it.
  public mutating func insert(_ semaphore: SharedSemaphore, as id: ID) {
    insert(SemaphoreSource(semaphore: semaphore), id)
  }

  /// Adds an integer, which is ready when its value differs from the given one.
  ///
  /// After a change, the changing process must call ``SharedAtomic/notify()``. The value is loaded
  /// with acquiring ordering.
  ///
  /// - Parameters:
  ///   - atomic: The integer.
  ///   - value: The value during which to wait.
  ///   - id: What `wait(timeout:)` returns for it.
  public mutating func insert<Value>(_ atomic: SharedAtomic<Value>, while value: Value, as id: ID) {
    insert(AtomicSource(atomic: atomic, value: value), id)
  }

  /// Adds a shared value, which is ready once for each store since it was added; several stores may
  /// be reported together.
  ///
  /// The set and its copies have their own handle for it. If the value is attached for reading
  /// only, they cannot notify the writer that they sleep, and check every 10 milliseconds.
  ///
  /// - Parameters:
  ///   - value: The value.
  ///   - id: What `wait(timeout:)` returns for it.
  /// - Throws: `system` and `outOfMemory` if the memory cannot be mapped again.
  public mutating func insert<Value>(
    _ value: borrowing SharedValue<Value>, as id: ID
  ) throws(InterprocessError) {
    insert(try ValueSource(value._slots), id)
  }

  // MARK: - Waiting

  /// Waits until one of the sources is ready.
  ///
  /// Blocks: spins for some microseconds, and then sleeps in the kernel.
  ///
  /// - Parameter timeout: How long to wait; `nil`: as long as it takes.
  /// - Returns: The ID of a source that is ready.
  /// - Throws: `timedOut`; `corrupted` if a source is corrupted; `system` for anything else.
  /// - Precondition: The set has at least one source.
  /// - Complexity: Linear in the number of sources.
  public mutating func wait(timeout: Duration? = nil) throws(InterprocessError) -> ID {
    precondition(!members.isEmpty, "There is nothing to wait for")
    var sleeps = Sleeps(atMost: timeout)
    let looks = try waiter.waiting.look(until: sleeps, attempt)
    if let found = try looks.result(orTimedOut: Self.timedOut) { return take(found) }
    var stage = Waiting.Stage.sleeping
    while true {
      let end = end(sleeps.begin())
      let words = mark()
      if let found = try look(end == nil ? .checking : stage) { return take(found) }
      guard let end else { throw Self.timedOut }
      do throws(Errno) {
        try sleep(onAnyOf: words, until: end, sleeps.deadline)
      } catch {
        // Another thread that slept for this one may have taken a wake-up.
        _ = passOn(words)
        throw .system(error, name: nil, action: "wait for one of several sources")
      }
      stage = sleeps.end(isOver: passOn(words) ? false : nil)
      if stage == .sleeping, let found = try look(.spinning) { return take(found) }
    }
  }

  private func sleep(
    onAnyOf words: [(SharedWord32, while: UInt32)], until end: SuspendingClock.Instant,
    _ deadline: SuspendingClock.Instant?
  ) throws(Errno) {
    if words.count > SharedWord32.sleepLimit {
      let look = look(first: end)
      try TaskWaiter.sleepAsThread(
        onAnyOf: words, until: look == nil ? end : deadline, look: look)
    } else if try !SharedWord32.sleep(onAnyOf: words, atMost: max(end - .now, .zero)) {
      try words[0].0.sleep(while: words[0].while, until: min(end, .now + .milliseconds(1)))
    }
  }

  /// Waits until one of the sources is ready.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameter timeout: How long to wait; `nil`: as long as it takes.
  /// - Returns: The ID of a source that is ready.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  public nonisolated(nonsending) mutating func wait(
    timeout: Duration? = nil
  ) async throws -> ID {
    precondition(!members.isEmpty, "There is nothing to wait for")
    try Task.checkCancellation()
    var sleeps = Sleeps(atMost: timeout)
    let looks = try await waiter.waiting.look(until: sleeps, attempt)
    if let found = try looks.result(orTimedOut: Self.timedOut) { return take(found) }
    var stage = Waiting.Stage.sleeping
    while true {
      let end = end(sleeps.begin())
      let words = mark()
      if let found = try look(end == nil ? .checking : stage) { return take(found) }
      guard let end else { throw Self.timedOut }
      let look = look(first: end)
      try await TaskWaiter.sleep(
        onAnyOf: words, until: look == nil ? end : sleeps.deadline, look: look)
      stage = sleeps.end(isOver: passOn(words) ? false : nil)
      if stage == .sleeping, let found = try self.look(.spinning) { return take(found) }
    }
  }

  /// A look at all sources, which another thread takes in place of the waiter; `nil` if the waiter
  /// wakes for that.
  private func look(first: SuspendingClock.Instant) -> LookPlan.Look? {
    if isBlind { return nil }
    return LookPlan.Look(alike: nil, first: first) { [members] in
      members.contains { $0.source.isDue($0.seen) }
    }
  }

  /// Whether some sources cannot show that a waiter sleeps.
  private var isBlind: Bool { members.contains { $0.source.isBlind } }

  /// When a sleep ends; earlier if some sources cannot show that it sleeps.
  private func end(_ end: SuspendingClock.Instant?) -> SuspendingClock.Instant? {
    guard let end, isBlind else { return end }
    return min(end, .now + ValueSlots.longestBlindSleep)
  }

  /// A source that is ready, and the state that it returned.
  private struct Found {
    var index: Int
    var seen: UInt64
  }

  /// A1 and A2 of all gates: marks in each word that a waiter sleeps, and fences once.
  ///
  /// - Returns: The words, and their values with the mark.
  private func mark() -> [(SharedWord32, while: UInt32)] {
    let words = members.map { $0.source.mark() }
    let gates = members.compactMap { $0.source.eventCount }
    if !gates.isEmpty { AsymmetricEventCount.fence(gates) }
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    return words
  }

  /// A0 or A3 of all gates: checks whether a source is ready.
  private func look(_ stage: Waiting.Stage) throws(InterprocessError) -> Found? {
    for offset in members.indices {
      let index = (first + offset) % members.count
      if let seen = try members[index].source.look(stage, members[index].seen) {
        return Found(index: index, seen: seen)
      }
    }
    return nil
  }

  /// One attempt without sleeping, which marks nothing.
  private func attempt(_ stage: Waiting.Stage) throws(InterprocessError) -> Waiting.Outcome<Found> {
    if let found = try look(stage) { return .done(found) }
    return .wait(waiter.word.word, while: 0)
  }

  private mutating func take(_ found: Found) -> ID {
    members[found.index].seen = found.seen
    first = (found.index + 1) % members.count
    return members[found.index].id
  }

  /// Wakes another waiter on each word on which this one may have been woken: the caller takes only
  /// from one source, and perhaps not even from that.
  ///
  /// - Returns: Whether there was such a word.
  private func passOn(_ words: [(SharedWord32, while: UInt32)]) -> Bool {
    var isWoken = false
    for (word, value) in words where word.loadRelaxed() != value {
      word.wake(1)
      isWoken = true
    }
    return isWoken
  }

  private static var timedOut: InterprocessError {
    InterprocessError(code: .timedOut, message: "No source of the wait set was ready in time.")
  }

  // MARK: - In tasks

  /// The sources that are ready, one after another.
  public struct Ready: AsyncSequence, Sendable {
    fileprivate let set: WaitSet

    /// Waits for one source after another.
    public struct AsyncIterator: AsyncIteratorProtocol {
      fileprivate var set: WaitSet

      /// The ID of the next source that is ready; never `nil`.
      ///
      /// - Throws: What the async form of `wait(timeout:)` throws.
      public mutating func next() async throws -> ID? { try await set.wait() }
    }

    /// An iterator, which takes its own turns.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(set: set) }
  }

  /// The IDs of sources that are ready, for `for try await`.
  ///
  /// Ends with `CancellationError` when the task is cancelled.
  public var ready: Ready { Ready(set: self) }
}

/// How long the waits of a set spin; shared by its copies.
private final class Waiter: Sendable {
  let choice = WaitChoice()
  let waiting: Waiting
  /// No thread sleeps on it.
  let word = OwnWord()

  init() {
    waiting = Waiting(
      for: "several sources", in: nil, choice, usualSpin: .microseconds(50))
  }
}
