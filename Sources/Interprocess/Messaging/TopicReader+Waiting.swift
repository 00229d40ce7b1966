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

/// A word that a subscriber looks at while it spins, without a call.
@usableFromInline
struct TopicWatch: Sendable {
  @usableFromInline let word: SharedWord
  /// What is in the word before the message is there.
  @usableFromInline let before: UInt64
  @usableFromInline let unwritten: UInt64

  /// Whether there may be a message, or a newer one.
  @inlinable @inline(__always) var hasChanged: Bool {
    let bits = word.loadAcquiring()
    return bits != before && bits != unwritten
  }
}

// Waiting for messages.
extension TopicReader {
  /// Whether there is a message at the position stored in the place, or the end.
  ///
  /// - Throws: `roleTaken` in a child created by `fork`.
  func isReady() throws(InterprocessError) -> Bool {
    try checkPlace()
    return hasMessage(cursor(at: position.loadRelaxed())) || isFinished
  }

  private func attempt(
    _ stage: Waiting.Stage, _ cursor: TopicCursor
  ) throws(InterprocessError) -> Waiting.Outcome<Void> {
    try checkPlace()
    let outcome = try ring.subscribing.gate.attempt(stage, alike: 0) {
      () throws(InterprocessError) in
      hasMessage(cursor) || isFinished ? () : nil
    }
    if stage.isMarking, case .wait = outcome { ring.subscribing.countSleep() }
    return outcome
  }

  /// F3: whether no more messages will be published.
  ///
  /// Check this before looking for the next message: then a look that finds none comes after the
  /// last message.
  @usableFromInline var isFinished: Bool { ring.isFinished }

  /// Whether the next message, or a newer one, is there.
  func hasMessage(_ cursor: TopicCursor) -> Bool {
    if let isSlotChanged = isSlotChanged(cursor) { return isSlotChanged }
    let entry = TopicEntry(ring.entry(at: cursor.index).loadAcquiring())
    guard let distance = entry.distance(from: cursor.position), distance >= 0 else { return false }
    return distance > 0 || copies == nil || !entry.isUnwritten
  }

  /// What to look at until there may be a message.
  @usableFromInline func watch(_ cursor: TopicCursor) -> TopicWatch {
    let unwritten = TopicEntry.unwritten(cursor.position).bits
    if let slot = cursor.slot, cursor.pin != nil {
      return TopicWatch(word: ring.word(ofSlot: slot), before: unwritten, unwritten: unwritten)
    }
    let word = ring.entry(at: cursor.index)
    let bits = word.loadRelaxed()
    let isOlder = (TopicEntry(bits).distance(from: cursor.position) ?? -1) < 0
    return TopicWatch(word: word, before: isOlder ? bits : ~bits, unwritten: unwritten)
  }

  /// Whether a wait may end while it spins, as far as recent waits show.
  @usableFromInline var isSpinningUseful: Bool { waiting.isSpinningUseful }

  /// Waits until there is a message, or the topic is finished.
  ///
  /// - Returns: Whether that happened before the time-out.
  /// - Throws: `system`.
  @usableFromInline func wait(
    _ cursor: TopicCursor, atMost timeout: Duration?
  ) throws(InterprocessError) -> Bool {
    // With no time left, one look is enough, and the caller has just made it.
    if let timeout, timeout <= .zero { return false }
    let outcome: Void? = try waiting.wait(atMost: timeout) { stage throws(InterprocessError) in
      try attempt(stage, cursor)
    }
    return outcome != nil
  }

  /// The same, suspending the task while it waits.
  @usableFromInline nonisolated(nonsending) func wait(
    _ cursor: TopicCursor, atMost timeout: Duration?
  ) async throws -> Bool {
    if let timeout, timeout <= .zero {
      try Task.checkCancellation()
      return false
    }
    let outcome: Void? = try await waiting.wait(
      atMost: timeout, isDue: { self.hasMessage(cursor) || self.isFinished }
    ) { stage throws(InterprocessError) in
      try attempt(stage, cursor)
    }
    return outcome != nil
  }
}
