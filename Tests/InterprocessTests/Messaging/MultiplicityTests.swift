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

/// A side for one is used through its role, and a side for many through the queue itself.
@Suite("Sides for one and for many", .timeLimit(.minutes(1)))
struct MultiplicityTests {
  /// A call, which is tried in vain at once.
  private struct Attempt {
    let description: String
    let perform: () async throws -> Void

    init(_ description: String, _ perform: @escaping () async throws -> Void) {
      self.description = description
      self.perform = perform
    }
  }

  private func expectRefusal(
    _ attempts: [Attempt], expected: String, found: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async {
    for attempt in attempts {
      let code = await taskErrorCode { try await attempt.perform() }
      #expect(
        code == .wrongKind(expected: expected, found: found), "\(attempt.description)",
        sourceLocation: sourceLocation)
    }
  }

  @Test("A queue for one sender refuses to send by itself, with and without a sender")
  func sending() async throws {
    let queue = try SharedQueue<Int>.create(capacity: 4, senders: .one, options: .whileAttached)
    let bytes = try SharedByteQueue.create(
      byteCapacity: 64, maximumByteCount: 8, senders: .one, options: .whileAttached)
    let attempts = [
      Attempt("trySend") { _ = try queue.trySend(1) },
      Attempt("send") { try inThisThread { try queue.send(1) } },
      Attempt("send several") { _ = try inThisThread { try queue.send(contentsOf: [1].span) } },
      Attempt("send in a task") { try await queue.send(1) },
      Attempt("send several in a task") { try await queue.send(contentsOf: [1].span) },
      Attempt("trySend bytes") { _ = try bytes.trySend(byteCount: 1) { _ in } },
      Attempt("send in place") { try inThisThread { try bytes.send(byteCount: 1) { _ in } } },
      Attempt("send bytes") { try inThisThread { try bytes.send([1 as UInt8].span.bytes) } },
      Attempt("send in place in a task") { try await bytes.send(byteCount: 1) { _ in } },
      Attempt("send bytes in a task") { try await bytes.send([1 as UInt8].span.bytes) },
    ]
    let (expected, found) = ("queue for many senders", "queue for one sender")
    await expectRefusal(attempts, expected: expected, found: found)
    let (sender, byteSender) = (QueueUser(queue), ByteQueueUser(bytes))
    #expect(try sender.trySend(1))
    #expect(try byteSender.trySend(byteCount: 1) { _ in })
    await expectRefusal(attempts, expected: expected, found: found)
    #expect(queue.count == 1 && bytes.count == 1)
  }

  @Test("A queue for one receiver refuses to receive by itself, with and without a receiver")
  func receiving() async throws {
    let queue = try SharedQueue<Int>.create(capacity: 4, receivers: .one, options: .whileAttached)
    let bytes = try SharedByteQueue.create(
      byteCapacity: 64, maximumByteCount: 8, receivers: .one, options: .whileAttached)
    for number: UInt8 in 1...2 {
      try await queue.send(Int(number))
      try await bytes.send([number].span.bytes)
    }
    let attempts = [
      Attempt("tryReceive") { _ = try queue.tryReceive() },
      Attempt("receive") { _ = try inThisThread { try queue.receive() } },
      Attempt("receive several") {
        var elements: [Int] = []
        _ = try inThisThread { try queue.receive(upTo: 2, into: &elements) }
      },
      Attempt("acknowledge") { _ = try inThisThread { try queue.receive(acknowledging: { $0 }) } },
      Attempt("receive in a task") { _ = try await queue.receive() },
      Attempt("receive several in a task") {
        var elements: [Int] = []
        try await queue.receive(upTo: 2, into: &elements)
      },
      Attempt("acknowledge in a task") { _ = try await queue.receive(acknowledging: { $0 }) },
      Attempt("messages") { for try await _ in queue.messages {} },
      Attempt("tryReceive bytes") { _ = try bytes.tryReceive { _ in } },
      Attempt("receive in place") { _ = try inThisThread { try bytes.receive { _ in } } },
      Attempt("acknowledge bytes") {
        _ = try inThisThread { try bytes.receive(acknowledging: { _ in }) }
      },
      Attempt("receive bytes") { _ = try inThisThread { try bytes.receive() } },
      Attempt("receive in place in a task") { _ = try await bytes.receive { _ in } },
      Attempt("acknowledge bytes in a task") {
        _ = try await bytes.receive(acknowledging: { _ in })
      },
      Attempt("receive bytes in a task") { _ = try await bytes.receive() },
      Attempt("messages of bytes") { for try await _ in bytes.messages {} },
    ]
    let (expected, found) = ("queue for many receivers", "queue for one receiver")
    await expectRefusal(attempts, expected: expected, found: found)
    let (receiver, byteReceiver) = (QueueUser(queue), ByteQueueUser(bytes))
    #expect(try receiver.tryReceive() == 1)
    #expect(try byteReceiver.receive(timeout: .zero) == [1])
    await expectRefusal(attempts, expected: expected, found: found)
    #expect(queue.count == 1 && bytes.count == 1)
  }

  @Test("A queue for many has no roles")
  func roles() async throws {
    let queue = try SharedQueue<Int>.create(capacity: 4, options: .whileAttached)
    let bytes = try SharedByteQueue.create(
      byteCapacity: 64, maximumByteCount: 8, options: .whileAttached)
    await expectRefusal(
      [
        Attempt("sender") { _ = try queue.sender() },
        Attempt("sender of bytes") { _ = try bytes.sender() },
      ], expected: "queue for one sender", found: "queue for many senders")
    await expectRefusal(
      [
        Attempt("receiver") { _ = try queue.receiver() },
        Attempt("receiver of bytes") { _ = try bytes.receiver() },
      ], expected: "queue for one receiver", found: "queue for many receivers")
    #expect(try queue.trySend(1))
    #expect(try queue.tryReceive() == 1)
  }

  @Test("The error says what to do instead")
  func messages() throws {
    let queue = try SharedQueue<Int>.create("ipctest_multiplicity", capacity: 4, senders: .one)
    defer { try? queue.unlink() }
    let error = try #require(throws: InterprocessError.self) { _ = try queue.trySend(1) }
    #expect(
      error.message == """
        The queue "ipctest_multiplicity" is for one sender: use the value that `sender()` returns, \
        or create the queue for many.
        """)
    #expect(error.name == "ipctest_multiplicity")
    let other = try #require(throws: InterprocessError.self) { _ = try queue.receiver() }
    #expect(
      other.message == """
        The queue "ipctest_multiplicity" is for many receivers, which take turns: use the queue \
        itself, or create it for one.
        """)
  }
}
