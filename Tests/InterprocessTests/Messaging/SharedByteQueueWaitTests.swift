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
import Synchronization
import TestSupport
import Testing

@testable import Interprocess

/// How a queue of bytes ends, how its users wait, and who may use it.
@Suite("Ends, waits and roles of a queue of bytes", .timeLimit(.minutes(5)))
struct SharedByteQueueWaitTests {
  // MARK: - The end

  @Test(
    "A finished queue takes no more messages, and delivers what it has")
  func finish() throws {
    let queue = try SharedByteQueue.create(
      byteCapacity: 64, maximumByteCount: 8, options: .whileAttached)
    try send(queue, [1])
    try queue.finish()
    #expect(queue.isFinished)
    #expect(errorCode { try send(queue, [2]) } == .finished)
    #expect(errorCode { _ = try queue.trySend(byteCount: 1) { _ in } } == .finished)
    #expect(try receive(queue) == [1])
    #expect(try receive(queue) == nil)
    #expect(try queue.receive(acknowledging: { $0.byteCount }) == nil)
  }

  @Test("The sequence of messages ends when the queue is finished")
  func messages() async throws {
    let queue = try SharedByteQueue.create(
      byteCapacity: 64, maximumByteCount: 8, options: .whileAttached)
    let sender = Task {
      for number: UInt8 in 0..<200 {
        try await queue.send(byteCount: 1) { $0.storeBytes(of: number, as: UInt8.self) }
      }
      try await queue.finish()
    }
    var numbers: [UInt8] = []
    for try await message in queue.messages { numbers += message }
    try await sender.value
    #expect(numbers == Array(0..<200))
  }

  // MARK: - Waiting

  @Test("A wait at a full or an empty queue ends with a time-out, never early")
  func timeouts() async throws {
    let queue = try SharedByteQueue.create(
      byteCapacity: 32, maximumByteCount: 8, options: .whileAttached)
    let timeout: Duration = .milliseconds(30)
    var begin = ContinuousClock.now
    #expect(errorCode { _ = try receive(queue, timeout: timeout) } == .timedOut)
    #expect(.now - begin >= timeout)
    begin = .now
    await #expect(throws: InterprocessError.self) { try await queue.receive(timeout: timeout) }
    #expect(.now - begin >= timeout)
    try send(queue, [1])
    begin = .now
    #expect(errorCode { try send(queue, [2], timeout: timeout) } == .timedOut)
    #expect(.now - begin >= timeout)
    begin = .now
    await #expect(throws: InterprocessError.self) {
      try await queue.send(byteCount: 1, timeout: timeout) { _ in }
    }
    #expect(.now - begin >= timeout)
    #expect(try receive(queue) == [1])
  }

  @Test(
    "Receivers that are cancelled at any moment lose no message", arguments: [false, true])
  func cancellation(isMany: Bool) async {
    // A process in which the tasks of this test are the only ones.
    await #expect(processExitsWith: .success) { [isMany] in
      let role: Multiplicity = isMany ? .many : .one
      let queue = try SharedByteQueue.create(
        byteCapacity: 64, maximumByteCount: 8, senders: role, receivers: role,
        options: .whileAttached)
      let rounds: UInt64 = 1000
      let user = ByteQueueUser(queue)
      let sender = Task {
        for number in 0..<rounds {
          try await user.sendAsTask(byteCount: 8) { $0.storeBytes(of: number, as: UInt64.self) }
        }
        try user.finish()
      }
      var numbers: [UInt64] = []
      while true {
        let receiver = Task { try await user.receiveAsTask { $0.unsafeLoad(as: UInt64.self) } }
        if Bool.random() { await Task.yield() }
        if Bool.random() { receiver.cancel() }
        do {
          guard let number = try await receiver.value else { break }
          numbers.append(number)
        } catch is CancellationError {
          continue
        }
      }
      try await sender.value
      #expect(numbers == Array(0..<rounds))
      #expect(TaskWaiter.sleeperCount == 0)
    }
  }

  // MARK: - Roles

  @Test("Only one value at a time is the sole sender or the sole receiver")
  func roles() throws {
    let name = uniqueName()
    let queue = try SharedByteQueue.create(
      name, byteCapacity: 128, maximumByteCount: 8, senders: .one, receivers: .one,
      options: .whileAttached)
    let other = try SharedByteQueue.attach(name)
    do {
      var sender = try other.sender()
      try sender.send([1 as UInt8].span.bytes)
      #expect(errorCode { _ = try queue.sender() } == .roleTaken)
      #expect(errorCode { try queue.finish() } == .roleTaken)
      sender.close()
    }
    do {
      var receiver = try other.receiver()
      #expect(errorCode { _ = try queue.receiver() } == .roleTaken)
      let received = try receiver.receive()
      #expect(received == [1])
      receiver.close()
    }
    // The roles were given back.
    var sender = try queue.sender()
    var receiver = try queue.receiver()
    try sender.send([2 as UInt8].span.bytes)
    sender.finish()
    var received = try receiver.receive()
    #expect(received == [2])
    received = try receiver.receive()
    #expect(received == nil)
    #expect(errorCode { _ = try queue.sender() } == .finished)
  }

  @Test("The roles, too, wait with time-outs, and in tasks")
  func rolesWait() async throws {
    let queue = try SharedByteQueue.create(
      byteCapacity: 32, maximumByteCount: 8, senders: .one, receivers: .one,
      options: .whileAttached)
    var sender = try queue.sender()
    var receiver = try queue.receiver()
    let timeout: Duration = .milliseconds(30)
    var begin = ContinuousClock.now
    #expect(errorCode { _ = try receiver.receive(timeout: timeout) } == .timedOut)
    #expect(errorCode { _ = try receiver.receive(timeout: timeout) { _ in } } == .timedOut)
    #expect(.now - begin >= timeout * 2)
    while try sender.trySend(byteCount: 8, { _ in }) {}
    begin = .now
    #expect(errorCode { try sender.send(byteCount: 8, timeout: timeout) { _ in } } == .timedOut)
    #expect(.now - begin >= timeout)
    while try receiver.tryReceive({ _ in }) != nil {}
    let sending = Task { [sender = Mutex(Optional(consume sender))] in
      var sender = sender.withLock { $0.take()! }
      for number: UInt8 in 0..<200 {
        if number.isMultiple(of: 2) {
          try await sender.send([number].span.bytes)
        } else {
          try await sender.send(byteCount: 1) { $0.storeBytes(of: number, as: UInt8.self) }
        }
      }
      sender.finish()
    }
    var numbers: [UInt8] = []
    while true {
      let first = try await receiver.receive { $0.unsafeLoad(as: UInt8.self) }
      let second = try await receiver.receive(acknowledging: { $0.unsafeLoad(as: UInt8.self) })
      let third = try await receiver.receive()
      numbers += [first, second, third?.first].compactMap { $0 }
      if third == nil { break }
    }
    try await sending.value
    #expect(numbers == Array(0..<200))
  }
}
