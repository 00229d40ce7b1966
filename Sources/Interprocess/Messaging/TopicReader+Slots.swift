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

// Messages in slots, N0 to N6.
extension TopicReader {
  /// N0 to N4: holds the next message, if there is one.
  ///
  /// - Parameter isWaiting: Whether the subscriber has just found none.
  /// - Throws: `limitReached` and `corrupted`.
  @inline(__always) func holdNextInSlot(
    _ cursor: inout TopicCursor, isWaiting: Bool
  ) throws(InterprocessError) -> TopicHold? {
    var entryOfSlot: TopicEntry?
    for attempt in 0..<Self.attemptLimit {
      if let hold = try holdNext(&cursor, isWaiting: isWaiting) { return hold }
      if cursor.slot != nil { return nil }
      let entry = TopicEntry(ring.entry(at: cursor.index).loadAcquiring())
      guard let distance = entry.distance(from: cursor.position), distance >= 0 else {
        return try holdAnnounced(&cursor)
      }
      if distance > 0 {
        try skip(to: cursor.position &+ UInt64(distance), attempt, &cursor)
        continue
      }
      let slot = try ring.checked(entry.slot!)
      // N3 has found the word that comes after a later P4, which it acquires.
      guard entry != entryOfSlot else {
        throw .corrupted(ring.name, "message \(cursor.position) is not in slot \(slot)")
      }
      entryOfSlot = entry
      cursor.slot = slot
    }
    return nil
  }

  /// N1 to N4: holds the next message, if its slot is known and the message is there.
  ///
  /// If the slot is announced for the message, the cursor keeps it, and its pin; if the message is
  /// no longer there, the cursor forgets the slot.
  ///
  /// - Parameter isWaiting: Whether the subscriber has just found the slot announced.
  /// - Throws: `limitReached` and `corrupted`.
  @inline(__always) private func holdNext(
    _ cursor: inout TopicCursor, isWaiting: Bool
  ) throws(InterprocessError) -> TopicHold? {
    guard let slot = cursor.slot else { return nil }
    if cursor.pin == nil {
      // The memory arrives while the pin is set.
      Processors.prefetch(ring.slot(slot))
      cursor.pin = pin(slot)
    }
    let bits = ring.word(ofSlot: slot).loadAcquiring()
    if bits == TopicEntry.written(cursor.position).bits, isWaiting || isKept(cursor) {
      guard let pin = cursor.pin else { throw holdsTooMany }
      return try take(slot, pin, &cursor)
    }
    if bits != TopicEntry.unwritten(cursor.position).bits { forgetSlot(&cursor) }
    return nil
  }

  /// Whether a message that is there has not been replaced.
  @inline(__always) private func isKept(_ cursor: TopicCursor) -> Bool {
    let entry = TopicEntry(ring.entry(at: cursor.index).loadRelaxed())
    return (entry.distance(from: cursor.position) ?? 0) <= 0
  }

  /// Waits at the slot that is announced for the next message.
  ///
  /// - Returns: The message, if it has come meanwhile.
  /// - Throws: `limitReached` and `corrupted`.
  private func holdAnnounced(_ cursor: inout TopicCursor) throws(InterprocessError) -> TopicHold? {
    cursor.slot = ring.number(ring.nextSlot)
    return try holdNext(&cursor, isWaiting: false)
  }

  /// N1 and N2.
  ///
  /// - Returns: `nil` if this subscriber holds as many samples as it can.
  @inline(__always) private func pin(_ slot: Int) -> Int? {
    guard let pin = unusedPin else { return nil }
    isPinUsed[pin].store(true, ordering: .relaxed)
    checkpoint(.messageSeen)
    ring.pin(pin, ofSubscriber: index).storeReleasing(UInt32(slot + 1))
    checkpoint(.messagePinned)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    return pin
  }

  /// N4, for a message that is there.
  ///
  /// - Throws: `corrupted`.
  @inline(__always) private func take(
    _ slot: Int, _ pin: Int, _ cursor: inout TopicCursor
  ) throws(InterprocessError) -> TopicHold {
    let link = TopicLink(ring.link(ofSlot: slot).loadRelaxed())
    guard link.count >= 1, link.count <= ring.layout.maximumElementCount else {
      throw .corrupted(
        ring.name,
        """
        message \(cursor.position) has \(link.count) elements, not 1 to \
        \(ring.layout.maximumElementCount)
        """)
    }
    let hold = TopicHold(
      position: cursor.position, elements: ring.elements(ofSlot: slot), count: Int(link.count),
      pin: pin)
    cursor.position &+= 1
    cursor.index += 1
    if cursor.index == ring.layout.entryCount { cursor.index = 0 }
    // What another process has written here is only a number to look at.
    cursor.slot = link.next.flatMap { $0 < ring.layout.slotCount ? $0 : nil }
    cursor.pin = nil
    noteReceived(cursor)
    return hold
  }

  /// Whether the message has come, or will not come, in the slot where the subscriber waits for it;
  /// `nil` if it does not wait at a slot.
  @inline(__always) func isSlotChanged(_ cursor: TopicCursor) -> Bool? {
    guard let slot = cursor.slot, cursor.pin != nil else { return nil }
    return ring.word(ofSlot: slot).loadAcquiring() != TopicEntry.unwritten(cursor.position).bits
  }

  /// Gives up the slot where the subscriber waits.
  func forgetSlot(_ cursor: inout TopicCursor) {
    if let pin = cursor.pin { unpin(pin) }
    cursor.slot = nil
    cursor.pin = nil
  }

  /// N6.
  @usableFromInline func unpin(_ pin: Int) {
    guard taken.isOwn else { return }
    ring.pin(pin, ofSubscriber: index).storeReleasing(0)
    checkpoint(.messageFreed)
    isPinUsed[pin].store(false, ordering: .releasing)
  }
}
