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

// The slots of the next messages, and the lists of free and retired slots: P0 to P8.
extension TopicRing {
  // MARK: - The next two

  /// The slot that a word names; `nil` if it names none.
  @inline(__always) func number(_ word: SharedWord32) -> Int? {
    // Acquiring for P8b; other words need no ordering.
    let number = Int(word.loadAcquiring())
    return (1...layout.slotCount).contains(number) ? number - 1 : nil
  }

  /// The slot that a word names, if it is announced for a message.
  private func announced(_ word: SharedWord32, for position: UInt64) -> Int? {
    guard let slot = number(word),
      self.word(ofSlot: slot).loadRelaxed() == TopicEntry.unwritten(position).bits
    else { return nil }
    return slot
  }

  /// The beginning of P8: takes a slot, and announces it for a message.
  ///
  /// - Throws: `corrupted`.
  @inline(__always) private func announce(_ position: UInt64) throws(InterprocessError) -> Int {
    let slot = try takeSlot()
    word(ofSlot: slot).storeReleasing(TopicEntry.unwritten(position).bits)
    checkpoint(.slotMarked)
    return slot
  }

  /// P8.
  ///
  /// - Throws: `corrupted`.
  @inline(__always) func announceSecond(for position: UInt64) throws(InterprocessError) {
    secondSlot.storeReleasing(UInt32(try announce(position) + 1))
    checkpoint(.slotAnnounced)
  }

  /// P1.
  ///
  /// - Throws: `corrupted`.
  func nextSlot(for position: UInt64) throws(InterprocessError) -> Int {
    // A slot that is not announced as it should be is given up, before another one is taken: there
    // is room for two.
    if announced(secondSlot, for: position &+ 1) == nil { secondSlot.storeReleasing(0) }
    let slot: Int
    if let next = announced(nextSlot, for: position) {
      slot = next
    } else {
      nextSlot.storeReleasing(0)
      slot = try announce(position)
      nextSlot.storeReleasing(UInt32(slot + 1))
      checkpoint(.slotAnnounced)
    }
    if secondSlot.loadRelaxed() == 0 { try announceSecond(for: position &+ 1) }
    return slot
  }

  // MARK: - Messages

  /// The rest of P2, and P3 to P5.
  ///
  /// - Returns: The slot of the entry that was replaced, unchecked.
  @inline(__always) func send(_ position: UInt64, _ slot: Int, _ count: Int) -> Int? {
    let second = number(secondSlot)
    link(ofSlot: slot).storeRelaxed(TopicLink(count: count, next: second).bits)
    checkpoint(.messageWritten)
    word(ofSlot: slot).storeReleasing(TopicEntry.written(position).bits)
    checkpoint(.messageSent)
    return enter(position, slot, next: second)
  }

  /// P4 and P5.
  ///
  /// - Returns: The slot of the entry that was replaced, unchecked.
  @inline(__always) private func enter(_ position: UInt64, _ slot: Int, next: Int?) -> Int? {
    let entry = entry(at: index(of: position))
    let old = TopicEntry(entry.loadRelaxed())
    entry.storeReleasing(TopicEntry(position, slot).bits)
    checkpoint(.entryStored)
    nextSlot.storeReleasing(UInt32(next.map { $0 + 1 } ?? 0))
    secondSlot.storeReleasing(0)
    return old.distance(from: position) == 0 ? nil : old.slot
  }

  /// P0, except for the tail.
  ///
  /// - Returns: Whether the message was published before.
  /// - Throws: `corrupted`.
  func completeMessage(_ position: UInt64) throws(InterprocessError) -> Bool {
    guard let slot = number(nextSlot),
      word(ofSlot: slot).loadRelaxed() == TopicEntry.written(position).bits
    else {
      let entry = TopicEntry(entry(at: index(of: position)).loadRelaxed())
      return entry.distance(from: position) == 0
    }
    let next = TopicLink(link(ofSlot: slot).loadRelaxed()).next
    if let old = enter(position, slot, next: next.flatMap { $0 < layout.slotCount ? $0 : nil }) {
      retire(try checked(old))
    }
    return true
  }

  // MARK: - Lists

  @inline(__always) func takeSlot() throws(InterprocessError) -> Int {
    if let slot = try takeFree() { return slot }
    try collect()
    if let slot = try takeFree() { return slot }
    try rebuild()
    if let slot = try takeFree() { return slot }
    throw .corrupted(name, "it has no free slot, although it has one more than can be in use")
  }

  @inline(__always) private func takeFree() throws(InterprocessError) -> Int? {
    let count = freeCount.loadRelaxed()
    if count == 0 { return nil }
    guard count <= layout.slotCount else {
      throw .corrupted(name, "it has \(layout.slotCount) slots, but \(count) free ones")
    }
    freeCount.storeReleasing(count - 1)
    return try checked(Int(free(at: Int(count) - 1).loadRelaxed()))
  }

  // A list that claims an impossible length is left alone: the slot is lost until the lists are
  // built again.

  @inline(__always) private func addFree(_ slot: Int) {
    let count = freeCount.loadRelaxed()
    guard count < layout.slotCount else { return }
    free(at: Int(count)).storeReleasing(UInt32(slot))
    freeCount.storeReleasing(count + 1)
  }

  /// P7.
  @inline(__always) func retire(_ slot: Int) {
    let count = retiredCount.loadRelaxed()
    guard count < layout.slotCount else { return }
    retired(at: Int(count)).storeReleasing(UInt32(slot))
    retiredCount.storeReleasing(count + 1)
  }

  /// A slot number from shared memory, after a check.
  ///
  /// - Throws: `corrupted`.
  @inline(__always) func checked(_ slot: Int) throws(InterprocessError) -> Int {
    guard slot < layout.slotCount else {
      throw .corrupted(name, "it has \(layout.slotCount) slots, but refers to number \(slot)")
    }
    return slot
  }

  /// Frees the retired slots that are not pinned.
  private func collect() throws(InterprocessError) {
    let count = retiredCount.loadRelaxed()
    guard count <= layout.slotCount else {
      throw .corrupted(name, "it has \(layout.slotCount) slots, but \(count) retired ones")
    }
    retiredCount.storeReleasing(0)
    checkpoint(.slotsTaken)
    for index in 0..<Int(count) {
      word(ofSlot: try checked(Int(retired(at: index).loadRelaxed()))).storeReleasing(0)
    }
    markPinned()
    // Retiring slots again overwrites the list no faster than this loop reads it.
    for index in 0..<Int(count) { place(try checked(Int(retired(at: index).loadRelaxed()))) }
  }

  /// Builds both lists again, of the slots that have no entry, and are announced for no message.
  private func rebuild() throws(InterprocessError) {
    freeCount.storeReleasing(0)
    retiredCount.storeReleasing(0)
    checkpoint(.slotsTaken)
    var isKept = [Bool](repeating: false, count: layout.slotCount)
    for index in 0..<layout.historyCount {
      guard let slot = TopicEntry(entry(at: index).loadRelaxed()).slot else { continue }
      isKept[try checked(slot)] = true
    }
    if let next = number(nextSlot) { isKept[next] = true }
    if let second = number(secondSlot) { isKept[second] = true }
    for slot in 0..<layout.slotCount where !isKept[slot] { word(ofSlot: slot).storeReleasing(0) }
    markPinned()
    for slot in 0..<layout.slotCount where !isKept[slot] { place(slot) }
  }

  /// P8a and P8b: marks the slots that are pinned, among those whose word is 0.
  private func markPinned() {
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    for subscriber in 0..<layout.maximumSubscriberCount where places.isTaken(subscriber) {
      for index in 0..<layout.maximumSampleCount {
        guard let slot = number(pin(index, ofSubscriber: subscriber)) else { continue }
        let word = word(ofSlot: slot)
        if word.loadRelaxed() == 0 { word.storeReleasing(TopicEntry.pinned.bits) }
      }
    }
  }

  /// Puts a slot into the list of retired ones if it is pinned, or else into that of free ones.
  private func place(_ slot: Int) {
    if word(ofSlot: slot).loadRelaxed() == TopicEntry.pinned.bits {
      retire(slot)
    } else {
      addFree(slot)
    }
  }
}
