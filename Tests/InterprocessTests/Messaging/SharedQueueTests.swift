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

@Suite("Shared queue", .timeLimit(.minutes(5)))
struct SharedQueueTests {
  /// A message of 3 bytes; 18 such messages share a group.
  struct Small: Shareable, Equatable {
    var first: UInt8
    var second: UInt8
    var third: UInt8

    init(_ number: Int) {
      (first, second, third) = (
        UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8), 7
      )
    }
  }

  /// A message of 200 bytes, which needs four cache lines.
  struct Large: Shareable, Equatable {
    private var words: InlineArray<25, UInt64>

    init(_ number: Int) { words = InlineArray(number: UInt64(number)) }

    static func == (left: Large, right: Large) -> Bool {
      left.words.number == right.words.number && left.words.isWhole && right.words.isWhole
    }
  }

  // MARK: - Basics

  @Test("Messages arrive in the order in which they were sent, through any handle")
  func order() throws {
    let name = uniqueName()
    let queue = try SharedQueue<Int>.create(name, capacity: 10)
    let other = try SharedQueue<Int>.attach(name)
    #expect(queue.isCreator && !other.isCreator && other.isLinked)
    #expect(
      other.capacity == 10 && other.senderMultiplicity == .many
        && other.receiverMultiplicity == .many)
    #expect(other.lifetime == .untilUnlinked && other.name == name)
    try send(queue, 1)
    try send(other, 2)
    #expect(queue.count == 2)
    #expect(try receive(other) == 1)
    #expect(try receive(queue) == 2)
    #expect(try queue.tryReceive() == nil)
    #expect(queue.count == 0 && !queue.isFinished)
    try queue.unlink()
    #expect(!exists(name))
  }

  @Test(
    "A queue holds as many messages as it was created for, whatever their size, in lap after lap",
    arguments: [1, 2, 3, 6, 7, 8, 17, 100], [Multiplicity.one, .many])
  func capacities(capacity: Int, role: Multiplicity) throws {
    try fill(capacity, role) { UInt8(truncatingIfNeeded: $0) }
    try fill(capacity, role) { Small($0) }
    try fill(capacity, role) { $0 }
    try fill(capacity, role) { SIMD16<Float>(repeating: Float($0)) }
    try fill(capacity, role) { Large($0) }
  }

  private func fill<Element: Shareable & Equatable>(
    _ capacity: Int, _ role: Multiplicity, _ element: (Int) -> Element
  ) throws {
    let queue = try SharedQueue<Element>.create(
      capacity: capacity, senders: role, receivers: role, options: .whileAttached)
    let user = QueueUser(queue)
    var (sentCount, receivedCount) = (0, 0)
    for lap in 0..<20 {
      while try user.trySend(element(sentCount)) { sentCount += 1 }
      #expect(sentCount - receivedCount == capacity)
      #expect(queue.count == capacity)
      // Not always all, so that the laps begin at different places.
      for _ in 0...(lap * 5) % capacity {
        #expect(try user.tryReceive() == element(receivedCount))
        receivedCount += 1
      }
    }
    while let found = try user.tryReceive() {
      #expect(found == element(receivedCount))
      receivedCount += 1
    }
    #expect(receivedCount == sentCount)
    let statistics = queue.statistics
    #expect(statistics.sentCount == sentCount && statistics.receivedCount == receivedCount)
    #expect(statistics.count == 0 && statistics.fullCount == 0 && statistics.emptyCount == 0)
  }

  @Test("A queue of no message, or of more than any memory holds, is refused")
  func sizes() {
    for capacity in [0, -1, .min, .max, .max / 4] {
      #expect(
        errorCode { _ = try SharedQueue<Int>.create(nil, capacity: capacity) } == .invalidSize)
    }
    guard
      case .outOfMemory? = errorCode({ _ = try SharedQueue<Int>.create(nil, capacity: 1 << 40) })
    else {
      Issue.record("A queue of a trillion messages is made")
      return
    }
  }

  @Test("The type of the messages is checked, and so is the kind")
  func types() throws {
    let name = uniqueName()
    let queue = try SharedQueue<Int>.create(name, capacity: 4)
    guard case .layoutMismatch? = errorCode({ _ = try SharedQueue<Double>.attach(name) }) else {
      Issue.record("Integers are taken for other numbers")
      return
    }
    guard case .wrongKind? = errorCode({ _ = try SharedEvent.attach(name) }) else {
      Issue.record("A queue is taken for an event")
      return
    }
    try queue.unlink()
  }

  @Test("An existing queue keeps the properties that it was created with")
  func attachOrCreate() throws {
    let name = uniqueName()
    let queue = try SharedQueue<Int>.attachOrCreate(
      name, capacity: 3, senders: .one, options: .whileAttached)
    let other = try SharedQueue<Int>.attachOrCreate(name, capacity: 5)
    #expect([queue.isCreator, other.isCreator] == [true, false])
    #expect(
      other.capacity == 3 && other.senderMultiplicity == .one && other.receiverMultiplicity == .many
    )
  }

  // MARK: - Batches

  @Test(
    "Many messages are sent and received at once, in order", arguments: [Multiplicity.one, .many])
  func batches(role: Multiplicity) throws {
    let queue = QueueUser(
      try SharedQueue<Int>.create(
        capacity: 50, senders: role, receivers: role, options: .whileAttached))
    let numbers = Array(0..<70)
    var received: [Int] = []
    #expect(try queue.send(contentsOf: numbers.span, timeout: .milliseconds(5)) == 50)
    #expect(try queue.receive(upTo: 33, into: &received) == 33)
    #expect(try queue.send(contentsOf: numbers.span.extracting(50...), timeout: .zero) == 20)
    #expect(try queue.receive(upTo: 1000, into: &received) == 37)
    #expect(received == numbers)
    #expect(
      errorCode { _ = try queue.receive(upTo: 1, into: &received, timeout: .zero) } == .timedOut)
    try queue.finish()
    #expect(try queue.receive(upTo: 1, into: &received) == 0)
    #expect(received == numbers)
  }

  @Test("The roles, too, send and receive many messages at once")
  func batchesOfRoles() throws {
    let queue = try SharedQueue<Small>.create(
      capacity: 50, senders: .one, receivers: .one, options: .whileAttached)
    var sender = try queue.sender()
    var receiver = try queue.receiver()
    let messages = (0..<70).map { Small($0) }
    var received: [Small] = []
    var count = try sender.send(contentsOf: messages.span, timeout: .milliseconds(5))
    #expect(count == 50)
    count = try receiver.receive(upTo: 33, into: &received)
    #expect(count == 33)
    count = try sender.send(contentsOf: messages.span.extracting(50...))
    #expect(count == 20)
    count = try receiver.receive(upTo: 1000, into: &received)
    #expect(count == 37)
    #expect(received == messages)
    sender.finish()
    count = try receiver.receive(upTo: 1000, into: &received)
    #expect(count == 0)
  }

  // MARK: - Acknowledging

  @Test(
    "A message that is not acknowledged comes again", arguments: [Multiplicity.one, .many])
  func acknowledging(role: Multiplicity) throws {
    struct Refusal: Error {}
    let queue = try SharedQueue<Int>.create(
      capacity: 4, senders: role, receivers: role, options: .whileAttached)
    let user = QueueUser(queue)
    try user.send(1)
    try user.send(2)
    #expect(throws: Refusal.self) {
      try user.receive(acknowledging: { _ in throw Refusal() })
    }
    #expect(queue.count == 2)
    #expect(try user.receive(acknowledging: { $0 + 10 }) == 11)
    #expect(try user.receive() == 2)
  }

  // MARK: - Steps

  @Test("The steps of a message follow the order of the protocol")
  func steps() async throws {
    let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
      Checkpoint.handler = { if Checkpoint.ofMessaging.contains($0) { print($0) } }
      let queue = try SharedQueue<Int>.create(
        capacity: 1, senders: .one, receivers: .one, options: .whileAttached)
      try queue.unlink()
      var sender = try queue.sender()
      try sender.send(1)
      print("-")
      var receiver = try queue.receiver()
      _ = try receiver.receive()
      print("-")
      sender.finish()
      fflush(nil)
    }
    let lines = String(decoding: try #require(result).standardOutputContent, as: UTF8.self)
      .split(separator: "\n")
    #expect(
      lines.joined(separator: " ")
        == """
        messageBegun messageWritten messageSent tailStored - messageSeen messageRead \
        messageTaken - queueFinished
        """)
  }
}
