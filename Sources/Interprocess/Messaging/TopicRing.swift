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

/// The messages of a topic, and what is known of who publishes and who subscribes.
@usableFromInline
final class TopicRing: Sendable {
  // Messages are counted from 0 on; that number is their position, and never comes again. They lie
  // in slots, of which there are `history` + one for each sample that a subscriber can hold + 1. A
  // ring of as many entries as the history says which slot has which message.
  //
  // One thread at a time publishes: it has the one role, or holds the lock.
  //
  //   P0  the entry at the tail is that of the tail?  then tail = tail + 1
  //   P1  take a slot from the list of those that are free; if there is none, make the list anew:
  //   P1a   fence                                  seq. cons.
  //   P1b   look at all pins                       acquiring, pairs with N5
  //         each slot that was retired and is not pinned is free
  //         if that is none: each slot without an entry that is not pinned is free
  //   P2  write the message into the slot
  //   P3  entry = its position and its slot        releasing, pairs with N0
  //   P4  tail = position + 1                      releasing
  //   P4a retire the slot of the entry that was replaced
  //   P5  let subscribers go on who wait: R2' of `LightGate`, for which P3 is R1
  //
  // Each subscriber has a place in a table, with its position and a pin for each sample:
  //
  //   N0  entry of the position                    acquiring
  //   N1  pin = its slot                           releasing, as reading an older one comes first
  //   N2  fence                                    seq. cons.
  //   N3  the entry is the same?  else pin = 0, and anew with one that there is
  //   N3a position = position + 1                  releasing; lets a publisher go on who waits
  //   N4  read the message, for as long as one likes
  //   N5  pin = 0                                  releasing
  //
  // A message is written only into a slot that had no entry when P1b found no pin on it. Whoever
  // pins it later has found its old entry, and N3 finds another one: either N2 comes before P1a,
  // and P1b sees the pin of N1; or P1a comes before N2, and N3 sees the P3 that has replaced the
  // entry. So nobody reads a slot while it is written, and a subscriber that holds a sample need
  // never hurry. As there is one more slot than can have an entry or a pin, P1 always finds one.
  //
  // A publisher killed before P3 has published nothing. Killed between P3 and P4, it has, and the
  // next one finds that by P0. A slot is always taken from its list before anything else is done
  // with it, so that one that is killed leaves slots in no list, and never one in two: when there
  // are no free ones left, they are found by what has an entry or a pin.
  //
  // A subscriber killed with pins keeps those slots from being used until its place is given to
  // another one, or freed: pins in a free place do not count.
  //
  // Who finishes the topic publishes nothing more, and keeps others from it:
  //
  //   F0  P0
  //   F1  finished = 1                             releasing, pairs with F3
  //   F2  let all subscribers go on, and all publishers who wait for them
  //
  // It has the role, or the lock; one of many looks at the word each time that it has taken the
  // lock, after which it sees F1 of whoever had the lock before. So F1 comes behind the last P3. A
  // subscriber looks for the end and then for a message:
  //
  //   F3  finished?                                acquiring
  //   N0  to N3; if there is no message, and F3 found 1, that was the end
  //
  // F3 that finds 1 has seen the last P3, so N0 finds each message that there is.
  //
  // Killed before F1, a process has not finished the topic, and another one can. Killed between F1
  // and F2, it has, and leaves sleepers that look by themselves within a second.
  //
  // A publisher that is to wait for slow subscribers has, in its own memory, a limit up to which it
  // publishes without looking at them. Positions only grow, but for those who arrive, who are
  // counted: the arrivals are a word with twice their number, and 1 if any publisher has waited.
  //
  //   Q0  once: arrivals has its 1                 relaxed
  //   Q1  before each message: fence               seq. cons.
  //   Q2  arrivals as at the last Q3, and limit ahead of the tail?  then publish
  //                                                acquiring, pairs with J2
  //   Q3  limit = least position + history         acquiring, as Q2 comes first
  //
  // Who subscribes:
  //
  //   J1  position = oldest message that is kept   releasing
  //   J2  arrivals = arrivals + 2                  releasing
  //   J3  arrivals had its 1?  then:
  //   J4    fence                                  seq. cons.
  //   J5    position = at least tail + 1 - history, of the tail as it is by now
  //
  // If Q2 finds J2, it looks at the positions, and finds J1. If J4 comes before Q1, that is so. If
  // Q1 comes before J4, J5 finds the tail of that time, and the one message that is published then
  // replaces one that is older than J5 allows: that is why it is one less than the history. For the
  // next message, again one of both is so. If J3 finds no 1, J2 comes before Q0, and every Q2 finds
  // it. So no message from the position of J5 on is replaced before the subscriber has received it;
  // and whoever is killed leaves no limit to anybody.
  //
  // `Models/topic.pml` goes through this in every order, with deaths, but for the limit; see
  // `scripts/verify`. `TopicModelTests` looks at the fences, and `TopicLimitModelTests` at the
  // limit.

  let segment: StructuredSegment
  let layout: TopicLayout
  let publishers: QueueRole
  let publishing: QueueSide
  let subscribing: QueueSide
  /// The table of subscribers.
  let places: HolderTable
  let lock: RobustLock
  private let isFinishedWord: SharedWord32
  private let range: MappedRange
  private let waiting = Waiting(longestSpin: .microseconds(50))
  /// The lengths of both lists of slots.
  private let freeCount: SharedWord32
  private let retiredCount: SharedWord32
  // What Q3 has found, as whoever publishes next finds it.
  private let limit = Atomic<UInt64>(0)
  private let knownArrivals = Atomic<UInt64>(0)

  /// - Throws: `corrupted`.
  init(_ segment: consuming StructuredSegment, _ layout: TopicLayout) throws(InterprocessError) {
    let offset = segment.contentOffset
    publishers = try QueueRole(segment.memory, at: offset)
    self.layout = layout
    let range = segment.memory.range.part(at: offset, byteCount: layout.byteCount)
    self.range = range
    publishing = QueueSide(in: range, at: QueueHead.sendingOffset)
    subscribing = QueueSide(in: range, at: QueueHead.receivingOffset)
    places = HolderTable(
      in: range, gateOffset: QueueHead.sendingOffset + QueueSide.gateOffset,
      offset: layout.offset(ofSubscriber: 0), stride: layout.subscriberStride,
      count: layout.maximumSubscriberCount, wakeCount: .max)
    lock = publishing.lock(places: places)
    isFinishedWord = range.word32(at: QueueHead.isFinishedOffset)
    freeCount = range.word32(at: QueueHead.sendingOffset + QueueSide.freeOffset)
    retiredCount = range.word32(at: QueueHead.sendingOffset + QueueSide.freeOffset + 4)
    self.segment = segment
  }

  var name: String { segment.memory.name }

  func close() {
    segment.close {
      lock.close(orElse: "The topic has a publisher or subscriber here, and was to be closed")
    }
  }

  // MARK: - Words

  /// The entry at some place of the ring.
  @inline(__always) func entry(at index: Int) -> SharedWord {
    range.word(at: layout.entriesOffset + 8 * index)
  }

  /// The place in the ring of a message.
  @inline(__always) func index(of position: UInt64) -> Int {
    Int(position % UInt64(layout.history))
  }

  /// A word of a subscriber's.
  @inline(__always) func word(_ distance: Int, ofSubscriber index: Int) -> SharedWord {
    range.word(at: layout.offset(ofSubscriber: index) + distance)
  }

  @inline(__always) func pin(_ pin: Int, ofSubscriber index: Int) -> SharedWord32 {
    range.word32(at: layout.offset(ofSubscriber: index) + TopicLayout.pinsOffset + 4 * pin)
  }

  /// How many messages those have received, or missed, who are subscribers no more.
  var receivedTotal: SharedWord { range.word(at: TopicLayout.receivedTotalOffset) }
  var missedTotal: SharedWord { range.word(at: TopicLayout.missedTotalOffset) }

  /// How often somebody has subscribed, times 2, and 1 if any publisher has waited.
  var arrivals: SharedWord { range.word(at: TopicLayout.arrivalsOffset) }

  @inline(__always) private func free(at index: Int) -> SharedWord32 {
    range.word32(at: layout.freeListOffset + 4 * index)
  }

  @inline(__always) private func retired(at index: Int) -> SharedWord32 {
    range.word32(at: layout.retiredListOffset + 4 * index)
  }

  /// The bytes of a slot.
  @inline(__always) func slot(_ slot: Int) -> MappedRange {
    range.part(at: layout.slotsOffset + slot * layout.slotStride, byteCount: layout.slotStride)
  }

  // MARK: - Publishing

  /// A message that is being written.
  @usableFromInline struct Writing: Sendable {
    var position: UInt64
    var slot: Int
    /// Where its elements lie.
    @usableFromInline var elements: MappedRange
    /// Of the process that has begun it; a child that `fork` has made only has a copy.
    let generation = Descriptor.generation
  }

  /// P0.
  ///
  /// - Returns: The position of the next message.
  @inline(__always) private func takeOver() -> UInt64 {
    let tail = publishing.position.loadRelaxed()
    let entry = TopicEntry(entry(at: index(of: tail)).loadRelaxed())
    guard entry.distance(from: tail) == 0 else { return tail }
    publishing.position.storeReleasing(tail &+ 1)
    return tail &+ 1
  }

  /// P0 and P1.
  ///
  /// - Parameter isPatient: Whether no subscriber may miss a message.
  /// - Returns: `nil` if one would.
  /// - Throws: `corrupted`.
  func begin(isPatient: Bool) throws(InterprocessError) -> Writing? {
    let position = takeOver()
    if isPatient, !findRoom(for: position) { return nil }
    let slot = try takeSlot()
    checkpoint(.messageBegun)
    let head = layout.slotHeadByteCount
    return Writing(
      position: position, slot: slot,
      elements: self.slot(slot).part(at: head, byteCount: layout.slotStride - head))
  }

  /// The rest of P2, and P3 to P5.
  ///
  /// - Throws: `corrupted`.
  func end(_ writing: Writing, count: Int) throws(InterprocessError) {
    slot(writing.slot).word(at: 0).storeRelaxed(UInt64(count))
    checkpoint(.messageWritten)
    let entry = entry(at: index(of: writing.position))
    let old = TopicEntry(entry.loadRelaxed())
    if let slot = old.slot { _ = try checked(slot) }
    entry.storeReleasing(TopicEntry(writing.position, writing.slot).bits)
    checkpoint(.messageSent)
    publishing.position.storeReleasing(writing.position &+ 1)
    checkpoint(.messageTold)
    if let slot = old.slot { retire(slot) }
    if subscribing.gate.isAwaited { publishing.open(subscribing.gate, waking: .max) }
    prefetchNext()
  }

  /// Fetches the slot of the next message, which a subscriber has read last.
  private func prefetchNext() {
    let count = Int(freeCount.loadRelaxed())
    guard count >= 1, count <= layout.slotCount else { return }
    let next = Int(free(at: count - 1).loadRelaxed())
    if next < layout.slotCount { Processors.prefetchToWrite(slot(next)) }
  }

  /// Gives back the slot of a message that is not published after all.
  func cancel(_ writing: Writing) {
    // Nobody else has had it, and what a list that is not right costs is that it is made anew.
    addFree(writing.slot)
  }

  // MARK: - Finishing

  /// F3: whether no more messages are published.
  @usableFromInline var isFinished: Bool { isFinishedWord.loadAcquiring() != 0 }

  /// F0 to F2, for who has the role or the lock.
  func finish() {
    // Else a message that a dead publisher did not count would never be.
    _ = takeOver()
    isFinishedWord.storeReleasing(1)
    checkpoint(.topicFinished)
    publishing.open(subscribing.gate, waking: .max)
    publishing.open(publishing.gate, waking: .max)
  }

  // MARK: - Slots

  @inline(__always) private func takeSlot() throws(InterprocessError) -> Int {
    if let slot = try takeFree() { return slot }
    try collect()
    if let slot = try takeFree() { return slot }
    try rebuild()
    if let slot = try takeFree() { return slot }
    throw .corrupted(name, "there is no free slot, of one more than can be used")
  }

  @inline(__always) private func takeFree() throws(InterprocessError) -> Int? {
    let count = freeCount.loadRelaxed()
    if count == 0 { return nil }
    guard count <= layout.slotCount else {
      throw .corrupted(name, "it has \(layout.slotCount) slots, \(count) of them free")
    }
    freeCount.storeReleasing(count - 1)
    return try checked(Int(free(at: Int(count) - 1).loadRelaxed()))
  }

  // A list that says that it is longer than it can be is left alone: the slot is lost until the
  // lists are made anew.

  @inline(__always) private func addFree(_ slot: Int) {
    let count = freeCount.loadRelaxed()
    guard count < layout.slotCount else { return }
    free(at: Int(count)).storeReleasing(UInt32(slot))
    freeCount.storeReleasing(count + 1)
  }

  @inline(__always) private func retire(_ slot: Int) {
    let count = retiredCount.loadRelaxed()
    guard count < layout.slotCount else { return }
    retired(at: Int(count)).storeReleasing(UInt32(slot))
    retiredCount.storeReleasing(count + 1)
  }

  /// A slot that was found in shared memory.
  ///
  /// - Throws: `corrupted`.
  @inline(__always) func checked(_ slot: Int) throws(InterprocessError) -> Int {
    guard slot < layout.slotCount else {
      throw .corrupted(name, "it has \(layout.slotCount) slots, and says number \(slot)")
    }
    return slot
  }

  /// Makes those slots free that were retired and are not pinned.
  private func collect() throws(InterprocessError) {
    let count = retiredCount.loadRelaxed()
    guard count <= layout.slotCount else {
      throw .corrupted(name, "it has \(layout.slotCount) slots, and has retired \(count)")
    }
    retiredCount.storeReleasing(0)
    checkpoint(.slotsTaken)
    let pinned = pinnedSlots()
    // What is retired again is written no faster than it is read.
    for index in 0..<Int(count) {
      let slot = try checked(Int(retired(at: index).loadRelaxed()))
      if pinned.contains(slot) { retire(slot) } else { addFree(slot) }
    }
  }

  /// Makes the lists anew by what has an entry or a pin.
  private func rebuild() throws(InterprocessError) {
    let pinned = pinnedSlots()
    freeCount.storeReleasing(0)
    retiredCount.storeReleasing(0)
    checkpoint(.slotsTaken)
    var isKept = [Bool](repeating: false, count: layout.slotCount)
    for index in 0..<layout.history {
      guard let slot = TopicEntry(entry(at: index).loadRelaxed()).slot else { continue }
      isKept[try checked(slot)] = true
    }
    for slot in 0..<layout.slotCount where !isKept[slot] {
      if pinned.contains(slot) { retire(slot) } else { addFree(slot) }
    }
  }

  /// P1a and P1b.
  private func pinnedSlots() -> Set<Int> {
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    // There are few, and mostly none, for which a set takes no memory.
    var pinned: Set<Int> = []
    for subscriber in 0..<layout.maximumSubscriberCount where places.isTaken(subscriber) {
      for index in 0..<layout.maximumSampleCount {
        let pin = Int(pin(index, ofSubscriber: subscriber).loadAcquiring())
        if pin != 0 { pinned.insert(pin - 1) }
      }
    }
    return pinned
  }

  // MARK: - Waiting for subscribers

  /// Q0.
  func becomePatient() { arrivals.orRelaxed(1) }

  /// Q1 to Q3: whether no subscriber misses a message when the next one is published.
  private func findRoom(for tail: UInt64) -> Bool {
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    let arrived = arrivals.loadAcquiring()
    let history = UInt64(layout.history)
    if arrived == knownArrivals.load(ordering: .relaxed) {
      let known = limit.load(ordering: .relaxed) &- tail
      if known >= 1 && known <= history { return true }
    }
    let found = leastPosition(tail) &+ history
    knownArrivals.store(arrived, ordering: .relaxed)
    limit.store(found, ordering: .relaxed)
    return found != tail
  }

  /// The position of the slowest subscriber, but none that the history has left behind.
  private func leastPosition(_ tail: UInt64) -> UInt64 {
    var distance: UInt64 = 0
    for subscriber in 0..<layout.maximumSubscriberCount where places.isTaken(subscriber) {
      let position = word(TopicLayout.positionOffset, ofSubscriber: subscriber).loadAcquiring()
      let other = tail &- position
      // One that is ahead of the tail is no slow one.
      if Int64(bitPattern: other) > 0 { distance = max(distance, other) }
    }
    return tail &- min(distance, UInt64(layout.history))
  }

  /// One turn of a wait for slow subscribers.
  private func attemptPublishing(
    _ stage: Waiting.Stage, as number: UInt32
  ) throws(InterprocessError) -> Waiting.Turn<Void> {
    if stage == .checking { try places.reclaim(own: number, segment.memory) }
    let turn = try publishing.gate.attempt(stage, alike: 0) { () throws(InterprocessError) in
      if isFinished { return () }
      let tail = publishing.position.loadAcquiring()
      return tail &- leastPosition(tail) < layout.history ? () : nil
    }
    if stage != .spinning, case .wait = turn { publishing.countSleep() }
    return turn
  }

  /// Waits until the slowest subscriber has gone on, or the topic is finished.
  ///
  /// - Returns: Whether that came before the time was over.
  /// - Throws: `corrupted` and `system`.
  func waitForSubscribers(atMost timeout: Duration?) throws(InterprocessError) -> Bool {
    // Whoever has the time for another look has had one.
    if let timeout, timeout <= .zero { return false }
    let number = try lock.number(segment.memory)
    let outcome: Void? = try waiting.wait(atMost: timeout) { stage throws(InterprocessError) in
      try attemptPublishing(stage, as: number)
    } translatingErrors: { [name] errno in
      .system(errno, name: name, action: "wait for the subscribers")
    }
    return outcome != nil
  }

  /// Suspends the task where the blocking form waits.
  nonisolated(nonsending) func waitForSubscribers(atMost timeout: Duration?) async throws -> Bool {
    if let timeout, timeout <= .zero {
      try Task.checkCancellation()
      return false
    }
    let number = try lock.number(segment.memory)
    let outcome: Void? = try await waiting.wait(atMost: timeout) {
      stage throws(InterprocessError) in
      try attemptPublishing(stage, as: number)
    }
    return outcome != nil
  }
}
