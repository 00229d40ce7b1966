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

import Foundation
import Interprocess
import Testing

/// What the tool shows of queues and topics.
@Suite("Kinds of messaging", .timeLimit(.minutes(3)))
struct MessagingKindTests {
  @Test("The tool shows what has happened in a queue, without disturbing its users")
  func queue() async throws {
    try await withName { name in
      let queue = try SharedQueue<UInt32>.create(name, capacity: 5)
      #expect(try await listedKind(name) == "queue")
      for number: UInt32 in 0..<5 { _ = try queue.trySend(number) }
      _ = try queue.tryReceive()
      let before = try content(name)
      #expect(
        try await infoDetails(name) == [
          "kind queue", "dtype '<u4'", "capacity 5", "messages 4", "finished no", "sent 5",
          "received 1", "slept, full 0", "slept, empty 0", "woken 0",
        ])
      #expect(try content(name) == before)
      while try queue.tryReceive() != nil {}
      let receiver = Task { try await queue.receive() }
      while queue.statistics.emptyCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
      try await queue.finish()
      #expect(try await receiver.value == nil)
      let json = try await infoJSON(name)
      #expect(json["isFinished"] as? Bool == true)
      let counts = ["capacity", "count", "sentCount", "receivedCount", "fullCount"]
      #expect(counts.map { json[$0] as? Int } == [5, 0, 5, 5, 0])
      #expect(try #require(json["emptyCount"] as? Int) >= 1)
      // 0 if the receiver was about to sleep, and looked once more.
      #expect(json["wokenCount"] as? UInt64 == queue.statistics.wokenCount)
    }
  }

  @Test("The tool shows what has happened in a queue of bytes, without disturbing its users")
  func byteQueue() async throws {
    try await withName { name in
      let queue = try SharedByteQueue.create(name, byteCapacity: 4000, maximumByteCount: 100)
      #expect(try await listedKind(name) == "byte-queue")
      for byteCount in 1...3 { _ = try queue.trySend(byteCount: byteCount) { _ in } }
      _ = try queue.tryReceive { _ in }
      let before = try content(name)
      let details = try await infoDetails(name)
      #expect(
        details == [
          "kind byte-queue", "capacity 4KiB", "messages 2", "finished no", "sent 3",
          "received 1", "slept, full 0", "slept, empty 0", "woken 0",
        ])
      #expect(try content(name) == before)
      try await queue.finish()
      let json = try await infoJSON(name)
      #expect(json["isFinished"] as? Bool == true)
      let counts = ["byteCapacity", "count", "sentCount", "receivedCount", "fullCount"]
      #expect(counts.map { json[$0] as? Int } == [4096, 2, 3, 1, 0])
    }
  }

  @Test("The tool shows what has happened in a topic, and its memory, without disturbing its users")
  func topic() async throws {
    try await withName { name in
      let topic = try SharedTopic<UInt32>.create(
        name, maximumElementCount: 30, historyCount: 2, maximumSubscriberCount: 3)
      #expect(try await listedKind(name) == "topic")
      var publisher = try topic.publisher()
      var subscriber = try topic.subscriber()
      for number: UInt32 in 0..<5 { try publish(&publisher, number) }
      let sample = try subscriber.tryNext()
      let before = try content(name)
      #expect(
        try await infoDetails(name) == [
          "kind topic", "dtype '<u4'", "elements, at most 30", "history 2", "slots 10",
          "slot size 192", "finished no", "subscribers 1", "held 1", "published 5", "received 1",
          "missed 3", "slept, full 0", "slept, empty 0", "woken 0",
        ])
      #expect(try content(name) == before)
      _ = consume sample
      let json = try await infoJSON(name)
      let counts = [
        "historyCount", "maximumElementCount", "slotCount", "slotByteCount", "subscriberCount",
        "heldCount", "publishedCount", "receivedCount", "missedCount",
      ]
      #expect(counts.map { json[$0] as? Int } == [2, 30, 10, 192, 1, 0, 5, 1, 3])
      #expect(json["isFinished"] as? Bool == false)
      publisher.close()
      try await topic.finish()
      #expect(try await infoDetails(name).contains("finished yes"))
      #expect(try await infoJSON(name)["isFinished"] as? Bool == true)
    }
  }

  private func publish(
    _ publisher: inout SharedTopic<UInt32>.Publisher, _ number: UInt32
  ) throws {
    try publisher.publish(number)
  }
}
