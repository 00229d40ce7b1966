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

/// The messages of a queue of bytes, and the steps by which each side moves on.
@usableFromInline
final class ByteRing: MessageRing {
  // Positions are bytes, counted from 0, always multiples of 8, and never used again. At the
  // position of the next message lies its head, a word:
  //   0: there is no message yet.
  //   its number of bytes plus 1: the message follows the head.
  //   `skip`: the message, with a head of its own, lies at the beginning of the ring.
  // So no message runs past the end of the ring.
  //
  // One thread at a time sends: it has the only role, or holds the lock of the sending side.
  //
  //   S1  check for room, up to freed + capacity           acquiring, pairs with T3
  //   S2  write the message; next head = 0                 relaxed
  //   S3  head = bytes of the message + 1; or, to skip,    releasing
  //       that head at the beginning, then head = `skip`
  //   S4  tail = position of the next head                 relaxed
  //   S5  wake waiting receivers: R2' of `AsymmetricEventCount`, for which S3 is R1
  //
  // One thread at a time receives.
  //
  //   T0  check that the head at the position is not 0     acquiring, pairs with S3
  //   T1  taken = position of the next head                relaxed
  //   T2  read the message
  //   T3  freed = taken                                    releasing
  //   T4  wake waiting senders: R2' of `AsymmetricEventCount`, for which T3 is R1
  //
  // If a receiver acknowledges the message, T1 comes after T2. A receiver looks for a head only
  // where S2 has written a 0 before, or where there was a 0 from the start, so it never mistakes
  // the bytes of an old message for a head. A sender writes only where S1 has seen the T3 that
  // followed the reading; the room that it asks for includes the next head.
  //
  // A sender killed
  //   before S3 has sent nothing; the head at the tail is still 0.
  //   between S3 and S4 has sent its message; the next sender finds a head other than 0 at the
  //     tail, and continues after that message.
  //
  // A receiver killed
  //   before T1 has taken nothing.
  //   between T1 and T3 has taken the message, which is lost with it; the next receiver sets freed
  //     to taken. So does a receiver that has slept for 20 ms, as there may be no room for the
  //     message that it waits for until that is done.
  //
  // `Models/bytequeue.pml` explores this in every order, with deaths; see `scripts/verify`.
  // `ByteQueueModelTests` checks the memory orderings.

  /// The head of a message that lies at the beginning of the ring instead.
  private static let skip = UInt64.max
  /// Messages and heads lie at multiples of this, which is also the size of a head in bytes.
  static let alignment = 8

  private let bytes: MappedRange
  /// The greatest number of bytes of a message.
  let maximumByteCount: Int
  @usableFromInline let sending: QueueSide
  @usableFromInline let receiving: QueueSide
  private let isFinishedWord: SharedWord32
  @usableFromInline let name: String

  /// - Precondition: The capacity and the greatest length have been checked against the memory and
  ///   against each other.
  init(
    in memory: borrowing SharedMemory, at offset: Int, capacity: Int, maximumByteCount: Int
  ) {
    let range = memory._range
    bytes = range.part(at: offset + QueueHead.byteCount, byteCount: capacity)
    self.maximumByteCount = maximumByteCount
    sending = QueueSide(in: range, at: offset + QueueHead.sendingOffset)
    receiving = QueueSide(in: range, at: offset + QueueHead.receivingOffset)
    isFinishedWord = range.word32(at: offset + QueueHead.isFinishedOffset)
    name = memory.name
  }

  // MARK: - Sizes

  /// The size of the ring in bytes, a power of two.
  var capacity: Int { bytes.byteCount }

  /// The number of bytes that a message and its head take up.
  private static func recordByteCount(_ byteCount: Int) -> Int {
    alignment + (byteCount + alignment - 1) / alignment * alignment
  }

  /// The actual capacity of a queue of at least `capacity` bytes, for messages of up to
  /// `maximumByteCount`; `nil` if there can be no such queue.
  static func capacity(atLeast capacity: Int, maximumByteCount: Int) -> Int? {
    guard capacity >= 0, capacity <= 1 << 60, maximumByteCount >= 0, maximumByteCount <= 1 << 60
    else { return nil }
    // Wherever the next head lies in an empty ring, the message has room before or after it.
    let least = max(capacity, 2 * recordByteCount(maximumByteCount))
    return 1 << (Int.bitWidth - (least - 1).leadingZeroBitCount)
  }

  /// The number of bytes after the header; `nil` for a capacity that no queue has.
  static func byteCount(of capacity: Int) -> Int? {
    guard capacity >= 2 * alignment, capacity.nonzeroBitCount == 1, capacity <= 1 << 61 else {
      return nil
    }
    return QueueHead.byteCount + capacity
  }

  /// Whether a queue of that capacity can have messages of up to that many bytes.
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
  struct Record {
    /// The position of its own head.
    var begin: UInt64
    var byteCount: Int
    /// The position of the next head.
    var end: UInt64
  }

  private func record(at begin: UInt64, _ byteCount: Int) -> Record {
    Record(
      begin: begin, byteCount: byteCount,
      end: begin &+ UInt64(Self.recordByteCount(byteCount)))
  }

  /// The bytes of a message.
  private func content(_ record: Record) -> MappedRange {
    bytes.part(at: offset(of: record.begin) + Self.alignment, byteCount: record.byteCount)
  }

  /// The record of the message whose head lies at a position, if there is one.
  ///
  /// - Throws: `corrupted`.
  private func message(at position: UInt64) throws(InterprocessError) -> Record? {
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
    return record(at: begin, byteCount)
  }

  /// A position from shared memory, after a check.
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
    // The last sender was killed between S3 and S4.
    if let record = try message(at: tail) {
      cursor = QueueCursor(at: record.end)
      sending.position.storeRelaxed(record.end)
    }
    // The room that the last sender knew of.
    let limit = sending.limit.loadRelaxed()
    if limit &- cursor.position <= UInt64(capacity) { cursor.limit = limit }
    return cursor
  }

  @usableFromInline func receivingCursor() throws(InterprocessError) -> QueueCursor {
    let taken = try checked(receiving.position.loadRelaxed())
    // The last receiver was killed between T1 and T3.
    if receiving.limit.loadRelaxed() != taken { free(taken) }
    return QueueCursor(at: taken)
  }

  // MARK: - Sending

  /// Sends a message if there is room, S1 to S5.
  ///
  /// - Parameter body: Writes the message. If it throws, nothing is sent.
  /// - Returns: Whether there was room.
  /// - Throws: `corrupted`, and what `body` throws; `roleTaken` in a child that was forked in
  ///   `body`.
  func send(
    byteCount: Int, _ cursor: inout QueueCursor, _ body: (inout MutableRawSpan) throws -> Void
  ) throws -> Bool {
    guard let record = try findRoom(for: byteCount, &cursor) else { return false }
    checkpoint(.messageBegun)
    let generation = Descriptor.generation
    let content = content(record)
    // SAFETY: the range is mapped while the queue exists, which the caller ensures; no other thread
    // touches it until the message is sent.
    var span = unsafe MutableRawSpan(_unsafeStart: content.start, byteCount: byteCount)
    try body(&span)
    guard generation == Descriptor.generation else {
      throw InterprocessError.ofParent("message", of: name)
    }
    checkpoint(.messageWritten)
    head(at: record.end).storeRelaxed(0)
    let value = UInt64(byteCount) + 1
    if record.begin == cursor.position {
      head(at: record.begin).storeReleasing(value)
    } else {
      head(at: record.begin).storeRelaxed(value)
      head(at: cursor.position).storeReleasing(Self.skip)
    }
    checkpoint(.messageSent)
    cursor.position = record.end
    sending.position.storeRelaxed(record.end)
    sending.countMessage()
    checkpoint(.tailStored)
    if receiving.gate.isAwaited { sending.open(receiving.gate, waking: 1) }
    return true
  }

  /// S1.
  ///
  /// - Throws: `corrupted`.
  private func findRoom(
    for byteCount: Int, _ cursor: inout QueueCursor
  ) throws(InterprocessError) -> Record? {
    let needed = neededByteCount(for: byteCount, at: cursor.position)
    if cursor.limit &- cursor.position < needed {
      let freed = receiving.limit.loadAcquiring()
      guard cursor.position &- freed <= UInt64(capacity) else {
        throw .corrupted(
          name, "\(freed) of \(cursor.position) bytes were read, in a queue of \(capacity)")
      }
      cursor.limit = freed &+ UInt64(capacity)
      sending.limit.storeRelaxed(cursor.limit)
      if cursor.limit &- cursor.position < needed { return nil }
    }
    let skipped = skippedByteCount(for: byteCount, at: cursor.position)
    return record(at: cursor.position &+ skipped, byteCount)
  }

  /// The number of bytes left empty at the end of the ring if the message does not fit there.
  private func skippedByteCount(for byteCount: Int, at position: UInt64) -> UInt64 {
    let rest = capacity - offset(of: position)
    return Self.recordByteCount(byteCount) > rest ? UInt64(rest) : 0
  }

  /// The number of bytes of what is skipped, of the message with its head, and of the next head.
  private func neededByteCount(for byteCount: Int, at position: UInt64) -> UInt64 {
    skippedByteCount(for: byteCount, at: position)
      + UInt64(Self.recordByteCount(byteCount) + Self.alignment)
  }

  // MARK: - Receiving

  /// Receives the next message if there is one, T0 to T4; a child that was forked in `body` does
  /// none of the later steps.
  ///
  /// - Parameters:
  ///   - isAcknowledging: Whether T1 comes after `body`, and not at all if `body` throws.
  ///   - body: Reads the message.
  /// - Throws: `corrupted`, and what `body` throws.
  func receive<Result>(
    isAcknowledging: Bool, _ cursor: inout QueueCursor, _ body: (RawSpan) throws -> Result
  ) throws -> Result? {
    guard let record = try message(at: cursor.position) else { return nil }
    checkpoint(.messageSeen)
    if !isAcknowledging { take(record, &cursor) }
    let generation = Descriptor.generation
    // The message is gone even if `body` throws.
    defer { if !isAcknowledging, generation == Descriptor.generation { free(record.end) } }
    let content = content(record)
    // SAFETY: the range is mapped while the queue exists, which the caller ensures.
    let span = unsafe RawSpan(
      _unsafeStart: UnsafeRawPointer(content.start), byteCount: record.byteCount)
    let result = try body(span)
    checkpoint(.messageRead)
    if isAcknowledging, generation == Descriptor.generation {
      take(record, &cursor)
      free(record.end)
    }
    return result
  }

  /// T1.
  private func take(_ record: Record, _ cursor: inout QueueCursor) {
    cursor.position = record.end
    receiving.position.storeRelaxed(record.end)
    receiving.countMessage()
    checkpoint(.messageTaken)
  }

  /// T3 and T4.
  private func free(_ position: UInt64) {
    receiving.limit.storeReleasing(position)
    checkpoint(.messageFreed)
    // One message's room may be enough for several others; or for that of another sleeper, but not
    // for that of the first.
    if sending.gate.isAwaited { receiving.open(sending.gate, waking: .max) }
  }

  // MARK: - Conditions for waiters

  // A wrong position counts as ready: the thread that then sends or receives there finds the fault.

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

  /// The same as in `QueueRing`.
  @usableFromInline func finish() {
    isFinishedWord.storeReleasing(1)
    checkpoint(.queueFinished)
    sending.open(receiving.gate, waking: .max)
    // Senders that wait for room must see the end, too.
    sending.open(sending.gate, waking: .max)
  }
}

extension QueueCursor {
  /// A cursor of a ring of bytes.
  fileprivate init(at position: UInt64) {
    self.init(position: position, limit: position, groupOffset: 0, index: 0)
  }
}
