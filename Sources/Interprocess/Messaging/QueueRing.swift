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

/// The messages of a queue, and the steps by which each side moves on.
@usableFromInline
final class QueueRing: MessageRing {
  // A class, as it is too large to pass from function to function as a value.

  // Messages are counted from 0; the number of a message is its position, and is never used again.
  // Messages lie in groups. A group begins with a word, its count: the position after the last
  // message written into the group. So a small message moves in one cache line with the word that
  // announces it, and several small messages share one line.
  //
  // One thread at a time sends: it has the only role, or holds the lock of the sending side.
  //
  //   S1  if position = limit: limit = taken + capacity    acquiring, pairs with T2
  //   S2  write the message
  //   S3  count of the group = position + 1                releasing
  //   S4  tail = position + 1                              relaxed; for an only sender, just where
  //                                                        a group ends
  //   S5  wake waiting receivers: R2' of `AsymmetricEventCount`, for which S3 is R1
  //
  // One thread at a time receives.
  //
  //   T0  check that the group's count > position          acquiring, pairs with S3
  //   T1  read the message
  //   T2  taken = position + 1                             releasing
  //   T3  wake waiting senders: R2' of `AsymmetricEventCount`, for which T2 is R1
  //
  // T0 sees S3, so the receiver reads what S2 wrote for that message and for all before it. A
  // sender overwrites a message only after S1 has seen the T2 that followed the reading. There are
  // groups for `capacity` messages, and one more, so that each group is empty when a sender begins
  // to fill it again.
  //
  // The tail is the position of the next message, or of an earlier one of the same group; or, just
  // before S4, of one of the group before. Whenever it is behind, the count of its group is ahead
  // of it, and is the next position: S4 for the last message of a group comes before S3 for the
  // first of the next one, so no later group has a message yet.
  //
  // A sender killed
  //   before S3 has sent nothing; the next sender begins where it began, and overwrites what is
  //     there.
  //   after S3 has sent its messages; the next sender finds the position as above, and stores it as
  //     the tail before it sends.
  //   before S5 leaves sleepers that look again by themselves within a second.
  //
  // A receiver killed
  //   before T2 has taken nothing; the next receiver finds the same message.
  //   after T2 has taken the message, which is lost with it.
  //
  // Only senders need the tail, and receivers can be ahead of it.
  //
  // `Models/queue.pml` explores this in every order, with deaths; see `scripts/verify`.
  // `QueueModelTests` checks the memory orderings.

  /// How the messages are laid out.
  @usableFromInline let layout: QueueLayout
  /// The greatest number of messages that the queue holds.
  @usableFromInline let capacity: UInt64
  /// The groups.
  @usableFromInline let groups: MappedRange
  /// The words of the sending side, and of the receiving side.
  @usableFromInline let sending: QueueSide
  @usableFromInline let receiving: QueueSide
  private let isFinishedWord: SharedWord32
  /// Whether S4 follows each S3, as the next message may be another sender's.
  @usableFromInline let storesEachTail: Bool
  /// The generation of this process, for functions that clients inline.
  @usableFromInline let generation = SharedWord32.generation
  @usableFromInline let name: String

  /// - Precondition: The capacity has been checked against the memory.
  init(
    in memory: borrowing SharedMemory, at offset: Int, _ layout: QueueLayout, capacity: Int,
    senders: Multiplicity
  ) {
    let range = memory._range
    self.layout = layout
    self.capacity = UInt64(capacity)
    groups = range.part(
      at: offset + QueueHead.byteCount,
      byteCount: layout.groupCount(of: capacity)! * layout.groupStride)
    sending = QueueSide(in: range, at: offset + QueueHead.sendingOffset)
    receiving = QueueSide(in: range, at: offset + QueueHead.receivingOffset)
    isFinishedWord = range.word32(at: offset + QueueHead.isFinishedOffset)
    storesEachTail = senders == .many
    name = memory.name
  }

  /// The count of the group of a cursor.
  @inlinable @inline(__always)
  func count(at cursor: QueueCursor) -> SharedWord {
    // SAFETY: the offset is that of an existing group; the first group lies at a multiple of 128,
    // as the content does, and the stride is a multiple of 64.
    unsafe SharedWord(
      pointer: UnsafePointer(
        (groups.start + cursor.groupOffset).assumingMemoryBound(to: Atomic<UInt64>.self)))
  }

  /// Where the next message of a cursor lies, or the one `distance` slots after it in the same
  /// group.
  @inlinable @inline(__always) @unsafe
  func slot<Element: Shareable>(
    of cursor: QueueCursor, plus distance: Int = 0, as type: Element.Type
  ) -> UnsafeMutablePointer<Element> {
    // SAFETY: as for `count(at:)`; the callers ensure that the index is less than the capacity of a
    // group, even with the distance added.
    unsafe (groups.start + cursor.groupOffset + QueueLayout.headByteCount(of: type))
      .assumingMemoryBound(to: Element.self) + (cursor.index + distance)
  }

  // MARK: - Cursors

  /// A cursor at a position, with nothing known yet about the other side.
  private func cursor(at position: UInt64) -> QueueCursor {
    let place = layout.place(
      of: position, groupCount: groups.byteCount / layout.groupStride)
    return QueueCursor(
      position: position, limit: position, groupOffset: place.groupOffset, index: place.index)
  }

  /// Moves a cursor within its group, or to the beginning of the next one.
  @inlinable @inline(__always)
  func move(_ cursor: inout QueueCursor, by count: Int) {
    cursor.position &+= UInt64(truncatingIfNeeded: count)
    cursor.index &+= count
    if cursor.index == layout.groupCapacity {
      cursor.index = 0
      cursor.groupOffset &+= layout.groupStride
      if cursor.groupOffset == groups.byteCount { cursor.groupOffset = 0 }
    }
  }

  /// The position after the last message of a cursor's group.
  @inlinable @inline(__always)
  func groupEnd(_ cursor: QueueCursor) -> UInt64 {
    cursor.position &+ UInt64(truncatingIfNeeded: layout.groupCapacity &- cursor.index)
  }

  /// Where to send next, as the last sender left it.
  ///
  /// - Throws: `corrupted`.
  @usableFromInline func sendingCursor() throws(InterprocessError) -> QueueCursor {
    var cursor = cursor(at: sending.position.loadRelaxed())
    let count = count(at: cursor).loadRelaxed()
    // The tail is that of an earlier message.
    if count > cursor.position {
      guard count <= groupEnd(cursor) else { throw corrupted(count, at: cursor) }
      move(&cursor, by: Int(count &- cursor.position))
      sending.position.storeRelaxed(cursor.position)
      cursor.limit = cursor.position
    }
    // The room that the last sender knew of.
    let limit = sending.limit.loadRelaxed()
    if limit &- cursor.position <= capacity { cursor.limit = limit }
    return cursor
  }

  /// Where to receive next.
  @usableFromInline func receivingCursor() -> QueueCursor {
    cursor(at: receiving.position.loadRelaxed())
  }

  // MARK: - Conditions for waiters

  // The shared position of many senders may be too small if one was killed between S3 and S4: the
  // sender that then takes a turn corrects it.
  @usableFromInline func hasRoom(for byteCount: Int, at position: UInt64) -> Bool {
    position &- receiving.position.loadAcquiring() != capacity
  }

  /// What both sides have done so far, as far as this process sees it.
  var counts: (sending: QueueSide.Counts, receiving: QueueSide.Counts) {
    // In this order, so that the received messages do not exceed the sent ones.
    let receiving = receiving.counts
    var sending = sending.counts
    sending.position = layout.nextPosition(
      tail: sending.position, count: count(at: cursor(at: sending.position)).loadRelaxed())
    return (sending, receiving)
  }

  @usableFromInline func hasMessage(at position: UInt64) -> Bool {
    let cursor = cursor(at: position)
    return count(at: cursor).loadAcquiring() > cursor.position
  }

  @usableFromInline var isFinished: Bool { isFinishedWord.loadAcquiring() != 0 }

  // Taking a message frees its room at once.
  @usableFromInline var isTakenUnfreed: Bool { false }

  /// Lets receivers get what is left, and then the end.
  ///
  /// Only the holder of the sending side may do so: the end then comes after all messages, and a
  /// receiver that sees the end, and then no message, has had all of them.
  @usableFromInline func finish() {
    isFinishedWord.storeReleasing(1)
    checkpoint(.queueFinished)
    sending.open(receiving.gate, waking: .max)
    // Senders that wait for room must see the end, too.
    sending.open(sending.gate, waking: .max)
  }

  // MARK: - Errors

  @usableFromInline var isOfParent: InterprocessError { .ofParent("message", of: name) }

  @usableFromInline func corrupted(
    _ count: UInt64, at cursor: QueueCursor
  ) -> InterprocessError {
    .corrupted(name, "the group of message \(cursor.position) has a count of \(count)")
  }
}

/// The position of one side of a queue, and what it knows about the other side.
