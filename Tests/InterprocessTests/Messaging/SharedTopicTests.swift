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

import Glibc
import Subprocess
import Synchronization
import TestSupport
import Testing

@testable import Interprocess

@Suite("Shared topic", .timeLimit(.minutes(5)))
struct SharedTopicTests {
  // MARK: - Basics

  @Test("Each subscriber gets all messages, in order, through any handle")
  func order() throws {
    let name = uniqueName()
    let topic = try SharedTopic<Int>.create(name, history: 4)
    let other = try SharedTopic<Int>.attach(name)
    #expect(topic.isCreator && !other.isCreator && other.isLinked && other.name == name)
    #expect(other.history == 4 && other.publisherRole == .one && other.maximumElementCount == 1)
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

  private func expectMessages(
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
          nil, maximumElementCount: count, history: history,
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
      name, maximumElementCount: 3, history: 5, publishers: .many, maximumSubscriberCount: 2,
      maximumSampleCount: 7, options: .whileAttached)
    let other = try SharedTopic<UInt16>.attachOrCreate(name, history: 1, maximumSubscriberCount: 1)
    #expect(topic.isCreator && !other.isCreator)
    #expect(other.history == 5 && other.publisherRole == .many && other.maximumElementCount == 3)
    #expect(other.maximumSubscriberCount == 2 && other.maximumSampleCount == 7)
    #expect(other.statistics.slotCount == 5 + 2 * 7 + 1)
  }

  @Test("Messages of several elements are whole, whatever was in their memory before")
  func elements() throws {
    let topic = try SharedTopic<UInt8>.create(
      nil, maximumElementCount: 100, history: 2, maximumSubscriberCount: 1, maximumSampleCount: 1)
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
    let topic = try SharedTopic<Int>.create(nil, maximumElementCount: 3, history: 1)
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
    "A publisher with a message on loan cannot begin another", arguments: [QueueRole.one, .many])
  func twoLoans(role: QueueRole) async throws {
    let isMany: Bool = role == .many
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { [isMany = isMany as Bool] in
      let topic = try SharedTopic<Int>.create(nil, publishers: isMany ? .many : .one)
      try topic.unlink()
      var publisher = try topic.publisher()
      let loan = try publisher.loan()
      try publisher.publish(1)
      try loan.publish()
    }
    #expect(result.says("has a message on loan", isAlwaysThere: true))
  }

  @Test("Other publishers wait while a message is on loan, even if another thread ends the loan")
  func loanOfMany() async throws {
    let topic = try SharedTopic<Int>.create(nil, publishers: .many)
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

  // MARK: - Slow subscribers

  @Test("A latecomer gets the history, or not", arguments: [1, 2, 3, 8])
  func history(count: Int) throws {
    let topic = try SharedTopic<Int>.create(nil, history: count)
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

  @Test("A subscriber can skip to the newest message, and receives it once")
  func latest() throws {
    let topic = try SharedTopic<Int>.create(nil, history: 4)
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

  private func expectLatest(
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
      nil, maximumElementCount: 4, history: 1, maximumSubscriberCount: 1, maximumSampleCount: 2)
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

  @Test("The place of a subscriber stays until its last sample is given back")
  func places() throws {
    let topic = try SharedTopic<Int>.create(nil, maximumSubscriberCount: 1)
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

  @Test("A publisher that waits for slow subscribers lets none of them miss a message")
  func patience() throws {
    let topic = try SharedTopic<Int>.create(nil, history: 3)
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
    #expect(missed == 0 && topic.statistics.fullCount > 0)
  }

  @Test(
    "A latecomer gets the history of a publisher that waits, without the oldest message",
    arguments: [1, 2, 3, 8])
  func historyOfPatience(count: Int) throws {
    let topic = try SharedTopic<Int>.create(nil, history: count)
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

  // MARK: - Waiting

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
    let topic = try SharedTopic<Int>.create(nil, maximumElementCount: 2, history: 3)
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
    let topic = try SharedTopic<Int>.create(nil, history: 1)
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

  // MARK: - Finishing

  @Test(
    "A finished topic delivers what it has, and then the end, to latecomers as well",
    arguments: [QueueRole.one, .many])
  func finish(role: QueueRole) throws {
    let topic = try SharedTopic<Int>.create(nil, history: 2, publishers: role)
    try topic.unlink()
    var subscriber = try topic.subscriber()
    var publisher = try topic.publisher()
    for number in 0..<3 { try publisher.publish(number) }
    #expect(!topic.isFinished)
    try publisher.finish()
    #expect(topic.isFinished)
    try expectRest(&subscriber, [1, 2])
    var late = try topic.subscriber()
    try expectRest(&late, [1, 2])
    var latest = try topic.subscriber()
    try expectLatest(&latest, 2, missed: 1)
    try expectLatest(&latest, nil, missed: 1)
    try expectRest(&latest, [])
    let code = errorCode {
      let publisher = try topic.publisher()
      _ = consume publisher
    }
    #expect(code == .finished)
    // Finishing once more changes nothing.
    try topic.finish()
    #expect(topic.statistics.publishedCount == 3)
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

  // MARK: - Roles

  @Test("Only one handle or value can be the sole publisher")
  func roles() throws {
    let name = uniqueName()
    let topic = try SharedTopic<Int>.create(name, options: .whileAttached)
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
      nil, maximumElementCount: 2, history: 5, publishers: .many)
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

private func receive(
  _ subscriber: inout SharedTopic<Int>.Subscriber, timeout: Duration
) throws -> Int {
  let sample = try subscriber.next(timeout: timeout)!
  return sample[0]
}
