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

@Suite("Children forked within a turn, and their copies of roles", .timeLimit(.minutes(1)))
struct ForkedRoleTests {
  // MARK: - Turns

  @Test(
    "A child does not acknowledge the message that its parent reads",
    arguments: [
      ("acknowledging", Multiplicity.many), ("acknowledgingAsTask", .many),
      ("receiverAcknowledging", .one),
    ])
  func acknowledging(closure: String, role: Multiplicity) async throws {
    let queue = try SharedQueue<UInt64>.create(uniqueName(), capacity: 4, receivers: role)
    defer { try? queue.unlink() }
    try inThisThread { try queue.send(1) }
    try await withForkedChild(
      ["fork-leave", closure, queue.name], child: "1 left", parent: "1 left"
    ) {
      #expect(queue.count == 1)
      let isTurnTaken = errorCode {
        let received = try QueueUser(queue).tryReceive()
        #expect(received == nil)
      }
      #expect(isTurnTaken == (role == .one ? .roleTaken : nil))
    }
    #expect(queue.count == 0)
  }

  @Test("A child that throws out of its parent's turn leaves the turn and the message")
  func throwing() async throws {
    let queue = try SharedQueue<UInt64>.create(uniqueName(), capacity: 4)
    defer { try? queue.unlink() }
    try inThisThread { try queue.send(1) }
    try await withForkedChild(
      ["fork-leave", "acknowledgingThrowing", queue.name], child: "Thrown()", parent: "Thrown()"
    ) {
      let received = try queue.tryReceive()
      #expect(received == nil)
    }
    #expect(try queue.tryReceive() == 1)
  }

  @Test("A child leaves a batch of its parent to it, to read or to write")
  func batches() async throws {
    let queue = try SharedQueue<UInt64>.create(uniqueName(), capacity: 4)
    defer { try? queue.unlink() }
    // Forked when the second message is written, which the child leaves out.
    try await withForkedChild(
      ["fork-leave", "sendingBatch", queue.name], child: "roleTaken", parent: "2"
    ) {
      #expect(queue.count == 1)
    }
    #expect(queue.count == 2)
    try await withForkedChild(
      ["fork-leave", "acknowledgingBatch", queue.name], child: "2", parent: "2"
    ) {
      #expect(queue.count == 2)
    }
    #expect(queue.count == 0)
  }

  @Test(
    "A child does not send the element that its parent writes in place",
    arguments: [("sending", Multiplicity.many), ("sendingOfOne", .one)])
  func sending(closure: String, role: Multiplicity) async throws {
    let queue = try SharedQueue<UInt64>.create(uniqueName(), capacity: 4, senders: role)
    defer { try? queue.unlink() }
    try await withForkedChild(
      ["fork-leave", closure, queue.name], child: "roleTaken", parent: "sent"
    ) {
      #expect(queue.count == 0)
      let code = errorCode {
        let isSent = try QueueUser(queue).trySend(1)
        #expect(!isSent)
      }
      #expect(code == (role == .one ? .roleTaken : nil))
    }
    #expect(try queue.tryReceive() == 7)
    #expect(queue.count == 0)
  }

  @Test(
    "A child does not send the message that its parent writes in place",
    arguments: [("bytesSending", Multiplicity.many), ("bytesSendingOfOne", .one)])
  func sendingBytes(closure: String, role: Multiplicity) async throws {
    let queue = try byteQueue(role)
    defer { try? queue.unlink() }
    try await withForkedChild(
      ["fork-leave", closure, queue.name], child: "roleTaken", parent: "sent"
    ) {
      #expect(queue.count == 0)
      let code = errorCode {
        let isSent = try ByteQueueUser(queue).trySend(byteCount: 8) { _ in }
        #expect(!isSent)
      }
      #expect(code == (role == .one ? .roleTaken : nil))
    }
    #expect(try ByteQueueUser(queue).receive(timeout: .zero) == [7, 0, 0, 0, 0, 0, 0, 0])
    #expect(queue.count == 0)
  }

  @Test("A child that throws out of its parent's writing leaves the turn")
  func throwingOutOfSending() async throws {
    let queue = try byteQueue(.many)
    defer { try? queue.unlink() }
    try await withForkedChild(
      ["fork-leave", "bytesSendingThrowing", queue.name], child: "Thrown()", parent: "Thrown()"
    ) {
      let isSent = try queue.trySend(byteCount: 8) { _ in }
      #expect(!isSent)
    }
    #expect(try queue.trySend(byteCount: 8) { _ in })
  }

  @Test(
    "A child gives back no message that its parent reads in place",
    arguments: [
      ("bytesReceiving", Multiplicity.many), ("bytesReceivingOfOne", .one),
      ("bytesAcknowledging", .many),
    ])
  func receivingBytes(closure: String, role: Multiplicity) async throws {
    let queue = try byteQueue(role)
    defer { try? queue.unlink() }
    try ByteQueueUser(queue).send([1, 2, 3 as UInt8].span.bytes)
    try await withForkedChild(
      ["fork-leave", closure, queue.name], child: "3 left", parent: "3 left"
    ) {
      let code = errorCode {
        let received = try ByteQueueUser(queue).tryReceive { $0.byteCount }
        #expect(received == nil)
      }
      #expect(code == (role == .one ? .roleTaken : nil))
    }
    #expect(queue.count == 0)
  }

  private func byteQueue(_ role: Multiplicity) throws -> SharedByteQueue {
    try SharedByteQueue.create(
      uniqueName(), byteCapacity: 64, maximumByteCount: 8, senders: role, receivers: role)
  }

  @Test(
    "A child neither publishes nor ends its parent's message on loan",
    arguments: [
      ("loanPublished", Multiplicity.one), ("loanPublishedOfMany", .many),
      ("loanDropped", .one), ("loanDroppedOfMany", .many),
    ])
  func loan(closure: String, role: Multiplicity) async throws {
    let topic = try SharedTopic<UInt64>.create(uniqueName(), historyCount: 2, publishers: role)
    defer { try? topic.unlink() }
    let isPublished = closure.hasPrefix("loanPublished")
    try await withForkedChild(
      ["fork-leave", closure, topic.name], child: isPublished ? "roleTaken" : "dropped",
      parent: isPublished ? "published" : "dropped"
    ) {
      let code = errorCode {
        var publisher = try topic.publisher()
        try publisher.publish(9, timeout: .zero)
      }
      #expect(code == (role == .one ? .roleTaken : .timedOut))
    }
    #expect(topic.statistics.publishedCount == (isPublished ? 1 : 0))
  }

  // MARK: - Copies of roles

  @Test("A child's copy of a sender sends nothing, and does not finish the queue")
  func sender() async throws {
    let queue = try queueOfOne()
    defer { try? queue.unlink() }
    try await withForkedChild(
      ["fork-use", "sender", queue.name],
      child: "roleTaken roleTaken roleTaken roleTaken roleTaken", parent: "sent"
    ) {
      #expect(!queue.isFinished && queue.count == 1)
      #expect(errorCode { _ = try queue.sender() } == .roleTaken)
    }
    let receiver = QueueUser(queue)
    let received = [try receiver.receive(), try receiver.receive(), try receiver.receive()]
    #expect(received == [1, 2, nil])
  }

  @Test("A child's copy of a receiver takes nothing")
  func receiver() async throws {
    let queue = try queueOfOne()
    defer { try? queue.unlink() }
    try QueueUser(queue).send(1)
    try await withForkedChild(
      ["fork-use", "receiver", queue.name],
      child: "roleTaken roleTaken roleTaken roleTaken roleTaken roleTaken roleTaken", parent: "1"
    ) {
      #expect(queue.count == 1)
      #expect(errorCode { _ = try queue.receiver() } == .roleTaken)
    }
  }

  @Test("A child's copy of a sender of bytes sends nothing, and does not finish the queue")
  func byteSender() async throws {
    let queue = try byteQueue(.one)
    defer { try? queue.unlink() }
    try await withForkedChild(
      ["fork-use", "byteSender", queue.name],
      child: "roleTaken roleTaken roleTaken roleTaken roleTaken", parent: "sent"
    ) {
      #expect(!queue.isFinished && queue.count == 0)
      #expect(errorCode { _ = try queue.sender() } == .roleTaken)
    }
    let receiver = ByteQueueUser(queue)
    #expect(try receiver.receive() == [2])
    #expect(try receiver.receive() == nil)
  }

  @Test("A child's copy of a receiver of bytes takes nothing")
  func byteReceiver() async throws {
    let queue = try byteQueue(.one)
    defer { try? queue.unlink() }
    try ByteQueueUser(queue).send([1 as UInt8].span.bytes)
    try await withForkedChild(
      ["fork-use", "byteReceiver", queue.name],
      child: "roleTaken roleTaken roleTaken roleTaken roleTaken roleTaken roleTaken", parent: "[1]"
    ) {
      #expect(queue.count == 1)
      #expect(errorCode { _ = try queue.receiver() } == .roleTaken)
    }
  }

  private func queueOfOne() throws -> SharedQueue<UInt64> {
    try SharedQueue.create(uniqueName(), capacity: 4, senders: .one, receivers: .one)
  }

  @Test("A child's copy of the sole publisher publishes nothing; a copy of one of many is one more")
  func publisher() async throws {
    for role in [Multiplicity.one, .many] {
      let topic = try SharedTopic<UInt64>.create(uniqueName(), historyCount: 2, publishers: role)
      defer { try? topic.unlink() }
      let outcome = role == .one ? "roleTaken" : "published"
      try await withForkedChild(
        ["fork-use", "publisher", topic.name], child: "\(outcome) \(outcome) \(outcome)",
        parent: "published", isSame: role == .one
      ) {
        #expect(topic.statistics.publishedCount == (role == .one ? 0 : 3))
      }
      #expect(topic.statistics.publishedCount == (role == .one ? 1 : 4))
    }
  }

  @Test(
    "A child's copies of a subscriber and a sample take and give back nothing",
    arguments: SharedTopicTests.elementCounts)
  func subscriber(elementCount: Int) async throws {
    let topic = try SharedTopic<UInt64>.create(
      uniqueName(), maximumElementCount: elementCount, historyCount: 2)
    defer { try? topic.unlink() }
    try inThisThread {
      var publisher = try topic.publisher()
      for number: UInt64 in 1...2 { try publisher.publish(number) }
    }
    try await withForkedChild(
      ["fork-use", "subscriber", topic.name],
      child: "roleTaken roleTaken roleTaken roleTaken", parent: "1 2"
    ) {
      // A copy does not count.
      let heldCount = elementCount == 1 ? 0 : 1
      #expect(topic.statistics.heldCount == heldCount && topic.statistics.subscriberCount == 1)
    }
  }

  @Test("A child waits for more than one thread can sleep on, as its parent does")
  func waitSet() async throws {
    let word = try SharedAtomic<UInt32>.create(uniqueName(), initialValue: 0)
    defer { try? word.unlink() }
    try await withForkedChild(
      ["fork-use", "waitSet", word.name],
      child: "timedOut timedOut", parent: "timedOut timedOut timedOut"
    ) {}
  }
}
