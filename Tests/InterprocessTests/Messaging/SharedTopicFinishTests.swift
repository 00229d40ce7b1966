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

import Interprocess
import TestSupport
import Testing

// Topics to which no more messages come.
extension SharedTopicTests {
  @Test(
    "A finished topic delivers what it has, and then the end, to latecomers as well",
    arguments: [Multiplicity.one, .many], elementCounts)
  func finish(role: Multiplicity, elementCount: Int) throws {
    let topic = try SharedTopic<Int>.create(
      nil, maximumElementCount: elementCount, historyCount: 2, publishers: role)
    try topic.unlink()
    var subscriber = try topic.subscriber()
    var publisher = try topic.publisher()
    for number in 0..<5 { try publisher.publish(number) }
    #expect(!topic.isFinished)
    try publisher.finish()
    #expect(topic.isFinished)
    try expectRest(&subscriber, [3, 4])
    var late = try topic.subscriber()
    try expectRest(&late, [3, 4])
    var latest = try topic.subscriber()
    try expectLatest(&latest, 4, missed: 1)
    try expectLatest(&latest, nil, missed: 1)
    try expectRest(&latest, [])
    let code = errorCode {
      let publisher = try topic.publisher()
      _ = consume publisher
    }
    #expect(code == .finished)
    // Finishing once more changes nothing.
    try topic.finish()
    #expect(topic.statistics.publishedCount == 5)
  }

  /// Expects the messages, and then the end.
  private func expectRest(
    _ subscriber: inout SharedTopic<Int>.Subscriber, _ expected: [Int],
    _ location: SourceLocation = #_sourceLocation
  ) throws {
    var found: [Int] = []
    while let sample = try subscriber.next(timeout: .zero) { found.append(sample[0]) }
    #expect(found == expected, sourceLocation: location)
    let isEmpty = try subscriber.tryNext() == nil
    #expect(isEmpty, sourceLocation: location)
  }

  @Test("Only the sole publisher finishes a topic, or any one of many, in its turn")
  func finisher() async throws {
    let topic = try SharedTopic<Int>.create(nil)
    try topic.unlink()
    let publisher = try topic.publisher()
    #expect(errorCode { try topic.finish() } == .roleTaken)
    #expect(await taskErrorCode { try await topic.finish() } == .roleTaken)
    publisher.close()
    try await topic.finish()
    #expect(topic.isFinished)

    let other = try SharedTopic<Int>.create(nil, publishers: .many)
    try other.unlink()
    var lender = try other.publisher()
    var loser = try other.publisher()
    let loan = try await lender.loan()
    let timeout = Duration.milliseconds(30)
    #expect(errorCode { try other.finish(timeout: timeout) } == .timedOut)
    #expect(await taskErrorCode { try await other.finish(timeout: timeout) } == .timedOut)
    let waiting = Task { try await other.finish() }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
    #expect(!other.isFinished)
    _ = consume loan
    try await lender.finish(timeout: .seconds(10))
    #expect(errorCode { try loser.publish(1) } == .finished)
    #expect(
      errorCode {
        let loan = try loser.loan()
        _ = consume loan
      } == .finished)
    let code: InterprocessError.Code?
    do {
      try await loser.publish(contentsOf: [1].span)
      code = nil
    } catch { code = (error as? InterprocessError)?.code }
    #expect(code == .finished)
  }

  @Test("A finished topic ends a sequence, and makes a set ready")
  func finishedInTasks() async throws {
    let topic = try SharedTopic<Int>.create(nil)
    try topic.unlink()
    var publisher = try topic.publisher()
    try await publisher.publish(4)
    let task = Task {
      var received: [[Int]] = []
      for try await message in topic.messages() { received.append(message) }
      return received
    }
    let subscriber = try topic.subscriber(includesHistory: false)
    var set = WaitSet<Int>()
    set.insert(subscriber, as: 1)
    let early = await taskErrorCode { [set] in
      var set = set
      _ = try await set.wait(timeout: .milliseconds(10))
    }
    #expect(early == .timedOut)
    while topic.statistics.receivedCount < 1 { try await Task.sleep(for: .milliseconds(1)) }
    try await publisher.finish()
    #expect(try await task.value == [[4]])
    let id = try await set.wait(timeout: .seconds(60))
    #expect(id == 1)
  }
}
