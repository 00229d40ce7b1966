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

// Waiting for slow subscribers, Q0 to Q3.
extension TopicRing {
  /// Q0.
  func becomePatient() { arrivals.orRelaxed(1) }

  /// Q1 to Q3: whether no subscriber will miss a message if the next one is published now.
  func findRoom(for tail: UInt64) -> Bool {
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    let arrived = arrivals.loadAcquiring()
    let history = UInt64(layout.historyCount)
    if arrived == knownArrivals.load(ordering: .relaxed) {
      let known = limit.load(ordering: .relaxed) &- tail
      if known >= 1 && known <= history { return true }
    }
    let found = leastPosition(tail) &+ history
    knownArrivals.store(arrived, ordering: .relaxed)
    limit.store(found, ordering: .relaxed)
    return found != tail
  }

  /// The position of the slowest subscriber, but no more than the history behind the tail.
  private func leastPosition(_ tail: UInt64) -> UInt64 {
    var distance: UInt64 = 0
    for subscriber in 0..<layout.maximumSubscriberCount where places.isTaken(subscriber) {
      let position = word(TopicLayout.positionOffset, ofSubscriber: subscriber).loadAcquiring()
      let other = tail &- position
      // A subscriber that is ahead of the tail is not slow.
      if Int64(bitPattern: other) > 0 { distance = max(distance, other) }
    }
    return tail &- min(distance, UInt64(layout.historyCount))
  }

  /// One attempt of a wait for slow subscribers.
  private func attemptPublishing(
    _ stage: Waiting.Stage, as number: UInt32
  ) throws(InterprocessError) -> Waiting.Outcome<Void> {
    if stage.isChecking { try places.reclaim(own: number) }
    let outcome = try publishing.gate.attempt(stage, alike: 0) { () throws(InterprocessError) in
      isFinished || hasRoom ? () : nil
    }
    if stage.isMarking, case .wait = outcome { publishing.countSleep() }
    return outcome
  }

  private var hasRoom: Bool {
    let tail = publishing.position.loadAcquiring()
    return tail &- leastPosition(tail) < layout.historyCount
  }

  /// Waits until the slowest subscriber has gone on, or the topic is finished.
  ///
  /// - Returns: Whether that happened before the time-out.
  /// - Throws: `corrupted` and `system`.
  func waitForSubscribers(atMost timeout: Duration?) throws(InterprocessError) -> Bool {
    // With no time left, one look is enough, and the caller has just made it.
    if let timeout, timeout <= .zero { return false }
    let number = try lock.number()
    let outcome: Void? = try waiting.wait(atMost: timeout) { stage throws(InterprocessError) in
      try attemptPublishing(stage, as: number)
    }
    return outcome != nil
  }

  /// The same, suspending the task while it waits.
  nonisolated(nonsending) func waitForSubscribers(atMost timeout: Duration?) async throws -> Bool {
    if let timeout, timeout <= .zero {
      try Task.checkCancellation()
      return false
    }
    let number = try lock.number()
    let outcome: Void? = try await waiting.wait(
      atMost: timeout,
      isDue: { self.isFinished || self.hasRoom || self.places.seemsDead(own: number) }
    ) { stage throws(InterprocessError) in
      try attemptPublishing(stage, as: number)
    }
    return outcome != nil
  }
}
