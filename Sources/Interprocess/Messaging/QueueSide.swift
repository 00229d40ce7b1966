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

/// The words of one side of a queue: who has it, how far it has come, and where it sleeps.
@usableFromInline
struct QueueSide: Sendable {
  // Two pairs of cache lines: the first one is written by who has the side, and read by the other
  // side when it has nothing to do; the second one is written by who sleeps, and read by the other
  // side with each message.

  static let byteCount = 256
  /// Where it sleeps.
  static let gateOffset = 128
  /// Where 8 bytes are free for who has the side.
  static let freeOffset = 48

  private let range: MappedRange
  private let offset: Int
  /// The position of the next message to be sent, or taken.
  @usableFromInline let position: SharedWord
  /// Of the sending side: up to where there is room, as of the last look at the other side.
  ///
  /// Senders that take turns need not look again. Of the receiving side of a ring of bytes: up to
  /// where all has been read.
  let limit: SharedWord
  /// Counts how often one of this side has slept, as the queue was full, or empty.
  private let sleepCount: SharedWord
  /// Counts whom of the other side this one has woken.
  private let wokenCount: SharedWord
  /// Counts the messages of a ring of bytes.
  private let messageCount: SharedWord
  /// Where this side sleeps.
  @usableFromInline let gate: LightGate

  /// - Parameters:
  ///   - range: The memory, which is writable.
  ///   - offset: Where the words lie, a multiple of 128.
  init(in range: MappedRange, at offset: Int) {
    self.range = range
    self.offset = offset
    position = range.word(at: offset + 8)
    limit = range.word(at: offset + 16)
    sleepCount = range.word(at: offset + 24)
    wokenCount = range.word(at: offset + 32)
    messageCount = range.word(at: offset + 40)
    gate = LightGate(in: range, at: offset + Self.gateOffset)
  }

  /// The lock of the side, or the role, if it has only one holder.
  func lock(places: HolderTable? = nil) -> RobustLock {
    // What it guards needs no repair; so nobody is told of any.
    RobustLock(
      word: range.word32(at: offset), turn: range.word32(at: offset + 4), places: places,
      repair: "")
  }

  /// What one side has done so far.
  struct Counts {
    var position: UInt64
    var slept: UInt64
    var woken: UInt64
    var messages: UInt64
  }

  /// What this side has done so far, as far as that is seen.
  var counts: Counts {
    Counts(
      position: position.loadAcquiring(), slept: sleepCount.loadRelaxed(),
      woken: wokenCount.loadRelaxed(), messages: messageCount.loadRelaxed())
  }

  /// Lets some of the other side go on, as this one has made a message or room.
  @usableFromInline func open(_ other: LightGate, waking count: Int) {
    let count = other.gate.open(waking: count)
    if count > 0 { wokenCount.addRelaxed(UInt64(count)) }
  }

  func countMessage() { messageCount.storeRelaxed(messageCount.loadRelaxed() &+ 1) }

  func countSleep() { sleepCount.addRelaxed(1) }
}

/// What a queue begins with, behind the header, as the tool reads it.
struct QueueHead {
  /// Where the words of both sides lie, and the bytes of all of this.
  static let isFinishedOffset = 8
  static let sendingOffset = 128
  static let receivingOffset = sendingOffset + QueueSide.byteCount
  static let byteCount = receivingOffset + QueueSide.byteCount

  var sending: QueueSide.Counts
  var receiving: QueueSide.Counts
  var isFinished: Bool

  /// Reads what is there without using it: nothing is written.
  init<Bytes: SegmentBytes & ~Copyable>(reading memory: borrowing Bytes, at offset: Int) {
    receiving = Self.counts(memory, at: offset + Self.receivingOffset)
    sending = Self.counts(memory, at: offset + Self.sendingOffset)
    isFinished = memory.currentWord32(at: offset + Self.isFinishedOffset) != 0
  }

  private static func counts<Bytes: SegmentBytes & ~Copyable>(
    _ memory: borrowing Bytes, at offset: Int
  ) -> QueueSide.Counts {
    QueueSide.Counts(
      position: memory.currentWord(at: offset + 8), slept: memory.currentWord(at: offset + 24),
      woken: memory.currentWord(at: offset + 32), messages: memory.currentWord(at: offset + 40))
  }
}
