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

/// The topic of a campaign, whatever its elements are.
protocol TopicSubjects: Sendable {
  var object: any StructuredObject { get }
  func unlink()
  /// The fault that shows when all processes have ended.
  func problem() throws -> String?
  func worker(
    isPublisher: Bool, _ disturbance: Disturbance, seed: UInt64
  ) -> any TopicWorkers
}

/// The work of one process in a topic.
protocol TopicWorkers: AnyObject {
  /// Publishes or receives one message; or waits a moment if another process has the role.
  ///
  /// - Returns: The fault that it found.
  func performOne(timeout: Duration) throws -> String?
}

/// The topic of a campaign, with a record of what was published in it.
final class TopicSubject<Element: CampaignElement>: TopicSubjects {
  let topic: SharedTopic<Element>
  /// Whether publishers wait for slow subscribers.
  let isPatient: Bool
  let ledger: MessageLedger

  init(creating primitive: SyncSubject.Primitive, _ name: String) throws(InterprocessError) {
    isPatient = primitive.isPatientTopic
    topic = try .create(
      name, maximumElementCount: Element.maximumCount, historyCount: 3,
      publishers: primitive.isTopicOfOne ? .one : .many, maximumSubscriberCount: 3,
      maximumSampleCount: 2)
    ledger = try MessageLedger(creating: "\(name)_ledger")
  }

  init(attaching primitive: SyncSubject.Primitive, _ name: String) throws(InterprocessError) {
    isPatient = primitive.isPatientTopic
    topic = try .attach(name)
    ledger = try MessageLedger(attaching: "\(name)_ledger")
  }

  var object: any StructuredObject { topic }

  func worker(
    isPublisher: Bool, _ disturbance: Disturbance, seed: UInt64
  ) -> any TopicWorkers {
    TopicWorker(self, isPublisher: isPublisher, disturbance, seed: seed)
  }

  func unlink() {
    try? topic.unlink()
    ledger.unlink()
  }

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
        guard let found = Element.message(in: sample.elements) else {
          return "A message is not whole"
        }
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

extension SharedTopic.Publisher where Element: CampaignElement {
  mutating func publish(
    _ message: WordMessage, timeout: Duration? = nil, _ comeBy: () -> Void = {}
  ) throws {
    if message.number.isMultiple(of: 2), let element = Element.element(of: message) {
      return try publish(element, timeout: timeout)
    }
    var loan = try loan(count: Element.count(of: message), timeout: timeout)
    var elements = loan.elements
    Element.write(message, to: &elements)
    comeBy()
    try loan.publish()
  }
}

private final class TopicWorker<Element: CampaignElement>: TopicWorkers {
  private let subject: TopicSubject<Element>
  private let isPublisher: Bool
  private let disturbance: Disturbance
  private var generator: SeededGenerator
  private var page: UInt32 = 0
  private var number = MessageLedger.numberCount
  private var publisher: SharedTopic<Element>.Publisher?
  private var subscription: Subscription<Element>?

  init(
    _ subject: TopicSubject<Element>, isPublisher: Bool, _ disturbance: Disturbance, seed: UInt64
  ) {
    self.subject = subject
    self.disturbance = disturbance
    self.isPublisher = isPublisher
    generator = SeededGenerator(seed: seed)
  }

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
  private func newSubscription() throws -> Subscription<Element> {
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
private struct Subscription<Element: CampaignElement>: ~Copyable {
  private let subject: TopicSubject<Element>
  private var subscriber: SharedTopic<Element>.Subscriber
  /// The number of the first message, or of the first one missed before it.
  private var start: UInt64?
  private var receivedCount: UInt64 = 0
  /// The last number of each page.
  private var numbers: [UInt32: UInt32] = [:]
  private var held: SharedTopic<Element>.Sample?

  init(
    _ subject: TopicSubject<Element>, _ subscriber: consuming SharedTopic<Element>.Subscriber
  ) {
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
    case .some(let sample): Element.message(in: sample.elements) != nil
    case .none: nil
    }
  }

  private mutating func note(
    _ sample: borrowing SharedTopic<Element>.Sample, _ missedCount: UInt64
  ) -> String? {
    let sequence = sample.sequence
    guard let message = Element.message(in: sample.elements),
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
