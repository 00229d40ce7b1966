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

@Suite("Shared topic", .timeLimit(.minutes(5)))
struct SharedTopicTests {
  /// The greatest number of elements of a message: one lies in its entry, and two in a slot.
  static let elementCounts = [1, 2]

  // MARK: - Basics

  @Test("Each subscriber gets all messages, in order, through any handle", arguments: elementCounts)
  func order(elementCount: Int) throws {
    let name = uniqueName()
    let topic = try SharedTopic<Int>.create(
      name, maximumElementCount: elementCount, historyCount: 4)
    let other = try SharedTopic<Int>.attach(name)
    #expect(topic.isCreator && !other.isCreator && other.isLinked && other.name == name)
    #expect(
      other.historyCount == 4 && other.publisherMultiplicity == .one
        && other.maximumElementCount == elementCount)
    #expect(other.maximumSubscriberCount == 8 && other.maximumSampleCount == 2)
    #expect(other.lifetime == .untilUnlinked)
    var first = try topic.subscriber()
    var second = try other.subscriber()
    var publisher = try other.publisher()
    for number in 0..<3 { try publisher.publish(number * number) }
    try expectMessages(&first, [0, 1, 4])
    try expectMessages(&second, [0, 1, 4])
    let firstMissed = first.missedCount
    let secondMissed = second.missedCount
    #expect(firstMissed == 0 && secondMissed == 0)
    try topic.unlink()
    #expect(!other.isLinked)
  }

  func expectMessages(
    _ subscriber: inout SharedTopic<Int>.Subscriber, _ expected: [Int],
    _ location: SourceLocation = #_sourceLocation
  ) throws {
    var found: [Int] = []
    while true {
      let sample = try subscriber.tryNext()
      guard let sample else { break }
      let count = sample.count
      #expect(count == 1, sourceLocation: location)
      found.append(sample[0])
    }
    #expect(found == expected, sourceLocation: location)
  }

  @Test("A topic of no message, or of more than there can be, is refused")
  func sizes() {
    for (count, history, subscribers, samples) in [
      (0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 1, 0), (-1, 1, 1, 1), (1, -1, 1, 1),
      (1, 1, 1, 65), (1, 65_535, 1, 1), (1, 1, 1025, 64), (1, 1, .max, 1), (.max, 1, 1, 1),
      (1 << 57, 1000, 8, 2), (1, .max, 1, 1), (1, 1, 1, .max),
    ] {
      let error = #expect(throws: InterprocessError.self) {
        _ = try SharedTopic<Int>.create(
          nil, maximumElementCount: count, historyCount: history,
          maximumSubscriberCount: subscribers, maximumSampleCount: samples)
      }
      #expect(error?.code == .invalidSize, "\(count) \(history) \(subscribers) \(samples)")
    }
  }

  @Test("The type of the elements is checked, and so is the kind")
  func types() throws {
    let name = uniqueName()
    let topic = try SharedTopic<Int>.create(name)
    defer { try? topic.unlink() }
    let mismatch = #expect(throws: InterprocessError.self) {
      _ = try SharedTopic<Double>.attach(name)
    }
    #expect(mismatch?.code == .layoutMismatch(expected: "'<f8'", found: "'<i8'"))
    let wrong = #expect(throws: InterprocessError.self) { _ = try SharedQueue<Int>.attach(name) }
    #expect(wrong?.code == .wrongKind(expected: "a shared queue", found: "a shared topic"))
  }

  @Test("An existing topic keeps the properties that it was created with")
  func attachOrCreate() throws {
    let name = uniqueName()
    let topic = try SharedTopic<UInt16>.attachOrCreate(
      name, maximumElementCount: 3, historyCount: 5, publishers: .many, maximumSubscriberCount: 2,
      maximumSampleCount: 7, options: .whileAttached)
    let other = try SharedTopic<UInt16>.attachOrCreate(
      name, historyCount: 1, maximumSubscriberCount: 1)
    #expect(topic.isCreator && !other.isCreator)
    #expect(
      other.historyCount == 5 && other.publisherMultiplicity == .many
        && other.maximumElementCount == 3)
    #expect(other.maximumSubscriberCount == 2 && other.maximumSampleCount == 7)
    #expect(other.statistics.slotCount == 5 + 2 * 7 + 2)
  }

  @Test("Messages of several elements are whole, whatever was in their memory before")
  func elements() throws {
    let topic = try SharedTopic<UInt8>.create(
      nil, maximumElementCount: 100, historyCount: 2, maximumSubscriberCount: 1,
      maximumSampleCount: 1)
    try topic.unlink()
    var publisher = try topic.publisher()
    var subscriber = try topic.subscriber()
    for round in 1...50 {
      let message = (0..<(round * 7 % 100 + 1)).map { UInt8(truncatingIfNeeded: $0 &* round) }
      try publisher.publish(contentsOf: message.span)
      let sample = try subscriber.next(timeout: .seconds(10))!
      let (sequence, found) = (sample.sequence, copy(sample.elements))
      #expect(sequence == UInt64(round - 1) && found == message)
    }
    for count in [0, 101] {
      let elements = [UInt8](repeating: 0, count: count)
      let error = #expect(throws: InterprocessError.self) {
        try publisher.publish(contentsOf: elements.span)
      }
      #expect(error?.code == .invalidSize)
      let other = #expect(throws: InterprocessError.self) {
        let loan = try publisher.loan(count: count)
        _ = consume loan
      }
      #expect(other?.code == .invalidSize)
    }
    #expect(topic.statistics.publishedCount == 50 && topic.statistics.receivedCount == 50)
  }

  private func copy(_ elements: Span<UInt8>) -> [UInt8] { elements.indices.map { elements[$0] } }

  @Test("An element lies at a multiple of its alignment")
  func alignment() throws {
    let topic = try SharedTopic<SIMD4<Double>>.create(nil, maximumElementCount: 3)
    try topic.unlink()
    var publisher = try topic.publisher()
    var subscriber = try topic.subscriber()
    let message = (0..<3).map { SIMD4<Double>(repeating: Double($0)) }
    try publisher.publish(contentsOf: message.span)
    let sample = try subscriber.next(timeout: .seconds(10))!
    let sum = sample[0] + sample[1] + sample[2]
    let address = sample.elements.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress!) }
    let alignment = UInt(MemoryLayout<SIMD4<Double>>.alignment)
    #expect(sum == SIMD4<Double>(repeating: 3) && address.isMultiple(of: alignment))
  }

  // MARK: - Loans

  @Test("A message on loan is seen only once it is published")
  func loan() throws {
    let topic = try SharedTopic<Int>.create(nil, maximumElementCount: 3, historyCount: 1)
    try topic.unlink()
    var publisher = try topic.publisher()
    var subscriber = try topic.subscriber()
    var loan = try publisher.loan(count: 2)
    var elements = loan.elements
    elements[0] = 4
    elements[1] = 5
    try expectMessages(&subscriber, [])
    try loan.publish()
    let sample = try subscriber.next(timeout: .seconds(10))!
    let (count, first, second) = (sample.count, sample[0], sample[1])
    #expect(count == 2 && first == 4 && second == 5)
    // A message that was not published does not count, and its memory is used again.
    for _ in 0..<100 {
      let dropped = try publisher.loan()
      _ = consume dropped
    }
    try expectMessages(&subscriber, [])
    try publisher.publish(6)
    try expectMessages(&subscriber, [6])
    #expect(topic.statistics.publishedCount == 2)
  }

  @Test(
    "A publisher with a message on loan cannot begin another",
    arguments: [Multiplicity.one, .many],
    elementCounts)
  func twoLoans(role: Multiplicity, elementCount: Int) async throws {
    let isMany: Bool = role == .many
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { [isMany = isMany as Bool, elementCount = elementCount as Int] in
      let topic = try SharedTopic<Int>.create(
        nil, maximumElementCount: elementCount, publishers: isMany ? .many : .one)
      try topic.unlink()
      var publisher = try topic.publisher()
      let loan = try publisher.loan()
      try publisher.publish(1)
      try loan.publish()
    }
    #expect(result.says("has a message on loan", isAlwaysThere: true))
  }

  @Test(
    "Other publishers wait while a message is on loan, even if another thread ends the loan",
    arguments: elementCounts)
  func loanOfMany(elementCount: Int) async throws {
    let topic = try SharedTopic<Int>.create(
      nil, maximumElementCount: elementCount, publishers: .many)
    try topic.unlink()
    var publisher = try topic.publisher()
    var other = try topic.publisher()
    var subscriber = try topic.subscriber()
    var loan = try await publisher.loan()
    loan[0] = 1
    let late = errorCode { try other.publish(2, timeout: .milliseconds(50)) }
    #expect(late == .timedOut)
    try await end(loan)
    try await other.publish(3)
    try expectMessages(&subscriber, [1, 3])
  }

  @concurrent
  private func end(_ loan: consuming SharedTopic<Int>.Loan) async throws {
    await Task.yield()
    try loan.publish()
  }

  // MARK: - Roles

  @Test("Only one handle or value can be the sole publisher", arguments: elementCounts)
  func roles(elementCount: Int) throws {
    let name = uniqueName()
    let topic = try SharedTopic<Int>.create(
      name, maximumElementCount: elementCount, options: .whileAttached)
    let other = try SharedTopic<Int>.attach(name)
    var publisher = try topic.publisher()
    for handle in [topic, other] {
      let error = #expect(throws: InterprocessError.self) {
        let second = try handle.publisher()
        _ = consume second
      }
      #expect(error?.code == .roleTaken, "\(handle === topic)")
    }
    try publisher.publish(1)
    _ = consume publisher
    var next = try other.publisher()
    try next.publish(2)
    var subscriber = try topic.subscriber()
    try expectMessages(&subscriber, [1, 2])
  }

  @Test("Many publishers take turns")
  func manyPublishers() async throws {
    let topic = try SharedTopic<Int>.create(
      nil, maximumElementCount: 2, historyCount: 5, publishers: .many)
    try topic.unlink()
    var subscriber = try topic.subscriber()
    let tasks = (0..<3).map { index in
      Task.detached {
        var publisher = try topic.publisher(overflow: .wait)
        for number in 0..<1000 {
          var loan = try await publisher.loan(count: 2, timeout: .seconds(60))
          loan[0] = index
          loan[1] = number
          try loan.publish()
        }
      }
    }
    var last = [-1, -1, -1]
    for sequence in 0..<3000 {
      let sample = try await subscriber.next(timeout: .seconds(60))!
      let (index, number, found) = (sample[0], sample[1], sample.sequence)
      #expect(
        found == sequence && number == last[index] + 1, "\(sequence) \(index) \(number) \(last)")
      last[index] = number
    }
    for task in tasks { try await task.value }
  }
}
