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
import Subprocess
import Synchronization
import TestSupport
import Testing

@Suite("Closing a handle that several threads share", .timeLimit(.minutes(3)))
struct CloseTests {
  // MARK: - Names and leases

  enum Kind: String, CaseIterable, Codable {
    case mutex, readWriteLock, semaphore, event, barrier, atomic, queue, byteQueue, topic

    /// Creates an object, closes it twice, and calls `body` while the handle still lives.
    func close(
      _ name: String, lifetime: SharedMemory.Lifetime = .whileAttached,
      _ body: () throws -> Void
    ) throws {
      switch self {
      case .mutex:
        let handle = try SharedMutex.create(
          name, initialValue: 1, options: SegmentOptions(lifetime: lifetime))
        try lock(handle) { $0 += 1 }
        handle.close()
        handle.close()
        try withExtendedLifetime(handle, body)
      case .readWriteLock:
        let handle = try SharedReadWriteLock.create(
          name, initialValue: 1, options: SegmentOptions(lifetime: lifetime))
        handle.close()
        handle.close()
        try withExtendedLifetime(handle, body)
      case .semaphore:
        let handle = try SharedSemaphore.create(
          name, permitCount: 1, options: SegmentOptions(lifetime: lifetime))
        handle.close()
        handle.close()
        try withExtendedLifetime(handle, body)
      case .event:
        let handle = try SharedEvent.create(name, options: SegmentOptions(lifetime: lifetime))
        handle.close()
        handle.close()
        try withExtendedLifetime(handle, body)
      case .barrier:
        let handle = try SharedBarrier.create(
          name, partyCount: 1, options: SegmentOptions(lifetime: lifetime))
        try handle.arriveAndWait()
        handle.close()
        handle.close()
        try withExtendedLifetime(handle, body)
      case .atomic:
        let handle = try SharedAtomic<UInt64>.create(
          name, initialValue: 0, options: SegmentOptions(lifetime: lifetime))
        handle.close()
        handle.close()
        try withExtendedLifetime(handle, body)
      case .queue:
        let handle = try SharedQueue<Int>.create(
          name, capacity: 4, options: SegmentOptions(lifetime: lifetime))
        try handle.send(1)
        handle.close()
        handle.close()
        try withExtendedLifetime(handle, body)
      case .byteQueue:
        let handle = try SharedByteQueue.create(
          name, byteCapacity: 64, maximumByteCount: 8, options: SegmentOptions(lifetime: lifetime))
        handle.close()
        handle.close()
        try withExtendedLifetime(handle, body)
      case .topic:
        let handle = try SharedTopic<Int>.create(name, options: SegmentOptions(lifetime: lifetime))
        var publisher = try handle.publisher()
        try publisher.publish(1)
        publisher.close()
        handle.close()
        handle.close()
        try withExtendedLifetime(handle, body)
      }
    }
  }

  @Test(
    "Closing gives up a temporary name while references to the handle live",
    arguments: Kind.allCases)
  func temporary(kind: Kind) throws {
    let name = uniqueName()
    try kind.close(name) { #expect(!exists(name)) }
  }

  @Test("Closing gives up the lease, and leaves a lasting name", arguments: Kind.allCases)
  func lasting(kind: Kind) throws {
    let name = uniqueName()
    defer { try? SharedMemory.unlink(name) }
    try kind.close(name, lifetime: .untilUnlinked) {
      let info = try info(name)
      #expect(info.handleCount == 0)
      // The mapping stays, for threads that are inside a call.
      #expect(info.processes.map(\.processID) == [getpid()])
    }
  }

  @Test("A closed handle still knows its name, and can unlink it")
  func afterwards() throws {
    let name = uniqueName()
    let event = try SharedEvent.create(name)
    event.close()
    #expect(event.name == name)
    #expect(event.isCreator)
    #expect(event.lifetime == .untilUnlinked)
    #expect(event.isLinked)
    try event.unlink()
    #expect(!exists(name))
  }

  // MARK: - What others see

  /// A permit that several closures can share.
  private final class Permit: Sendable {
    private let permit: Mutex<SharedSemaphore.Permit?>

    init(of semaphore: SharedSemaphore) throws {
      permit = Mutex(try semaphore.tryAcquire())
    }

    func release() { permit.withLock { $0 = nil } }
  }

  @Test("The permits of a closed handle are free for others, and are not given back a second time")
  func permits() async throws {
    let name = uniqueName()
    let semaphore = try SharedSemaphore.create(name, permitCount: 2, options: .whileAttached)
    let permits = try [Permit(of: semaphore), Permit(of: semaphore)]
    #expect(semaphore.availableCount == 0)
    let observer = try SharedSemaphore.attach(name)
    _ = try await withChildProcess(Places.helper, ["sync", "semaphore-hold", name, "2"]) { other in
      semaphore.close()
      try await other.expectNext("held")
      // Releasing them does not give them back a second time.
      for permit in permits { permit.release() }
      #expect(observer.availableCount == 0)
      #expect(try observer.reclaim() == 0)
      try await other.expect("go", "released")
    }
    #expect(observer.availableCount == 2)
  }

  @Test("A party whose handle is closed counts as dead")
  func party() async throws {
    let name = uniqueName()
    let barrier = try SharedBarrier.create(name, partyCount: 2, options: .whileAttached)
    _ = try await withChildProcess(Places.helper, ["sync", "barrier-arrive", name, "0"]) { other in
      #expect(try await other.nextLine() == "ready")
      try await inThread { _ = try barrier.arriveAndWait() }.value
      #expect(["met", "last"].contains(try await other.nextLine()))
      _ = try await withChildProcess(Places.helper, ["sync", "barrier-arrive", name, "0"]) { late in
        #expect(try await late.nextLine() == "ready")
        #expect(try await late.nextLine() == "roleTaken")
        try await late.send("end")
      }
      barrier.close()
      _ = try await withChildProcess(Places.helper, ["sync", "barrier-arrive", name, "0"]) { late in
        #expect(try await late.nextLine() == "ready")
        #expect(try await late.nextLine() == "ownerDied")
        try await late.send("end")
      }
      try await other.send("end")
    }
    withExtendedLifetime(barrier) {}
  }

  @Test("A closed sender and a closed receiver give their roles to other processes")
  func roles() async throws {
    let name = uniqueName()
    let queue = try SharedQueue<UInt64>.create(
      name, capacity: 4, senders: .one, receivers: .one, options: .whileAttached)
    let other = try SharedQueue<UInt64>.attach(name)
    do {
      let user = QueueUser(queue)
      #expect(try user.trySend(1))
      #expect(try user.tryReceive() == 1)
      #expect(errorCode { _ = try other.sender() } == .roleTaken)
      #expect(errorCode { _ = try other.receiver() } == .roleTaken)
    }
    queue.close()
    for side in ["sender", "receiver"] {
      _ = try await withChildProcess(Places.helper, ["queue-hold", name, side]) { child in
        #expect(try await child.nextLine() == "held")
        try await child.send("end")
      }
    }
    withExtendedLifetime(queue) {}
  }

  @Test("Closing a value's handle gives back its role")
  func roleValues() throws {
    let queue = try SharedQueue<Int>.create(
      capacity: 4, senders: .one, receivers: .one, options: .whileAttached)
    let sender = try queue.sender()
    let receiver = try queue.receiver()
    sender.close()
    receiver.close()
    _ = try queue.sender()
    _ = try queue.receiver()

    let topic = try SharedTopic<Int>.create(maximumSubscriberCount: 1, options: .whileAttached)
    let publisher = try topic.publisher()
    let subscriber = try topic.subscriber()
    publisher.close()
    subscriber.close()
    _ = try topic.publisher()
    _ = try topic.subscriber()
    topic.close()
    queue.close()
  }

  @Test("A thread that waits for a lock while its handle is closed gets it as a living holder")
  func waiter() async throws {
    let name = uniqueName()
    let mutex = try SharedMutex.create(name, initialValue: Account(), options: .whileAttached)
    let observer = try SharedMutex<Account>.attach(name)
    _ = try await withChildProcess(Places.helper, ["sync", "mutex-hold", name]) { holder in
      #expect(try await holder.nextLine() == "held")
      let isInside = Counter()
      let waiter = WaitingThread {
        try lock(mutex) { _ in
          isInside.increment()
          // Longer than others take to check whether the holder lives.
          Thread.sleep(forTimeInterval: 0.2)
          isInside.increment()
        }
      }
      // If it were closed before the thread waits, the handle could not be used.
      try await waiter.waitUntilAsleep()
      mutex.close()
      #expect(try await holder.ask("go") == "released")
      while isInside.value == 0 { try await Task.sleep(for: .milliseconds(1)) }
      try await inThread { try lock(observer) { _ in #expect(isInside.value == 2) } }.value
      try await waiter.end()
    }
  }

  // MARK: - Handles in use

  enum Holding: String, CaseIterable, Codable {
    case mutex, reader, writer, sender, receiver, publisher, subscriber, sample, loan, waitSet
    case sending, receiving

    /// The name goes first, as no process is left to remove it.
    func run() throws {
      switch self {
      case .mutex:
        let mutex = try SharedMutex.create(initialValue: 0, options: .whileAttached)
        try mutex.unlink()
        try mutex.withLock { _ in mutex.close() }
      case .reader:
        let lock = try SharedReadWriteLock.create(initialValue: 0, options: .whileAttached)
        try lock.unlink()
        try lock.withReadLock { _ in lock.close() }
      case .writer:
        let lock = try SharedReadWriteLock.create(initialValue: 0, options: .whileAttached)
        try lock.unlink()
        try lock.withWriteLock { _ in lock.close() }
      case .sender, .receiver:
        let queue = try SharedQueue<Int>.create(
          capacity: 4, senders: .one, receivers: .one, options: .whileAttached)
        try queue.unlink()
        if self == .sender {
          var sender = try queue.sender()
          queue.close()
          try sender.send(1)
        } else {
          var receiver = try queue.receiver()
          queue.close()
          _ = try receiver.tryReceive()
        }
      case .sending, .receiving:
        let queue = try SharedByteQueue.create(
          byteCapacity: 64, maximumByteCount: 8, options: .whileAttached)
        try queue.unlink()
        if self == .sending {
          try queue.send(byteCount: 1) { _ in queue.close() }
        } else {
          try queue.send(byteCount: 1) { _ in }
          _ = try queue.receive { _ in queue.close() }
        }
      case .publisher, .loan:
        let topic = try SharedTopic<Int>.create(
          publishers: self == .loan ? .many : .one, options: .whileAttached)
        try topic.unlink()
        var publisher = try topic.publisher()
        if self == .loan {
          let loan = try publisher.loan()
          topic.close()
          try loan.publish()
        } else {
          topic.close()
          try publisher.publish(1)
        }
      case .subscriber, .sample, .waitSet:
        let topic = try SharedTopic<Int>.create(options: .whileAttached)
        try topic.unlink()
        var publisher = try topic.publisher()
        try publisher.publish(1)
        publisher.close()
        var subscriber = try topic.subscriber()
        if self == .sample {
          let sample = try subscriber.next()!
          subscriber.close()
          topic.close()
          _ = sample[0]
        } else if self == .waitSet {
          var set = WaitSet<Int>()
          set.insert(subscriber, as: 1)
          subscriber.close()
          topic.close()
          _ = try set.wait()
        } else {
          topic.close()
          _ = try subscriber.tryNext()
        }
      }
    }
  }

  @Test(
    "A handle that holds a lock, or one whose role is in use, cannot be closed",
    arguments: Holding.allCases)
  func holding(holding: Holding) async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [holding] in
      alarm(60)
      try holding.run()
    }
    #expect(result.says("was to be closed", isAlwaysThere: true), "\(holding)")
  }

  @Test("A forked child closes what it has inherited, and its parent continues")
  func child() async throws {
    try await withPrivateSharedMemory { place in
      let (status, _) = try await place.withChildProcess(
        Places.helper, ["ending", "closing child"]
      ) {
        parent in
        #expect(try await parent.nextLine() == "0")
        #expect(try await parent.nextLine() == "held")
        #expect(try place.names().contains("mutex"))
        try await place.withHelper { other in
          let answer = try await other.ask("attach mutex")
          #expect(answer?.hasPrefix("ok ") == true)
        }
        try await parent.send("end")
        #expect(try await parent.nextLine() == nil)
      }
      #expect(status == .exited(0))
      try place.expectNames([])
    }
  }
}
