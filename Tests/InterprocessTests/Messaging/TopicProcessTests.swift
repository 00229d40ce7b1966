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

import CInterprocess
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
    let count: UInt64 = 20_000
    // Not the forms for tasks, whose waits the sanitizer does not understand.
    @Sendable func publish() throws {
      while topic.statistics.subscriberCount == 0 {}
      var publisher = try topic.publisher(overflow: overflow)
      for number in 1...count {
        let message = [UInt64](repeating: number, count: 5)
        try publisher.publish(contentsOf: message.span)
      }
    }
    /// - Returns: How many messages were missed, and the number of the first one, as the publisher
    ///   may begin while this takes its place; `nil` if a message is torn.
    @Sendable func receive() throws -> (UInt64, UInt64)? {
      var subscriber = try topic.subscriber()
      var last: UInt64 = 0
      var start: UInt64?
      while last < count {
        let sample = try subscriber.next(timeout: .seconds(60))!
        let elements = sample.elements
        if start == nil { start = sample.sequence - subscriber.missedCount }
        guard elements.indices.allSatisfy({ elements[$0] == elements[0] }), elements[0] > last
        else { return nil }
        last = elements[0]
      }
      return (subscriber.missedCount, start!)
    }
    let publisher = inThread { try publish() }
    let subscriber = inThread { try receive() }
    try await publisher.value
    let (missedCount, start) = try #require(await subscriber.value)
    #expect(topic.statistics.receivedCount + missedCount + start == count)
    #expect(overflow == .overwrite || missedCount == 0)
  }

  // MARK: - Hostile bytes

  /// The offset of the content.
  private func content(_ memory: borrowing SharedMemory) -> Int {
    Int(memory.load(fromByteOffset: 72, as: UInt64.self))
  }

  @Test(
    "Random words give an error or a time-out, and no access elsewhere", arguments: 1...10, [1, 3])
  func randomWords(seed: UInt64, elementCount: Int) throws {
    var generator = SeededGenerator(seed: seed)
    for role in [Multiplicity.one, .many] {
      let name = uniqueName()
      let topic = try SharedTopic<UInt64>.create(
        name, maximumElementCount: elementCount, historyCount: 5, publishers: role,
        maximumSubscriberCount: 2, options: .whileAttached)
      var memory = try SharedMemory.attach(name)
      let content = content(memory)
      var generous = try topic.subscriber()
      for _ in 0..<200 {
        let offset = content + Int(generator.next() % UInt64((memory.byteCount - content) / 4)) * 4
        let word = UInt32(truncatingIfNeeded: generator.next() >> (generator.next() % 64))
        memory.storeBytes(of: word, toByteOffset: offset, as: UInt32.self)
        for overflow in [TopicOverflow.overwrite, .wait] {
          expectBearableError {
            var publisher = try topic.publisher(overflow: overflow)
            let timeout = Duration.microseconds(50)
            try publisher.publish(1, timeout: timeout)
            let elements = [UInt64](repeating: 2, count: elementCount)
            try publisher.publish(contentsOf: elements.span, timeout: timeout)
            let loan = try publisher.loan(count: elementCount, timeout: timeout)
            _ = consume loan
          }
        }
        expectBearableError { try receiveAnything(&generous) }
        expectBearableError {
          var subscriber = try topic.subscriber()
          try receiveAnything(&subscriber)
        }
        _ = topic.statistics
        expectBearableError { _ = try SharedTopic<UInt64>.attach(name) }
        _ = try? SegmentContent(ofSegment: name)
      }
    }
  }

  /// Receives in each way, and reads what arrives.
  private func receiveAnything(_ subscriber: inout SharedTopic<UInt64>.Subscriber) throws {
    guard let first = try subscriber.next(timeout: .microseconds(50)) else { return }
    let second = try subscriber.latest()
    var sum = first[first.count - 1]
    if let second { sum &+= second[second.count - 1] }
    withExtendedLifetime(sum) {}
  }

  private func expectBearableError(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
  ) {
    switch errorCode(body) {
    case nil, .timedOut, .corrupted?, .limitReached, .roleTaken, .finished: return
    case let code: Issue.record("\(String(describing: code))", sourceLocation: sourceLocation)
    }
  }

  @Test("An impossible word is detected, whichever process wrote it")
  func wrongWords() throws {
    let layout = try #require(
      TopicLayout(
        historyCount: 4, maximumSubscriberCount: 1, maximumSampleCount: 1, maximumElementCount: 3,
        elementByteCount: 8, elementStride: 8, elementAlignment: 8))
    let slotCount = UInt64(layout.slotCount)
    // A message ahead of the tail, and one in a slot that does not exist.
    let entries: [UInt64] = [
      TopicEntry(8, 0).bits, TopicEntry(4, 0).bits, TopicEntry(0, 6).bits, TopicEntry(0, 60).bits,
    ]
    for entry in entries {
      #expect(isFound(layout, entry, at: layout.entriesOffset, of: UInt64.self), "\(entry)")
    }
    var foundCount = 0
    // More free, or retired, slots than exist, and one that does not exist.
    for count in [slotCount + 1, UInt64(UInt32.max)] {
      let offset = QueueHead.sendingOffset + fieldOffset(\ipc_queue_side.free_count)
      #expect(isFound(layout, count, at: offset))
    }
    for slot in [slotCount, UInt64(UInt32.max)] {
      for index in 0..<layout.slotCount {
        if isFound(layout, slot, at: layout.freeListOffset + 4 * index) { foundCount += 1 }
      }
    }
    // Messages of no elements, and of more than there is room for.
    for count: UInt64 in [0, 4, 1 << 32, .max] {
      for slot in 0..<layout.slotCount {
        let offset = layout.slotsOffset + slot * layout.slotStride
        if isFound(layout, count, at: offset, of: UInt64.self) { foundCount += 1 }
      }
    }
    #expect(foundCount >= 2 + 4)
  }

  @Test("An impossible word of an entry with its message is detected, whichever process wrote it")
  func wrongEntryWords() throws {
    let layout = try #require(
      TopicLayout(
        historyCount: 4, maximumSubscriberCount: 1, maximumSampleCount: 1, maximumElementCount: 1,
        elementByteCount: 8, elementStride: 8, elementAlignment: 8))
    #expect(layout.isInEntries && layout.entryCount == 8)
    // Messages ahead of the tail, and the first one neither being written nor there.
    let words = [
      TopicEntry.written(8).bits, TopicEntry.unwritten(8).bits, TopicEntry.written(16).bits,
      TopicEntry.written(0).bits + 1, TopicEntry.written(0).bits | 0xFFFF,
    ]
    for word in words {
      #expect(isFound(layout, word, at: layout.entriesOffset, of: UInt64.self), "\(word)")
    }
  }

  /// Writes a word into a topic of one message, and returns whether its users detect it.
  private func isFound(
    _ layout: TopicLayout, _ word: UInt64, at offset: Int, of type: Any.Type = UInt32.self
  ) -> Bool {
    let codes = attempt {
      let name = uniqueName()
      let topic = try SharedTopic<UInt64>.create(
        name, maximumElementCount: layout.maximumElementCount, historyCount: 4,
        maximumSubscriberCount: 1, maximumSampleCount: 1, options: .whileAttached)
      var memory = try SharedMemory.attach(name)
      var subscriber = try topic.subscriber()
      var publisher = try topic.publisher()
      try publisher.publish(5)
      if type == UInt64.self {
        memory.storeBytes(of: word, toByteOffset: content(memory) + offset, as: UInt64.self)
      } else {
        memory.storeBytes(
          of: UInt32(word), toByteOffset: content(memory) + offset, as: UInt32.self)
      }
      return [
        errorCode { try receiveAnything(&subscriber) },
        errorCode { for number: UInt64 in 0..<9 { try publisher.publish(number) } },
      ]
    }
    return codes.contains {
      if case .corrupted? = $0 { true } else { false }
    }
  }

  private func attempt(
    _ body: () throws -> [InterprocessError.Code?]
  ) -> [InterprocessError.Code?] {
    do { return try body() } catch {
      Issue.record(error)
      return []
    }
  }

  @Test("A header of an impossible topic gives an error")
  func wrongHeader() throws {
    let name = uniqueName()
    let topic = try SharedTopic<UInt64>.create(
      name, maximumElementCount: 3, historyCount: 5, maximumSubscriberCount: 2,
      maximumSampleCount: 2,
      options: .whileAttached)
    var memory = try SharedMemory.attach(name)
    let content = content(memory)
    func expectCorrupted(
      _ word: UInt64, at offset: Int, byteCount: Int, _ location: SourceLocation = #_sourceLocation
    ) {
      let before = memory.load(fromByteOffset: offset, as: UInt64.self)
      if byteCount == 8 {
        memory.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
      } else {
        memory.storeBytes(of: UInt32(word), toByteOffset: offset, as: UInt32.self)
      }
      let code = errorCode { _ = try SharedTopic<UInt64>.attach(name) }
      if case .corrupted? = code {
      } else {
        Issue.record(
          "\(word) at \(offset) gives \(String(describing: code))", sourceLocation: location)
      }
      memory.storeBytes(of: before, toByteOffset: offset, as: UInt64.self)
    }
    for history: UInt64 in [0, 6, 1 << 20, 1 << 62, .max] {
      expectCorrupted(history, at: 32, byteCount: 8)
    }
    for role: UInt64 in [0, 3, 0xFFFF_FFFF] { expectCorrupted(role, at: content, byteCount: 4) }
    // Three elements lie in no entry.
    for place: UInt64 in [1, 2, 0xFFFF_FFFF] {
      expectCorrupted(place, at: content + TopicLayout.isInEntriesOffset, byteCount: 4)
    }
    for count: UInt64 in [0, 12, 1 << 61, .max] {
      expectCorrupted(count, at: content + TopicLayout.elementCountOffset, byteCount: 8)
    }
    for count: UInt64 in [0, 3, 65, 0xFFFF_FFFF] {
      expectCorrupted(count, at: content + TopicLayout.subscriberCountOffset, byteCount: 4)
      expectCorrupted(count, at: content + TopicLayout.sampleCountOffset, byteCount: 4)
    }
    #expect(try SharedTopic<UInt64>.attach(name).historyCount == topic.historyCount)
  }
}
