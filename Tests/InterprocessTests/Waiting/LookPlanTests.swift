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
import Subprocess
import Synchronization
import TestSupport
import Testing

@testable import Interprocess

/// What the thread that sleeps for tasks looks for in their place.
@Suite("Looks in place of tasks", .timeLimit(.minutes(3)))
struct LookPlanTests {
  @Test("One look serves all sleepers that are alike, and wakes one of them, until none is left")
  func alike() {
    let word = OwnWord()
    let now = SuspendingClock.now
    let isDue = Atomic(false)
    let lookCount = Atomic(0)
    var plan = LookPlan()
    for id in 0..<UInt64(4) {
      let look = LookPlan.Look(alike: id < 3 ? 7 : 8, first: now + .milliseconds(20)) {
        lookCount.add(1, ordering: .relaxed)
        return id < 3 && isDue.load(ordering: .relaxed)
      }
      plan.add(look, id, on: word.word, while: 0)
    }
    #expect(plan.take(at: now + .milliseconds(15)) == [])
    #expect(lookCount.load(ordering: .relaxed) == 0)
    #expect(plan.take(at: now + .milliseconds(35)) == [])
    #expect(lookCount.load(ordering: .relaxed) == 2)
    isDue.store(true, ordering: .relaxed)
    for _ in 0..<3 {
      let due = plan.take(at: now + .seconds(2))
      #expect(due.count == 1 && due[0] < 3)
      plan.remove(due[0])
      // As the others would find the same, they need not wait for their time.
      plan.hurry(LookPlan.Kin(word.word, while: 0, alike: 7))
    }
    #expect(plan.take(at: now + .seconds(10)) == [])
    plan.remove(3)
    lookCount.store(0, ordering: .relaxed)
    #expect(plan.take(at: now + .seconds(20)) == [])
    #expect(lookCount.load(ordering: .relaxed) == 0 && plan.next == nil && plan.count == 0)
  }

  @Test("Looks become rarer, but not rarer than once a second, and come all at one time")
  func rhythm() {
    let words = (0..<200).map { _ in OwnWord() }
    let counts = words.map { _ in OwnWord() }
    let now = SuspendingClock.now
    var plan = LookPlan()
    for (id, word) in words.enumerated() {
      let look = LookPlan.Look(alike: nil, first: now + .milliseconds(20 + id)) {
        counts[id].ring()
        return false
      }
      plan.add(look, UInt64(id), on: word.word, while: 0)
    }
    var times: Set<SuspendingClock.Instant> = []
    while let next = plan.next, next < now + .seconds(10) {
      #expect(plan.take(at: next) == [])
      if next >= now + .seconds(5) { times.insert(next) }
    }
    // Five seconds.
    #expect((4...6).contains(times.count))
    for count in counts {
      // Once a second, and at most seven times at the beginning.
      #expect((9...18).contains(count.word.loadRelaxed()))
    }
  }

  @Test("Looks are taken in parts, so that others get the lock in between")
  func parts() {
    let words = (0..<200).map { _ in OwnWord() }
    let now = SuspendingClock.now
    var plan = LookPlan()
    for (id, word) in words.enumerated() {
      plan.add(
        LookPlan.Look(alike: 0, first: now) { true }, UInt64(id), on: word.word, while: 0)
    }
    let taken = (0..<5).map { _ in plan.take(at: now + .milliseconds(25), limit: 64) }
    #expect(taken.map(\.count) == [64, 64, 64, 8, 0])
    #expect(Set(taken.joined()) == Set(0..<200))
  }

  // MARK: - What nobody announces

  @Test(
    "A task finds what a sender that was stopped before it wakes sleepers has sent",
    arguments: SilentSender.allCases)
  func stopped(opener: SilentSender) async {
    await #expect(processExitsWith: .success) { [opener] in
      let stopped = stopThreads(at: opener.step)
      let begin = ContinuousClock.now
      try await findUnannounced(opener)
      // Otherwise it has only looked when its time was over.
      precondition(.now - begin < .seconds(30))
      precondition(stopped.value > 0)
    }
  }

  @Test("A task sees a value that changes without a notification")
  func unannounced() async {
    await #expect(processExitsWith: .success) {
      let atomic = try SharedAtomic<Int>.create(initialValue: 1, options: .whileAttached)
      let task = Task { try await atomic.wait(while: 1, timeout: .seconds(60)) }
      while TaskWaiter.sleeperCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
      let begin = ContinuousClock.now
      atomic[].store(2, ordering: .releasing)
      let found = try await task.value
      precondition(found == 2 && .now - begin < .seconds(30))
    }
  }

  enum Held: String, CaseIterable {
    case mutex = "mutex-hold"
    case condition = "mutex-hold "
    case semaphore = "semaphore-hold"
    case reader = "rwlock-read"
    case writer = "rwlock-write"
  }

  @Test(
    "A task that waits for a process sees that it was killed", arguments: Held.allCases,
    [WaitStrategy.adaptive, .polling])
  func killed(held: Held, waiting: WaitStrategy) async throws {
    let name = uniqueName("look")
    let wait = try waitForHolder(held, name, waiting)
    let arguments = ["sync", held.rawValue.trimmingCharacters(in: .whitespaces), name]
    let (status, task) = try await withChildProcess(
      Places.helper, arguments + (held == .semaphore ? ["1"] : [])
    ) { holder in
      #expect(try await holder.nextLine() == "held")
      let task = Task { await taskErrorCode(wait) }
      try await Task.sleep(for: .milliseconds(200))
      try holder.kill()
      return task
    }
    #expect(status == .signaled(9))
    let begin = ContinuousClock.now
    let isFreed = held == .semaphore || held == .reader
    #expect(await task.value == (isFreed ? nil : .ownerDied))
    #expect(.now - begin < .seconds(30))
  }

  @Test(
    "A task that waits at a barrier sees that another party was killed",
    arguments: [WaitStrategy.adaptive, .polling])
  func killedParty(waiting: WaitStrategy) async throws {
    let name = uniqueName("look")
    let barrier = try SharedBarrier.create(name, partyCount: 3, options: .whileAttached)
    barrier.waiting = waiting
    let (status, task) = try await withChildProcess(
      Places.helper, ["sync", "barrier-arrive", name, "0"]
    ) { party in
      #expect(try await party.nextLine() == "ready")
      let task = Task {
        await taskErrorCode { _ = try await barrier.arriveAndWait(timeout: .seconds(60)) }
      }
      while barrier.arrivedCount < 2 { try await Task.sleep(for: .milliseconds(1)) }
      // By then the task usually sleeps, so that only a look ends its sleep.
      try await Task.sleep(for: .milliseconds(200))
      try party.kill()
      return task
    }
    #expect(status == .signaled(9))
    let begin = ContinuousClock.now
    #expect(await task.value == .ownerDied)
    #expect(.now - begin < .seconds(30))
  }

  /// Creates what a helper is to hold, and returns the wait for it.
  private func waitForHolder(
    _ held: Held, _ name: String, _ waiting: WaitStrategy
  ) throws -> @Sendable () async throws -> Void {
    let timeout = Duration.seconds(60)
    switch held {
    case .mutex:
      let mutex = try SharedMutex.create(
        name, initialValue: Account(), options: .whileAttached)
      mutex.waiting = waiting
      return { try await mutex.withLock(timeout: timeout) { _ in } }
    case .condition:
      let mutex = try SharedMutex.create(
        name, initialValue: Account(), options: .whileAttached)
      mutex.waiting = waiting
      return { try await mutex.withLock(until: { $0.first > 9 }, timeout: timeout) { _ in } }
    case .semaphore:
      let semaphore = try SharedSemaphore.create(name, permitCount: 1, options: .whileAttached)
      semaphore.waiting = waiting
      return { try await semaphore.acquire(timeout: timeout).release() }
    case .reader, .writer:
      let lock = try SharedReadWriteLock.create(
        name, initialValue: Account(), options: .whileAttached)
      lock.waiting = waiting
      if held == .reader { return { try await lock.withWriteLock(timeout: timeout) { _ in } } }
      return { try await lock.withReadLock(timeout: timeout) { _ in } }
    }
  }

  /// Under the thread sanitizer: a thread looks at what others change, for tasks that come and go.
  @Test("Tasks sleep on many words while a thread changes them")
  func twoThreadsManyWords() async throws {
    let count = 150
    let memory = Box(try SharedMemory.anonymous(byteCount: 64 * count))
    for round in 0..<UInt32(3) {
      let tasks = (0..<count).map { index in
        Task {
          while memory.value[atomic: UInt32.self, at: 64 * index].load(ordering: .acquiring)
            == round
          {
            try await memory.value.wait(at: 64 * index, while: round, timeout: .seconds(60))
          }
        }
      }
      // Long enough for some looks.
      try await Task.sleep(for: .milliseconds(200))
      let thread = inThread {
        for index in 0..<count {
          memory.value[atomic: UInt32.self, at: 64 * index].store(round + 1, ordering: .releasing)
          memory.value.wake(at: 64 * index)
        }
      }
      try await thread.value
      for task in tasks { try await task.value }
    }
  }

  private final class Box: Sendable {
    let value: SharedMemory
    init(_ value: consuming SharedMemory) { self.value = value }
  }
}

/// Lets a task wait, and a thread send what it waits for, except that it never wakes a sleeper.
private func findUnannounced(_ opener: SilentSender) async throws {
  let timeout = Duration.seconds(60)
  switch opener {
  case .queue:
    let queue = try SharedQueue<Int>.create(capacity: 4, options: .whileAttached)
    let task = Task { try await queue.receive(timeout: timeout) }
    while queue.statistics.emptyCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
    Thread.detachNewThread { _ = try? queue.trySend(7) }
    let received = try await task.value
    precondition(received == 7)
  case .byteQueue:
    let queue = try SharedByteQueue.create(
      byteCapacity: 64, maximumByteCount: 8, options: .whileAttached)
    let task = Task { try await queue.receive(timeout: timeout) }
    while queue.statistics.emptyCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
    Thread.detachNewThread { _ = try? queue.trySend(byteCount: 3) { _ in } }
    let received = try await task.value
    precondition(received?.count == 3)
  case .topic:
    let topic = try SharedTopic<Int>.create(nil, options: .whileAttached)
    let task = Task { () async throws -> Int? in
      var subscriber = try topic.subscriber()
      guard let sample = try await subscriber.next(timeout: timeout) else { return nil }
      return sample[0]
    }
    while topic.statistics.emptyCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
    Thread.detachNewThread {
      var publisher = try? topic.publisher()
      try? publisher?.publish(7)
    }
    let received = try await task.value
    precondition(received == 7)
  case .value:
    let name = uniqueName("look")
    let value = try SharedValue<Int>.create(name, initialValue: 1, options: .whileAttached)
    let version = try await value.waitForChange(after: 0)
    let task = Task {
      try await SharedValue<Int>.attach(name).waitForChange(after: version, timeout: timeout)
    }
    try await Task.sleep(for: .milliseconds(200))
    Thread.detachNewThread { try? SharedValue<Int>.attach(name).store(7) }
    _ = try await task.value
  }
}
