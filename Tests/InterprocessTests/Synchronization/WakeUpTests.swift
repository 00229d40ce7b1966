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

/// Waiters are woken, which shows in the time: without a wake-up, a sleep ends by itself much
/// later.
@Suite("Wake-ups", .timeLimit(.minutes(5)))
struct WakeUpTests {
  /// Longer than the first six sleeps of a wait, of 20, 40, 80, 160, 320 and 640 ms.
  ///
  /// The next sleep lasts for a second.
  private static let pause: Duration = .milliseconds(1300)
  /// Less than the rest of that sleep, and far more than a wake-up takes.
  private static let limit: Duration = .milliseconds(700)

  /// Lets two threads wait, makes something happen during their long sleep, and expects both to
  /// continue before the sleep would end.
  ///
  /// A busy machine may be late, but not each time.
  ///
  /// - Parameters:
  ///   - hold: Makes the two wait while the given body runs, and lets them continue after that.
  ///   - wait: The wait of the two.
  private func expectWakeUps(
    sourceLocation: SourceLocation = #_sourceLocation,
    while hold: (() -> Void) throws -> Void, wait: @Sendable @escaping () throws -> Void
  ) throws {
    var times: [Duration] = []
    for _ in 0..<3 {
      let count = Counter()
      var begin = ContinuousClock.now
      try hold {
        for _ in 0..<2 {
          Thread.detachNewThread {
            if (try? wait()) != nil { count.increment() }
          }
        }
        Thread.sleep(forTimeInterval: Self.pause / .seconds(1))
        begin = .now
      }
      while count.value < 2 && .now - begin < .seconds(30) { usleep(1000) }
      #expect(count.value == 2, sourceLocation: sourceLocation)
      times.append(.now - begin)
      if times.last! < Self.limit { return }
    }
    Issue.record("Woken after \(times)", sourceLocation: sourceLocation)
  }

  /// The short form of `scripts/stress`.
  @Test("No process misses a wake-up, in sleeps that do not end by themselves")
  func turns() async throws {
    let outcome = try await runWithPrivateSharedMemory(
      "size=64m", Places.helper, ["sync-turns", "\(extent(whole: 10_000, short: 2000))"])
    #expect(outcome.status == .exited(0), "\(outcome.errors)\(outcome.output)")
    let lines = outcome.output.split(separator: "\n")
    let primitives = [
      "mutex", "condition", "readWriteLock", "readWriteCondition", "semaphore", "event", "barrier",
      "atomic", "queue", "queueOfOne", "queueWithoutRemoteFences", "queueWithSomeRemoteFences",
      "topic",
    ]
    #expect(lines.map { $0.prefix { $0 != ":" } } == primitives.map { $0[...] })
  }

  @Test("A lock that is given back wakes one waiter, and that one wakes the next")
  func mutex() throws {
    let mutex = try SharedMutex.create(nil, initialValue: 0)
    try mutex.unlink()
    try expectWakeUps { body in
      try lock(mutex) { _ in body() }
    } wait: {
      // The waiter sleeps again before it is its turn.
      try lock(mutex) { _ in _ = usleep(20_000) }
    }
  }

  @Test("A change of a guarded value wakes all its waiters")
  func condition() throws {
    let mutex = try SharedMutex.create(nil, initialValue: 0)
    try mutex.unlink()
    try expectWakeUps { body in
      try lock(mutex) { $0 = 0 }
      body()
      try lock(mutex) { $0 = 1 }
    } wait: {
      try mutex.withLock(until: { $0 == 1 }) { _ in }
    }
  }

  @Test("The last reader wakes the writers, and a writer wakes all", arguments: [true, false])
  func readWriteLock(isHeldForReading: Bool) throws {
    let lock = try SharedReadWriteLock.create(nil, initialValue: 0)
    try lock.unlink()
    try expectWakeUps { body in
      if isHeldForReading {
        try lock.withReadLock { _ in body() }
      } else {
        try lock.withWriteLock { _ in body() }
      }
    } wait: {
      if isHeldForReading {
        try lock.withWriteLock { $0 += 1 }
      } else {
        try lock.withReadLock { _ in }
      }
    }
  }

  @Test("A write wakes all that wait for a condition", arguments: [true, false])
  func readWriteCondition(isReading: Bool) throws {
    let lock = try SharedReadWriteLock.create(nil, initialValue: 0)
    try lock.unlink()
    try expectWakeUps { body in
      try lock.withWriteLock { $0 = 0 }
      body()
      try lock.withWriteLock { $0 = 1 }
    } wait: {
      if isReading {
        try lock.withReadLock(until: { $0 == 1 }) { _ in }
      } else {
        try lock.withWriteLock(until: { $0 == 1 }) { _ in }
      }
    }
  }

  @Test("The last party wakes the others")
  func barrier() throws {
    let barrier = try SharedBarrier.create(nil, partyCount: 3)
    try barrier.unlink()
    try expectWakeUps { body in
      body()
      try barrier.arriveAndWait()
    } wait: {
      try barrier.arriveAndWait()
    }
  }

  @Test("A broken barrier wakes its waiters")
  func brokenBarrier() throws {
    let barrier = try SharedBarrier.create(nil, partyCount: 4)
    try barrier.unlink()
    try expectWakeUps { body in
      barrier.reset()
      body()
      #expect(errorCode { try barrier.arriveAndWait(timeout: .zero) } == .timedOut)
    } wait: {
      if errorCode({ try barrier.arriveAndWait() }) != .timedOut { throw CancellationError() }
    }
  }

  @Test("A reset barrier wakes its waiters")
  func barrierMadeAnew() throws {
    let barrier = try SharedBarrier.create(nil, partyCount: 4)
    try barrier.unlink()
    try expectWakeUps { body in
      body()
      barrier.reset()
    } wait: {
      if errorCode({ try barrier.arriveAndWait() }) != .timedOut { throw CancellationError() }
    }
  }

  @Test("Each permit that is given back wakes one waiter")
  func semaphore() throws {
    let semaphore = try SharedSemaphore.create(nil, permitCount: 2)
    try semaphore.unlink()
    try expectWakeUps { body in
      let first = try semaphore.acquire()
      let second = try semaphore.acquire()
      body()
      first.release()
      second.release()
    } wait: {
      try semaphore.acquire().release()
    }
  }

  @Test("An event wakes all its waiters", arguments: [true, false])
  func event(isPulse: Bool) throws {
    let event = try SharedEvent.create(nil)
    try event.unlink()
    try expectWakeUps { body in
      event.reset()
      body()
      if isPulse { event.pulse() } else { event.set() }
    } wait: {
      try event.wait()
    }
  }

  @Test("A change of an integer with a notification wakes all its waiters")
  func atomic() throws {
    let atomic = try SharedAtomic<UInt32>.create(nil, initialValue: 0)
    try atomic.unlink()
    try expectWakeUps { body in
      atomic[].store(0, ordering: .relaxed)
      body()
      atomic[].store(1, ordering: .relaxed)
      atomic.notify()
    } wait: {
      try atomic.wait(while: 0)
    }
  }

  @Test("A task that is cancelled in the middle of a long sleep ends at once")
  func cancelledTask() async throws {
    let event = try SharedEvent.create(nil)
    try event.unlink()
    var times: [Duration] = []
    for _ in 0..<3 {
      let waiter = Task { try await event.wait() }
      try await Task.sleep(for: Self.pause)
      let begin = ContinuousClock.now
      waiter.cancel()
      await #expect(throws: CancellationError.self) { try await waiter.value }
      times.append(.now - begin)
      if times.last! < Self.limit { return }
    }
    Issue.record("Ended after \(times)")
  }

  // MARK: - Time-outs

  /// A wait with a time-out, for something that never happens.
  enum EndlessWait: CaseIterable {
    case memory, event, semaphore, mutex, condition
    case readLock, writeLock, readCondition, writeCondition, barrier, atomic

    func run(timeout: Duration) throws {
      switch self {
      case .memory:
        try SharedMemory.anonymous(byteCount: 4).wait(at: 0, while: 0, timeout: timeout)
      case .event:
        try SharedEvent.create(nil, options: .whileAttached).wait(timeout: timeout)
      case .semaphore:
        let semaphore = try SharedSemaphore.create(nil, permitCount: 1, options: .whileAttached)
        let permit = try semaphore.acquire()
        let code = errorCode { try semaphore.acquire(timeout: timeout).release() }
        permit.release()
        if code == .timedOut { throw InterprocessError(code: .timedOut, message: "") }
      case .mutex:
        let mutex = try SharedMutex.create(nil, initialValue: 0, options: .whileAttached)
        let other = try SharedMutex<Int>.attach(mutex.name)
        try lock(mutex) { _ in try lock(other, timeout: timeout) { _ in } }
      case .condition:
        let mutex = try SharedMutex.create(nil, initialValue: 0, options: .whileAttached)
        try mutex.withLock(until: { $0 == 1 }, timeout: timeout) { _ in }
      case .readLock:
        let lock = try SharedReadWriteLock.create(nil, initialValue: 0, options: .whileAttached)
        let other = try SharedReadWriteLock<Int>.attach(lock.name)
        try lock.withWriteLock { _ in try other.withReadLock(timeout: timeout) { _ in } }
      case .writeLock:
        let lock = try SharedReadWriteLock.create(nil, initialValue: 0, options: .whileAttached)
        let other = try SharedReadWriteLock<Int>.attach(lock.name)
        try lock.withReadLock { _ in try other.withWriteLock(timeout: timeout) { _ in } }
      case .readCondition:
        let lock = try SharedReadWriteLock.create(nil, initialValue: 0, options: .whileAttached)
        try lock.withReadLock(until: { $0 == 1 }, timeout: timeout) { _ in }
      case .writeCondition:
        let lock = try SharedReadWriteLock.create(nil, initialValue: 0, options: .whileAttached)
        try lock.withWriteLock(until: { $0 == 1 }, timeout: timeout) { _ in }
      case .barrier:
        let barrier = try SharedBarrier.create(nil, partyCount: 2, options: .whileAttached)
        try barrier.arriveAndWait(timeout: timeout)
      case .atomic:
        let atomic = try SharedAtomic.create(nil, initialValue: 0, options: .whileAttached)
        try atomic.wait(while: 0, timeout: timeout)
      }
    }
  }

  @Test(
    "A time-out is never early, and on a quiet machine less than 20 ms late",
    arguments: EndlessWait.allCases)
  func lateness(of wait: EndlessWait) throws {
    let timeout: Duration = .milliseconds(150)
    var times: [Duration] = []
    // A busy machine may be late, but not each time.
    for _ in 0..<20 {
      let begin = ContinuousClock.now
      #expect(errorCode { try wait.run(timeout: timeout) } == .timedOut)
      let time = ContinuousClock.now - begin
      #expect(time >= timeout)
      times.append(time)
      if time < timeout + .milliseconds(20) { return }
    }
    Issue.record("Each was late: \(times)")
  }
}
