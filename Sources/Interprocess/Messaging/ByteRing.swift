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

/// The messages of a queue of bytes, and what is known of how far each side has come.
@usableFromInline
final class ByteRing: MessageRing {
  // Positions are bytes, counted from 0 on, always at a multiple of 8, and never come again. At the
  // position of the next message lies its head, a word: 0 if there is none yet, or its number of
  // bytes and one, and the message follows; or `skip`, and the message lies at the beginning of the
  // ring. So no message goes over the end of the ring.
  //
  // One thread at a time sends: it has the one role, or holds the lock of that side.
  //
  //   S1  enough room up to freed + capacity?              acquiring, pairs with T4
  //   S2  write the message; the next head = 0             relaxed
  //   S3  its head: its bytes and one, or `skip` behind    releasing
  //       a head at the beginning
  //   S4  tail = position of the next head                 relaxed
  //   S5  let receivers go on who wait, for which S3 is R1 of `LightGate`
  //
  // One thread at a time receives.
  //
  //   T0  head at the position not 0                       acquiring, pairs with S3
  //   T1  taken = position of the next head                relaxed
  //   T2  read the message
  //   T3  freed = taken                                    releasing
  //   T4  let senders go on who wait, for which T3 is R1
  //
  // Where messages are acknowledged, T1 comes behind T2. A receiver looks for a head only where S2
  // has written one before, or where it was from the beginning, so that the bytes of an old message
  // are never taken for one. A sender writes only where S1 has told that T3 came behind the
  // reading; the room that it asks for includes the next head.
  //
  // Killed before S3, a sender has sent nothing: the head at the tail is still 0. Killed between S3
  // and S4, it has sent its message: who sends next finds a head that is not 0 at the tail, and
  // goes on behind it.
  //
  // Killed before T1, a receiver has taken nothing. Killed between T1 and T3, it has taken the
  // message with it: who receives next sets freed to taken. So does one who has slept for 20 ms, as
  // there may be no room for the message that it waits for until that is done.
  //
  // `Models/bytequeue.pml` goes through this in every order, with deaths; see `scripts/verify`.
  // `ByteQueueModelTests` looks at the orderings.

  /// What stands for a head where the message lies at the beginning of the ring.
  private static let skip = UInt64.max
  /// What messages and heads lie at multiples of, and the bytes of a head.
  static let alignment = 8

  private let bytes: MappedRange
  /// The greatest number of bytes of a message.
  let maximumByteCount: Int
  @usableFromInline let sending: QueueSide
  @usableFromInline let receiving: QueueSide
  private let isFinishedWord: SharedWord32
  @usableFromInline let name: String

  /// - Precondition: The capacity and the limit have been checked against the memory and each
  ///   other.
  init(
    in memory: borrowing SharedMemory, at offset: Int, capacity: Int, maximumByteCount: Int
  ) {
    let range = memory.range
    bytes = range.part(at: offset + QueueHead.byteCount, byteCount: capacity)
    self.maximumByteCount = maximumByteCount
    sending = QueueSide(in: range, at: offset + QueueHead.sendingOffset)
    receiving = QueueSide(in: range, at: offset + QueueHead.receivingOffset)
    isFinishedWord = range.word32(at: offset + QueueHead.isFinishedOffset)
    name = memory.name
  }

  // MARK: - Sizes

  /// The bytes of the ring, a power of two.
  var capacity: Int { bytes.byteCount }

  /// The bytes of a message and its head.
  private static func recordByteCount(_ byteCount: Int) -> Int {
    alignment + (byteCount + alignment - 1) / alignment * alignment
  }

  /// The capacity of a queue that is to have at least some capacity, and to take messages of up to
  /// so many bytes; `nil` if there is no such queue.
  static func capacity(atLeast capacity: Int, maximumByteCount: Int) -> Int? {
    guard capacity >= 0, capacity <= 1 << 60, maximumByteCount >= 0, maximumByteCount <= 1 << 60
    else { return nil }
    // Wherever in an empty ring the next head is, the message has room before or behind it.
    let least = max(capacity, 2 * recordByteCount(maximumByteCount))
    return 1 << (Int.bitWidth - (least - 1).leadingZeroBitCount)
  }

  /// The bytes behind the header; `nil` for a capacity that no queue has.
  static func byteCount(of capacity: Int) -> Int? {
    guard capacity >= 2 * alignment, capacity.nonzeroBitCount == 1, capacity <= 1 << 61 else {
      return nil
    }
    return QueueHead.byteCount + capacity
  }

  /// Whether a queue of some capacity can have some limit.
  static func isLimit(_ maximumByteCount: UInt64, of capacity: Int) -> Bool {
    guard let maximum = Int(exactly: maximumByteCount), maximum <= capacity else { return false }
    return 2 * recordByteCount(maximum) <= capacity
  }

  // MARK: - Places

  private func offset(of position: UInt64) -> Int {
    Int(truncatingIfNeeded: position & UInt64(capacity - 1))
  }

  /// The head at a position, which is a multiple of 8.
  private func head(at position: UInt64) -> SharedWord { bytes.word(at: offset(of: position)) }

  /// Where a message lies.
  struct Place {
    /// The position of its own head.
    var begin: UInt64
    var byteCount: Int
    /// The position of the next head.
    var end: UInt64
  }

  private func place(at begin: UInt64, _ byteCount: Int) -> Place {
    Place(
      begin: begin, byteCount: byteCount,
      end: begin &+ UInt64(Self.recordByteCount(byteCount)))
  }

  /// The bytes of a message.
  private func content(_ place: Place) -> MappedRange {
    bytes.part(at: offset(of: place.begin) + Self.alignment, byteCount: place.byteCount)
  }

  /// Where the message behind a head lies, if there is one.
  ///
  /// - Throws: `corrupted`.
  private func message(at position: UInt64) throws(InterprocessError) -> Place? {
    var begin = position
    var head = head(at: begin).loadAcquiring()
    if head == 0 { return nil }
    if head == Self.skip, offset(of: position) != 0 {
      begin = (position | UInt64(capacity - 1)) &+ 1
      head = self.head(at: begin).loadAcquiring()
    }
    guard head != 0, let byteCount = Int(exactly: head - 1), byteCount <= maximumByteCount,
      Self.recordByteCount(byteCount) <= capacity - offset(of: begin)
    else {
      throw .corrupted(name, "the message at \(begin) begins with \(head)")
    }
    return place(at: begin, byteCount)
  }

  /// A position that was found in shared memory.
  private func checked(_ position: UInt64) throws(InterprocessError) -> UInt64 {
    guard position.isMultiple(of: UInt64(Self.alignment)) else {
      throw .corrupted(name, "no message lies at \(position)")
    }
    return position
  }

  // MARK: - Cursors

  @usableFromInline func sendingCursor() throws(InterprocessError) -> QueueCursor {
    let tail = try checked(sending.position.loadRelaxed())
    var cursor = QueueCursor(at: tail)
    // Killed between S3 and S4.
    if let place = try message(at: tail) {
      cursor = QueueCursor(at: place.end)
      sending.position.storeRelaxed(place.end)
    }
    // What the last one knew of the room there is.
    let limit = sending.limit.loadRelaxed()
    if limit &- cursor.position <= UInt64(capacity) { cursor.limit = limit }
    return cursor
  }

  @usableFromInline func receivingCursor() throws(InterprocessError) -> QueueCursor {
    let taken = try checked(receiving.position.loadRelaxed())
    // Killed between T1 and T3.
    if receiving.limit.loadRelaxed() != taken { free(taken) }
    return QueueCursor(at: taken)
  }

  // MARK: - Sending

  /// Sends a message if there is room, S1 to S5.
  ///
  /// - Parameter body: Writes it. If it throws, nothing is sent.
  /// - Returns: Whether there was room.
  /// - Throws: `corrupted`, and what `body` throws; `roleTaken` in a child that was forked there.
  func send(
    byteCount: Int, _ cursor: inout QueueCursor, _ body: (inout MutableRawSpan) throws -> Void
  ) throws -> Bool {
    guard let place = try findRoom(for: byteCount, &cursor) else { return false }
    checkpoint(.messageBegun)
    let generation = Descriptor.generation
    let content = content(place)
    // SAFETY: the range is mapped while the queue lives, which the caller sees to; nobody else
    // touches it until it is sent.
    var span = unsafe MutableRawSpan(_unsafeStart: content.start, byteCount: byteCount)
    try body(&span)
    guard generation == Descriptor.generation else {
      throw InterprocessError.ofParent("message", of: name)
    }
    checkpoint(.messageWritten)
    head(at: place.end).storeRelaxed(0)
    let value = UInt64(byteCount) + 1
    if place.begin == cursor.position {
      head(at: place.begin).storeReleasing(value)
    } else {
      head(at: place.begin).storeRelaxed(value)
      head(at: cursor.position).storeReleasing(Self.skip)
    }
    checkpoint(.messageSent)
    cursor.position = place.end
    sending.position.storeRelaxed(place.end)
    sending.countMessage()
    checkpoint(.messageTold)
    if receiving.gate.isAwaited { sending.open(receiving.gate, waking: 1) }
    return true
  }

  /// S1.
  ///
  /// - Throws: `corrupted`.
  private func findRoom(
    for byteCount: Int, _ cursor: inout QueueCursor
  ) throws(InterprocessError) -> Place? {
    let needed = neededByteCount(for: byteCount, at: cursor.position)
    if cursor.limit &- cursor.position < needed {
      let freed = receiving.limit.loadAcquiring()
      guard cursor.position &- freed <= UInt64(capacity) else {
        throw .corrupted(
          name, "\(freed) bytes were read of \(cursor.position), in a queue of \(capacity)")
      }
      cursor.limit = freed &+ UInt64(capacity)
      sending.limit.storeRelaxed(cursor.limit)
      if cursor.limit &- cursor.position < needed { return nil }
    }
    let skipped = skippedByteCount(for: byteCount, at: cursor.position)
    return place(at: cursor.position &+ skipped, byteCount)
  }

  /// The bytes that are left empty at the end of the ring, if the message does not fit there.
  private func skippedByteCount(for byteCount: Int, at position: UInt64) -> UInt64 {
    let rest = capacity - offset(of: position)
    return Self.recordByteCount(byteCount) > rest ? UInt64(rest) : 0
  }

  /// The bytes of a message, of what is skipped before it, and of the next head.
  private func neededByteCount(for byteCount: Int, at position: UInt64) -> UInt64 {
    skippedByteCount(for: byteCount, at: position)
      + UInt64(Self.recordByteCount(byteCount) + Self.alignment)
  }

  // MARK: - Receiving

  /// Receives the next message if there is one, T0 to T4; a child that was forked in `body` does
  /// nothing more.
  ///
  /// - Parameters:
  ///   - isAcknowledging: Whether T1 comes behind `body`, and not at all if that throws.
  ///   - body: Reads it.
  /// - Throws: `corrupted`, and what `body` throws.
  func receive<Result>(
    isAcknowledging: Bool, _ cursor: inout QueueCursor, _ body: (RawSpan) throws -> Result
  ) throws -> Result? {
    guard let place = try message(at: cursor.position) else { return nil }
    checkpoint(.messageSeen)
    if !isAcknowledging { take(place, &cursor) }
    let generation = Descriptor.generation
    // Also if the body throws, the message is gone then.
    defer { if !isAcknowledging, generation == Descriptor.generation { free(place.end) } }
    let content = content(place)
    // SAFETY: the range is mapped while the queue lives, which the caller sees to.
    let span = unsafe RawSpan(
      _unsafeStart: UnsafeRawPointer(content.start), byteCount: place.byteCount)
    let result = try body(span)
    checkpoint(.messageRead)
    if isAcknowledging, generation == Descriptor.generation {
      take(place, &cursor)
      free(place.end)
    }
    return result
  }

  /// T1.
  private func take(_ place: Place, _ cursor: inout QueueCursor) {
    cursor.position = place.end
    receiving.position.storeRelaxed(place.end)
    receiving.countMessage()
    checkpoint(.messageTaken)
  }

  /// T3 and T4.
  private func free(_ position: UInt64) {
    receiving.limit.storeReleasing(position)
    checkpoint(.messageFreed)
    // Where one message lay, several may have room, or not the first that sleeps but another.
    if sending.gate.isAwaited { receiving.open(sending.gate, waking: .max) }
  }

  // MARK: - What is waited for

  // What is wrong with a position, whoever sends or receives there finds out.

  @usableFromInline func hasRoom(for byteCount: Int, at position: UInt64) -> Bool {
    let limit = receiving.limit.loadAcquiring() &+ UInt64(capacity)
    return limit &- position >= neededByteCount(for: byteCount, at: position)
  }

  @usableFromInline func hasMessage(at position: UInt64) -> Bool {
    !position.isMultiple(of: UInt64(Self.alignment)) || head(at: position).loadAcquiring() != 0
  }

  @usableFromInline var isFinished: Bool { isFinishedWord.loadAcquiring() != 0 }

  @usableFromInline var isTakenUnfreed: Bool {
    receiving.limit.loadRelaxed() != receiving.position.loadRelaxed()
  }

  /// As of `QueueRing`.
  @usableFromInline func finish() {
    isFinishedWord.storeReleasing(1)
    checkpoint(.queueFinished)
    sending.open(receiving.gate, waking: .max)
    // Those who wait for room are told, too.
    sending.open(sending.gate, waking: .max)
  }
}

extension QueueCursor {
  /// A cursor of a ring of bytes.
  fileprivate init(at position: UInt64) {
    self.init(position: position, limit: position, groupOffset: 0, index: 0)
  }
}
