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
import Synchronization
import TestSupport
import Testing

@testable import Interprocess

/// Topics between several threads and processes, which may die.
@Suite("Topics between processes", .timeLimit(.minutes(5)))
struct TopicProcessTests {
  /// The short form of `scripts/stress`.
  @Test(
    "No message is torn or out of order, and missed messages are counted",
    arguments: ["entries", "slots"])
  func streams(place: String) async throws {
    let outcome = try await runWithPrivateSharedMemory(
      "size=64m", Places.helper, ["topic-streams", "2", place])
    #expect(outcome.status == .exited(0), "\(outcome.errors)\(outcome.output)")
    let match = try #require(outcome.output.firstMatch(of: /^(\d+) messages .* (\d+) received/))
    #expect(try #require(Int(match.1)) >= 1000 && #require(Int(match.2)) >= 1000, "\(match.0)")
  }

  /// The short form of `scripts/crash-test messaging`.
  @Test("Killed processes leave a topic whole, and no process hanging")
  func campaign() async throws {
    let primitives = [
      "topic", "topicOfMany", "topicPatient", "topicOfEntries", "topicOfEntriesOfMany",
      "topicOfEntriesPatient",
    ]
    let seed = UInt64.random(in: 1...UInt64.max)
    let outcome = try await runWithPrivateSharedMemory(
      "size=64m", Places.helper,
      ["messaging-campaign", "\(extent(whole: 10, short: 1))", "\(seed)"] + primitives)
    #expect(outcome.status == .exited(0), "\(outcome.errors)\(outcome.output)")
    for primitive in primitives {
      let line = try #require(
        outcome.output.split(separator: "\n").first { $0.hasPrefix("\(primitive): kills ") })
      let match = try #require(line.firstMatch(of: /kills (\d+), .* operations (\d+)$/))
      #expect(try #require(Int(match.1)) >= 5, "\(line)")
      #expect(try #require(Int(match.2)) >= 100, "\(line)")
    }
  }

  @Test(
    "A dead publisher has published its last whole message, and its role is free at once",
    arguments: SharedTopicTests.elementCounts)
  func deadPublisher(elementCount: Int) async throws {
    let name = uniqueName()
    let topic = try SharedTopic<UInt64>.create(
      name, maximumElementCount: elementCount, historyCount: 2)
    let (status, _) = try await withChildProcess(
      Places.helper, ["topic-hold", name, "publisher"]
    ) { holder in
      #expect(try await holder.nextLine() == "held")
      #expect(errorCode { try publish(topic, 9) } == .roleTaken)
      try holder.kill()
    }
    #expect(status == .signaled(9))
    try publish(topic, 9)
    var subscriber = try topic.subscriber()
    let messages = [try receive(&subscriber), try receive(&subscriber)]
    #expect(messages == [[0, 7], [1, 9]] && topic.statistics.publishedCount == 2)
    try topic.unlink()
  }

  @Test(
    "The place and the samples of a dead subscriber are free for the next one",
    arguments: SharedTopicTests.elementCounts)
  func deadSubscriber(elementCount: Int) async throws {
    let name = uniqueName()
    let topic = try SharedTopic<UInt64>.create(
      name, maximumElementCount: elementCount, historyCount: 2, maximumSubscriberCount: 1)
    try publish(topic, 1)
    try publish(topic, 2)
    let (status, _) = try await withChildProcess(
      Places.helper, ["topic-hold", name, "subscriber"]
    ) { holder in
      #expect(try await holder.nextLine() == "held")
      #expect(errorCode { try subscribe(topic) } == .limitReached)
      // Copies do not count.
      #expect(topic.statistics.heldCount == (elementCount == 1 ? 0 : 2))
      try holder.kill()
    }
    #expect(status == .signaled(9))
    for number: UInt64 in 3...40 { try publish(topic, number) }
    var subscriber = try topic.subscriber()
    #expect(topic.statistics.heldCount == 0 && topic.statistics.subscriberCount == 1)
    #expect(topic.statistics.receivedCount == 2)
    #expect(try receive(&subscriber) == [38, 39])
    #expect(try receive(&subscriber) == [39, 40])
    try topic.unlink()
  }

  @Test(
    "A process killed while it finishes a topic leaves it finished or not, and no sleeper",
    arguments: [Checkpoint.messageSent, .tailStored, .topicFinished],
    SharedTopicTests.elementCounts)
  func deadFinisher(step: Checkpoint, elementCount: Int) async throws {
    let name = uniqueName()
    let topic = try SharedTopic<UInt64>.create(
      name, maximumElementCount: elementCount, historyCount: 2)
    defer { try? topic.unlink() }
    let received = Task {
      var numbers: [UInt64] = []
      for try await message in topic.messages() { numbers += message }
      return numbers
    }
    while topic.statistics.emptyCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
    let (status, _) = try await withChildProcess(
      Places.helper, ["topic-finish", name, step.description]
    ) { finisher in _ = try await finisher.nextLine() }
    #expect(status == .signaled(9))
    #expect(topic.isFinished == (step == .topicFinished))
    // The next publisher counts the message that the dead one has published.
    if !topic.isFinished { try await topic.finish() }
    #expect(try await received.value == [7])
    var late = try topic.subscriber(includesHistory: false)
    let isOver = try await late.next(timeout: .zero) == nil
    #expect(isOver && topic.statistics.publishedCount == 1)
  }

  @Test(
    "A publisher does not wait for a dead subscriber", arguments: SharedTopicTests.elementCounts)
  func deadSlowSubscriber(elementCount: Int) async throws {
    let name = uniqueName()
    let topic = try SharedTopic<UInt64>.create(
      name, maximumElementCount: elementCount, historyCount: 3)
    var publisher = try topic.publisher(overflow: .wait)
    for number: UInt64 in 0...2 { try publish(&publisher, number) }
    _ = try await withChildProcess(Places.helper, ["topic-hold", name, "subscriber"]) { holder in
      #expect(try await holder.nextLine() == "held")
      try publish(&publisher, 3)
      try publish(&publisher, 4)
      try publish(&publisher, 5)
      try holder.kill()
    }
    try publish(&publisher, 6)
    #expect(topic.statistics.subscriberCount == 0 && topic.statistics.fullCount > 0)
    try topic.unlink()
  }

  @Test(
    "A forked child gives back nothing of its parent's", arguments: SharedTopicTests.elementCounts)
  func fork(elementCount: Int) async throws {
    let name = uniqueName()
    let topic = try SharedTopic<UInt64>.create(
      name, maximumElementCount: elementCount, historyCount: 2, maximumSubscriberCount: 1)
    let (status, _) = try await withChildProcess(Places.helper, ["topic-fork", name]) { holder in
      let line = try await holder.nextLine()
      #expect(line == "forked")
      let codes = [errorCode { try publish(topic, 9) }, errorCode { try subscribe(topic) }]
      #expect(codes == [.roleTaken, .limitReached])
      #expect(topic.statistics.heldCount == (elementCount == 1 ? 0 : 1))
      let answer = try await holder.ask("go")
      #expect(answer == "still 7, then 8")
    }
    #expect(status == .exited(0))
    #expect(topic.statistics.publishedCount == 3 && topic.statistics.heldCount == 0)
    try topic.unlink()
  }

  private func subscribe(_ topic: SharedTopic<UInt64>) throws {
    let subscriber = try topic.subscriber()
    _ = consume subscriber
  }

  private func publish(_ topic: SharedTopic<UInt64>, _ number: UInt64) throws {
    var publisher = try topic.publisher()
    try publisher.publish(number)
  }

  private func publish(
    _ publisher: inout SharedTopic<UInt64>.Publisher, _ number: UInt64
  ) throws {
    try publisher.publish(number, timeout: .seconds(60))
  }

  /// Receives the number of the next message, and its first element.
  private func receive(_ subscriber: inout SharedTopic<UInt64>.Subscriber) throws -> [UInt64] {
    let sample = try subscriber.next(timeout: .seconds(10))!
    return [sample.sequence, sample[0]]
  }

  @Test(
    "A message from one thread to another is whole, also under the thread sanitizer",
    arguments: [TopicOverflow.overwrite, .wait], [Multiplicity.one, .many])
  func twoThreads(overflow: TopicOverflow, role: Multiplicity) async throws {
    let topic = try SharedTopic<UInt64>.create(
      nil, maximumElementCount: 5, historyCount: 3, publishers: role, maximumSubscriberCount: 1)
    try topic.unlink()
    try await expectWholeMessages(of: topic, overflow) { publisher, number in
      let message = [UInt64](repeating: number, count: 5)
      try publisher.publish(contentsOf: message.span)
    } number: { sample in
      let elements = sample.elements
      return elements.indices.allSatisfy { elements[$0] == elements[0] } ? elements[0] : nil
    }
  }
}

/// Publishes the numbers from 1 on in one thread, and receives them in another.
///
/// - Parameters:
///   - publish: Publishes a number, many times over.
///   - number: The number of a message; `nil` if it is torn.
func expectWholeMessages<Element: Shareable & SendableMetatype>(
  of topic: SharedTopic<Element>, _ overflow: TopicOverflow,
  publish:
    @escaping @Sendable (
      inout SharedTopic<Element>.Publisher, UInt64
    ) throws -> Void,
  number: @escaping @Sendable (borrowing SharedTopic<Element>.Sample) -> UInt64?
) async throws {
  let count: UInt64 = 20_000
  // Not the forms for tasks, whose waits the sanitizer does not understand.
  let publisher = inThread {
    while topic.statistics.subscriberCount == 0 {}
    var publisher = try topic.publisher(overflow: overflow)
    for number in 1...count { try publish(&publisher, number) }
  }
  // How many messages were missed, and the position of the first one, as the publisher may begin
  // while this takes its place; `nil` if a message is torn.
  let subscriber = inThread { () throws -> (UInt64, UInt64)? in
    var subscriber = try topic.subscriber()
    var last: UInt64 = 0
    var start: UInt64?
    while last < count {
      let sample = try subscriber.next(timeout: .seconds(60))!
      if start == nil { start = sample.sequence - subscriber.missedCount }
      guard let found = number(sample), found > last, found == sample.sequence + 1 else {
        return nil
      }
      last = found
    }
    return (subscriber.missedCount, start!)
  }
  try await publisher.value
  let (missedCount, start) = try #require(await subscriber.value)
  #expect(topic.statistics.receivedCount + missedCount + start == count)
  #expect(overflow == .overwrite || missedCount == 0)
}
