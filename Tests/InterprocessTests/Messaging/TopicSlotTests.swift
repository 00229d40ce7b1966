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

import Subprocess
import TestSupport
import Testing

@testable import Interprocess

/// Messages that lie in slots, which are announced before the messages come.
@Suite("Topics with messages in slots", .timeLimit(.minutes(5)))
struct TopicSlotTests {
  private typealias Topic = SharedTopic<UInt64>

  private func create(
    _ name: String? = nil, history: Int = 1, subscribers: Int = 1, samples: Int = 2,
    publishers: Multiplicity = .one
  ) throws -> Topic {
    try Topic.create(
      name, maximumElementCount: 2, historyCount: history, publishers: publishers,
      maximumSubscriberCount: subscribers, maximumSampleCount: samples)
  }

  private func publish(_ topic: Topic, _ numbers: some Sequence<UInt64>) throws {
    var publisher = try topic.publisher()
    for number in numbers { try publisher.publish(number) }
  }

  /// Receives the next message, and gives it back.
  private func receive(_ subscriber: inout Topic.Subscriber) throws -> UInt64? {
    guard let sample = try subscriber.tryNext() else { return nil }
    return sample[0]
  }

  /// The slot that a pin of the first subscriber names, plus 1.
  private func pinned(_ topic: Topic, _ pin: Int = 0) -> UInt32 {
    topic.ring.pin(pin, ofSubscriber: 0).loadRelaxed()
  }

  // MARK: - Waiting at a slot

  @Test("A subscriber that finds no message waits at the slot in which the next one comes")
  func announced() throws {
    let topic = try create()
    defer { try? topic.unlink() }
    var publisher = try topic.publisher()
    var subscriber = try topic.subscriber()
    // Nobody has announced a slot yet.
    #expect(try receive(&subscriber) == nil && pinned(topic) == 0)
    for number: UInt64 in 0..<100 {
      try publisher.publish(number)
      #expect(try receive(&subscriber) == number)
      #expect(try receive(&subscriber) == nil)
      let slot = pinned(topic)
      #expect(slot != 0 && slot == topic.ring.nextSlot.loadRelaxed())
      #expect(topic.statistics.heldCount == 0)
    }
    try publisher.publish(100)
    let slot = pinned(topic)
    let sample = try subscriber.tryNext()!
    #expect(pinned(topic) == slot && topic.statistics.heldCount == 1)
    #expect(try receive(&subscriber) == nil)
    #expect(pinned(topic, 1) != 0 && topic.statistics.heldCount == 1)
    _ = consume sample
    #expect(topic.statistics.heldCount == 0)
  }

  @Test("A newcomer, too, waits at the slot that is announced")
  func newcomer() throws {
    let topic = try create()
    defer { try? topic.unlink() }
    var publisher = try topic.publisher()
    try publisher.publish(1)
    var subscriber = try topic.subscriber(includesHistory: false)
    #expect(try receive(&subscriber) == nil)
    #expect(pinned(topic) != 0 && pinned(topic) == topic.ring.nextSlot.loadRelaxed())
    try publisher.publish(2)
    #expect(try receive(&subscriber) == 2)
  }

  @Test("A message that is no longer kept is missed, also by who waited at its slot")
  func replaced() throws {
    let topic = try create(history: 4, samples: 8)
    defer { try? topic.unlink() }
    var publisher = try topic.publisher()
    var subscriber = try topic.subscriber()
    var missedCount: UInt64 = 0
    for round: UInt64 in 0..<20 {
      #expect(try receive(&subscriber) == nil)
      // From one more than are kept, as the slot of the first has then not been needed again.
      let count = 5 + round % 6
      for number in 0..<count { try publisher.publish(number) }
      for number in (count - 4)..<count { #expect(try receive(&subscriber) == number) }
      missedCount += count - 4
      let missed = subscriber.missedCount
      #expect(missed == missedCount)
    }
    #expect(try receive(&subscriber) == nil)
    // Where it has received one, and knows the slot of the next.
    for number: UInt64 in 200..<203 { try publisher.publish(number) }
    #expect(try receive(&subscriber) == 200)
    for number: UInt64 in 203..<210 { try publisher.publish(number) }
    for number: UInt64 in 206..<210 { #expect(try receive(&subscriber) == number) }
    #expect(try receive(&subscriber) == nil)
    for number: UInt64 in 210..<220 { try publisher.publish(number) }
    let latest = try subscriber.latest()!
    let value = latest[0]
    #expect(value == 219)
  }

  @Test("A subscriber that holds all its samples finds no message, or may not hold it")
  func allHeld() throws {
    let topic = try create(history: 4)
    defer { try? topic.unlink() }
    var publisher = try topic.publisher()
    var subscriber = try topic.subscriber()
    for number: UInt64 in 0..<2 { try publisher.publish(number) }
    var samples = [Box(try subscriber.tryNext()!), Box(try subscriber.tryNext()!)]
    #expect(try receive(&subscriber) == nil)
    try publisher.publish(2)
    for _ in 0..<2 {
      let error = #expect(throws: InterprocessError.self) { _ = try receive(&subscriber) }
      #expect(error?.code == .limitReached)
    }
    samples.removeFirst()
    #expect(try receive(&subscriber) == 2)
    #expect(samples[0].sample[0] == 1)
  }

  private final class Box {
    let sample: Topic.Sample
    init(_ sample: consuming Topic.Sample) { self.sample = sample }
  }

  // MARK: - Killed publishers

  /// Starts a process that publishes 7 and finishes the topic, but is killed at a step.
  private func finish(_ name: String, killedAt step: Checkpoint) async throws {
    let status = try await withChildProcess(
      Places.helper, ["topic-finish", name, step.description]
    ) { _ = try await $0.nextLine() }.status
    #expect(status == .signaled(9))
  }

  @Test(
    "A publisher killed at any step has published its message or not, and the next one continues",
    arguments: [
      Checkpoint.slotsTaken, .slotMarked, .slotAnnounced, .messageBegun, .messageWritten,
      .messageSent, .entryStored, .tailStored,
    ], [Multiplicity.one, .many])
  func deadAtStep(step: Checkpoint, role: Multiplicity) async throws {
    let name = uniqueName()
    let topic = try create(name, history: 2, subscribers: 2, publishers: role)
    defer { try? topic.unlink() }
    var early = try topic.subscriber()
    try await finish(name, killedAt: step)
    let isPublished = [Checkpoint.messageSent, .entryStored, .tailStored].contains(step)
    // Before another publisher comes: at the slot, a message is there from the first of these on.
    #expect(try receive(&early) == (isPublished ? 7 : nil))
    try publish(topic, [9])
    var late = try topic.subscriber()
    #expect(try receive(&early) == 9 && receive(&early) == nil)
    if isPublished { #expect(try receive(&late) == 7) }
    #expect(try receive(&late) == 9 && receive(&late) == nil)
    #expect(topic.statistics.publishedCount == (isPublished ? 2 : 1))
  }

  @Test(
    "Slots that killed publishers have lost are found again",
    arguments: [Checkpoint.slotMarked, .messageSent, .entryStored, .tailStored])
  func lostSlots(step: Checkpoint) async throws {
    let name = uniqueName()
    let topic = try create(name)
    defer { try? topic.unlink() }
    var subscriber = try topic.subscriber()
    // The subscriber holds one slot, and waits at another one, of the five.
    try publish(topic, [1])
    let sample = try subscriber.tryNext()!
    #expect(try receive(&subscriber) == nil)
    for _ in 0..<8 { try await finish(name, killedAt: step) }
    try publish(topic, 0..<20)
    #expect(try receive(&subscriber) == 19)
    #expect(sample[0] == 1)
  }
}
