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

// Subscribers that do not keep up, and publishers that wait for them.
extension SharedTopicTests {
  @Test("A latecomer gets the history, or not", arguments: [1, 2, 3, 8], elementCounts)
  func history(count: Int, elementCount: Int) throws {
    let topic = try SharedTopic<Int>.create(
      nil, maximumElementCount: elementCount, historyCount: count)
    try topic.unlink()
    var publisher = try topic.publisher()
    var early = try topic.subscriber()
    try expectMessages(&early, [])
    for number in 0..<20 {
      try publisher.publish(number)
      var late = try topic.subscriber()
      try expectMessages(&late, Array(max(0, number - count + 1)...number))
      var latest = try topic.subscriber(includesHistory: false)
      try expectMessages(&latest, [])
      let missed = (late.missedCount, latest.missedCount)
      #expect(missed == (0, 0))
    }
    try expectMessages(&early, Array((20 - count)..<20))
    let missed = early.missedCount
    #expect(missed == 20 - UInt64(count))
    #expect(topic.statistics.missedCount == missed)
  }

  @Test(
    "A subscriber can skip to the newest message, and receives it once", arguments: elementCounts)
  func latest(elementCount: Int) throws {
    let topic = try SharedTopic<Int>.create(
      nil, maximumElementCount: elementCount, historyCount: 4)
    try topic.unlink()
    var publisher = try topic.publisher()
    var subscriber = try topic.subscriber()
    try expectLatest(&subscriber, nil, missed: 0)
    try publisher.publish(0)
    try expectLatest(&subscriber, 0, missed: 0)
    try expectLatest(&subscriber, nil, missed: 0)
    for number in 1...3 { try publisher.publish(number) }
    try expectLatest(&subscriber, 3, missed: 2)
    for number in 4...103 { try publisher.publish(number) }
    try expectLatest(&subscriber, 103, missed: 101)
    try publisher.publish(104)
    try expectMessages(&subscriber, [104])
  }

  func expectLatest(
    _ subscriber: inout SharedTopic<Int>.Subscriber, _ expected: Int?, missed: UInt64,
    _ location: SourceLocation = #_sourceLocation
  ) throws {
    let sample = try subscriber.latest()
    let found: Int?
    if let sample { found = sample[0] } else { found = nil }
    let count = subscriber.missedCount
    #expect(found == expected && count == missed, sourceLocation: location)
  }

  @Test("A held sample is not overwritten, however many messages come")
  func held() throws {
    let topic = try SharedTopic<Int>.create(
      nil, maximumElementCount: 4, historyCount: 1, maximumSubscriberCount: 1, maximumSampleCount: 2
    )
    try topic.unlink()
    var publisher = try topic.publisher()
    var subscriber = try topic.subscriber()
    func publish(_ number: Int) throws {
      try publisher.publish(contentsOf: [number, number, number, number].span)
    }
    try publish(1)
    let first = try subscriber.next(timeout: .seconds(10))!
    for number in 2...20 { try publish(number) }
    let second = try subscriber.next(timeout: .seconds(10))!
    for number in 21...40 { try publish(number) }
    let held = (first[0], first[3], second[0], second[3])
    #expect(held == (1, 1, 20, 20) && topic.statistics.heldCount == 2)
    let error = #expect(throws: InterprocessError.self) {
      let third = try subscriber.tryNext()
      _ = consume third
    }
    #expect(error?.code == .limitReached)
    _ = consume first
    #expect(topic.statistics.heldCount == 1)
    let third = try subscriber.next(timeout: .seconds(10))!
    let (sequence, value) = (third.sequence, third[0])
    #expect(sequence == 39 && value == 40)
  }

  @Test(
    "The place of a subscriber stays until its last sample is given back", arguments: elementCounts)
  func places(elementCount: Int) throws {
    let topic = try SharedTopic<Int>.create(
      nil, maximumElementCount: elementCount, maximumSubscriberCount: 1)
    try topic.unlink()
    var publisher = try topic.publisher()
    try publisher.publish(1)
    var subscriber = try topic.subscriber()
    let sample = try subscriber.next(timeout: .seconds(10))!
    func expectNoPlace() {
      let error = #expect(throws: InterprocessError.self) {
        let other = try topic.subscriber()
        _ = consume other
      }
      #expect(error?.code == .limitReached)
    }
    expectNoPlace()
    _ = consume subscriber
    expectNoPlace()
    #expect(topic.statistics.subscriberCount == 1)
    let value = sample[0]
    #expect(value == 1)
    _ = consume sample
    #expect(topic.statistics.subscriberCount == 0)
    var other = try topic.subscriber()
    try expectMessages(&other, [1])
  }

  @Test(
    "A publisher that waits for slow subscribers lets none of them miss a message",
    arguments: elementCounts)
  func patience(elementCount: Int) throws {
    let topic = try SharedTopic<Int>.create(
      nil, maximumElementCount: elementCount, historyCount: 3)
    try topic.unlink()
    var publisher = try topic.publisher(overflow: .wait)
    // Without subscribers the publisher has nothing to wait for.
    for number in 0..<10 { try publisher.publish(number) }
    var slow = try topic.subscriber(includesHistory: false)
    var fast = try topic.subscriber(includesHistory: false)
    for number in 10..<13 { try publisher.publish(number) }
    try expectMessages(&fast, [10, 11, 12])
    let begin = ContinuousClock.now
    let late = errorCode { try publisher.publish(13, timeout: .milliseconds(30)) }
    #expect(late == .timedOut && ContinuousClock.now - begin >= .milliseconds(30))
    let sample = try slow.next(timeout: .seconds(10))!
    let value = sample[0]
    #expect(value == 10)
    try publisher.publish(13)
    let again = errorCode { try publisher.publish(14, timeout: .milliseconds(30)) }
    #expect(again == .timedOut)
    // The publisher does not wait for a subscriber that leaves.
    _ = consume slow
    _ = consume sample
    try publisher.publish(14)
    try expectMessages(&fast, [13, 14])
    let missed = fast.missedCount
    #expect(missed == 0)
  }

  @Test(
    "A latecomer gets the history of a publisher that waits, without the oldest message",
    arguments: [1, 2, 3, 8], elementCounts)
  func historyOfPatience(count: Int, elementCount: Int) throws {
    let topic = try SharedTopic<Int>.create(
      nil, maximumElementCount: elementCount, historyCount: count)
    try topic.unlink()
    var publisher = try topic.publisher(overflow: .wait)
    var early = try topic.subscriber()
    for number in 0..<30 {
      try publisher.publish(number)
      try expectMessages(&early, [number])
      var late = try topic.subscriber()
      // As many as may be published before the subscriber receives its first message.
      for next in 0..<100 {
        let code = errorCode { try publisher.publish(1000 + next, timeout: .zero) }
        guard code == nil else {
          #expect(code == .timedOut)
          break
        }
        try expectMessages(&early, [1000 + next])
      }
      let first = try late.next(timeout: .zero)!
      let (sequence, missed) = (first.sequence, late.missedCount)
      #expect(missed == 0)
      #expect(topic.statistics.publishedCount - sequence == UInt64(count))
    }
  }
}
