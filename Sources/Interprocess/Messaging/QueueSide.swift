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

/// The words of one side of a queue: its holder, its position, and the gate on which it sleeps.
@usableFromInline
struct QueueSide: Sendable {
  // Two pairs of cache lines: the holder of the side writes the first pair, and the other side
  // reads it when it has nothing to do; sleepers write the second pair, and the other side reads it
  // with each message.

  static let byteCount = MemoryLayout<ipc_queue_side>.size
  /// Where the gate lies.
  static var gateOffset: Int { fieldOffset(\ipc_queue_side.gate) }

  private let range: MappedRange
  private let offset: Int
  /// The position of the next message to send, or to take.
  @usableFromInline let position: SharedWord
  /// On the sending side: the position up to which there was room at the last look at the other
  /// side, so that the next sender need not look again.
  ///
  /// On the receiving side of a ring of bytes: the position up to which everything has been read.
  let limit: SharedWord
  /// Counts how often a thread of this side has slept because the queue was full, or empty.
  private let sleepCount: SharedWord
  /// Counts the sleepers of the other side that this side has woken.
  private let wokenCount: SharedWord
  /// Counts the messages of a ring of bytes.
  private let messageCount: SharedWord
  /// The gate on which this side sleeps.
  @usableFromInline let gate: AsymmetricEventCount

  /// - Parameters:
  ///   - range: The memory, which must be writable.
  ///   - offset: Where the words lie, a multiple of 128.
  init(in range: MappedRange, at offset: Int) {
    self.range = range
    self.offset = offset
    position = range.word(at: offset + fieldOffset(\ipc_queue_side.position))
    limit = range.word(at: offset + fieldOffset(\ipc_queue_side.limit))
    sleepCount = range.word(at: offset + fieldOffset(\ipc_queue_side.sleep_count))
    wokenCount = range.word(at: offset + fieldOffset(\ipc_queue_side.woken_count))
    messageCount = range.word(at: offset + fieldOffset(\ipc_queue_side.message_count))
    gate = AsymmetricEventCount(in: range, at: offset + Self.gateOffset)
  }

  /// The lock of the side, or its role if it has a single holder.
  func lock(in segment: StructuredSegment, places: HolderTable? = nil) -> RobustLock {
    // What the lock guards needs no repair, so no error names a function for it.
    RobustLock(
      in: segment, word: range.word32(at: offset + fieldOffset(\ipc_queue_side.word)),
      changeCount: range.word32(at: offset + fieldOffset(\ipc_queue_side.change_count)),
      places: places,
      repair: "")
  }

  /// What one side has done so far.
  struct Counts {
    var position: UInt64
    var slept: UInt64
    var woken: UInt64
    var messages: UInt64
  }

  /// What this side has done so far, as far as this process sees it.
  var counts: Counts {
    Counts(
      position: position.loadAcquiring(), slept: sleepCount.loadRelaxed(),
      woken: wokenCount.loadRelaxed(), messages: messageCount.loadRelaxed())
  }

  /// Wakes sleepers of the other side, after this side has made a message or room.
  @usableFromInline func open(_ other: AsymmetricEventCount, waking count: Int) {
    let count = other.gate.open(waking: count)
    if count > 0 { wokenCount.addRelaxed(UInt64(count)) }
  }

  func countMessage() { messageCount.storeRelaxed(messageCount.loadRelaxed() &+ 1) }

  func countSleep() { sleepCount.addRelaxed(1) }
}

/// The beginning of a queue, just past the header, as the tool reads it.
struct QueueHead {
  /// Where the words lie, and the size of the whole.
  static var isFinishedOffset: Int { fieldOffset(\ipc_queue.is_finished) }
  static var sendingOffset: Int { fieldOffset(\ipc_queue.sending) }
  static var receivingOffset: Int { fieldOffset(\ipc_queue.receiving) }
  static var byteCount: Int { fieldOffset(\ipc_queue.count) }

  var sending: QueueSide.Counts
  var receiving: QueueSide.Counts
  var isFinished: Bool

  /// Reads the words without writing anything.
  init<Bytes: SegmentBytes & ~Copyable>(reading memory: borrowing Bytes, at offset: Int) {
    receiving = Self.counts(memory, at: offset + Self.receivingOffset)
    sending = Self.counts(memory, at: offset + Self.sendingOffset)
    isFinished = memory.currentWord32(at: offset + Self.isFinishedOffset) != 0
  }

  private static func counts<Bytes: SegmentBytes & ~Copyable>(
    _ memory: borrowing Bytes, at offset: Int
  ) -> QueueSide.Counts {
    QueueSide.Counts(
      position: memory.currentWord(at: offset + fieldOffset(\ipc_queue_side.position)),
      slept: memory.currentWord(at: offset + fieldOffset(\ipc_queue_side.sleep_count)),
      woken: memory.currentWord(at: offset + fieldOffset(\ipc_queue_side.woken_count)),
      messages: memory.currentWord(at: offset + fieldOffset(\ipc_queue_side.message_count)))
  }
}
