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
import TestSupport
import Testing

@testable import Interprocess

// Hostile bytes in topics.
extension TopicProcessTests {
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
      TopicEntry(8, 0).bits, TopicEntry(4, 0).bits, TopicEntry(0, 10).bits, TopicEntry(0, 60).bits,
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
    for count: UInt64 in [0, 4, 1 << 32, 1 << 48 - 1] {
      for slot in 0..<layout.slotCount {
        let offset = layout.slotsOffset + slot * layout.slotStride + 8
        if isFound(layout, count << 16, at: offset, of: UInt64.self) { foundCount += 1 }
      }
    }
    #expect(foundCount >= 2 + 4)
    // A slot that is not that of its message.
    for word in [TopicEntry(0), .pinned, .written(3), .unwritten(3), TopicEntry(.max)].map(\.bits) {
      let isFoundAnywhere = (0..<layout.slotCount).contains { slot in
        let offset = layout.slotsOffset + slot * layout.slotStride
        return isFound(layout, word, at: offset, of: UInt64.self)
      }
      #expect(isFoundAnywhere, "\(word)")
    }
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
