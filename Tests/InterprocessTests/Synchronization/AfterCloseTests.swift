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

// Calls that a closed handle refuses.
extension CloseTests {
  enum Use: String, CaseIterable, Codable {
    case lock, tryLock, recover, lockUntil
    case read, tryRead, readUntil, write, tryWrite, recoverToWrite, writeUntil
    case acquire, tryAcquire, availableCount, reclaim
    case set, pulse, reset, isSet, generation, wait, waitAfter
    case arrive, arrivedCount, isBroken, resetBarrier
    case load, store, add, notify, waitForValue
    case send, trySend, receive, tryReceive, finish, isFinished, count, sender, receiver
    case sendBytes, receiveBytes, countOfBytes, isFinishedOfBytes
    case publish, publisher, subscriber, statistics
    case waitForQueue, waitForByteQueue, waitForEvent, waitForSemaphore

    func run() throws {
      switch self {
      case .lock, .tryLock, .recover, .lockUntil:
        let mutex = try SharedMutex.create(initialValue: 0, options: .whileAttached)
        try CloseTests.lockOnce(mutex)
        mutex.close()
        switch self {
        case .lock: try mutex.withLock { $0 += 1 }
        case .tryLock: _ = try mutex.tryWithLock { $0 += 1 }
        case .recover: try mutex.withLock(recovering: { $0 = 0 }) { $0 += 1 }
        default: try mutex.withLock(until: { $0 == 0 }) { $0 += 1 }
        }
      case .read, .tryRead, .readUntil, .write, .tryWrite, .recoverToWrite, .writeUntil:
        let lock = try SharedReadWriteLock.create(initialValue: 0, options: .whileAttached)
        try lock.withWriteLock { $0 += 1 }
        try lock.withReadLock { _ in }
        lock.close()
        switch self {
        case .read: try lock.withReadLock { _ in }
        case .tryRead: _ = try lock.tryWithReadLock { $0 }
        case .readUntil: try lock.withReadLock(until: { $0 == 1 }) { _ in }
        case .write: try lock.withWriteLock { $0 += 1 }
        case .tryWrite: _ = try lock.tryWithWriteLock { $0 += 1 }
        case .recoverToWrite: try lock.withWriteLock(recovering: { $0 = 0 }) { $0 += 1 }
        default: try lock.withWriteLock(until: { $0 == 1 }) { $0 += 1 }
        }
      case .acquire, .tryAcquire, .availableCount, .reclaim, .waitForSemaphore:
        let semaphore = try SharedSemaphore.create(permitCount: 2, options: .whileAttached)
        try semaphore.acquire().release()
        var set = WaitSet<Int>()
        set.insert(semaphore, as: 1)
        semaphore.close()
        switch self {
        case .acquire: try semaphore.acquire().release()
        case .tryAcquire: _ = try semaphore.tryAcquire()
        case .availableCount: _ = semaphore.availableCount
        case .reclaim: _ = try semaphore.reclaim()
        default: _ = try set.wait(timeout: .zero)
        }
      case .set, .pulse, .reset, .isSet, .generation, .wait, .waitAfter, .waitForEvent:
        let event = try SharedEvent.create(isSet: true, options: .whileAttached)
        var set = WaitSet<Int>()
        set.insert(event, as: 1)
        event.close()
        switch self {
        case .set: event.set()
        case .pulse: event.pulse()
        case .reset: event.reset()
        case .isSet: _ = event.isSet
        case .generation: _ = event.generation
        case .wait: try event.wait(timeout: .zero)
        case .waitAfter: _ = try event.wait(after: 7, timeout: .zero)
        default: _ = try set.wait(timeout: .zero)
        }
      case .arrive, .arrivedCount, .isBroken, .resetBarrier:
        let barrier = try SharedBarrier.create(partyCount: 1, options: .whileAttached)
        try barrier.arriveAndWait()
        barrier.close()
        switch self {
        case .arrive: try barrier.arriveAndWait()
        case .arrivedCount: _ = barrier.arrivedCount
        case .isBroken: _ = barrier.isBroken
        default: barrier.reset()
        }
      case .load, .store, .add, .notify, .waitForValue:
        let atomic = try SharedAtomic<UInt64>.create(initialValue: 0, options: .whileAttached)
        atomic.close()
        switch self {
        case .load: _ = atomic[].load(ordering: .relaxed)
        case .store: atomic[].store(1, ordering: .relaxed)
        case .add: atomic[].wrappingAdd(1, ordering: .relaxed)
        case .notify: atomic.notify()
        default: try atomic.wait(while: 1, timeout: .zero)
        }
      case .send, .trySend, .receive, .tryReceive, .finish, .isFinished, .count, .sender, .receiver,
        .waitForQueue:
        let role: Multiplicity = self == .sender || self == .receiver ? .one : .many
        let queue = try SharedQueue<Int>.create(
          capacity: 4, senders: role, receivers: role, options: .whileAttached)
        do {
          let user = QueueUser(queue)
          for number in 1...2 { try user.send(number) }
          _ = try user.receive()
        }
        var set = WaitSet<Int>()
        set.insert(queue, as: 1)
        queue.close()
        switch self {
        case .send: try queue.send(3)
        case .trySend: _ = try queue.trySend(3)
        case .receive: _ = try queue.receive()
        case .tryReceive: _ = try queue.tryReceive()
        case .finish: try queue.finish()
        case .isFinished: _ = queue.isFinished
        case .count: _ = queue.count
        case .sender: _ = try queue.sender()
        case .receiver: _ = try queue.receiver()
        default: _ = try set.wait(timeout: .zero)
        }
      case .sendBytes, .receiveBytes, .countOfBytes, .isFinishedOfBytes, .waitForByteQueue:
        let queue = try SharedByteQueue.create(
          byteCapacity: 64, maximumByteCount: 8, options: .whileAttached)
        var set = WaitSet<Int>()
        set.insert(queue, as: 1)
        queue.close()
        switch self {
        case .sendBytes: _ = try queue.trySend(byteCount: 1) { _ in }
        case .receiveBytes: _ = try queue.tryReceive { _ in }
        case .countOfBytes: _ = queue.count
        case .isFinishedOfBytes: _ = queue.isFinished
        default: _ = try set.wait(timeout: .zero)
        }
      case .publish, .publisher, .subscriber, .statistics:
        let topic = try SharedTopic<Int>.create(publishers: .many, options: .whileAttached)
        var publisher = try topic.publisher()
        try publisher.publish(1)
        topic.close()
        switch self {
        case .publish: try publisher.publish(2)
        case .publisher: _ = try topic.publisher()
        case .subscriber: _ = try topic.subscriber()
        default: _ = topic.statistics
        }
      }
    }
  }

  private static func lockOnce(_ mutex: SharedMutex<Int>) throws { try lock(mutex) { $0 += 1 } }

  @Test("A handle cannot be used after it is closed", arguments: Use.allCases)
  func useAfterClose(use: Use) async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [use] in
      alarm(60)
      try use.run()
    }
    #expect(result.says("used after close()", isAlwaysThere: true), "\(use)")
  }

  @Test("A task cannot wait with a closed handle", arguments: [false, true])
  func task(hasGeneration: Bool) async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [hasGeneration] in
      alarm(60)
      let event = try SharedEvent.create(options: .whileAttached)
      event.close()
      if hasGeneration {
        _ = try await event.wait(after: 7, timeout: .zero)
      } else {
        try await event.wait(timeout: .zero)
      }
    }
    #expect(result.says("used after close()", isAlwaysThere: true))
  }

  @Test("A closed handle takes no lease", arguments: Kind.allCases)
  func lease(kind: Kind) async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [kind] in
      alarm(60)
      try kind.takeLeaseWhenClosed()
    }
    #expect(result.says("used after close()", isAlwaysThere: true), "\(kind)")
  }
}

extension CloseTests.Kind {
  fileprivate func takeLeaseWhenClosed() throws {
    switch self {
    case .mutex:
      let handle = try SharedMutex.create(initialValue: 1, options: .whileAttached)
      handle.close()
      try handle.takeLease()
    case .readWriteLock:
      let handle = try SharedReadWriteLock.create(initialValue: 1, options: .whileAttached)
      handle.close()
      try handle.takeLease()
    case .semaphore:
      let handle = try SharedSemaphore.create(permitCount: 1, options: .whileAttached)
      handle.close()
      try handle.takeLease()
    case .event:
      let handle = try SharedEvent.create(options: .whileAttached)
      handle.close()
      try handle.takeLease()
    case .barrier:
      let handle = try SharedBarrier.create(partyCount: 1, options: .whileAttached)
      handle.close()
      try handle.takeLease()
    case .atomic:
      let handle = try SharedAtomic<UInt64>.create(initialValue: 0, options: .whileAttached)
      handle.close()
      try handle.takeLease()
    case .queue:
      let handle = try SharedQueue<Int>.create(capacity: 4, options: .whileAttached)
      handle.close()
      try handle.takeLease()
    case .byteQueue:
      let handle = try SharedByteQueue.create(
        byteCapacity: 64, maximumByteCount: 8, options: .whileAttached)
      handle.close()
      try handle.takeLease()
    case .topic:
      let handle = try SharedTopic<Int>.create(options: .whileAttached)
      handle.close()
      try handle.takeLease()
    }
  }
}
