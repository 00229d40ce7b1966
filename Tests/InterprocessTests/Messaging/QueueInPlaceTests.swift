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

@Suite("Messages of a queue written and read in place", .timeLimit(.minutes(1)))
struct QueueInPlaceTests {
  /// A message that fills several cache lines.
  struct Frame: Shareable, Equatable {
    var words: InlineArray<128, UInt64>

    init(_ number: UInt64) { words = InlineArray(repeating: number) }

    static func == (left: Frame, right: Frame) -> Bool {
      (0..<128).allSatisfy { left.words[$0] == right.words[$0] }
    }
  }

  private struct Refusal: Error {}

  private func queue<Element: Shareable>(
    of type: Element.Type, _ multiplicity: Multiplicity, capacity: Int = 16
  ) throws -> QueueUser<Element> {
    QueueUser(
      try SharedQueue<Element>.create(
        capacity: capacity, senders: multiplicity, receivers: multiplicity,
        options: .whileAttached))
  }

  @Test("Each message arrives whole and in order", arguments: [Multiplicity.one, .many])
  func messages(multiplicity: Multiplicity) async throws {
    let user = try queue(of: Frame.self, multiplicity, capacity: 3)
    var frame = Frame(0)
    for number in stride(from: UInt64(1), to: 40, by: 2) {
      // Written word by word, over an earlier message.
      try user.send { (slot: inout Frame) in
        for index in 0..<128 { slot.words[index] = number }
      }
      try await user.sendAsTask { $0 = Frame(number + 1) }
      #expect(try user.receive(into: &frame, timeout: .zero))
      #expect(frame == Frame(number))
      #expect(try await user.receiveAsTask(into: &frame))
      #expect(frame == Frame(number + 1))
    }
  }

  @Test("A full queue does not ask for a message, and an empty one leaves the variable")
  func attempts() throws {
    for multiplicity in [Multiplicity.one, .many] {
      let user = try queue(of: Int.self, multiplicity, capacity: 1)
      var element = 5
      #expect(try !user.tryReceive(into: &element))
      #expect(element == 5)
      #expect(try user.trySend { $0 = 6 })
      #expect(try !user.trySend { _ in Issue.record("There is no room") })
      #expect(try user.tryReceive(into: &element))
      #expect(element == 6)
      try user.finish()
      #expect(try !user.receive(into: &element))
      #expect(element == 6)
      #expect(try user.receive(upTo: 3) { _ in } == 0)
    }
  }

  @Test("A batch is written and read in order", arguments: [Multiplicity.one, .many])
  func batches(multiplicity: Multiplicity) async throws {
    let user = try queue(of: Int.self, multiplicity)
    var next = 0
    for _ in 0..<10 {
      let base = next
      #expect(try user.send(count: 6) { $0 = base + $1 } == 6)
      #expect(try await user.sendAsTask(count: 5) { $0 = base + 6 + $1 } == 5)
      var received: [Int] = []
      #expect(try user.receive(upTo: 9) { received.append($0) } == 9)
      #expect(user.queue.count == 2)
      // A batch is taken at once, not one by one.
      var counts: [Int] = []
      let rest = try await user.receiveAsTask(upTo: 9) {
        received.append($0)
        counts.append(user.queue.count)
      }
      #expect(rest == 2 && counts == [2, 2])
      #expect(received == Array(base..<base + 11))
      next += 11
    }
    #expect(try user.send(count: 0) { _, _ in Issue.record("There is nothing to send") } == 0)
  }

  @Test("A closure that throws sends nothing", arguments: [Multiplicity.one, .many])
  func refusedSending(multiplicity: Multiplicity) throws {
    let user = try queue(of: Int.self, multiplicity)
    #expect(throws: Refusal.self) {
      try user.send {
        $0 = 1
        throw Refusal()
      }
    }
    #expect(user.queue.count == 0)
    #expect(throws: Refusal.self) {
      try user.send(count: 10) {
        if $1 == 3 { throw Refusal() }
        $0 = 10 + $1
      }
    }
    try user.send(20)
    var received: [Int] = []
    while try user.receive(upTo: 2, timeout: .zero, acknowledging: { received.append($0) }) > 0,
      received.count < 4
    {}
    #expect(received == [10, 11, 12, 20])
  }

  @Test("A closure that throws leaves its message to the next receiver", arguments: [1, 7])
  func refusedReceiving(first: Int) throws {
    for multiplicity in [Multiplicity.one, .many] {
      let user = try queue(of: Int.self, multiplicity)
      // So that a batch ends within a group, or crosses into the next one.
      for number in 0..<first { try user.send(number) }
      _ = try user.receive(upTo: first) { _ in }
      for number in 0..<9 { try user.send(number) }
      #expect(throws: Refusal.self) {
        try user.receive(upTo: 9) { if $0 == 5 { throw Refusal() } }
      }
      #expect(user.queue.count == 4)
      var received: [Int] = []
      #expect(try user.receive(upTo: 9) { received.append($0) } == 4)
      #expect(received == [5, 6, 7, 8])
    }
  }

  // MARK: - The tail of a single sender

  @Test("A sender continues where the last one stopped, anywhere in a group")
  func nextSender() throws {
    let queue = try SharedQueue<Int>.create(
      capacity: 20, senders: .one, receivers: .one, options: .whileAttached)
    var receiver = try queue.receiver()
    var next = 0
    // Groups hold 7 messages: every way to lie across them.
    for count in 0..<16 {
      var sender = try queue.sender()
      for number in next..<next + count { try sender.send(number) }
      // Another handle counts what the sender keeps to itself.
      #expect(try SharedQueue<Int>.attach(queue.name).statistics.sentCount == next + count)
      #expect(queue.count == count)
      sender.close()
      for number in next..<next + count { #expect(try receiver.receive() == number) }
      next += count
    }
  }
}
