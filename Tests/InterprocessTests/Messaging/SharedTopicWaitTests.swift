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
import Synchronization
import TestSupport
import Testing

// Waits for messages and for subscribers.
extension SharedTopicTests {
  @Test("A wait for a message ends with a time-out, never early")
  func timeouts() async throws {
    let topic = try SharedTopic<Int>.create(nil)
    try topic.unlink()
    var subscriber = try topic.subscriber()
    for timeout in [Duration.zero, .milliseconds(30), .milliseconds(-5)] {
      let begin = ContinuousClock.now
      let error = #expect(throws: InterprocessError.self) {
        _ = try receive(&subscriber, timeout: timeout)
      }
      #expect(error?.code == .timedOut && ContinuousClock.now - begin >= timeout)
    }
    let begin = ContinuousClock.now
    do {
      let sample = try await subscriber.next(timeout: .milliseconds(30))!
      _ = consume sample
      Issue.record("There is no message")
    } catch let error as InterprocessError {
      #expect(error.code == .timedOut && ContinuousClock.now - begin >= .milliseconds(30))
    }
  }

  @Test("Messages come as a sequence, until the task is cancelled")
  func messages() async throws {
    let topic = try SharedTopic<Int>.create(nil, maximumElementCount: 2, historyCount: 3)
    try topic.unlink()
    var publisher = try topic.publisher()
    for number in 0..<5 { try await publisher.publish(number) }
    let received = Mutex<[[Int]]>([])
    let task = Task {
      for try await message in topic.messages() {
        received.withLock { $0.append(message) }
        if message == [6, 7] { break }
      }
      for try await _ in topic.messages(includesHistory: false) {
        Issue.record("There is no message")
      }
    }
    while topic.statistics.receivedCount < 3 { try await Task.sleep(for: .milliseconds(1)) }
    try await publisher.publish(contentsOf: [5].span)
    try await publisher.publish(contentsOf: [6, 7].span)
    while topic.statistics.receivedCount < 5 || topic.statistics.subscriberCount < 1 {
      try await Task.sleep(for: .milliseconds(1))
    }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(received.withLock { $0 } == [[2], [3], [4], [5], [6, 7]])
    #expect(topic.statistics.subscriberCount == 0)
  }

  @Test("A publisher waits for subscribers in a task, too, and ends with it")
  func patientTask() async throws {
    let topic = try SharedTopic<Int>.create(nil, historyCount: 1)
    try topic.unlink()
    var subscriber = try topic.subscriber()
    let task = Task {
      var publisher = try topic.publisher(overflow: .wait)
      for number in 0..<100 { try await publisher.publish(number) }
      var loan = try await publisher.loan()
      loan[0] = 100
      try loan.publish()
      try await publisher.publish(101)
    }
    for number in 0...100 {
      let value = try await next(&subscriber)
      #expect(value == number)
    }
    try await task.value
    let blocked = Task {
      var publisher = try topic.publisher(overflow: .wait)
      try await publisher.publish(102)
    }
    while topic.statistics.fullCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
    blocked.cancel()
    await #expect(throws: CancellationError.self) { try await blocked.value }
    let last = try await next(&subscriber)
    #expect(last == 101)
  }

  private nonisolated(nonsending) func next(
    _ subscriber: inout SharedTopic<Int>.Subscriber
  ) async throws -> Int {
    let sample = try await subscriber.next(timeout: .seconds(10))!
    return sample[0]
  }
}

private func receive(
  _ subscriber: inout SharedTopic<Int>.Subscriber, timeout: Duration
) throws -> Int {
  let sample = try subscriber.next(timeout: timeout)!
  return sample[0]
}
