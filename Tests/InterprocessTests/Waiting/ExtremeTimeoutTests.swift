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
import Synchronization
import TestSupport
import Testing

/// The smallest and the largest time-outs, for every wait.
@Suite("Extreme time-outs", .timeLimit(.minutes(2)))
struct ExtremeTimeoutTests {
  /// The smallest and the largest duration, which have no description, and those of whole seconds.
  enum Extreme: Sendable {
    case least, leastSeconds, greatest, greatestSeconds

    var timeout: Duration {
      switch self {
      case .least: Duration(attoseconds: .min)
      case .leastSeconds: Duration(secondsComponent: .min, attosecondsComponent: 0)
      case .greatest: Duration(attoseconds: .max)
      case .greatestSeconds: Duration(secondsComponent: .max, attosecondsComponent: 0)
      }
    }
  }

  @Test(
    "With the smallest time-out no call waits", arguments: Blocked.allCases,
    [Extreme.least, .leastSeconds])
  func least(_ blocked: Blocked, extreme: Extreme) async throws {
    let timeout = extreme.timeout
    let wait = try blocked.make()
    defer { wait.cleanUp() }
    #expect(errorCode { try wait.run(timeout) } == .timedOut)
    try inThisThread { try wait.unblock() }
    let other = try blocked.make()
    defer { other.cleanUp() }
    guard let runAsTask = other.runAsTask else { return }
    do {
      try await runAsTask(timeout)
      Issue.record("It had what it waits for")
    } catch {
      #expect((error as? InterprocessError)?.code == .timedOut, "\(error)")
    }
    try inThisThread { try other.unblock() }
  }

  @Test(
    "With the largest time-out a call waits for as long as it takes", arguments: Blocked.allCases,
    [Extreme.greatest, .greatestSeconds])
  func greatest(_ blocked: Blocked, extreme: Extreme) async throws {
    let timeout = extreme.timeout
    let wait = try blocked.make()
    defer { wait.cleanUp() }
    let isOver = Flag()
    let waiter = inThread {
      defer { isOver.set() }
      try wait.run(timeout)
    }
    try await Task.sleep(for: .milliseconds(30))
    #expect(!isOver.isSet)
    try inThisThread { try wait.unblock() }
    try await waiter.value
    let other = try blocked.make()
    defer { other.cleanUp() }
    guard let runAsTask = other.runAsTask else { return }
    let task = Task { try await runAsTask(timeout) }
    try await Task.sleep(for: .milliseconds(30))
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    try inThisThread { try other.unblock() }
  }
}

private final class Flag: Sendable {
  private let value = Mutex(false)
  var isSet: Bool { value.withLock { $0 } }
  func set() { value.withLock { $0 = true } }
}

/// A wait for something that another thread makes happen later.
struct BlockedWait: Sendable {
  var run: @Sendable (Duration) throws -> Void
  var runAsTask: (@Sendable (Duration) async throws -> Void)?
  var unblock: @Sendable () throws -> Void
  /// Removes what unblocking leaves if no call waits.
  var cleanUp: @Sendable () -> Void = {}
}

/// Every call that waits.
enum Blocked: String, CaseIterable, Sendable {
  case attaching, attachingArray, attachingList, attachingValue, attachingQueue
  case word, socket
  case mutex, mutexRecovering, mutexUntil, reading, writing, writingRecovering
  case semaphore, event, eventAfter, barrier, atomic
  case receiving, receivingBatch, acknowledging, sending, sendingTurn, finishing
  case sender, receiver, receiverBatch, receiverAcknowledging
  case receivingBytes, acknowledgingBytes, sendingBytes
  case nextMessage, publishing, publishingBatch, lending
  case waitSet

  func make() throws -> BlockedWait {
    switch self {
    case .attaching, .attachingArray, .attachingList, .attachingValue, .attachingQueue:
      makeAttaching()
    case .word, .socket: try makeOfMemory()
    case .mutex, .mutexRecovering, .mutexUntil: try makeOfMutex()
    case .reading, .writing, .writingRecovering: try makeOfReadWriteLock()
    case .semaphore, .event, .eventAfter, .barrier, .atomic: try makeOfSignal()
    case .receiving, .receivingBatch, .acknowledging, .sending, .sendingTurn, .finishing:
      try makeOfQueue()
    case .sender, .receiver, .receiverBatch, .receiverAcknowledging: try makeOfRole()
    case .receivingBytes, .acknowledgingBytes, .sendingBytes: try makeOfBytes()
    case .nextMessage, .publishing, .publishingBatch, .lending: try makeOfTopic()
    case .waitSet: try makeOfWaitSet()
    }
  }

  private func makeAttaching() -> BlockedWait {
    let name = uniqueName()
    var wait = makeAttaching(to: name)
    wait.cleanUp = { try? SharedMemory.unlink(name) }
    return wait
  }

  private func makeAttaching(to name: String) -> BlockedWait {
    switch self {
    case .attachingArray:
      return BlockedWait {
        let array = try SharedArray<Int>.attach(name, waitingUpTo: $0)
        try array.unlink()
      } unblock: {
        _ = try SharedArray<Int>.create(name, count: 4)
      }
    case .attachingList:
      return BlockedWait {
        let list = try ShareableList.attach(name, waitingUpTo: $0)
        try list.unlink()
      } unblock: {
        _ = try ShareableList.create(name, [1])
      }
    case .attachingValue:
      return BlockedWait {
        let value = try SharedValue<Int>.attach(name, waitingUpTo: $0)
        try value.unlink()
      } unblock: {
        _ = try SharedValue.create(name, initialValue: 1)
      }
    case .attachingQueue:
      return BlockedWait {
        let queue = try SharedQueue<Int>.attach(name, waitingUpTo: $0)
        try queue.unlink()
      } unblock: {
        _ = try SharedQueue<Int>.create(name, capacity: 2)
      }
    default:
      return BlockedWait {
        let memory = try SharedMemory.attach(name, waitingUpTo: $0)
        try memory.unlink()
      } unblock: {
        _ = try SharedMemory.create(name, byteCount: 16)
      }
    }
  }

  private func makeOfMemory() throws -> BlockedWait {
    if self == .socket {
      // If no process may receive the memory, sending would leave a name.
      let memory = Box(try SharedMemory.anonymous(byteCount: 16))
      let (near, far) = try socketPair()
      return BlockedWait {
        try SharedMemory.receive(over: near, timeout: $0).close()
      } unblock: {
        try memory.value.send(over: far, timeout: Duration(attoseconds: .max))
      }
    }
    let memory = Box(try SharedMemory.create(byteCount: 16, options: .whileAttached))
    return BlockedWait {
      try memory.value.wait(at: 0, while: 0, timeout: $0)
    } runAsTask: {
      try await memory.value.wait(at: 0, while: 0, timeout: $0)
    } unblock: {
      memory.value[atomic: UInt32.self, at: 0].store(1, ordering: .releasing)
      memory.value.wake(at: 0)
    }
  }

  private func makeOfMutex() throws -> BlockedWait {
    let mutex = try SharedMutex.create(initialValue: 0, options: .whileAttached)
    if self == .mutexUntil {
      return BlockedWait {
        try mutex.withLock(until: { $0 == 1 }, timeout: $0) { _ in }
      } runAsTask: {
        try await mutex.withLock(until: { $0 == 1 }, timeout: $0) { _ in }
      } unblock: {
        try mutex.withLock { $0 = 1 }
      }
    }
    let holder = Holder { wait in try mutex.withLock { _ in wait() } }
    if self == .mutexRecovering {
      return BlockedWait {
        try mutex.withLock(recovering: { _ in }, timeout: $0) { _ in }
      } runAsTask: {
        try await mutex.withLock(recovering: { _ in }, timeout: $0) { _ in }
      } unblock: {
        holder.release()
      }
    }
    return BlockedWait {
      try mutex.withLock(timeout: $0) { _ in }
    } runAsTask: {
      try await mutex.withLock(timeout: $0) { _ in }
    } unblock: {
      holder.release()
    }
  }

  private func makeOfReadWriteLock() throws -> BlockedWait {
    let lock = try SharedReadWriteLock.create(initialValue: 0, options: .whileAttached)
    let holder =
      self == .reading
      ? Holder { wait in try lock.withWriteLock { _ in wait() } }
      : Holder { wait in try lock.withReadLock { _ in wait() } }
    switch self {
    case .reading:
      return BlockedWait {
        try lock.withReadLock(timeout: $0) { _ in }
      } runAsTask: {
        try await lock.withReadLock(timeout: $0) { _ in }
      } unblock: {
        holder.release()
      }
    case .writing:
      return BlockedWait {
        try lock.withWriteLock(timeout: $0) { _ in }
      } runAsTask: {
        try await lock.withWriteLock(timeout: $0) { _ in }
      } unblock: {
        holder.release()
      }
    default:
      return BlockedWait {
        try lock.withWriteLock(recovering: { _ in }, timeout: $0) { _ in }
      } runAsTask: {
        try await lock.withWriteLock(recovering: { _ in }, timeout: $0) { _ in }
      } unblock: {
        holder.release()
      }
    }
  }

  private func makeOfSignal() throws -> BlockedWait {
    switch self {
    case .semaphore:
      let semaphore = try SharedSemaphore.create(permitCount: 1, options: .whileAttached)
      let holder = Holder { wait in
        let permit = try semaphore.acquire()
        wait()
        permit.release()
      }
      return BlockedWait {
        try semaphore.acquire(timeout: $0).release()
      } runAsTask: {
        try await semaphore.acquire(timeout: $0).release()
      } unblock: {
        holder.release()
      }
    case .barrier:
      let barrier = try SharedBarrier.create(partyCount: 2, options: .whileAttached)
      let other = try SharedBarrier.attach(barrier.name)
      return BlockedWait {
        try barrier.arriveAndWait(timeout: $0)
      } runAsTask: {
        try await barrier.arriveAndWait(timeout: $0)
      } unblock: {
        // The party that gave up has broken the barrier.
        _ = errorCode { try other.arriveAndWait(timeout: .zero) }
      }
    case .atomic:
      let atomic = try SharedAtomic<UInt32>.create(initialValue: 0, options: .whileAttached)
      return BlockedWait {
        _ = try atomic.wait(while: 0, timeout: $0)
      } runAsTask: {
        _ = try await atomic.wait(while: 0, timeout: $0)
      } unblock: {
        atomic[].store(1, ordering: .releasing)
        atomic.notify()
      }
    case .eventAfter:
      let event = try SharedEvent.create(options: .whileAttached)
      return BlockedWait {
        _ = try event.wait(after: 0, timeout: $0)
      } runAsTask: {
        _ = try await event.wait(after: 0, timeout: $0)
      } unblock: {
        event.pulse()
      }
    default:
      let event = try SharedEvent.create(options: .whileAttached)
      return BlockedWait {
        try event.wait(timeout: $0)
      } runAsTask: {
        try await event.wait(timeout: $0)
      } unblock: {
        event.pulse()
      }
    }
  }

  private func makeOfQueue() throws -> BlockedWait {
    let queue = try SharedQueue<Int>.create(capacity: 1, options: .whileAttached)
    switch self {
    case .receiving:
      return BlockedWait {
        _ = try queue.receive(timeout: $0)
      } runAsTask: {
        _ = try await queue.receive(timeout: $0)
      } unblock: {
        try queue.send(1)
      }
    case .receivingBatch:
      return BlockedWait {
        var elements: [Int] = []
        try queue.receive(upTo: 2, into: &elements, timeout: $0)
      } runAsTask: {
        var elements: [Int] = []
        try await queue.receive(upTo: 2, into: &elements, timeout: $0)
      } unblock: {
        try queue.send(1)
      }
    case .acknowledging:
      return BlockedWait {
        _ = try queue.receive(timeout: $0, acknowledging: { $0 })
      } runAsTask: {
        _ = try await queue.receive(timeout: $0, acknowledging: { $0 })
      } unblock: {
        try queue.send(1)
      }
    case .sending:
      try queue.send(1)
      return BlockedWait {
        try queue.send(2, timeout: $0)
      } runAsTask: {
        try await queue.send(2, timeout: $0)
      } unblock: {
        _ = try queue.receive()
      }
    default:
      // A turn at the sending side, which only a closure holds.
      let bytes = try Self.bytes()
      let holder = Holder { wait in try bytes.send(byteCount: 8) { _ in wait() } }
      if self == .finishing {
        return BlockedWait {
          try bytes.finish(timeout: $0)
        } runAsTask: {
          try await bytes.finish(timeout: $0)
        } unblock: {
          holder.release()
        }
      }
      return BlockedWait {
        try bytes.send(byteCount: 8, timeout: $0) { _ in }
      } runAsTask: {
        try await bytes.send(byteCount: 8, timeout: $0) { _ in }
      } unblock: {
        holder.release()
      }
    }
  }

  private func makeOfRole() throws -> BlockedWait {
    let queue = try SharedQueue<Int>.create(
      capacity: 1, senders: .one, receivers: .one, options: .whileAttached)
    let sender = Box(try queue.sender())
    let receiver = Box(try queue.receiver())
    switch self {
    case .sender:
      try sender.value.send(1)
      return BlockedWait {
        try sender.value.send(2, timeout: $0)
      } runAsTask: {
        try await sender.value.send(2, timeout: $0)
      } unblock: {
        _ = try receiver.value.tryReceive()
      }
    case .receiver:
      return BlockedWait {
        _ = try receiver.value.receive(timeout: $0)
      } runAsTask: {
        _ = try await receiver.value.receive(timeout: $0)
      } unblock: {
        try sender.value.send(1)
      }
    case .receiverBatch:
      return BlockedWait {
        var elements: [Int] = []
        try receiver.value.receive(upTo: 2, into: &elements, timeout: $0)
      } runAsTask: {
        var elements: [Int] = []
        try await receiver.value.receive(upTo: 2, into: &elements, timeout: $0)
      } unblock: {
        try sender.value.send(1)
      }
    default:
      return BlockedWait {
        _ = try receiver.value.receive(timeout: $0, acknowledging: { $0 })
      } runAsTask: {
        _ = try await receiver.value.receive(timeout: $0, acknowledging: { $0 })
      } unblock: {
        try sender.value.send(1)
      }
    }
  }

  private static func bytes() throws -> SharedByteQueue {
    try SharedByteQueue.create(byteCapacity: 128, maximumByteCount: 8, options: .whileAttached)
  }

  private func makeOfBytes() throws -> BlockedWait {
    let queue = try Self.bytes()
    let message = [UInt8](repeating: 0, count: 8)
    switch self {
    case .sendingBytes:
      while try queue.trySend(byteCount: 8, { _ in }) {}
      return BlockedWait {
        try queue.send(message.span.bytes, timeout: $0)
      } runAsTask: {
        try await queue.send(byteCount: 8, timeout: $0) { _ in }
      } unblock: {
        while try queue.tryReceive({ _ in true }) != nil {}
      }
    case .receivingBytes:
      return BlockedWait {
        _ = try queue.receive(timeout: $0)
      } runAsTask: {
        _ = try await queue.receive(timeout: $0)
      } unblock: {
        try queue.send(message.span.bytes)
      }
    default:
      return BlockedWait {
        _ = try queue.receive(timeout: $0, acknowledging: { $0.byteCount })
      } runAsTask: {
        _ = try await queue.receive(timeout: $0, acknowledging: { $0.byteCount })
      } unblock: {
        try queue.send(message.span.bytes)
      }
    }
  }

  private func makeOfTopic() throws -> BlockedWait {
    let topic = try SharedTopic<Int>.create(history: 2, options: .whileAttached)
    let subscriber = Box(try topic.subscriber())
    let publisher = Box(try topic.publisher(overflow: .wait))
    if self == .nextMessage {
      return BlockedWait {
        _ = try subscriber.value.next(timeout: $0)
      } runAsTask: {
        _ = try await subscriber.value.next(timeout: $0)
      } unblock: {
        try publisher.value.publish(1)
      }
    }
    // Two messages that the subscriber has not received.
    for number in 1...2 { try publisher.value.publish(number) }
    @Sendable func receive() throws {
      _ = try subscriber.value.tryNext()
    }
    switch self {
    case .publishing:
      return BlockedWait {
        try publisher.value.publish(3, timeout: $0)
      } runAsTask: {
        try await publisher.value.publish(3, timeout: $0)
      } unblock: {
        try receive()
      }
    case .publishingBatch:
      return BlockedWait {
        try publisher.value.publish(contentsOf: [3].span, timeout: $0)
      } runAsTask: {
        try await publisher.value.publish(contentsOf: [3].span, timeout: $0)
      } unblock: {
        try receive()
      }
    default:
      return BlockedWait {
        try publisher.value.loan(timeout: $0).publish()
      } runAsTask: {
        try await publisher.value.loan(timeout: $0).publish()
      } unblock: {
        try receive()
      }
    }
  }

  private func makeOfWaitSet() throws -> BlockedWait {
    let event = try SharedEvent.create(options: .whileAttached)
    return BlockedWait {
      var set = WaitSet<Int>()
      set.insert(event, as: 1)
      _ = try set.wait(timeout: $0)
    } runAsTask: {
      var set = WaitSet<Int>()
      set.insert(event, as: 1)
      _ = try await set.wait(timeout: $0)
    } unblock: {
      event.set()
    }
  }
}

/// A noncopyable value for closures, only one of which uses it at a time.
private final class Box<Value: ~Copyable>: @unchecked Sendable {
  // Sendable: only one closure uses it at a time.
  var value: Value
  init(_ value: consuming Value) { self.value = value }
}

/// A thread that holds something until it is asked to let go.
private final class Holder: Sendable {
  private let isHeld = DispatchSemaphore(value: 0)
  private let isOver = DispatchSemaphore(value: 0)
  private let hasEnded = DispatchSemaphore(value: 0)

  /// - Parameter body: Holds the object while it waits.
  init(_ body: @escaping @Sendable (_ wait: () -> Void) throws -> Void) {
    Thread.detachNewThread { [self] in
      do {
        try body {
          isHeld.signal()
          isOver.wait()
        }
      } catch {
        Issue.record("\(error)")
        isHeld.signal()
      }
      hasEnded.signal()
    }
    isHeld.wait()
  }

  func release() {
    isOver.signal()
    hasEnded.wait()
  }
}
