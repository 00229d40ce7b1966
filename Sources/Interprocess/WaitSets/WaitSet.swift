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
/// To wait takes nothing: what is there may have been taken by another one by the time that one
/// looks, so use the functions that do not block, as above. What is ready and is not taken is ready
/// the next time as well. Of several that are ready, each has its turn.
///
/// Sleeps until one of them is ready, by two system calls, however many there are; with more than
/// 128, other threads of this process sleep on the rest. Where the kernel has no `futex_waitv`
/// (before Linux 5.16), the set looks each millisecond. Corresponds to `select` in C and to
/// `multiprocessing.connection.wait` in Python.
public struct WaitSet<ID: Sendable>: Sendable {
  private struct Member: Sendable {
    let id: ID
    let source: any WaitSource
    /// What the source has told when it was ready last.
    var seen: UInt64
  }

  private var members: [Member] = []
  /// Who is looked at first.
  private var first = 0
  private let spinning = Spinning()

  /// A wait for nothing yet.
  public init() {}

  /// How many there are.
  public var count: Int { members.count }

  // MARK: - Sources

  private mutating func insert(_ source: any WaitSource, _ id: ID) {
    members.append(Member(id: id, source: source, seen: source.beginning))
  }

  /// Adds a queue, which is ready when there is a message, or when it is finished.
  ///
  /// - Parameters:
  ///   - queue: The queue, of which any handle may receive.
  ///   - id: What `wait(timeout:)` returns for it.
  public mutating func insert<Element>(_ queue: SharedQueue<Element>, as id: ID) {
    insert(QueueSource(queue: queue), id)
  }

  /// Adds a queue of bytes, which is ready when there is a message, or when it is finished.
  ///
  /// - Parameters:
  ///   - queue: The queue, of which any handle may receive.
  ///   - id: What `wait(timeout:)` returns for it.
  public mutating func insert(_ queue: SharedByteQueue, as id: ID) {
    insert(ByteQueueSource(queue: queue), id)
  }

  /// Adds a subscriber of a topic, which is ready when there is a message that it has not received.
  ///
  /// The place of the subscriber is kept for as long as it is in here.
  ///
  /// - Parameters:
  ///   - subscriber: The subscriber.
  ///   - id: What `wait(timeout:)` returns for it.
  public mutating func insert<Element>(
    _ subscriber: borrowing SharedTopic<Element>.Subscriber, as id: ID
  ) {
    insert(TopicSource(reader: subscriber.reader), id)
  }

  /// Adds an event, which is ready when it is set, and once for each time that it was set, reset or
  /// pulsed since it was added, or several of these together.
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

  /// Adds an integer, which is ready when it has another value than the given one.
  ///
  /// Who changes it has to say so with ``SharedAtomic/notify()``. Its value is loaded with
  /// acquiring ordering.
  ///
  /// - Parameters:
  ///   - atomic: The integer.
  ///   - value: The value that is waited out.
  ///   - id: What `wait(timeout:)` returns for it.
  public mutating func insert<Value>(_ atomic: SharedAtomic<Value>, while value: Value, as id: ID) {
    insert(AtomicSource(atomic: atomic, value: value), id)
  }

  /// Adds a shared value, which is ready once for each time that it was stored since it was added,
  /// or several of these together.
  ///
  /// The set and its copies have a handle of their own for it. If the value is attached for reading
  /// only, they cannot let the writer know that they sleep, and look each 10 milliseconds.
  ///
  /// - Parameters:
  ///   - value: The value.
  ///   - id: What `wait(timeout:)` returns for it.
  /// - Throws: `system` and `outOfMemory` if it cannot be mapped once more.
  public mutating func insert<Value>(
    _ value: borrowing SharedValue<Value>, as id: ID
  ) throws(InterprocessError) {
    insert(try ValueSource(value.slots), id)
  }

  // MARK: - Waiting

  /// Waits until one of them is ready.
  ///
  /// Blocks: spins for some microseconds, and then sleeps in the kernel.
  ///
  /// - Parameter timeout: How long to wait; `nil`: as long as it takes.
  /// - Returns: Which one it is.
  /// - Throws: `timedOut`; `corrupted` if one of them is; `system` for anything else.
  /// - Precondition: There is one.
  /// - Complexity: Linear in their number.
  public mutating func wait(timeout: Duration? = nil) throws(InterprocessError) -> ID {
    precondition(!members.isEmpty, "There is nothing to wait for")
    if let found = try spinning.waiting.spin(spin, since: .now) { return take(found) }
    var sleeps = Sleeps(atMost: timeout)
    var stage = Waiting.Stage.sleeping
    while true {
      let end = end(sleeps.begin())
      let words = mark()
      if let found = try look(end == nil ? .checking : stage) { return take(found) }
      guard let end else { throw Self.timedOut }
      do throws(Errno) {
        try Self.sleep(onAnyOf: words, until: end)
      } catch {
        throw .system(error, name: nil, action: "wait for one of several")
      }
      passOn(words)
      stage = sleeps.end()
    }
  }

  private static func sleep(
    onAnyOf words: [(SharedWord32, while: UInt32)], until end: SuspendingClock.Instant
  ) throws(Errno) {
    if words.count > SharedWord32.sleepLimit {
      try TaskWaiter.sleepAsThread(onAnyOf: words, until: end)
    } else if try !SharedWord32.sleep(onAnyOf: words, atMost: max(end - .now, .zero)) {
      try words[0].0.sleep(while: words[0].while, until: min(end, .now + .milliseconds(1)))
    }
  }

  /// Waits until one of them is ready.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameter timeout: How long to wait; `nil`: as long as it takes.
  /// - Returns: Which one it is.
  /// - Throws: As the blocking form, and `CancellationError`.
  public nonisolated(nonsending) mutating func wait(
    timeout: Duration? = nil
  ) async throws -> ID {
    precondition(!members.isEmpty, "There is nothing to wait for")
    try Task.checkCancellation()
    if let found = try spinning.waiting.spin(spin, since: .now) { return take(found) }
    var sleeps = Sleeps(atMost: timeout)
    var stage = Waiting.Stage.sleeping
    while true {
      let end = end(sleeps.begin())
      let words = mark()
      if let found = try look(end == nil ? .checking : stage) { return take(found) }
      guard let end else { throw Self.timedOut }
      try await TaskWaiter.sleep(onAnyOf: words, until: end)
      passOn(words)
      stage = sleeps.end()
    }
  }

  /// When a sleep ends, of which some of the sources do not know.
  private func end(_ end: SuspendingClock.Instant?) -> SuspendingClock.Instant? {
    guard let end, members.contains(where: { $0.source.isBlind }) else { return end }
    return min(end, .now + ValueSlots.longestBlindSleep)
  }

  /// One that is ready, and what it tells.
  private struct Found {
    var index: Int
    var seen: UInt64
  }

  /// A1 and A2 of all gates: says in each word that somebody sleeps, and fences once.
  ///
  /// - Returns: The words, and what they are then.
  private func mark() -> [(SharedWord32, while: UInt32)] {
    let words = members.map { $0.source.mark() }
    let gates = members.compactMap { $0.source.lightGate }
    if !gates.isEmpty { LightGate.fence(gates) }
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    return words
  }

  /// A3 of all: looks whether one is ready.
  private func look(_ stage: Waiting.Stage) throws(InterprocessError) -> Found? {
    for offset in members.indices {
      let index = (first + offset) % members.count
      if let seen = try members[index].source.look(stage, members[index].seen) {
        return Found(index: index, seen: seen)
      }
    }
    return nil
  }

  /// One turn of the time in which nothing is marked.
  private func spin(_ stage: Waiting.Stage) throws(InterprocessError) -> Waiting.Turn<Found> {
    if let found = try look(stage) { return .done(found) }
    return .wait(spinning.word.word, while: 0)
  }

  private mutating func take(_ found: Found) -> ID {
    members[found.index].seen = found.seen
    first = (found.index + 1) % members.count
    return members[found.index].id
  }

  /// Wakes another one in each place where this one may have been woken: it takes only one of what
  /// there is, and perhaps not even that.
  private func passOn(_ words: [(SharedWord32, while: UInt32)]) {
    for (word, value) in words where word.loadRelaxed() != value { word.wake(1) }
  }

  private static var timedOut: InterprocessError {
    InterprocessError(code: .timedOut, message: "None of what was waited for was ready in time.")
  }

  // MARK: - In tasks

  /// Which ones are ready, one after the other.
  public struct Ready: AsyncSequence, Sendable {
    fileprivate let set: WaitSet

    /// Waits for one after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
      fileprivate var set: WaitSet

      /// The next one that is ready; never `nil`.
      ///
      /// - Throws: As the async form of `wait(timeout:)`.
      public mutating func next() async throws -> ID? { try await set.wait() }
    }

    /// An iterator, which has a turn of its own.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(set: set) }
  }

  /// Which ones are ready, for `for try await`.
  ///
  /// Ends with `CancellationError` when the task is cancelled.
  public var ready: Ready { Ready(set: self) }
}

/// How long the waits of a set spin, which copies of it share.
private final class Spinning: Sendable {
  let waiting = Waiting(longestSpin: .microseconds(50))
  /// Nobody sleeps on it.
  let word = OwnWord()
}
