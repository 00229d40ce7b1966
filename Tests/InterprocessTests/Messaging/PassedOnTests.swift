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
import Synchronization
import TestSupport
import Testing

@testable import Interprocess

/// A wake-up that reaches a waiter without a use for it goes on to another sleeper, in sleeps that
/// do not end by themselves.
@Suite("Wake-ups that are passed on", .timeLimit(.minutes(2)))
struct PassedOnTests {
  @Test("A message that a closure has refused wakes the next receiver")
  func refused() async {
    await #expect(processExitsWith: .success) {
      unsafe Sleeping.isEndless = true
      let queue = try SharedQueue<UInt8>.create(nil, capacity: 4)
      try queue.unlink()
      expectSecondReceiver(
        { body in try queue.receive(timeout: .seconds(60), acknowledging: body) },
        emptyCount: { queue.statistics.emptyCount }, send: { try? queue.trySend(1) })
    }
  }

  @Test("A refused message of bytes wakes the next receiver, too")
  func refusedBytes() async {
    await #expect(processExitsWith: .success) {
      unsafe Sleeping.isEndless = true
      let queue = try SharedByteQueue.create(nil, byteCapacity: 64, maximumByteCount: 8)
      try queue.unlink()
      expectSecondReceiver(
        { body in
          try queue.receive(
            timeout: .seconds(60), acknowledging: { try body($0.unsafeLoad(as: UInt8.self)) })
        },
        emptyCount: { queue.statistics.emptyCount },
        send: { try? queue.trySend(byteCount: 1) { $0.storeBytes(of: 1, as: UInt8.self) } })
    }
  }

  @Test("Room that is too small for one sender wakes another one")
  func tooSmall() async {
    await #expect(processExitsWith: .success) {
      unsafe Sleeping.isEndless = true
      let queue = try fullQueue([Int](repeating: 8, count: 7))
      let sent = Counter()
      for byteCount in [56, 8] { startSending(byteCount, to: queue, sent) }
      // Taking one message makes room for 24 bytes.
      let received = try queue.tryReceive { $0.byteCount }
      precondition(received == 8)
      waitUntil { sent.value == 1 }
    }
  }

  @Test("Room for several senders wakes them all")
  func several() async {
    await #expect(processExitsWith: .success) {
      unsafe Sleeping.isEndless = true
      let queue = try fullQueue([56, 8, 8, 8])
      let sent = Counter()
      for _ in 0..<4 { startSending(8, to: queue, sent) }
      let received = try queue.tryReceive { $0.byteCount }
      precondition(received == 56)
      waitUntil { sent.value == 4 }
    }
  }

  @Test("The end of a turn wakes its waiter")
  func turn() async {
    await #expect(processExitsWith: .success) {
      unsafe Sleeping.isEndless = true
      let queue = try SharedQueue<Int>.create(nil, capacity: 4)
      try queue.unlink()
      for number in 1...2 {
        let isSent = try queue.trySend(number)
        precondition(isSent)
      }
      let (held, over, received) = (Counter(), Counter(), Counter())
      Thread.detachNewThread {
        _ = try? queue.receive(acknowledging: { _ in
          held.increment()
          waitUntil { over.value == 1 }
        })
      }
      waitUntil { held.value == 1 }
      Thread.detachNewThread {
        if (try? queue.receive(timeout: .seconds(60))) == 2 { received.increment() }
      }
      // By then the thread usually sleeps.
      usleep(100_000)
      over.increment()
      waitUntil { received.value == 1 }
    }
  }

  @Test("Waiters that get no turn in time pass their wake-ups on")
  func noTurn() async {
    await #expect(processExitsWith: .success) {
      unsafe Sleeping.isEndless = true
      let queue = try SharedQueue<Int>.create(nil, capacity: 4)
      try queue.unlink()
      let (received, timedOut) = (Counter(), Counter())
      // One waits for long; any of the others may be the one that is woken.
      for timeout in [Duration.seconds(60)] + [Duration](repeating: .seconds(2), count: 12) {
        Thread.detachNewThread {
          let code = errorCode {
            if try queue.receive(timeout: timeout) == 1 { received.increment() }
          }
          if code == .timedOut { timedOut.increment() }
        }
      }
      waitUntil { queue.statistics.emptyCount >= 13 }
      let turn = try queue._receivers.enterAtOnce()
      precondition(turn != nil && queue.statistics.emptyCount == 13)
      let isSent = try queue.trySend(1)
      precondition(isSent)
      waitUntil { timedOut.value == 12 }
      queue._receivers.leave()
      waitUntil { received.value == 1 }
    }
  }

  @Test("The role's holder waits at its own position, whatever the shared one says")
  func ownPosition() async {
    await #expect(processExitsWith: .success) {
      unsafe Sleeping.isEndless = true
      let queue = try SharedQueue<Int>.create(
        "ipctest_own_position_\(getpid())", capacity: 2, senders: .one, receivers: .one)
      let memory = try SharedMemory.attach(queue.name)
      try queue.unlink()
      let content = Int(memory.load(fromByteOffset: 72, as: UInt64.self))
      let user = QueueUser(queue)
      // From now on, the sender has room without a look at the other side.
      try inThisThread { try user.send(1) }
      let first = try inThisThread { try user.receive() }
      precondition(first == 1)
      let received = Counter()
      Thread.detachNewThread {
        if (try? user.receive(timeout: .seconds(60))) == 2 { received.increment() }
      }
      waitUntil { queue.statistics.emptyCount == 1 }
      // It looks again when it is woken.
      memory[atomic: UInt64.self, at: content + QueueHead.receivingOffset + 8]
        .store(1000, ordering: .relaxed)
      try inThisThread { try user.send(2) }
      waitUntil { received.value == 1 }

      // Messages 2 and 3 fill the queue; the taken position is right again.
      try inThisThread { try user.send(3) }
      try inThisThread { try user.send(4) }
      let sent = Counter()
      Thread.detachNewThread {
        if (try? user.send(5, timeout: .seconds(60))) != nil { sent.increment() }
      }
      waitUntil { queue.statistics.fullCount == 1 }
      memory[atomic: UInt64.self, at: content + QueueHead.sendingOffset + 8]
        .store(5, ordering: .relaxed)
      let third = try inThisThread { try user.receive() }
      precondition(third == 3)
      waitUntil { sent.value == 1 }
    }
  }

  @Test("The end of a queue wakes those who wait for room in it")
  func finished() async {
    await #expect(processExitsWith: .success) {
      unsafe Sleeping.isEndless = true
      let queue = try SharedQueue<Int>.create(nil, capacity: 1)
      try queue.unlink()
      let isSent = try queue.trySend(1)
      precondition(isSent)
      let bytes = try fullQueue([56, 8, 8, 8])
      let endCount = Counter()
      for index in 0..<4 {
        Thread.detachNewThread {
          let code = errorCode {
            if index < 2 { try queue.send(2) } else { try bytes.send(byteCount: 56) { _ in } }
          }
          if code == .finished { endCount.increment() }
        }
      }
      waitUntil { queue.statistics.fullCount >= 2 && bytes.statistics.fullCount >= 2 }
      try inThisThread { try queue.finish() }
      try inThisThread { try bytes.finish() }
      waitUntil { endCount.value == 4 }
    }
  }

  @Test("The end of a topic wakes all its waiters")
  func finishedTopic() async {
    await #expect(processExitsWith: .success) {
      unsafe Sleeping.isEndless = true
      try expectEndOfTopic()
    }
  }
}

/// Makes a subscriber sleep at a topic, and a publisher that waits for it; then the topic ends.
private func expectEndOfTopic() throws {
  let topic = try SharedTopic<Int>.create(nil, historyCount: 1, publishers: .many)
  try topic.unlink()
  let (finishedCount, endCount) = (Counter(), Counter())
  let slow = try topic.subscriber()
  Thread.detachNewThread {
    let code = errorCode {
      var publisher = try topic.publisher(overflow: .wait)
      for number in 0..<3 { try publisher.publish(number) }
    }
    if code == .finished { finishedCount.increment() }
  }
  waitUntil { topic.statistics.fullCount >= 1 }
  Thread.detachNewThread {
    let code = errorCode {
      var subscriber = try topic.subscriber(includesHistory: false)
      if try subscriber.next() == nil { endCount.increment() }
      // A subscriber that leaves wakes publishers, too.
      waitUntil { finishedCount.value == 1 }
    }
    precondition(code == nil)
  }
  waitUntil { topic.statistics.emptyCount >= 1 }
  try topic.finish()
  waitUntil { finishedCount.value == 1 && endCount.value == 1 }
  slow.close()
}

/// Waits for something that must happen.
private func waitUntil(_ isThere: () -> Bool) {
  let begin = ContinuousClock.now
  while !isThere() {
    precondition(.now - begin < .seconds(30), "It did not come")
    usleep(1000)
  }
}

private struct Refusal: Error {}

/// Makes two threads wait for a message that the first one refuses, and expects that the other one
/// gets it.
private func expectSecondReceiver(
  _ receive: @escaping @Sendable (@escaping @Sendable (UInt8) throws -> Void) throws -> Void?,
  emptyCount: () -> UInt64, send: () -> Bool?
) {
  let attempts = Counter()
  let received = Counter()
  for _ in 0..<2 {
    Thread.detachNewThread {
      try? receive { _ in
        attempts.increment()
        if attempts.value == 1 { throw Refusal() }
        received.increment()
      }
    }
  }
  waitUntil { emptyCount() >= 2 }
  precondition(send() == true)
  waitUntil { received.value == 1 }
}

/// A queue of bytes without room for a message of 8 bytes.
private func fullQueue(_ byteCounts: [Int]) throws -> SharedByteQueue {
  let queue = try SharedByteQueue.create(nil, byteCapacity: 128, maximumByteCount: 56)
  try queue.unlink()
  let sent = try (byteCounts + [8]).map { try queue.trySend(byteCount: $0) { _ in } }
  precondition(sent == byteCounts.map { _ in true } + [false])
  return queue
}

/// Makes a thread send a message, and waits until it sleeps.
private func startSending(_ byteCount: Int, to queue: SharedByteQueue, _ sent: Counter) {
  let sleptCount = queue.statistics.fullCount
  Thread.detachNewThread {
    let code = errorCode { try queue.send(byteCount: byteCount, timeout: .seconds(60)) { _ in } }
    if code == nil { sent.increment() }
  }
  waitUntil { queue.statistics.fullCount > sleptCount }
}
