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

internal import Glibc
internal import Interprocess
internal import TestSupport

/// A message of several words, each of which follows from the publisher and a number.
struct WordMessage {
  let sender: UInt32
  let number: UInt32

  init(sender: UInt32, number: UInt32) {
    self.sender = sender
    self.number = number
  }

  static let maximumCount = 40

  /// The number of words.
  var count: Int { 1 + Int(number &* 7 % UInt32(Self.maximumCount)) }

  private var first: UInt64 { UInt64(sender) << 32 | UInt64(number) }

  func write(to words: inout MutableSpan<UInt64>) {
    words[0] = first
    for index in 1..<words.count { words[index] = mix(first &+ UInt64(index)) }
  }

  /// The message in these words; `nil` if it is not whole.
  init?(_ words: Span<UInt64>) {
    sender = UInt32(truncatingIfNeeded: words[0] >> 32)
    number = UInt32(truncatingIfNeeded: words[0])
    guard words.count == count else { return nil }
    for index in 1..<words.count where words[index] != mix(first &+ UInt64(index)) { return nil }
  }
}

/// The topic of a campaign, with a record of what was published in it.
final class TopicSubject: Sendable {
  let topic: SharedTopic<UInt64>
  /// Whether publishers wait for slow subscribers.
  let isPatient: Bool
  let ledger: MessageLedger

  init(creating primitive: SyncSubject.Primitive, _ name: String) throws(InterprocessError) {
    isPatient = primitive == .topicPatient
    topic = try .create(
      name, maximumElementCount: WordMessage.maximumCount, historyCount: 3,
      publishers: primitive == .topic ? .one : .many, maximumSubscriberCount: 3,
      maximumSampleCount: 2)
    ledger = try MessageLedger(creating: "\(name)_ledger")
  }

  init(attaching primitive: SyncSubject.Primitive, _ name: String) throws(InterprocessError) {
    isPatient = primitive == .topicPatient
    topic = try .attach(name)
    ledger = try MessageLedger(attaching: "\(name)_ledger")
  }

  func unlink() {
    try? topic.unlink()
    ledger.unlink()
  }

  /// The fault that shows when all processes have ended.
  func problem() throws -> String? {
    // The next publisher counts a message that a dead one has published and not counted.
    let before = topic.statistics
    let message = WordMessage(sender: ledger.takePage(), number: 1)
    ledger.begin(message.sender, 1)
    var publisher = try onceDead { try topic.publisher() }
    try publisher.publish(message)
    ledger.end(message.sender, 1)
    let pages = 0..<UInt32(ledger.takenPageCount)
    let begun = pages.reduce(0) { $0 + UInt64(ledger.begun($1)) }
    let sent = pages.reduce(0) { $0 + UInt64(ledger.sent($1)) }
    let published = topic.statistics.publishedCount
    guard (sent...begun).contains(published), published - before.publishedCount <= 2 else {
      return "\(published) messages were published, of \(sent) to \(begun)"
    }
    // All places are free, or belong to dead subscribers. A new subscriber gets the history; where
    // publishers wait for subscribers, without the oldest message.
    for _ in 0..<topic.maximumSubscriberCount + 1 {
      var subscriber = try onceDead { try topic.subscriber() }
      var last: WordMessage?
      var count = 0
      while let sample = try subscriber.tryNext() {
        guard let found = WordMessage(sample.elements) else { return "A message is not whole" }
        last = found
        count += 1
      }
      guard count >= topic.historyCount - (isPatient ? 1 : 0) else {
        return "There are \(count) messages, of a history of \(topic.historyCount)"
      }
      guard last?.number == 1, last?.sender == message.sender else {
        return "The last message is \(String(describing: last))"
      }
    }
    try publisher.finish()
    var subscriber = try topic.subscriber(includesHistory: false)
    if let sample = try subscriber.next(timeout: .zero) {
      return "There is a message \(sample.sequence) behind the end"
    }
    return nil
  }
}

extension SharedTopic<UInt64>.Publisher {
  mutating func publish(
    _ message: WordMessage, timeout: Duration? = nil, _ comeBy: () -> Void = {}
  ) throws {
    var loan = try loan(count: message.count, timeout: timeout)
    var elements = loan.elements
    message.write(to: &elements)
    comeBy()
    try loan.publish()
  }
}

/// The work of one process in a topic.
final class TopicWorker {
  private let subject: TopicSubject
  private let isPublisher: Bool
  private let disturbance: Disturbance
  private var generator: SeededGenerator
  private var page: UInt32 = 0
  private var number = MessageLedger.numberCount
  private var publisher: SharedTopic<UInt64>.Publisher?
  private var subscription: Subscription?

  init(_ subject: TopicSubject, isPublisher: Bool, _ disturbance: Disturbance, seed: UInt64) {
    self.subject = subject
    self.disturbance = disturbance
    self.isPublisher = isPublisher
    generator = SeededGenerator(seed: seed)
  }

  /// Publishes or receives one message; or waits a moment if another process has the role.
  ///
  /// - Returns: The fault that it found.
  func performOne(timeout: Duration) throws -> String? {
    do {
      if isPublisher {
        try publish(timeout: timeout)
        return nil
      }
      return try receive(timeout: timeout)
    } catch let error as InterprocessError where error.code == .roleTaken {
      usleep(500)
      return nil
    }
  }

  private func publish(timeout: Duration) throws {
    if publisher == nil {
      publisher = try subject.topic.publisher(
        overflow: subject.isPatient ? .wait : .overwrite)
    }
    if number == MessageLedger.numberCount {
      page = subject.ledger.takePage()
      number = 0
    }
    // A message that timed out is published later.
    if number == subject.ledger.sent(page) { number += 1 }
    subject.ledger.begin(page, number)
    try publisher!.publish(
      WordMessage(sender: page, number: number), timeout: timeout, disturbance.comeBy)
    subject.ledger.end(page, number)
  }

  private func receive(timeout: Duration) throws -> String? {
    let isOver = generator.next().isMultiple(of: 32)
    if isOver || subscription == nil {
      if generator.next().isMultiple(of: 2) { subscription = nil }
      subscription = try newSubscription()
    }
    if generator.next().isMultiple(of: 4) { subscription!.release() }
    return try subscription!.receive(timeout: timeout)
  }

  /// Subscribes a second time, while the first subscription is still there: with three places for
  /// two workers, it may take that of a dead one.
  private func newSubscription() throws -> Subscription {
    do {
      return Subscription(subject, try subject.topic.subscriber())
    } catch  where error.code == .limitReached {
      // Another worker has two subscriptions at this moment.
      subscription = nil
      return Subscription(subject, try subject.topic.subscriber())
    }
  }
}

/// A subscriber, and what it has received.
private struct Subscription: ~Copyable {
  private let subject: TopicSubject
  private var subscriber: SharedTopic<UInt64>.Subscriber
  /// The number of the first message, or of the first one missed before it.
  private var start: UInt64?
  private var receivedCount: UInt64 = 0
  /// The last number of each page.
  private var numbers: [UInt32: UInt32] = [:]
  private var held: SharedTopic<UInt64>.Sample?

  init(_ subject: TopicSubject, _ subscriber: consuming SharedTopic<UInt64>.Subscriber) {
    self.subject = subject
    self.subscriber = subscriber
  }

  /// Gives back the held sample.
  mutating func release() { held = nil }

  /// Receives a message, and holds it if none is held.
  ///
  /// - Returns: Its fault.
  mutating func receive(timeout: Duration) throws -> String? {
    let sample = try subscriber.next(timeout: timeout)!
    let missedCount = subscriber.missedCount
    if subject.isPatient && missedCount > 0 { return "\(missedCount) messages were missed" }
    if let problem = note(sample, missedCount) { return problem }
    if let isHeldWhole { return isHeldWhole ? nil : "The message that is held has changed" }
    held = consume sample
    return nil
  }

  /// Whether the held message is unchanged, whatever has been published meanwhile; `nil` if none is
  /// held.
  private var isHeldWhole: Bool? {
    switch held {
    case .some(let sample): WordMessage(sample.elements) != nil
    case .none: nil
    }
  }

  private mutating func note(
    _ sample: borrowing SharedTopic<UInt64>.Sample, _ missedCount: UInt64
  ) -> String? {
    let sequence = sample.sequence
    guard let message = WordMessage(sample.elements),
      message.sender < subject.ledger.takenPageCount,
      subject.ledger.isNumber(message.number)
    else { return "Message \(sequence) is not whole, and begins with \(sample[0])" }
    let begun = subject.ledger.begun(message.sender)
    guard message.number <= begun else { return "\(message) is ahead of \(begun)" }
    let start = start ?? sequence - missedCount
    self.start = start
    guard sequence - start == receivedCount + missedCount else {
      return """
        Message \(sequence) comes after \(receivedCount) and \(missedCount) missed from \(start) on
        """
    }
    receivedCount += 1
    if let last = numbers.updateValue(message.number, forKey: message.sender) {
      let isNext = subject.isPatient ? message.number == last + 1 : message.number > last
      guard isNext else { return "\(message) comes behind \(last)" }
    }
    return nil
  }
}
