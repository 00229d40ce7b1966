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
  //   S4  tail = position + 1                              relaxed
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
  // A sender killed
  //   before S3 has sent nothing; the next sender begins at the tail, and overwrites what is there.
  //   between S3 and S4 has sent its messages; the next sender sees that the count of the tail's
  //     group is ahead of the tail, and begins at the count.
  //   before S5 leaves sleepers that look again by themselves within a second.
  //
  // A receiver killed
  //   before T2 has taken nothing; the next receiver finds the same message.
  //   after T2 has taken the message, which is lost with it.
  //
  // Only senders need the tail. A receiver can be ahead of it while a sender is between S3 and S4,
  // or after one was killed there.
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
  /// The generation of this process, for functions that clients inline.
  @usableFromInline let generation = SharedWord32.generation
  @usableFromInline let name: String

  /// - Precondition: The capacity has been checked against the memory.
  init(
    in memory: borrowing SharedMemory, at offset: Int, _ layout: QueueLayout, capacity: Int
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
    let (group, index) = position.quotientAndRemainder(dividingBy: UInt64(layout.groupCapacity))
    // The number of groups is a power of two.
    let mask = UInt64(groups.byteCount / layout.groupStride - 1)
    return QueueCursor(
      position: position, limit: position, groupOffset: Int(group & mask) * layout.groupStride,
      index: Int(index))
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
    // The last sender was killed between S3 and S4.
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

  // MARK: - Sending

  /// Sends a message if there is room, S1 to S5.
  ///
  /// - Throws: `corrupted`.
  @inlinable @inline(__always)
  func send<Element: Shareable>(
    _ element: Element, _ cursor: inout QueueCursor
  ) throws(InterprocessError) -> Bool {
    if cursor.position == cursor.limit {
      guard try findRoom(&cursor) else { return false }
    }
    checkpoint(.messageBegun)
    unsafe slot(of: cursor, as: Element.self).pointee = element
    publish(1, &cursor)
    return true
  }

  /// Sends as many messages as there is room for in one group.
  ///
  /// - Returns: How many messages were sent.
  /// - Throws: `corrupted`.
  @inlinable @inline(__always)
  func send<Element: Shareable>(
    _ elements: Span<Element>, from start: Int, _ cursor: inout QueueCursor
  ) throws(InterprocessError) -> Int {
    if cursor.position == cursor.limit {
      guard try findRoom(&cursor) else { return 0 }
    }
    let room = min(
      UInt64(truncatingIfNeeded: layout.groupCapacity &- cursor.index),
      cursor.limit &- cursor.position)
    let count = min(elements.count - start, Int(truncatingIfNeeded: room))
    checkpoint(.messageBegun)
    for index in 0..<count {
      unsafe slot(of: cursor, plus: index, as: Element.self).pointee = elements[start + index]
    }
    publish(count, &cursor)
    return count
  }

  /// Sends as many messages as there is room for.
  ///
  /// - Returns: How many of `elements` have been sent, including those before `start`.
  /// - Throws: `corrupted`.
  @inlinable func sendAll<Element: Shareable>(
    _ elements: Span<Element>, from start: Int, _ cursor: inout QueueCursor
  ) throws(InterprocessError) -> Int {
    var sentCount = start
    while sentCount < elements.count {
      let count = try send(elements, from: sentCount, &cursor)
      if count == 0 { break }
      sentCount += count
    }
    return sentCount
  }

  /// S3 to S5.
  @inlinable @inline(__always)
  func publish(_ messageCount: Int, _ cursor: inout QueueCursor) {
    checkpoint(.messageWritten)
    let count = count(at: cursor)
    move(&cursor, by: messageCount)
    count.storeReleasing(cursor.position)
    checkpoint(.messageSent)
    sending.position.storeRelaxed(cursor.position)
    checkpoint(.tailStored)
    if receiving.gate.isAwaited { sending.open(receiving.gate, waking: messageCount) }
  }

  /// S1.
  ///
  /// - Returns: Whether there is room.
  /// - Throws: `corrupted`.
  @usableFromInline func findRoom(
    _ cursor: inout QueueCursor
  ) throws(InterprocessError) -> Bool {
    let taken = receiving.position.loadAcquiring()
    guard cursor.position &- taken <= capacity else {
      throw .corrupted(
        name,
        "\(taken) of \(cursor.position) messages were taken, in a queue that holds \(capacity)")
    }
    cursor.limit = taken &+ capacity
    sending.limit.storeRelaxed(cursor.limit)
    return cursor.position != cursor.limit
  }

  // MARK: - Receiving

  /// Receives the next message if there is one, T0 to T3.
  ///
  /// - Throws: `corrupted`.
  @inlinable @inline(__always)
  func receive<Element: Shareable>(
    _ type: Element.Type, _ cursor: inout QueueCursor
  ) throws(InterprocessError) -> Element? {
    if cursor.position == cursor.limit {
      guard try findMessage(&cursor) else { return nil }
    }
    let element = unsafe slot(of: cursor, as: type).pointee
    checkpoint(.messageRead)
    take(1, &cursor)
    return element
  }

  /// Receives messages of one group, up to a number.
  ///
  /// - Returns: How many messages were appended to `elements`.
  /// - Throws: `corrupted`.
  @inlinable @inline(__always)
  func receive<Element: Shareable>(
    upTo maximumCount: Int, into elements: inout [Element], _ cursor: inout QueueCursor
  ) throws(InterprocessError) -> Int {
    if cursor.position == cursor.limit {
      guard try findMessage(&cursor) else { return 0 }
    }
    let count = min(maximumCount, Int(truncatingIfNeeded: cursor.limit &- cursor.position))
    for index in 0..<count {
      elements.append(unsafe slot(of: cursor, plus: index, as: Element.self).pointee)
    }
    checkpoint(.messageRead)
    take(count, &cursor)
    return count
  }

  /// Receives all messages there are, up to a number.
  ///
  /// - Returns: How many messages were appended to `elements`; `nil` if the queue was empty.
  /// - Throws: `corrupted`.
  @inlinable func receiveAll<Element: Shareable>(
    upTo maximumCount: Int, into elements: inout [Element], _ cursor: inout QueueCursor
  ) throws(InterprocessError) -> Int? {
    var receivedCount = 0
    while receivedCount < maximumCount {
      let count = try receive(upTo: maximumCount - receivedCount, into: &elements, &cursor)
      if count == 0 { break }
      receivedCount += count
    }
    return receivedCount > 0 ? receivedCount : nil
  }

  /// Lends the next message, if there is one, to `body`, and then takes it: T2 comes after `body`,
  /// and never in a child that was forked in `body`.
  ///
  /// - Throws: `corrupted`, and what `body` throws, after which the message is not taken.
  @inlinable @inline(__always)
  func receive<Element: Shareable, Result>(
    acknowledging body: (Element) throws -> Result, _ cursor: inout QueueCursor
  ) throws -> Result? {
    if cursor.position == cursor.limit {
      guard try findMessage(&cursor) else { return nil }
    }
    let begun = generation.loadRelaxed()
    let result = try body(unsafe slot(of: cursor, as: Element.self).pointee)
    checkpoint(.messageRead)
    if generation.loadRelaxed() == begun { take(1, &cursor) }
    return result
  }

  /// T0.
  ///
  /// - Returns: Whether there is a message.
  /// - Throws: `corrupted`.
  @inlinable @inline(__always)
  func findMessage(
    _ cursor: inout QueueCursor
  ) throws(InterprocessError) -> Bool {
    let count = count(at: cursor).loadAcquiring()
    if count <= cursor.position { return false }
    guard count <= groupEnd(cursor) else { throw corrupted(count, at: cursor) }
    checkpoint(.messageSeen)
    cursor.limit = count
    return true
  }

  /// T2 and T3.
  @inlinable @inline(__always)
  func take(_ messageCount: Int, _ cursor: inout QueueCursor) {
    move(&cursor, by: messageCount)
    receiving.position.storeReleasing(cursor.position)
    checkpoint(.messageTaken)
    if sending.gate.isAwaited { receiving.open(sending.gate, waking: messageCount) }
  }

  // MARK: - Conditions for waiters

  @usableFromInline func hasRoom(for byteCount: Int, at position: UInt64) -> Bool {
    position &- receiving.position.loadAcquiring() != capacity
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

  @usableFromInline func corrupted(
    _ count: UInt64, at cursor: QueueCursor
  ) -> InterprocessError {
    .corrupted(name, "the group of message \(cursor.position) has a count of \(count)")
  }
}

/// The position of one side of a queue, and what it knows about the other side.
