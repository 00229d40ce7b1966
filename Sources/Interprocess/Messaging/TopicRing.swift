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
  // They lie in slots: `historyCount` slots, one for each sample that a subscriber can hold, and
  // two more. A ring of `historyCount` entries says which message lies in which slot. The slots of
  // the next two messages are chosen ahead, so that a subscriber can wait at the slot of its
  // message, where the message and the word that says so arrive in one cache line.
  //
  // A slot begins with a word: 0, or 1 if the slot is retired and pinned; or a position, and
  // whether the slot is announced for the message of that position, or the message is there.
  // Another word of the slot, the link, names the slot of the next message.
  //
  // One thread at a time publishes: it has the only role, or holds the lock.
  //
  //   P0  if the next slot's word says that the tail's message is there:
  //         P4 and P5, with the link of that slot; tail = tail + 1
  //       else if the entry at the tail is already that of the tail's message: tail = tail + 1
  //       only before the first message of a publisher that has the role
  //   P1  if the next slot is not announced for the tail: choose another one as in P8
  //       if the second slot is not announced for the tail + 1: the same
  //       only where P0 is needed
  //   P2  write the message into the next slot; link = the second slot
  //   P3  word of the slot = there                 releasing, pairs with N3
  //   P4  entry = its position and its slot        releasing, pairs with N0
  //   P5  next slot = the second slot; no second slot
  //   P6  tail = position + 1                      releasing
  //   P7  retire the slot of the entry that was replaced
  //   P7a wake waiting subscribers: R2' of `AsymmetricEventCount`, for which P3 and P4 are R1
  //   P8  take a slot from the list of free slots; its word = announced for the message after the
  //       next; second slot = that slot
  //       if the list is empty, refill it first:
  //         word of each retired slot = 0
  //   P8a   fence                                  seq. cons.
  //   P8b   look at all pins                       acquiring, pairs with N6
  //         if the word of a pinned slot is 0: word = 1
  //         free each retired slot whose word is not 1
  //         if that frees none: the same with all slots that have no entry, and are neither the
  //         next nor the second slot
  //
  // Each subscriber has a place in a table, with its position and a pin for each sample:
  //
  //   N0  find a slot: the link of the message before; or, without one, the entry of the position,
  //       acquiring; or, if there is no message yet, the next slot
  //   N1  pin = the slot                           releasing, so that reads of an older message
  //                                                come first
  //   N2  fence                                    seq. cons.
  //   N3  load the word of the slot                acquiring; what replaces "there" releases P4
  //       if it says that the message is there: go on with N4
  //       if the slot is announced for it: there is no message; N3 again when the subscriber looks
  //         again
  //       else: pin = 0, and start again with the entry and a message that is there; the same if
  //         the entry is that of a newer message, as this one is then no longer kept. A subscriber
  //         that has just found the slot announced need not look at the entry
  //   N4  position = position + 1                  releasing; wake publishers that wait
  //   N5  read the link; read the message, for any length of time
  //   N6  pin = 0                                  releasing
  //
  // A publisher announces and writes only a slot whose word was 0 before P8a, and on which P8b
  // found no pin. If a subscriber pins the slot later, either N2 comes before P8a, and P8b sees the
  // pin of N1; or P8a comes before N2, and N3 sees the 0, or what the slot was announced for later.
  // That is the subscriber's own message only if the slot is now in fact the one of that message.
  // So no subscriber reads a slot while it is written, and a subscriber may hold a sample for as
  // long as it likes, or pin the slot of a message that is yet to come.
  //
  // An announced slot that anyone has found stays the next or the second one until its message is
  // there: P1 chooses another one only if the word is damaged, and a slot that was in neither place
  // when its publisher was killed has been found by nobody. So the message of a subscriber that
  // waits at its slot comes there, and the subscriber looks nowhere else.
  //
  // There are two slots more than can have an entry or a pin. At most one of them is the next or
  // the second slot when another one is taken, so P8 always finds one.
  //
  // A publisher killed
  //   before P3 has published nothing; the next publisher writes the same slot.
  //   between P3 and P6 has published its message; the next publisher finds that in P0. Until then,
  //     only subscribers that know its slot receive it.
  // A publisher takes a slot off its list before it does anything else with it, and a slot leaves
  // its entry before it is retired. If the publisher is then killed, the slot may be in no list,
  // but never in two; when no slot is free, P8 finds the lost ones, as they have no entry, and are
  // neither the next nor the second slot. If a publisher is killed within P5, one slot is both, and
  // P1 finds that it is not announced as the second.
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
  // sees the F1 of an earlier lock holder. So F1 comes after the last P4. A subscriber looks for
  // the end, and then for a message:
  //
  //   F3  load finished                            acquiring
  //   N0  to N3; if there is no message, and F3 found 1, this is the end
  //
  // If F3 finds 1, it has seen the last P3 and P4, so N0 and N3 find every message that there is.
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
  /// The slots of the next two messages, each plus 1, or 0.
  let nextSlot: SharedWord32
  let secondSlot: SharedWord32
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
    func word32(_ field: KeyPath<ipc_queue_side, UInt32>) -> SharedWord32 {
      range.word32(at: QueueHead.sendingOffset + fieldOffset(field))
    }
    freeCount = word32(\ipc_queue_side.free_count)
    retiredCount = word32(\ipc_queue_side.retired_count)
    nextSlot = word32(\ipc_queue_side.next_slot)
    secondSlot = word32(\ipc_queue_side.second_slot)
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

  /// The words of a slot.
  @inline(__always) func word(ofSlot slot: Int) -> SharedWord {
    range.word(at: layout.slotsOffset + slot * layout.slotStride)
  }

  @inline(__always) func link(ofSlot slot: Int) -> SharedWord {
    range.word(at: layout.slotsOffset + slot * layout.slotStride + 8)
  }

  /// The elements of a slot.
  @inline(__always) func elements(ofSlot slot: Int) -> MappedRange {
    range.part(
      at: layout.slotsOffset + slot * layout.slotStride + layout.slotHeadByteCount,
      byteCount: layout.slotStride - layout.slotHeadByteCount)
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
  /// - Throws: `corrupted`.
  @inline(__always) private func takeOver() throws(InterprocessError) -> UInt64 {
    let tail = publishing.position.loadRelaxed()
    guard try layout.isInEntries ? isWritten(tail) : completeMessage(tail) else { return tail }
    publishing.position.storeReleasing(tail &+ 1)
    return tail &+ 1
  }

  private func isWritten(_ position: UInt64) -> Bool {
    entry(at: index(of: position)).loadRelaxed() == TopicEntry.written(position).bits
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
    let position = try tail == known ? tail : takeOver()
    if isPatient, !findRoom(for: position) { return nil }
    if let copy {
      checkpoint(.messageBegun)
      return Writing(
        position: position, slot: nil, elements: copy.range(ofLine: 0),
        generation: Descriptor.generation)
    }
    let slot = try nextSlot(for: position)
    checkpoint(.messageBegun)
    return Writing(
      position: position, slot: slot, elements: elements(ofSlot: slot),
      generation: Descriptor.generation)
  }

  /// The rest of P2, and P3 to P8; or E1 to E6.
  ///
  /// - Throws: `corrupted`.
  @inline(__always) func end(
    _ writing: Writing, count: Int, from copy: PrivateLines?
  ) throws(InterprocessError) {
    if let copy, let entries {
      copy.withWords(ofLine: 0, count: layout.entryWordCount) {
        entries.store($0.span, as: writing.position)
      }
      countMessage(writing.position)
      letSubscribersGoOn()
    } else {
      let old = send(writing.position, writing.slot!, count)
      countMessage(writing.position)
      if let old { retire(try checked(old)) }
      letSubscribersGoOn()
      try announceSecond(for: writing.position &+ 2)
    }
  }

  /// P7a, or E6.
  @inlinable @inline(__always) func letSubscribersGoOn() {
    if subscribing.gate.isAwaited { publishing.open(subscribing.gate, waking: .max) }
  }

  /// P6, or E5.
  @inlinable @inline(__always) func countMessage(_ position: UInt64) {
    publishing.position.storeReleasing(position &+ 1)
    checkpoint(.tailStored)
  }

  // MARK: - Finishing

  /// F3: whether no more messages will be published.
  @usableFromInline var isFinished: Bool { isFinishedWord.loadAcquiring() != 0 }

  /// F0 to F2, for the holder of the role or the lock.
  ///
  /// - Throws: `corrupted`.
  func finish() throws(InterprocessError) {
    // Otherwise a message that a dead publisher did not count would never be counted.
    _ = try takeOver()
    isFinishedWord.storeReleasing(1)
    checkpoint(.topicFinished)
    publishing.open(subscribing.gate, waking: .max)
    publishing.open(publishing.gate, waking: .max)
  }
}
