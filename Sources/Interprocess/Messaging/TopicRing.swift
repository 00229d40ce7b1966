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
internal import Synchronization

/// The messages of a topic, and the steps of its publishers and subscribers.
@usableFromInline
final class TopicRing: Sendable {
  // Messages are counted from 0; the number of a message is its position, and is never used again.
  // Small messages lie in their entries: see `TopicEntries`. This is about the others.
  // They lie in slots: `historyCount` slots, one for each sample that a subscriber can hold,
  // and one more. A ring of `historyCount` entries says which message lies in which slot.
  //
  // One thread at a time publishes: it has the only role, or holds the lock.
  //
  //   P0  if the entry at the tail is already that of the tail's message: tail = tail + 1
  //       only before the first message of a publisher that has the role
  //   P1  take a slot from the list of free slots; if the list is empty, refill it:
  //   P1a   fence                                  seq. cons.
  //   P1b   look at all pins                       acquiring, pairs with N5
  //         free each retired slot that is not pinned
  //         if that frees none: free each slot that has neither an entry nor a pin
  //   P2  write the message into the slot
  //   P3  entry = its position and its slot        releasing, pairs with N0; an exchange
  //   P4  tail = position + 1                      releasing
  //   P4a retire the slot of the entry that was replaced
  //   P5  wake waiting subscribers: R2' of `AsymmetricEventCount`, for which P3 is R1
  //
  // Each subscriber has a place in a table, with its position and a pin for each sample:
  //
  //   N0  load the entry of the position           acquiring
  //   N1  pin = its slot                           releasing, so that reads of an older message
  //                                                come first
  //   N2  fence                                    seq. cons.
  //   N3  check that the entry is the same; if not: pin = 0, and start again with a message that is
  //       there
  //   N3a position = position + 1                  releasing; wake publishers that wait
  //   N4  read the message, for any length of time
  //   N5  pin = 0                                  releasing
  //
  // A publisher writes only into a slot that had no entry when P1b found no pin on it. A subscriber
  // that pins the slot later has loaded its old entry, and N3 finds that the entry has changed:
  // either N2 comes before P1a, and P1b sees the pin of N1; or P1a comes before N2, and N3 sees the
  // P3 that replaced the entry. So no subscriber reads a slot while it is written, and a subscriber
  // may hold a sample as long as it likes. There is one slot more than can have an entry or a pin,
  // so P1 always finds one.
  //
  // A publisher killed
  //   before P3 has published nothing.
  //   between P3 and P4 has published its message; the next publisher finds that in P0.
  // A publisher takes a slot off its list before it does anything else with it. If it is then
  // killed, the slot may be in no list, but never in two; when no slot is free, P1b finds the lost
  // ones, as they have neither an entry nor a pin.
  //
  // A subscriber killed
  //   while it has pins keeps those slots from being used until its place is freed or taken over;
  //     pins in a free place do not count.
  //
  // A process that finishes the topic publishes nothing more, and keeps others from publishing. It
  // has the role, or holds the lock:
  //
  //   F0  P0
  //   F1  finished = 1                             releasing, pairs with F3
  //   F2  wake all subscribers, and all publishers that wait for them
  //
  // If there are many publishers, each looks at that word whenever it has taken the lock, and then
  // sees the F1 of an earlier lock holder. So F1 comes after the last P3. A subscriber looks for
  // the end, and then for a message:
  //
  //   F3  load finished                            acquiring
  //   N0  to N3; if there is no message, and F3 found 1, this is the end
  //
  // If F3 finds 1, it has seen the last P3, so N0 finds every message that there is.
  //
  // A finishing process killed
  //   before F1 has not finished the topic; another process can.
  //   between F1 and F2 has finished it, and leaves sleepers that look again by themselves within a
  //     second.
  //
  // A publisher that waits for slow subscribers keeps, in its own memory, a limit up to which it
  // publishes without looking at their positions. Positions only grow, except when a subscriber
  // arrives. So arrivals are counted: their word is twice their number, plus 1 if any publisher has
  // waited.
  //
  //   Q0  once: set the 1 of arrivals              relaxed
  //   Q1  before each message: fence               seq. cons.
  //   Q2  if arrivals are as at the last Q3, and the limit is ahead of the tail: publish
  //                                                acquiring, pairs with J2
  //   Q3  limit = least position + history         acquiring; Q2 comes first
  //
  // A new subscriber:
  //
  //   J1  position = oldest message that is kept   releasing
  //   J2  arrivals = arrivals + 2                  releasing
  //   J3  if arrivals had the 1:
  //   J4    fence                                  seq. cons.
  //   J5    load the tail again; position = at least tail + 1 - history
  //
  // If Q2 sees J2, Q3 looks at the positions, and sees J1. That is the case if J4 comes before Q1.
  // If Q1 comes before J4, J5 sees the tail of that time, and the one message that is published
  // then replaces one that is older than J5 allows: that is why J5 keeps one message less than the
  // history. For the next message, one of the two cases holds again. If J3 finds no 1, J2 comes
  // before Q0, and every Q2 sees it. So no message from the position of J5 on is replaced before
  // the subscriber has received it. The limit is in the publisher's own memory, so a killed
  // publisher leaves none behind.
  //
  // `Models/topic.pml` explores this in every order, with deaths, except for the limit; see
  // `scripts/verify`. `TopicModelTests` checks the fences, and `TopicLimitModelTests` the limit.

  let segment: StructuredSegment
  let layout: TopicLayout
  let publishers: Multiplicity
  @usableFromInline let publishing: QueueSide
  @usableFromInline let subscribing: QueueSide
  /// The table of subscribers.
  let places: HolderTable
  let lock: RobustLock
  private let isFinishedWord: SharedWord32
  let range: MappedRange
  /// `nil` if messages lie in slots.
  @usableFromInline let entries: TopicEntries?
  let waiting: Waiting
  /// The lengths of both lists of slots.
  let freeCount: SharedWord32
  let retiredCount: SharedWord32
  // What the last Q3 found, for the next message, which another thread may publish.
  let limit = Atomic<UInt64>(0)
  let knownArrivals = Atomic<UInt64>(0)

  /// - Throws: `corrupted`.
  init(_ segment: StructuredSegment, _ layout: TopicLayout) throws(InterprocessError) {
    let offset = segment.contentOffset
    publishers = try Multiplicity(
      segment.memory, at: offset + fieldOffset(\ipc_topic.publishers))
    self.layout = layout
    let range = segment.memory._range.part(at: offset, byteCount: layout.byteCount)
    self.range = range
    entries = TopicEntries(in: range, layout)
    publishing = QueueSide(in: range, at: QueueHead.sendingOffset)
    subscribing = QueueSide(in: range, at: QueueHead.receivingOffset)
    places = HolderTable(
      in: segment, range, gateOffset: QueueHead.sendingOffset + QueueSide.gateOffset,
      offset: layout.offset(ofSubscriber: 0), stride: layout.subscriberStride,
      count: layout.maximumSubscriberCount, wakeCount: .max)
    lock = publishing.lock(in: segment, places: places)
    isFinishedWord = range.word32(at: QueueHead.isFinishedOffset)
    freeCount = range.word32(
      at: QueueHead.sendingOffset + fieldOffset(\ipc_queue_side.free_count))
    retiredCount = range.word32(
      at: QueueHead.sendingOffset + fieldOffset(\ipc_queue_side.retired_count))
    waiting = Waiting(for: "the subscribers", in: segment, usualSpin: .microseconds(50))
    self.segment = segment
  }

  var name: String { segment.memory.name }

  func close() {
    segment.close {
      lock.close(orElse: "The topic was to be closed while it had a publisher or subscriber here")
    }
  }

  // MARK: - Words

  /// The entry at a place of the ring.
  @inline(__always) func entry(at index: Int) -> SharedWord {
    range.word(at: layout.entriesOffset + layout.entryStride * index)
  }

  /// The place of a message in the ring.
  @inline(__always) func index(of position: UInt64) -> Int {
    entries?.index(of: position) ?? Int(position % UInt64(layout.entryCount))
  }

  /// A word of a subscriber.
  @inline(__always) func word(_ distance: Int, ofSubscriber index: Int) -> SharedWord {
    range.word(at: layout.offset(ofSubscriber: index) + distance)
  }

  @inline(__always) func pin(_ pin: Int, ofSubscriber index: Int) -> SharedWord32 {
    range.word32(at: layout.offset(ofSubscriber: index) + TopicLayout.pinsOffset + 4 * pin)
  }

  /// How many messages former subscribers have received, or missed.
  var receivedTotal: SharedWord { range.word(at: TopicLayout.receivedTotalOffset) }
  var missedTotal: SharedWord { range.word(at: TopicLayout.missedTotalOffset) }

  /// The number of subscriptions so far, times 2, plus 1 if any publisher has waited.
  var arrivals: SharedWord { range.word(at: TopicLayout.arrivalsOffset) }

  @inline(__always) func free(at index: Int) -> SharedWord32 {
    range.word32(at: layout.freeListOffset + 4 * index)
  }

  @inline(__always) func retired(at index: Int) -> SharedWord32 {
    range.word32(at: layout.retiredListOffset + 4 * index)
  }

  /// The bytes of a slot.
  @inline(__always) func slot(_ slot: Int) -> MappedRange {
    range.part(at: layout.slotsOffset + slot * layout.slotStride, byteCount: layout.slotStride)
  }

  // MARK: - Publishing

  /// A message that is being written.
  @usableFromInline struct Writing: Sendable {
    @usableFromInline var position: UInt64
    /// The slot; `nil` if the message will lie in its entry.
    @usableFromInline var slot: Int?
    /// Where its elements lie until it is published.
    @usableFromInline var elements: MappedRange
    /// The generation of the process that began it; a child created by `fork` only has a copy.
    @usableFromInline let generation: UInt32

    @inlinable init(
      position: UInt64, slot: Int?, elements: MappedRange, generation: UInt32
    ) {
      self.position = position
      self.slot = slot
      self.elements = elements
      self.generation = generation
    }
  }

  /// P0.
  ///
  /// - Returns: The position of the next message.
  @inline(__always) private func takeOver() -> UInt64 {
    let tail = publishing.position.loadRelaxed()
    let entry = TopicEntry(entry(at: index(of: tail)).loadRelaxed())
    guard entry.distance(from: tail) == 0, !layout.isInEntries || entry.isWritten else {
      return tail
    }
    publishing.position.storeReleasing(tail &+ 1)
    return tail &+ 1
  }

  /// P0 and P1.
  ///
  /// - Parameters:
  ///   - isPatient: Whether no subscriber may miss a message.
  ///   - known: The position for which P0 is not needed.
  ///   - copy: Where to write a message that will lie in its entry.
  /// - Returns: `nil` if a subscriber would miss one.
  /// - Throws: `corrupted`.
  func begin(
    isPatient: Bool, at known: UInt64?, in copy: PrivateLines?
  ) throws(InterprocessError) -> Writing? {
    let tail = publishing.position.loadRelaxed()
    let position = tail == known ? tail : takeOver()
    if isPatient, !findRoom(for: position) { return nil }
    if let copy {
      checkpoint(.messageBegun)
      return Writing(
        position: position, slot: nil, elements: copy.range(ofLine: 0),
        generation: Descriptor.generation)
    }
    let slot = try takeSlot()
    checkpoint(.messageBegun)
    let head = layout.slotHeadByteCount
    return Writing(
      position: position, slot: slot,
      elements: self.slot(slot).part(at: head, byteCount: layout.slotStride - head),
      generation: Descriptor.generation)
  }

  /// The rest of P2, and P3 to P5; or E1 to E6.
  ///
  /// - Throws: `corrupted`.
  func end(
    _ writing: Writing, count: Int, from copy: PrivateLines?
  ) throws(InterprocessError) {
    if let copy, let entries {
      copy.withWords(ofLine: 0, count: layout.entryWordCount) {
        entries.store($0.span, as: writing.position)
      }
      countMessage(writing.position)
    } else {
      let old = storeEntry(writing.position, writing.slot!, count)
      countMessage(writing.position)
      if let old { retire(try checked(old)) }
    }
    letSubscribersGoOn()
    if copy == nil { prefetchNext() }
  }

  /// The rest of P2, and P3.
  ///
  /// - Returns: The slot of the entry that was replaced, unchecked.
  @inline(__always) private func storeEntry(
    _ position: UInt64, _ slot: Int, _ count: Int
  ) -> Int? {
    self.slot(slot).word(at: 0).storeRelaxed(UInt64(count))
    checkpoint(.messageWritten)
    let entry = entry(at: index(of: position))
    // An exchange, as a load would fetch the cache line from the subscribers first, and the store
    // then once more.
    let old = TopicEntry(entry.exchangeReleasing(TopicEntry(position, slot).bits)).slot
    checkpoint(.messageSent)
    return old
  }

  /// P5, or E6.
  @inlinable @inline(__always) func letSubscribersGoOn() {
    if subscribing.gate.isAwaited { publishing.open(subscribing.gate, waking: .max) }
  }

  /// P4, or E5.
  @inlinable @inline(__always) func countMessage(_ position: UInt64) {
    publishing.position.storeReleasing(position &+ 1)
    checkpoint(.tailStored)
  }

  /// Prefetches the slot of the next message, which a subscriber has read last.
  private func prefetchNext() {
    let count = Int(freeCount.loadRelaxed())
    guard count >= 1, count <= layout.slotCount else { return }
    let next = Int(free(at: count - 1).loadRelaxed())
    if next < layout.slotCount { Processors.prefetchToWrite(slot(next)) }
  }

  /// Gives back the slot of a message that is not published after all.
  func cancel(_ writing: Writing) {
    // No other process has had the slot; and if the list is damaged, the only cost is filling it
    // again.
    if let slot = writing.slot { addFree(slot) }
  }

  // MARK: - Finishing

  /// F3: whether no more messages will be published.
  @usableFromInline var isFinished: Bool { isFinishedWord.loadAcquiring() != 0 }

  /// F0 to F2, for the holder of the role or the lock.
  func finish() {
    // Otherwise a message that a dead publisher did not count would never be counted.
    _ = takeOver()
    isFinishedWord.storeReleasing(1)
    checkpoint(.topicFinished)
    publishing.open(subscribing.gate, waking: .max)
    publishing.open(publishing.gate, waking: .max)
  }
}
