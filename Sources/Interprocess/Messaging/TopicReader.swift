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

public import Synchronization

/// The message that a subscriber gets next.
@usableFromInline
struct TopicCursor: Sendable {
  @usableFromInline var position: UInt64
  /// The place of its entry in the ring.
  @usableFromInline var index: Int
  /// The slot in which it comes, or has come, as far as is known; always `nil` if messages lie in
  /// their entries.
  var slot: Int?
  /// The pin of that slot, if it has one.
  var pin: Int?

  init(position: UInt64, index: Int) {
    self.position = position
    self.index = index
  }
}

/// A message that a subscriber holds, with the pin that keeps it.
@usableFromInline
struct TopicHold: Sendable {
  @usableFromInline var position: UInt64
  /// Where its elements lie.
  @usableFromInline var elements: MappedRange
  @usableFromInline var count: Int
  @usableFromInline var pin: Int

  @inlinable init(position: UInt64, elements: MappedRange, count: Int, pin: Int) {
    self.position = position
    self.elements = elements
    self.count = count
    self.pin = pin
  }
}

/// A place in the table of subscribers, for as long as this object exists.
@usableFromInline
final class TopicReader: Sendable {
  @usableFromInline let ring: TopicRing
  private let number: UInt32
  /// The index of the place.
  let index: Int
  /// A child created by `fork` has a copy of this object, but not the place.
  @usableFromInline let taken = Taken()
  /// Whether each pin is in use, kept here because another process may change shared memory.
  ///
  /// The subscriber, of which only one thread at a time has the use, alone looks for a pin that is
  /// not in use (acquiring), and sets its flag. The one sample with that pin clears the flag after
  /// N6 (releasing), from any thread. So the two never change one flag at once, and the next N1
  /// comes after the last N6.
  @usableFromInline let isPinUsed = InlineArray<64, Atomic<Bool>> { _ in Atomic(false) }
  /// The messages of samples, one line for each pin, if messages lie in their entries.
  @usableFromInline let copies: PrivateLines?
  /// How many samples there can be.
  @usableFromInline let pinCount: Int
  /// The words of the place.
  @usableFromInline let position: SharedWord
  @usableFromInline let received: SharedWord
  private let missed: SharedWord
  let waiting: Waiting

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
    pinCount = ring.layout.maximumSampleCount
    copies = ring.entries == nil ? nil : PrivateLines(count: pinCount)
    position = ring.word(TopicLayout.positionOffset, ofSubscriber: index)
    received = ring.word(TopicLayout.receivedOffset, ofSubscriber: index)
    missed = ring.word(TopicLayout.missedOffset, ofSubscriber: index)
    waiting = Waiting(for: "a message", in: ring.segment, usualSpin: .microseconds(50))
  }

  deinit {
    if taken.isOwn { ring.places.free(index, number) }
    copies?.free()
  }

  /// - Throws: `roleTaken` in a child created by `fork`.
  @inline(__always) func checkPlace() throws(InterprocessError) {
    guard taken.isOwn else { throw .ofParent("subscriber", of: ring.name) }
  }

  /// How many messages this subscriber has missed so far.
  var missedCount: UInt64 { missed.loadRelaxed() }

  @inline(__always) func cursor(at position: UInt64) -> TopicCursor {
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

  @inlinable @inline(__always) func letPublishersGoOn() {
    if ring.publishing.gate.isAwaited {
      ring.subscribing.open(ring.publishing.gate, waking: .max)
    }
  }

  // MARK: - Receiving

  /// How often to look again for a message when each one found is replaced meanwhile, before
  /// checking the time.
  static let attemptLimit = 16

  /// N0 to N4, or C0 to C4: holds the next message, if there is one.
  ///
  /// - Parameter isWaiting: Whether this subscriber has just found none.
  /// - Throws: `limitReached`, `roleTaken` and `corrupted`.
  @usableFromInline func tryNext(
    _ cursor: inout TopicCursor, isWaiting: Bool = false
  ) throws(InterprocessError) -> TopicHold? {
    try checkPlace()
    return try copies == nil
      ? holdNextInSlot(&cursor, isWaiting: isWaiting) : copyNextInEntry(&cursor)
  }

  /// C0 to C4: copies the next message, if there is one.
  ///
  /// - Throws: `limitReached` and `corrupted`.
  private func copyNextInEntry(
    _ cursor: inout TopicCursor
  ) throws(InterprocessError) -> TopicHold? {
    for attempt in 0..<Self.attemptLimit {
      if let hold = try copyNext(&cursor, wordCount: ring.layout.entryWordCount) { return hold }
      let entry = TopicEntry(ring.entry(at: cursor.index).loadAcquiring())
      guard let distance = entry.distance(from: cursor.position), distance >= 0 else { return nil }
      if distance > 0 {
        try skip(to: cursor.position &+ UInt64(distance), attempt, &cursor)
        continue
      }
      if entry.isUnwritten { return nil }
      guard entry.isWritten else {
        throw .corrupted(
          ring.name, "the entry of message \(cursor.position) has the word \(entry.bits)")
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
  func skip(
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
    forgetSlot(&cursor)
    missed.storeRelaxed(missed.loadRelaxed() &+ (target &- cursor.position))
    cursor = self.cursor(at: target)
    position.storeReleasing(target)
    letPublishersGoOn()
  }

  /// C0 to C4: copies the next message if it lies in its entry, and is there.
  ///
  /// - Parameter wordCount: The number of its words, which a client's compiler knows.
  /// - Returns: `nil` also if there is something else to do.
  /// - Throws: `limitReached`.
  @inlinable @inline(__always) func copyNext(
    _ cursor: inout TopicCursor, wordCount: Int
  ) throws(InterprocessError) -> TopicHold? {
    guard let entries = ring.entries, let copies, taken.isOwn,
      entries.has(cursor.position, at: cursor.index)
    else { return nil }
    guard let pin = unusedPin else { throw holdsTooMany }
    checkpoint(.messageSeen)
    let isWhole = copies.withWords(ofLine: pin, count: wordCount) {
      entries.load(cursor.position, at: cursor.index, into: &$0)
    }
    guard isWhole else { return nil }
    isPinUsed[pin].store(true, ordering: .relaxed)
    let hold = TopicHold(
      position: cursor.position, elements: copies.range(ofLine: pin), count: 1, pin: pin)
    cursor.position &+= 1
    cursor.index = entries.index(of: cursor.position)
    noteReceived(cursor)
    return hold
  }

  @inlinable @inline(__always) var unusedPin: Int? {
    for pin in 0..<pinCount where !isPinUsed[pin].load(ordering: .acquiring) { return pin }
    return nil
  }

  @usableFromInline var holdsTooMany: InterprocessError {
    InterprocessError(
      code: .limitReached, name: ring.name,
      message: """
        The subscriber holds \(ring.layout.maximumSampleCount) samples of "\(ring.name)", as many \
        as it can hold. Give one back, or create the topic for more.
        """)
  }

  /// N4, or C4.
  @inlinable @inline(__always) func noteReceived(_ cursor: TopicCursor) {
    position.storeReleasing(cursor.position)
    received.storeRelaxed(received.loadRelaxed() &+ 1)
    checkpoint(.messageTaken)
    letPublishersGoOn()
  }

  /// Ends the life of a sample.
  @inlinable @inline(__always) func giveBack(_ hold: TopicHold) {
    guard copies != nil else { return unpin(hold.pin) }
    isPinUsed[hold.pin].store(false, ordering: .releasing)
  }

  @usableFromInline var isEmpty: InterprocessError {
    InterprocessError(
      code: .timedOut, name: ring.name,
      message: "No message came in \"\(ring.name)\" in time. Does a process publish there?")
  }
}
