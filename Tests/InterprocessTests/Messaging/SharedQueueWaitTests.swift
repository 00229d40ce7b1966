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

/// How a queue ends, how its users wait, and who may use it.
@Suite("Ends, waits and roles of a queue", .timeLimit(.minutes(5)))
struct SharedQueueWaitTests {
  // MARK: - The end

  @Test(
    "A finished queue takes no more messages, and delivers what it has")
  func finish() throws {
    let queue = try SharedQueue<Int>.create(capacity: 4, options: .whileAttached)
    try send(queue, 1)
    try send(queue, 2)
    try queue.finish()
    #expect(queue.isFinished)
    #expect(errorCode { try send(queue, 3) } == .finished)
    #expect(errorCode { _ = try queue.trySend(3) } == .finished)
    #expect(errorCode { try queue.send(contentsOf: [3].span) } == .finished)
    try queue.finish()
    #expect(try receive(queue) == 1)
    #expect(try receive(queue) == 2)
    #expect(try receive(queue) == nil)
    #expect(try queue.receive(acknowledging: { $0 }) == nil)
    #expect(try queue.tryReceive() == nil)
  }

  @Test("The sequence of messages ends when the queue is finished")
  func elements() async throws {
    let queue = try SharedQueue<Int>.create(capacity: 4, options: .whileAttached)
    let receiver = Task {
      var numbers: [Int] = []
      for try await number in queue.messages { numbers.append(number) }
      return numbers
    }
    for number in 0..<1000 { try await queue.send(number) }
    try await queue.finish()
    #expect(try await receiver.value == Array(0..<1000))
  }

  @Test("A sole sender that finishes the queue gives its role back")
  func finishedByRole() throws {
    let queue = try SharedQueue<Int>.create(capacity: 4, senders: .one, options: .whileAttached)
    var sender = try queue.sender()
    try sender.send(5)
    #expect(errorCode { try queue.finish() } == .roleTaken)
    sender.finish()
    #expect(errorCode { _ = try queue.sender() } == .finished)
    #expect(try receive(queue) == 5)
    #expect(try receive(queue) == nil)
  }

  @Test("Any handle finishes a queue for one sender while there is no sender")
  func finishedWithoutSender() throws {
    let queue = try SharedQueue<Int>.create(
      capacity: 4, senders: .one, receivers: .one, options: .whileAttached)
    let user = QueueUser(queue)
    try queue.finish()
    try queue.finish()
    #expect(queue.isFinished && errorCode { _ = try queue.sender() } == .finished)
    #expect(try user.receive() == nil)
    #expect(try user.receive(acknowledging: { $0 }) == nil)
    #expect(try user.tryReceive() == nil)
    var received: [Int] = []
    #expect(try user.receive(upTo: 2, into: &received) == 0)
  }

  // MARK: - Waiting

  @Test("A wait at a full or an empty queue ends with a time-out, never early")
  func timeouts() async throws {
    let queue = try SharedQueue<Int>.create(capacity: 1, options: .whileAttached)
    let timeout: Duration = .milliseconds(30)
    var begin = ContinuousClock.now
    #expect(errorCode { _ = try receive(queue, timeout: timeout) } == .timedOut)
    #expect(.now - begin >= timeout)
    begin = .now
    await #expect(throws: InterprocessError.self) { try await queue.receive(timeout: timeout) }
    #expect(.now - begin >= timeout)
    #expect(
      errorCode { _ = try queue.receive(timeout: timeout, acknowledging: { $0 }) } == .timedOut)
    try send(queue, 1)
    begin = .now
    #expect(errorCode { try send(queue, 2, timeout: timeout) } == .timedOut)
    #expect(.now - begin >= timeout)
    begin = .now
    await #expect(throws: InterprocessError.self) { try await queue.send(2, timeout: timeout) }
    #expect(.now - begin >= timeout)
    #expect(try receive(queue) == 1)
    #expect(queue.count == 0)
  }

  @Test("The roles, too, wait with time-outs")
  func timeoutsOfRoles() throws {
    let queue = try SharedQueue<Int>.create(
      capacity: 1, senders: .one, receivers: .one, options: .whileAttached)
    var sender = try queue.sender()
    var receiver = try queue.receiver()
    let timeout: Duration = .milliseconds(30)
    var begin = ContinuousClock.now
    #expect(errorCode { _ = try receiver.receive(timeout: timeout) } == .timedOut)
    #expect(.now - begin >= timeout)
    try sender.send(1)
    begin = .now
    #expect(errorCode { try sender.send(2, timeout: timeout) } == .timedOut)
    #expect(.now - begin >= timeout)
    let received = try receiver.receive()
    #expect(received == 1)
  }

  @Test("The roles, too, wait in tasks")
  func rolesInTasks() async throws {
    let queue = try SharedQueue<Int>.create(
      capacity: 1, senders: .one, receivers: .one, options: .whileAttached)
    let task = Task {
      var sender = try queue.sender()
      for number in 0..<1000 { try await sender.send(number) }
      sender.finish()
    }
    var receiver = try queue.receiver()
    var numbers: [Int] = []
    while let number = try await receiver.receive() { numbers.append(number) }
    try await task.value
    #expect(numbers == Array(0..<1000))
    var code: InterprocessError.Code?
    do {
      _ = try await receiver.receive(timeout: .zero)
    } catch let error as InterprocessError {
      code = error.code
    }
    // The queue is finished, which is not a time-out.
    #expect(code == nil)
  }

  @Test(
    "Receivers that are cancelled at any moment lose no message", arguments: [false, true])
  func cancellation(isMany: Bool) async {
    // A process in which the tasks of this test are the only ones.
    await #expect(processExitsWith: .success) { [isMany] in
      let role: Multiplicity = isMany ? .many : .one
      let queue = try SharedQueue<Int>.create(
        capacity: 4, senders: role, receivers: role, options: .whileAttached)
      let rounds = 2000
      let user = QueueUser(queue)
      let sender = Task {
        for number in 0..<rounds { try await user.sendAsTask(number) }
        try user.finish()
      }
      var numbers: [Int] = []
      while true {
        let receiver = Task { try await user.receiveAsTask() }
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
    let queue = try SharedQueue<Int>.create(
      name, capacity: 4, senders: .one, receivers: .one, options: .whileAttached)
    let other = try SharedQueue<Int>.attach(name)
    do {
      var sender = try queue.sender()
      try sender.send(1)
      #expect(errorCode { _ = try queue.sender() } == .roleTaken)
      #expect(errorCode { _ = try other.sender() } == .roleTaken)
      #expect(errorCode { try other.finish() } == .roleTaken)
      _ = consume sender
    }
    do {
      var receiver = try other.receiver()
      #expect(errorCode { _ = try queue.receiver() } == .roleTaken)
      #expect(errorCode { _ = try other.receiver() } == .roleTaken)
      let received = try receiver.receive()
      #expect(received == 1)
      _ = consume receiver
    }
    // The roles were given back.
    var sender = try other.sender()
    var receiver = try queue.receiver()
    try sender.send(3)
    let received = try receiver.receive()
    #expect(received == 3)
  }
}
