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
import TestSupport
import Testing

@testable import Interprocess

/// Messages that lie in their entries, and those that are just too large for that.
@Suite("Topics with messages in their entries", .timeLimit(.minutes(5)))
struct TopicEntryTests {
  private struct Odd: Shareable, Equatable {
    var wide: UInt64
    var middle: UInt16
    var narrow: UInt8
  }

  @Test("Messages of up to 56 bytes lie in their entries, and pass whole, as larger ones do")
  func sizes() throws {
    try expectPassed(UInt8.self, size: 1, isInEntries: true) { UInt8($0) }
    try expectPassed(UInt64.self, size: 8, isInEntries: true) { UInt64($0) << 32 }
    try expectPassed(Odd.self, size: 11, isInEntries: true) {
      Odd(wide: UInt64($0), middle: UInt16($0), narrow: UInt8($0))
    }
    try expectPassed(SIMD2<Double>.self, size: 16, isInEntries: true) {
      SIMD2(Double($0), -Double($0))
    }
    try expectPassed(SIMD4<Double>.self, size: 32, isInEntries: true) {
      SIMD4(repeating: Double($0))
    }
    try expectPassed(Bytes<55>.self, size: 55, isInEntries: true) { Bytes($0) }
    try expectPassed(Bytes<56>.self, size: 56, isInEntries: true) { Bytes($0) }
    try expectPassed(Bytes<57>.self, size: 57, isInEntries: false) { Bytes($0) }
    try expectPassed(Bytes<64>.self, size: 64, isInEntries: false) { Bytes($0) }
    try expectPassed(SIMD8<UInt64>.self, size: 64, isInEntries: false) {
      SIMD8(repeating: UInt64($0))
    }
  }

  private struct Bytes<let count: Int>: Shareable, Equatable {
    var bytes: InlineArray<count, UInt8>
    init(_ number: Int) { bytes = InlineArray { UInt8(truncatingIfNeeded: $0 * 7 + number) } }
    static func == (left: Bytes, right: Bytes) -> Bool {
      left.bytes.indices.allSatisfy { left.bytes[$0] == right.bytes[$0] }
    }
  }

  private func expectPassed<Element: Shareable & Equatable>(
    _ type: Element.Type, size: Int, isInEntries: Bool, _ element: (Int) -> Element
  ) throws {
    #expect(MemoryLayout<Element>.size == size)
    let topic = try SharedTopic<Element>.create(
      nil, historyCount: 2, maximumSubscriberCount: 1, maximumSampleCount: 2)
    try topic.unlink()
    // Four entries, the smallest power of two above the history; or slots for the history, the
    // samples, and the next two messages.
    #expect(topic.statistics.slotCount == (isInEntries ? 4 : 6), "\(type)")
    #expect(topic.ring.layout.isInEntries == isInEntries)
    var publisher = try topic.publisher()
    var subscriber = try topic.subscriber()
    try publisher.publish(element(1))
    let first = try subscriber.next(timeout: .seconds(10))!
    var loan = try publisher.loan()
    loan[0] = element(2)
    let written = loan[0]
    #expect(written == element(2))
    try loan.publish()
    try publisher.publish(contentsOf: [element(3)].span)
    let second = try subscriber.next(timeout: .seconds(10))!
    // What is held stays, whatever is published.
    for number in 4..<40 { try publisher.publish(element(number)) }
    let (held, values) = ((first.sequence, second.sequence), (first[0], second[0]))
    #expect(held == (0, 1) && values == (element(1), element(2)), "\(type)")
    let isAligned = isAligned(first)
    #expect(isAligned)
    let code = errorCode {
      let third = try subscriber.tryNext()
      _ = consume third
    }
    #expect(code == .limitReached)
    _ = consume first
    let last = try subscriber.latest()!
    let (number, value, missed) = (last.sequence, last[0], subscriber.missedCount)
    #expect(number == 38 && value == element(39) && missed == 36, "\(type)")
  }

  private func isAligned<Element>(_ sample: borrowing SharedTopic<Element>.Sample) -> Bool {
    let address = sample.elements.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress!) }
    return address.isMultiple(of: UInt(MemoryLayout<Element>.alignment))
  }

  @Test("A copy that another process has changed meanwhile is not used")
  func changedMeanwhile() throws {
    let topic = try SharedTopic<UInt64>.create(nil, historyCount: 1)
    try topic.unlink()
    var publisher = try topic.publisher()
    var subscriber = try topic.subscriber()
    let entries = try #require(topic.ring.entries)
    try publisher.publish(5)
    var words: [UInt64] = [0]
    var copy = words.mutableSpan
    #expect(entries.has(0, at: 0) && entries.load(0, at: 0, into: &copy))
    // The next message of that entry is being written.
    entries.word(at: 0).storeReleasing(TopicEntry.unwritten(2).bits)
    #expect(!entries.has(0, at: 0) && !entries.load(0, at: 0, into: &copy))
    #expect(words == [5])
    // No message can be there, as only one was published.
    let code = errorCode {
      let sample = try subscriber.tryNext()
      _ = consume sample
    }
    #expect({ if case .corrupted? = code { true } else { false } }())
  }

  @Test("A slow subscriber skips an entry that is being written, even if its publisher is dead")
  func deadWriter() async throws {
    let name = uniqueName()
    let topic = try SharedTopic<UInt64>.create(name, historyCount: 3)
    defer { try? topic.unlink() }
    var slow = try topic.subscriber()
    // Four entries; the fifth message replaces the first one.
    for number: UInt64 in 0..<4 { try publish(topic, number) }
    let status = try await finish(name, killedAt: .storeHalfWritten)
    #expect(status == .signaled(9) && topic.statistics.publishedCount == 4)
    var late = try topic.subscriber()
    for number: UInt64 in 1..<4 {
      #expect(try receive(&slow) == [number, number])
      #expect(try receive(&late) == [number, number])
    }
    let missed = (slow.missedCount, late.missedCount)
    #expect(missed == (1, 0))
    let isEmpty = try slow.tryNext() == nil
    #expect(isEmpty)
    try publish(topic, 9)
    #expect(try receive(&slow) == [4, 9])
  }

  private func publish(_ topic: SharedTopic<UInt64>, _ number: UInt64) throws {
    var publisher = try topic.publisher()
    try publisher.publish(number)
  }

  /// Receives the number of the next message, and its element.
  private func receive(_ subscriber: inout SharedTopic<UInt64>.Subscriber) throws -> [UInt64] {
    let sample = try subscriber.next(timeout: .zero)!
    return [sample.sequence, sample[0]]
  }

  /// Starts a process that publishes 7 and finishes the topic, but is killed at a step.
  private func finish(_ name: String, killedAt step: Checkpoint) async throws -> TerminationStatus {
    try await withChildProcess(Places.helper, ["topic-finish", name, step.description]) {
      _ = try await $0.nextLine()
    }.status
  }

  @Test(
    "A publisher killed at any step has published its message or not, and the next one continues",
    arguments: [
      Checkpoint.messageBegun, .entryMarked, .storeHalfWritten, .messageWritten, .messageSent,
      .tailStored,
    ], [Multiplicity.one, .many])
  func deadAtStep(step: Checkpoint, role: Multiplicity) async throws {
    let name = uniqueName()
    let topic = try SharedTopic<UInt64>.create(name, historyCount: 2, publishers: role)
    defer { try? topic.unlink() }
    let status = try await finish(name, killedAt: step)
    #expect(status == .signaled(9))
    let isPublished = [Checkpoint.messageSent, .tailStored].contains(step)
    var early = try topic.subscriber()
    try publish(topic, 9)
    try await topic.finish()
    var late = try topic.subscriber()
    for received in [try rest(&early), try rest(&late)] {
      #expect(received == (isPublished ? [7, 9] : [9]))
    }
    #expect(topic.statistics.publishedCount == (isPublished ? 2 : 1))
  }

  private func rest(_ subscriber: inout SharedTopic<UInt64>.Subscriber) throws -> [UInt64] {
    var found: [UInt64] = []
    while let sample = try subscriber.next(timeout: .zero) { found.append(sample[0]) }
    return found
  }

  @Test(
    "A message from one thread to another is whole, also under the thread sanitizer",
    arguments: [TopicOverflow.overwrite, .wait], [Multiplicity.one, .many])
  func twoThreads(overflow: TopicOverflow, role: Multiplicity) async throws {
    typealias Message = InlineArray<7, UInt64>
    let topic = try SharedTopic<Message>.create(
      nil, historyCount: 3, publishers: role, maximumSubscriberCount: 1)
    try topic.unlink()
    try await expectWholeMessages(of: topic, overflow) { publisher, number in
      try publisher.publish(Message(repeating: number))
    } number: { sample in
      let message = sample[0]
      return message.indices.allSatisfy { message[$0] == message[0] } ? message[0] : nil
    }
  }

  @Test("The marks of an entry are those of the layout's header")
  func marks() {
    #expect(TopicEntry.unwrittenMark == UInt64(IPC_TOPIC_UNWRITTEN))
    #expect(TopicEntry.writtenMark == UInt64(IPC_TOPIC_WRITTEN))
  }
}
