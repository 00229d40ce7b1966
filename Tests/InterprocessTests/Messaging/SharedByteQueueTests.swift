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

@Suite("Shared queue of bytes", .timeLimit(.minutes(5)))
struct SharedByteQueueTests {
  private struct Refusal: Error {}

  private func message(_ number: Int, _ byteCount: Int) -> [UInt8] {
    (0..<byteCount).map { UInt8(truncatingIfNeeded: number &* 31 &+ $0) }
  }

  // MARK: - Basics

  @Test("Messages arrive in the order in which they were sent, through any handle")
  func order() throws {
    let name = uniqueName()
    let queue = try SharedByteQueue.create(name, byteCapacity: 100, maximumByteCount: 20)
    let other = try SharedByteQueue.attach(name)
    #expect(queue.isCreator && !other.isCreator && other.isLinked && other.name == name)
    #expect(other.byteCapacity == 128 && other.maximumByteCount == 20)
    #expect(other.senderMultiplicity == .many && other.receiverMultiplicity == .many)
    #expect(other.lifetime == .untilUnlinked && !other.isFinished)
    try send(queue, [1, 2, 3])
    try send(other, [])
    try send(queue, message(7, 20))
    #expect(queue.count == 3)
    #expect(try receive(other) == [1, 2, 3])
    #expect(try receive(queue) == [])
    #expect(try receive(queue) == message(7, 20))
    #expect(try queue.tryReceive { $0.byteCount } == nil)
    #expect(queue.count == 0)
    try queue.unlink()
    #expect(!exists(name))
  }

  @Test(
    "Messages of all lengths are whole, in lap after lap", arguments: [Multiplicity.one, .many])
  func lengths(role: Multiplicity) throws {
    for maximum in [0, 1, 7, 8, 9, 50, 120, 1000] {
      // The smallest possible capacity, and a larger one.
      for capacity in [0, 4 * maximum + 100] {
        try fill(role, capacity: capacity, maximum: maximum)
      }
    }
  }

  private func fill(_ role: Multiplicity, capacity: Int, maximum: Int) throws {
    let queue = try SharedByteQueue.create(
      byteCapacity: capacity, maximumByteCount: maximum, senders: role, receivers: role,
      options: .whileAttached)
    let user = ByteQueueUser(queue)
    var generator = SeededGenerator(seed: UInt64(maximum + 1))
    var expected: [[UInt8]] = []
    var byteCount = 0
    var number = 0
    while byteCount < 20 * queue.byteCapacity {
      let length = Int(generator.next() % UInt64(maximum + 1))
      let next = message(number, generator.next().isMultiple(of: 4) ? maximum : length)
      if try user.trySend(
        byteCount: next.count, { SharedByteQueue.copy(next.span.bytes, to: &$0) })
      {
        expected.append(next)
        number += 1
        byteCount += next.count + 8
      } else {
        #expect(!expected.isEmpty, "\(next.count) bytes have no room in an empty queue")
        if expected.isEmpty { return }
      }
      // Sometimes faster than at others, so that the queue is full at times and empty at others.
      for _ in 0..<Int(generator.next() % (number / 20 % 2 == 0 ? 2 : 4)) {
        let found = try user.tryReceive(SharedByteQueue.copy)
        #expect(found == expected.first)
        if found != nil { expected.removeFirst() }
      }
    }
    while let found = try user.tryReceive(SharedByteQueue.copy) {
      #expect(found == expected.first)
      expected.removeFirst()
    }
    #expect(expected.isEmpty)
    let statistics = queue.statistics
    #expect(statistics.sentCount == number && statistics.receivedCount == number)
    #expect(statistics.count == 0 && statistics.fullCount == 0 && statistics.emptyCount == 0)
  }

  @Test("A message of the greatest length fits into an empty queue, wherever it begins")
  func longest() throws {
    for maximum in [8, 16, 24, 56, 57, 120, 121] {
      let queue = try SharedByteQueue.create(
        byteCapacity: 0, maximumByteCount: maximum, options: .whileAttached)
      for number in 0..<queue.byteCapacity / 8 {
        try send(queue, message(number, maximum), timeout: .zero)
        #expect(try receive(queue) == message(number, maximum))
        // The next message begins 8 bytes further on.
        try send(queue, [], timeout: .zero)
        #expect(try receive(queue) == [])
      }
    }
  }

  @Test("Capacities are rounded up, and one that does not fit into any memory is refused")
  func sizes() throws {
    for (capacity, maximum, expected) in [
      (0, 0, 16), (17, 0, 32), (16, 1, 32), (64, 24, 64), (64, 25, 128), (1000, 10, 1024),
    ] {
      let queue = try SharedByteQueue.create(
        byteCapacity: capacity, maximumByteCount: maximum, options: .whileAttached)
      #expect(queue.byteCapacity == expected && queue.maximumByteCount == maximum)
    }
    for (capacity, maximum) in [
      (-1, 1), (1, -1), (.min, 1), (.max, 1), (1, .max), (1 << 61, 1), (1, 1 << 61),
    ] {
      let code = errorCode {
        _ = try SharedByteQueue.create(byteCapacity: capacity, maximumByteCount: maximum)
      }
      #expect(code == .invalidSize, "\(capacity) \(maximum)")
    }
    let code = errorCode {
      _ = try SharedByteQueue.create(byteCapacity: 1 << 40, maximumByteCount: 1)
    }
    guard case .outOfMemory? = code else {
      Issue.record("A queue of a terabyte is made")
      return
    }
  }

  @Test("The kind is checked")
  func kind() throws {
    let name = uniqueName()
    let queue = try SharedByteQueue.create(name, byteCapacity: 64, maximumByteCount: 8)
    guard case .wrongKind? = errorCode({ _ = try SharedQueue<UInt8>.attach(name) }) else {
      Issue.record("A queue of bytes is taken for one of elements")
      return
    }
    try queue.unlink()
  }

  @Test("An existing queue keeps the properties that it was created with")
  func attachOrCreate() throws {
    let name = uniqueName()
    let queue = try SharedByteQueue.attachOrCreate(
      name, byteCapacity: 64, maximumByteCount: 10, senders: .one, options: .whileAttached)
    let other = try SharedByteQueue.attachOrCreate(name, byteCapacity: 16, maximumByteCount: 2)
    #expect([queue.isCreator, other.isCreator] == [true, false])
    #expect(other.byteCapacity == 64 && other.maximumByteCount == 10)
    #expect(other.senderMultiplicity == .one && other.receiverMultiplicity == .many)
  }

  @Test(
    "A message that is too long is refused, and costs nothing",
    arguments: [Multiplicity.one, .many])
  func tooLong(role: Multiplicity) async throws {
    let queue = try SharedByteQueue.create(
      byteCapacity: 256, maximumByteCount: 9, senders: role, options: .whileAttached)
    let user = ByteQueueUser(queue)
    #expect(errorCode { _ = try user.trySend(byteCount: 10) { _ in } } == .invalidSize)
    #expect(errorCode { try user.send(message(0, 10).span.bytes) } == .invalidSize)
    let code = await taskErrorCode { try await user.sendAsTask(byteCount: 10) { _ in } }
    #expect(code == .invalidSize)
    #expect(queue.count == 0)
    try user.send(message(0, 9).span.bytes)
    #expect(try user.receive(timeout: .zero) == message(0, 9))
  }

  @Test("A negative number of bytes is a failed precondition")
  func negative() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let queue = try SharedByteQueue.create(byteCapacity: 64, maximumByteCount: 8)
      try queue.unlink()
      _ = try queue.trySend(byteCount: -1) { _ in }
    }
    #expect(result.says("The number of bytes of a message is negative"))
  }

  // MARK: - In place

  @Test("A message is written in place, and not sent if that fails")
  func inPlace() throws {
    let queue = try SharedByteQueue.create(
      byteCapacity: 64, maximumByteCount: 24, options: .whileAttached)
    #expect(throws: Refusal.self) {
      _ = try queue.trySend(byteCount: 24) { bytes in
        bytes.storeBytes(of: 1, as: UInt64.self)
        throw Refusal()
      }
    }
    #expect(queue.count == 0)
    #expect(try queue.tryReceive { $0.byteCount } == nil)
    var byteCount = 0
    let isSent = try queue.trySend(byteCount: 16) { bytes in
      byteCount = bytes.byteCount
      bytes.storeBytes(of: 2, as: UInt64.self)
      bytes.storeBytes(of: 3, toByteOffset: 8, as: UInt64.self)
    }
    #expect(isSent && byteCount == 16)
    let sum = try queue.tryReceive { bytes in
      bytes.unsafeLoad(as: UInt64.self) + bytes.unsafeLoad(fromByteOffset: 8, as: UInt64.self)
    }
    #expect(sum == 5)
  }

  @Test("A message is gone when its reader has failed, unless it was to be acknowledged")
  func failedReader() throws {
    let queue = try SharedByteQueue.create(
      byteCapacity: 64, maximumByteCount: 8, options: .whileAttached)
    for number: UInt8 in 1...3 { try send(queue, [number]) }
    #expect(throws: Refusal.self) {
      _ = try queue.tryReceive { _ in throw Refusal() }
    }
    #expect(throws: Refusal.self) {
      _ = try queue.receive(acknowledging: { _ in throw Refusal() })
    }
    #expect(queue.count == 2)
    #expect(try queue.receive(acknowledging: { SharedByteQueue.copy($0) }) == [2])
    #expect(try receive(queue) == [3])
  }

  @Test(
    "Using a side of the queue while already using it fails a precondition",
    arguments: [true, false])
  func again(isSending: Bool) async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [isSending] in
      let queue = try SharedByteQueue.create(byteCapacity: 64, maximumByteCount: 8)
      try queue.unlink()
      if isSending {
        _ = try queue.trySend(byteCount: 8) { _ in
          _ = try queue.trySend(byteCount: 8) { _ in }
        }
      } else {
        _ = try queue.trySend(byteCount: 8) { _ in }
        _ = try queue.tryReceive { _ in _ = try queue.tryReceive { _ in } }
      }
    }
    #expect(result.says("This thread holds the lock already"))
  }

  // MARK: - Steps

  @Test("The steps of a message follow the order of the protocol")
  func steps() async throws {
    let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
      Checkpoint.handler = { if Checkpoint.ofMessaging.contains($0) { print($0) } }
      let queue = try SharedByteQueue.create(byteCapacity: 64, maximumByteCount: 8)
      try queue.unlink()
      _ = try queue.trySend(byteCount: 1) { _ in }
      print("-")
      _ = try queue.tryReceive { _ in }
      print("-")
      _ = try queue.trySend(byteCount: 1) { _ in }
      print("-")
      _ = try receiveAcknowledging(queue)
      print("-")
      try queue.finish()
      fflush(nil)
    }
    let lines = String(decoding: try #require(result).standardOutputContent, as: UTF8.self)
      .split(separator: "\n")
    #expect(
      lines.joined(separator: " ")
        == """
        messageBegun messageWritten messageSent tailStored - messageSeen messageTaken \
        messageRead messageFreed - messageBegun messageWritten messageSent tailStored - \
        messageSeen messageRead messageTaken messageFreed - queueFinished
        """)
  }
}

private func receiveAcknowledging(_ queue: SharedByteQueue) throws -> Int? {
  try queue.receive(acknowledging: { $0.byteCount })
}
