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

/// What a wait set finds although no process wakes it, and what a look costs.
@Suite("Looks of a wait set", .timeLimit(.minutes(3)))
struct WaitSetLookTests {
  @Test(
    "A set finds what a sender that was stopped before it wakes sleepers has sent",
    arguments: SilentSender.allCases)
  func stopped(opener: SilentSender) async {
    await #expect(processExitsWith: .success) { [opener] in
      let isStopped = stopThreads(at: opener.step)
      let (source, send) = try makeSource(opener)
      // One that stays empty.
      var set = source
      set.insert(try SharedQueue<Int>.create(capacity: 4, options: .whileAttached), as: 1)
      try await expectLook(set, isTask: true, send)
      precondition(isStopped.value > 0)
    }
  }

  @Test(
    "A set of more sources than the kernel sleeps on at once does so, too",
    arguments: [false, true])
  func manySources(isTask: Bool) async {
    await #expect(processExitsWith: .success) { [isTask] in
      let isStopped = stopThreads(at: .messageSent)
      let queues = try (0..<200).map { _ in
        try SharedQueue<Int>.create(capacity: 4, options: .whileAttached)
      }
      var set = WaitSet<Int>()
      for (index, queue) in queues.enumerated() { set.insert(queue, as: index == 150 ? 0 : 1) }
      try await expectLook(set, isTask: isTask) { _ = try? queues[150].trySend(7) }
      precondition(isStopped.value > 0)
    }
  }

  @Test("A set makes one fence for all of its sources before it sleeps", arguments: [1, 100])
  func fences(count: Int) async {
    await #expect(processExitsWith: .success) { [count] in
      let fences = Atomic(0)
      unsafe Checkpoint.handler = { step in
        if step == .gateFenced { fences.add(1, ordering: .relaxed) }
      }
      unsafe Sleeping.isEndless = true
      let queues = try (0..<count).map { _ in
        try SharedQueue<Int>.create(capacity: 1, options: .whileAttached)
      }
      var set = WaitSet<Int>()
      for (index, queue) in queues.enumerated() { set.insert(queue, as: index) }
      // Each time, one before the sleep, and one for the last look; on a busy machine, the time may
      // be over before the sleep.
      repeat {
        let code = errorCode { _ = try set.wait(timeout: .milliseconds(20)) }
        precondition(code == .timedOut)
      } while queues[0].statistics.emptyCount < 2
      let fenceCount = fences.load(ordering: .relaxed)
      precondition(queues.allSatisfy { $0.statistics.emptyCount == fenceCount })
    }
  }

  @Test("A set sees an integer that changes without a notification")
  func atomic() async {
    await #expect(processExitsWith: .success) {
      let atomic = try SharedAtomic<Int>.create(initialValue: 1, options: .whileAttached)
      var set = WaitSet<Int>()
      set.insert(atomic, while: 1, as: 0)
      set.insert(try SharedEvent.create(options: .whileAttached), as: 1)
      try await expectLook(set, isTask: true) { atomic[].store(2, ordering: .releasing) }
    }
  }

  @Test("A set sees that the holder of a permit was killed")
  func semaphore() async {
    await #expect(processExitsWith: .success) {
      let name = uniqueName("look")
      let semaphore = try SharedSemaphore.create(name, permitCount: 1, options: .whileAttached)
      var set = WaitSet<Int>()
      set.insert(semaphore, as: 0)
      set.insert(try SharedEvent.create(options: .whileAttached), as: 1)
      let (status, _) = try await withChildProcess(
        Places.helper, ["sync", "semaphore-hold", name, "1"]
      ) { holder in
        let line = try await holder.nextLine()
        precondition(line == "held")
        try await expectLook(set, isTask: true) { try? holder.kill() }
      }
      precondition(status == .signaled(9))
    }
  }
}

/// A set with one source, 0, and what makes that ready.
private func makeSource(
  _ opener: SilentSender
) throws -> (WaitSet<Int>, @Sendable () -> Void) {
  var set = WaitSet<Int>()
  switch opener {
  case .queue:
    let queue = try SharedQueue<Int>.create(capacity: 4, options: .whileAttached)
    set.insert(queue, as: 0)
    return (set, { _ = try? queue.trySend(7) })
  case .byteQueue:
    let queue = try SharedByteQueue.create(
      byteCapacity: 64, maximumByteCount: 8, options: .whileAttached)
    set.insert(queue, as: 0)
    return (set, { _ = try? queue.trySend(byteCount: 3) { _ in } })
  case .topic:
    let topic = try SharedTopic<Int>.create(nil, options: .whileAttached)
    let subscriber = try topic.subscriber()
    set.insert(subscriber, as: 0)
    // It stays subscribed.
    let kept = Mutex<SharedTopic<Int>.Subscriber?>(consume subscriber)
    return (
      set,
      {
        kept.withLock { _ in }
        var publisher = try? topic.publisher()
        try? publisher?.publish(7)
      }
    )
  case .value:
    let name = uniqueName("look")
    let value = try SharedValue<Int>.create(name, initialValue: 1, options: .whileAttached)
    try set.insert(value, as: 0)
    return (set, { try? SharedValue<Int>.attach(name).store(7) })
  }
}

/// Expects a waiter that sleeps, and that nobody wakes, to find source 0 once it is ready.
private func expectLook(
  _ set: WaitSet<Int>, isTask: Bool, _ makeReady: @Sendable @escaping () -> Void
) async throws {
  let waiter = Task {
    var set = set
    if isTask { return try await set.wait(timeout: .seconds(60)) }
    let copy = set
    return try await inThread {
      var set = copy
      return try set.wait(timeout: .seconds(60))
    }.value
  }
  while TaskWaiter.sleeperCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
  let begin = ContinuousClock.now
  Thread.detachNewThread(makeReady)
  let found = try await waiter.value
  // Otherwise it has only looked when its time was over.
  precondition(found == 0 && .now - begin < .seconds(30))
}
