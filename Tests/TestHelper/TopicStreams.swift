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

internal import ArgumentParser
internal import Glibc
internal import Interprocess
internal import SystemPackage
internal import TestSupport

/// A process that publishes as fast as it can, and three subscribers, one of them slow.
///
/// Each subscriber checks that every word of each message fits its sequence number, that the
/// sequence goes up, and that the messages received and missed add up.
enum TopicStreams<Element: StreamElement> {
  private struct Problem: Error {
    var description: String
  }

  private static var subscriberCount: Int { 3 }

  /// Publishes for at least this long.
  static func run(seconds: Int, in place: MessagePlace) throws {
    let name = "ipctest_topic_streams_\(getpid())"
    let topic = try SharedTopic<Element>.create(
      name, maximumElementCount: Element.maximumCount, historyCount: 4,
      maximumSubscriberCount: subscriberCount,
      maximumSampleCount: 1, options: .whileAttached)
    let start = try SharedBarrier.create(
      "\(name)_start", partyCount: subscriberCount + 1, options: .whileAttached)
    let subscribers = try (0..<subscriberCount).map {
      try spawnSelf(
        ["topic-stream-subscribe", name, place.rawValue, $0 == 0 ? "slow" : "fast"])
    }
    try start.arriveAndWait(timeout: .seconds(60))
    try publish(topic, seconds: seconds)
    for subscriber in subscribers {
      let status = waitForExit(subscriber)
      guard status == 0 else { throw Problem(description: "status \(status)") }
    }
    let statistics = topic.statistics
    let (received, missed) = (statistics.receivedCount, statistics.missedCount)
    // Each subscriber was there from the first message to the last.
    guard received + missed == statistics.publishedCount * UInt64(subscriberCount), missed > 0
    else { throw Problem(description: "\(statistics)") }
    Helper.answer(
      """
      \(statistics.publishedCount) messages in \(seconds) s, \(received) received and \(missed) \
      missed by \(subscriberCount)
      """)
  }

  private static func publish(_ topic: SharedTopic<Element>, seconds: Int) throws {
    var publisher = try topic.publisher()
    let end = ContinuousClock.now + .seconds(seconds)
    var sequence: UInt64 = 0
    repeat {
      for _ in 0..<100 {
        try publish(&publisher, sequence)
        sequence += 1
      }
      // On a busy machine it takes longer until enough messages have arrived to prove anything.
    } while .now < end || topic.statistics.receivedCount < 1000
    try publisher.finish()
  }

  private static func publish(
    _ publisher: inout SharedTopic<Element>.Publisher, _ sequence: UInt64
  ) throws {
    let (element, count) = (Element(sequence: sequence), Element.count(of: sequence))
    // In both ways that there are.
    if count == 1 && sequence.isMultiple(of: 2) { return try publisher.publish(element) }
    var loan = try publisher.loan(count: count)
    var elements = loan.elements
    for index in elements.indices { elements[index] = element }
    try loan.publish()
  }

  static func subscribe(_ name: String, isSlow: Bool) throws {
    let topic = try SharedTopic<Element>.attach(name)
    var subscriber = try topic.subscriber()
    // Counted as a subscriber, it may not yet have noted where it begins.
    try SharedBarrier.attach("\(name)_start").arriveAndWait(timeout: .seconds(60))
    var next: UInt64 = 0
    var missedCount: UInt64 = 0
    while let sample = try subscriber.next(timeout: .seconds(60)) {
      if isSlow { usleep(200) }
      missedCount = try check(sample, &next, missedCount, subscriber.missedCount)
    }
  }

  /// - Returns: How many messages have been missed so far.
  private static func check(
    _ sample: borrowing SharedTopic<Element>.Sample, _ next: inout UInt64,
    _ missedBefore: UInt64, _ missedNow: UInt64
  ) throws -> UInt64 {
    let (elements, sequence) = (sample.elements, sample.sequence)
    guard elements.indices.allSatisfy({ elements[$0].isWhole(sequence) }),
      elements.count == Element.count(of: sequence)
    else { throw Problem(description: "Message \(sequence) is torn") }
    guard sequence == next + (missedNow - missedBefore) else {
      throw Problem(
        description:
          "Message \(sequence) in place of \(next), with \(missedNow - missedBefore) missed")
    }
    next = sequence + 1
    return missedNow
  }
}

/// What the messages of a stream consist of.
protocol StreamElement: Shareable {
  /// The greatest number of elements of a message.
  static var maximumCount: Int { get }
  /// How many elements a message has.
  static func count(of sequence: UInt64) -> Int
  /// Each element of a message.
  init(sequence: UInt64)
  /// Whether this is an element of that message.
  func isWhole(_ sequence: UInt64) -> Bool
}

extension UInt64: StreamElement {
  static func count(of sequence: UInt64) -> Int { 1 + Int(sequence) % maximumCount }
  init(sequence: UInt64) { self = sequence }
  func isWhole(_ sequence: UInt64) -> Bool { self == sequence }
}

extension EntryWords: StreamElement {
  static func count(of sequence: UInt64) -> Int { 1 }
  init(sequence: UInt64) { words = InlineArray(repeating: sequence) }
  func isWhole(_ sequence: UInt64) -> Bool { words.indices.allSatisfy { words[$0] == sequence } }
}

/// Where the messages of a topic lie.
enum MessagePlace: String, ExpressibleByArgument {
  case entries, slots
}

struct TopicStreamsRun: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "topic-streams")

  @Argument var seconds: Int
  @Argument var place: MessagePlace

  func run() throws {
    switch place {
    case .entries: try TopicStreams<EntryWords>.run(seconds: seconds, in: place)
    case .slots: try TopicStreams<UInt64>.run(seconds: seconds, in: place)
    }
  }
}

struct TopicStreamSubscribe: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "topic-stream-subscribe")

  enum Pace: String, ExpressibleByArgument {
    case slow, fast
  }

  @Argument var name: String
  @Argument var place: MessagePlace
  @Argument var pace: Pace

  func run() throws {
    switch place {
    case .entries: try TopicStreams<EntryWords>.subscribe(name, isSlow: pace == .slow)
    case .slots: try TopicStreams<UInt64>.subscribe(name, isSlow: pace == .slow)
    }
  }
}
