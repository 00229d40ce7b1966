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

/// The message that a subscriber gets next.
@usableFromInline
struct TopicCursor: Sendable {
  var position: UInt64
  /// The place of its entry in the ring.
  var index: Int
}

/// A message that a subscriber holds, with the pin that keeps it.
@usableFromInline
struct TopicHold: Sendable {
  @usableFromInline var position: UInt64
  /// Where its elements lie.
  @usableFromInline var elements: MappedRange
  @usableFromInline var count: Int
  var pin: Int
}

/// A place in the table of subscribers, for as long as this object exists.
@usableFromInline
final class TopicReader: Sendable {
  @usableFromInline let ring: TopicRing
  private let number: UInt32
  /// The index of the place.
  private let index: Int
  /// A child created by `fork` has a copy of this object, but not the place.
  private let taken = Taken()
  /// Whether each pin is in use, kept here because another process may change shared memory.
  ///
  /// The subscriber, of which only one thread at a time has the use, alone looks for a pin that is
  /// not in use (acquiring), and sets its flag. The one sample with that pin clears the flag after
  /// N5 (releasing), from any thread. So the two never change one flag at once, and the next N1
  /// comes after the last N5.
  private let isPinUsed = InlineArray<64, Atomic<Bool>> { _ in Atomic(false) }
  private let waiting: Waiting

  /// Takes a place.
  ///
  /// - Parameter includesHistory: Whether to begin with the oldest message that is kept, or with
  ///   the next one.
  /// - Returns: The place, and where it begins.
  /// - Throws: `limitReached`, `corrupted` and `system`.
  static func subscribe(
    to ring: TopicRing, includesHistory: Bool
  ) throws(InterprocessError) -> (TopicReader, TopicCursor) {
    let number = try ring.lock.number()
    let index = try ring.places.takeAlsoOfDead(as: number)
    guard let index else {
      throw InterprocessError(
        code: .limitReached, name: ring.name,
        message: """
          "\(ring.name)" already has \(ring.layout.maximumSubscriberCount) subscribers, as many as \
          it can have. To have more, create the topic for more.
          """)
    }
    let reader = TopicReader(ring, number, index)
    return (reader, reader.begin(includesHistory))
  }

  private init(_ ring: TopicRing, _ number: UInt32, _ index: Int) {
    self.ring = ring
    self.number = number
    self.index = index
    waiting = Waiting(for: "a message", in: ring.name, longestSpin: .microseconds(50))
  }

  deinit {
    if taken.isOwn { ring.places.free(index, number) }
  }

  /// - Throws: `roleTaken` in a child created by `fork`.
  @inline(__always) private func checkPlace() throws(InterprocessError) {
    guard taken.isOwn else { throw .ofParent("subscriber", of: ring.name) }
  }

  @inline(__always) private func word(_ distance: Int) -> SharedWord {
    ring.word(distance, ofSubscriber: index)
  }

  private var position: SharedWord { word(TopicLayout.positionOffset) }
  private var received: SharedWord { word(TopicLayout.receivedOffset) }
  private var missed: SharedWord { word(TopicLayout.missedOffset) }

  /// How many messages this subscriber has missed so far.
  var missedCount: UInt64 { missed.loadRelaxed() }

  @inline(__always) private func cursor(at position: UInt64) -> TopicCursor {
    TopicCursor(position: position, index: ring.index(of: position))
  }

  /// J1 to J5: prepares the place for a subscriber that has received nothing yet.
  private func begin(_ includesHistory: Bool) -> TopicCursor {
    for pin in 0..<ring.layout.maximumSampleCount {
      ring.pin(pin, ofSubscriber: index).storeReleasing(0)
    }
    let counts = (received.loadRelaxed(), missed.loadRelaxed())
    received.storeRelaxed(0)
    missed.storeRelaxed(0)
    ring.receivedTotal.addRelaxed(counts.0)
    ring.missedTotal.addRelaxed(counts.1)
    let tail = ring.publishing.position.loadAcquiring()
    let history = UInt64(ring.layout.historyCount)
    var start = includesHistory ? tail - min(tail, history) : tail
    position.storeReleasing(start)
    checkpoint(.subscribed)
    let isAnyonePatient = ring.arrivals.addReleasing(2) & 1 != 0
    checkpoint(.arrivalCounted)
    if isAnyonePatient {
      atomicMemoryFence(ordering: .sequentiallyConsistent)
      let end = ring.publishing.position.loadAcquiring() &+ 1
      start = max(start, end - min(end, history))
      position.storeReleasing(start)
    }
    // A publisher may be waiting for the former subscriber in this place.
    letPublishersGoOn()
    return cursor(at: start)
  }

  @inline(__always) private func letPublishersGoOn() {
    if ring.publishing.gate.isAwaited {
      ring.subscribing.open(ring.publishing.gate, waking: .max)
    }
  }

  // MARK: - Receiving

  /// How often to look again for a message when each one found is replaced meanwhile, before
  /// checking the time.
  private static let attemptLimit = 16

  /// N0 to N3a: holds the next message, if there is one.
  ///
  /// - Throws: `limitReached`, `roleTaken` and `corrupted`.
  @usableFromInline func tryNext(_ cursor: inout TopicCursor) throws(InterprocessError)
    -> TopicHold?
  {
    try checkPlace()
    for attempt in 0..<Self.attemptLimit {
      let entry = TopicEntry(ring.entry(at: cursor.index).loadAcquiring())
      guard let distance = entry.distance(from: cursor.position), distance >= 0 else { return nil }
      if distance > 0 {
        try skip(to: cursor.position &+ UInt64(distance), attempt, &cursor)
      } else if let hold = try hold(entry, cursor) {
        advance(&cursor)
        return hold
      }
    }
    return nil
  }

  /// Holds the newest message, if this subscriber has not received it yet.
  ///
  /// - Throws: What `tryNext(_:)` throws.
  @usableFromInline func tryLatest(_ cursor: inout TopicCursor) throws(InterprocessError)
    -> TopicHold?
  {
    try checkPlace()
    let tail = ring.publishing.position.loadAcquiring()
    if Int64(bitPattern: tail &- cursor.position) > 1 {
      let target = tail &- 1
      let entry = TopicEntry(ring.entry(at: ring.index(of: target)).loadAcquiring())
      guard let distance = entry.distance(from: target), distance >= 0 else {
        throw .corrupted(ring.name, "it counts \(tail) messages, but has no number \(target)")
      }
      miss(until: target, &cursor)
    }
    return try tryNext(&cursor)
  }

  /// Skips to a message that is still there.
  ///
  /// - Parameters:
  ///   - newer: The message that was found in place of an older one.
  ///   - attempt: How often that has happened so far. The oldest message may be gone before it is
  ///     looked at, so each attempt skips to a newer one.
  /// - Throws: `corrupted`.
  private func skip(
    to newer: UInt64, _ attempt: Int, _ cursor: inout TopicCursor
  ) throws(InterprocessError) {
    let tail = ring.publishing.position.loadAcquiring()
    // The publisher stores the entry before the tail.
    guard Int64(bitPattern: newer &- tail) <= 0 else {
      throw .corrupted(ring.name, "it counts \(tail) messages, but has one of number \(newer)")
    }
    let depth = max(1, UInt64(ring.layout.historyCount) >> UInt64(attempt))
    let next = cursor.position &+ 1
    let target = tail &- depth
    miss(until: Int64(bitPattern: target &- next) > 0 ? target : next, &cursor)
  }

  private func miss(until target: UInt64, _ cursor: inout TopicCursor) {
    missed.storeRelaxed(missed.loadRelaxed() &+ (target &- cursor.position))
    cursor = self.cursor(at: target)
    position.storeReleasing(target)
    letPublishersGoOn()
  }

  /// N1 to N3.
  ///
  /// - Returns: `nil` if the message has been replaced.
  /// - Throws: `limitReached` and `corrupted`.
  @inline(__always) private func hold(
    _ entry: TopicEntry, _ cursor: TopicCursor
  ) throws(InterprocessError) -> TopicHold? {
    let slot = try ring.checked(entry.slot!)
    let range = ring.slot(slot)
    // The memory arrives while the pin is set.
    Processors.prefetch(range)
    let pin = try unusedPin()
    checkpoint(.messageSeen)
    let word = ring.pin(pin, ofSubscriber: index)
    word.storeReleasing(UInt32(slot + 1))
    checkpoint(.messagePinned)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    guard ring.entry(at: cursor.index).loadAcquiring() == entry.bits else {
      word.storeReleasing(0)
      return nil
    }
    let count = range.word(at: 0).loadRelaxed()
    guard count >= 1, count <= ring.layout.maximumElementCount else {
      word.storeReleasing(0)
      throw .corrupted(
        ring.name,
        """
        message \(cursor.position) has \(count) elements, not 1 to \
        \(ring.layout.maximumElementCount)
        """)
    }
    isPinUsed[pin].store(true, ordering: .relaxed)
    let head = ring.layout.slotHeadByteCount
    return TopicHold(
      position: cursor.position, elements: range.part(at: head, byteCount: range.byteCount - head),
      count: Int(count), pin: pin)
  }

  /// - Throws: `limitReached`.
  @inline(__always) private func unusedPin() throws(InterprocessError) -> Int {
    for pin in 0..<ring.layout.maximumSampleCount
    where !isPinUsed[pin].load(ordering: .acquiring) {
      return pin
    }
    throw InterprocessError(
      code: .limitReached, name: ring.name,
      message: """
        The subscriber holds \(ring.layout.maximumSampleCount) samples of "\(ring.name)", as many \
        as it can hold. Give one back, or create the topic for more.
        """)
  }

  /// N3a.
  @inline(__always) private func advance(_ cursor: inout TopicCursor) {
    cursor.position &+= 1
    cursor.index += 1
    if cursor.index == ring.layout.historyCount { cursor.index = 0 }
    position.storeReleasing(cursor.position)
    received.storeRelaxed(received.loadRelaxed() &+ 1)
    checkpoint(.messageTaken)
    letPublishersGoOn()
  }

  /// N5.
  @usableFromInline func giveBack(_ hold: TopicHold) {
    guard taken.isOwn else { return }
    ring.pin(hold.pin, ofSubscriber: index).storeReleasing(0)
    checkpoint(.messageFreed)
    isPinUsed[hold.pin].store(false, ordering: .releasing)
  }

  @usableFromInline var isEmpty: InterprocessError {
    InterprocessError(
      code: .timedOut, name: ring.name,
      message: "No message came in \"\(ring.name)\" in time. Does a process publish there?")
  }

  // MARK: - Waiting

  /// Whether there is a message at the position stored in the place, or the end.
  ///
  /// - Throws: `roleTaken` in a child created by `fork`.
  func isReady() throws(InterprocessError) -> Bool {
    try checkPlace()
    return hasMessage(cursor(at: position.loadRelaxed())) || isFinished
  }

  private func attempt(
    _ stage: Waiting.Stage, _ cursor: TopicCursor
  ) throws(InterprocessError) -> Waiting.Outcome<Void> {
    try checkPlace()
    let outcome = try ring.subscribing.gate.attempt(stage, alike: 0) {
      () throws(InterprocessError) in
      hasMessage(cursor) || isFinished ? () : nil
    }
    if stage != .spinning, case .wait = outcome { ring.subscribing.countSleep() }
    return outcome
  }

  /// F3: whether no more messages will be published.
  ///
  /// Check this before looking for the next message: then a look that finds none comes after the
  /// last message.
  @usableFromInline var isFinished: Bool { ring.isFinished }

  /// Whether the next message, or a newer one, is there.
  @usableFromInline func hasMessage(_ cursor: TopicCursor) -> Bool {
    let entry = TopicEntry(ring.entry(at: cursor.index).loadAcquiring())
    return entry.distance(from: cursor.position).map { $0 >= 0 } ?? false
  }

  /// Whether a wait may end while it spins, as far as recent waits show.
  @usableFromInline var isSpinningUseful: Bool { waiting.isSpinningUseful }

  /// Waits until there is a message, or the topic is finished.
  ///
  /// - Returns: Whether that happened before the time-out.
  /// - Throws: `system`.
  @usableFromInline func wait(
    _ cursor: TopicCursor, atMost timeout: Duration?
  ) throws(InterprocessError) -> Bool {
    // With no time left, one look is enough, and the caller has just made it.
    if let timeout, timeout <= .zero { return false }
    let outcome: Void? = try waiting.wait(atMost: timeout) { stage throws(InterprocessError) in
      try attempt(stage, cursor)
    }
    return outcome != nil
  }

  /// The same, suspending the task while it waits.
  @usableFromInline nonisolated(nonsending) func wait(
    _ cursor: TopicCursor, atMost timeout: Duration?
  ) async throws -> Bool {
    if let timeout, timeout <= .zero {
      try Task.checkCancellation()
      return false
    }
    let outcome: Void? = try await waiting.wait(atMost: timeout) {
      stage throws(InterprocessError) in
      try attempt(stage, cursor)
    }
    return outcome != nil
  }
}
