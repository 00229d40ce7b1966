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

internal import ArgumentParser
internal import Glibc
internal import Interprocess
internal import Synchronization
internal import TestSupport

/// One of the processes that the campaign kills.
struct SyncWorker {
  private let subject: SyncSubject
  private var queueWorker: QueueWorker?
  private var topicWorker: (any TopicWorkers)?
  private let index: Int
  private let log: SyncLog
  private var generator: SeededGenerator
  private let disturbance: Disturbance

  init(
    primitive: SyncSubject.Primitive, name: String, index: Int, seed: UInt64
  ) throws(InterprocessError) {
    log = try SyncLog(attaching: "\(name)_log")
    subject = try SyncSubject(attaching: primitive, name)
    self.index = index
    generator = SeededGenerator(seed: seed)
    disturbance = Disturbance(seed: generator.next())
    let strategies: [WaitStrategy] = [.adaptive, .adaptive, .polling, .sleeping]
    subject.object.waiting = strategies.randomElement(using: &generator)!
    if case .queue(_, let subject) = subject {
      queueWorker = QueueWorker(subject, isSender: index < 2, disturbance)
    } else if case .topic(_, let subject) = subject {
      topicWorker = subject.worker(
        isPublisher: index < 2, disturbance, seed: generator.next())
    }
  }

  mutating func run() throws {
    let (log, index) = (log, index)
    handleCheckpoints { log.come(index, to: $0) }
    let conductor = getppid()
    log[.processID, index] = UInt64(getpid())
    // Ends with a conductor that was killed.
    while getppid() == conductor {
      if try performInTime() { log[.operations, index] += 1 }
    }
  }

  /// Performs one operation, which ends as long as others work; now and then with so little time
  /// that it may fail.
  ///
  /// - Returns: Whether it was done.
  private mutating func performInTime() throws -> Bool {
    // Ends a child that was forked in the operation.
    defer { disturbance.endChild() }
    guard generator.next().isMultiple(of: 16) else {
      // Longer than the conductor's patience.
      try performOne(timeout: .seconds(60))
      return true
    }
    let begin = ContinuousClock.now
    defer {
      if .now - begin > .seconds(15) { fail("A wait of a millisecond took \(.now - begin)") }
    }
    do {
      try performOne(timeout: .milliseconds(1))
      return true
    } catch let error as InterprocessError where error.code == .timedOut {
      return false
    }
  }

  private mutating func performOne(timeout: Duration) throws {
    // Two workers give the signals, and two wait for them.
    let isGiver = index < 2
    switch subject {
    case .mutex(let mutex):
      try recovering(mutex) { try mutex.withLock(timeout: timeout, add) }
    case .condition(let mutex):
      let (index, count) = (UInt64(index), UInt64(SyncCampaign.workerCount))
      try recovering(mutex) {
        try mutex.withLock(until: { $0.first % count == index }, timeout: timeout, add)
      }
    case .readWriteLock(let lock):
      do {
        if generator.next().isMultiple(of: 4) {
          try lock.withWriteLock(timeout: timeout, add)
        } else {
          let account = try lock.withReadLock(timeout: timeout) { account in
            disturbance.comeBy()
            return account
          }
          if !account.isWhole { fail("\(account) is read without a repair") }
        }
      } catch let error as InterprocessError where error.code == .ownerDied {
        try lock.withWriteLock(recovering: { $0.repair() }, timeout: timeout) { _ in }
      }
    case .readWriteCondition(let lock):
      let (index, count) = (UInt64(index), UInt64(SyncCampaign.workerCount))
      do {
        let account = try lock.withReadLock(
          until: { $0.first % count == index }, timeout: timeout
        ) { account in
          disturbance.comeBy()
          return account
        }
        if !account.isWhole { fail("\(account) is read without a repair") }
        try lock.withWriteLock(until: { $0.first % count == index }, timeout: timeout, add)
      } catch let error as InterprocessError where error.code == .ownerDied {
        try lock.withWriteLock(recovering: { $0.repair() }, timeout: timeout) { _ in }
      }
    case .barrier(let barrier):
      do throws(InterprocessError) {
        try barrier.arriveAndWait(timeout: timeout)
      } catch {
        guard error.code == .ownerDied || error.code == .timedOut else { throw error }
        pause()
        if barrier.isBroken { barrier.reset() }
      }
    case .semaphore(let semaphore):
      let permit = try semaphore.acquire(timeout: timeout)
      pause()
      disturbance.comeBy()
      permit.release()
    case .event(let event):
      if isGiver {
        if Bool.random(using: &generator) {
          event.pulse()
        } else {
          event.set()
          event.reset()
        }
        pause()
      } else {
        let seen = event.generation
        let now = try event.wait(after: seen, timeout: timeout)
        if now == seen { fail("The generation is \(now) after \(seen)") }
      }
    case .atomic(let atomic):
      if isGiver {
        atomic[].wrappingAdd(1, ordering: .releasing)
        atomic.notify()
        pause()
      } else {
        let seen = atomic[].load(ordering: .acquiring)
        let now = try atomic.wait(while: seen, timeout: timeout)
        if now <= seen { fail("The value is \(now) after \(seen)") }
      }
    case .queue:
      if let problem = try queueWorker!.performOne(timeout: timeout) { fail(problem) }
      pause()
    case .topic:
      if let problem = try topicWorker!.performOne(timeout: timeout) { fail(problem) }
      pause()
    }
  }

  private func add(_ account: inout Account) {
    guard account.isWhole else { fail("\(account) without a repair") }
    account.add()
    let added = account.first
    disturbance.comeBy()
    if !disturbance.isChild && account.first != added {
      fail("\(account) was changed by others, at \(added)")
    }
  }

  /// Runs a body that needs a whole value, after a repair if necessary.
  private func recovering(_ mutex: SharedMutex<Account>, _ body: () throws -> Void) throws {
    while true {
      do {
        return try body()
      } catch let error as InterprocessError where error.code == .ownerDied {
        try mutex.withLock(recovering: { $0.repair() }, timeout: .seconds(60)) { _ in }
      }
    }
  }

  /// Pauses now and then for some microseconds, so that others sleep meanwhile.
  private mutating func pause() {
    if generator.next().isMultiple(of: 4) { usleep(UInt32(generator.next() % 300)) }
  }

  private func fail(_ problem: String) -> Never {
    Helper.answer("Worker \(index): \(problem)")
    exit(3)
  }
}

extension SyncWorker {
  struct Command: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "sync-worker")

    @Argument var primitive: SyncSubject.Primitive
    @Argument var name: String
    @Argument var index: Int
    @Argument var seed: UInt64

    func run() throws {
      var worker = try SyncWorker(primitive: primitive, name: name, index: index, seed: seed)
      try worker.run()
    }
  }
}
