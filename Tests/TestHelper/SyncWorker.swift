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

/// The lock or signal of a campaign.
enum SyncSubject {
  enum Primitive: String, CaseIterable, ExpressibleByArgument {
    case mutex, condition, readWriteLock, semaphore, event, barrier, atomic
    case queue, queueAcknowledged, queueOfOne, queueOfOneAcknowledged
    case queueOfBytes, queueOfBytesAcknowledged, queueOfOneOfBytes, queueOfOneOfBytesAcknowledged
    case topic, topicOfMany, topicPatient

    /// The subjects of the campaign on locks and signals, and of the one on messages.
    static let ofSynchronization = allCases.filter { !$0.isOfMessaging }
    static let ofMessaging = allCases.filter(\.isOfMessaging)

    private static let stepsOfQueue: [Checkpoint] = [
      .messageBegun, .messageWritten, .messageSent, .messageTold, .messageSeen, .messageRead,
      .messageTaken, .gateMarked, .gateChanged,
    ]

    private static let stepsOfLock: [Checkpoint] = [
      .lockTaken, .lockMarked, .unlockBegun, .unlockReleased,
    ]

    private static let stepsOfTopic: [Checkpoint] = [
      .messageBegun, .messageWritten, .messageSent, .messageTold, .slotsTaken,
      .placeSeen, .subscribed, .arrivalTold, .messageSeen, .messagePinned, .messageTaken,
      .messageFreed,
    ]

    var isOfMessaging: Bool { rawValue.hasPrefix("queue") || rawValue.hasPrefix("topic") }

    var isOfOne: Bool { rawValue.hasPrefix("queueOfOne") }

    var isOfBytes: Bool { rawValue.contains("OfBytes") }

    var isAcknowledging: Bool { rawValue.hasSuffix("Acknowledged") }

    /// The steps of its protocol.
    var steps: [Checkpoint] {
      switch self {
      case .mutex: [.lockTaken, .lockMarked, .lockAbandoned, .unlockBegun, .unlockReleased]
      case .condition: [.lockTaken, .changeAwaited, .unlockTurned, .unlockReleased]
      case .readWriteLock:
        [
          .lockTaken, .unlockReleased, .placeSeen, .permitTaken, .permitFreed, .gateMarked,
          .gateChanged,
        ]
      case .barrier: [.partyArrived, .barrierBroken]
      case .semaphore: [.gateMarked, .placeSeen, .permitTaken, .permitFreed, .gateChanged]
      case .event: [.eventMarked, .eventAdvanced]
      case .atomic: [.gateMarked, .gateChanged]
      case .queue, .queueAcknowledged:
        Self.stepsOfQueue + Self.stepsOfLock
      case .queueOfOne, .queueOfOneAcknowledged:
        Self.stepsOfQueue
      case .queueOfBytes, .queueOfBytesAcknowledged:
        Self.stepsOfQueue + Self.stepsOfLock + [.messageFreed]
      case .queueOfOneOfBytes, .queueOfOneOfBytesAcknowledged:
        Self.stepsOfQueue + [.messageFreed]
      case .topic: Self.stepsOfTopic + [.gateMarked, .gateChanged]
      case .topicOfMany, .topicPatient:
        Self.stepsOfTopic + Self.stepsOfLock + [.gateMarked, .gateChanged]
      }
    }
  }

  case mutex(SharedMutex<Account>)
  case condition(SharedMutex<Account>)
  case readWriteLock(SharedReadWriteLock<Account>)
  case semaphore(SharedSemaphore)
  case event(SharedEvent)
  case barrier(SharedBarrier)
  case atomic(SharedAtomic<UInt64>)
  case queue(Primitive, QueueSubject)
  case topic(Primitive, TopicSubject)

  init(creating primitive: Primitive, _ name: String) throws(InterprocessError) {
    switch primitive {
    case .mutex: self = .mutex(try .create(name, initialValue: Account()))
    case .condition: self = .condition(try .create(name, initialValue: Account()))
    case .readWriteLock:
      self = .readWriteLock(
        try .create(name, initialValue: Account(), maximumReaderCount: 2))
    case .barrier: self = .barrier(try .create(name, partyCount: SyncCampaign.workerCount))
    case .semaphore: self = .semaphore(try .create(name, permitCount: 2))
    case .event: self = .event(try .create(name))
    case .atomic: self = .atomic(try .create(name, initialValue: 0))
    case .topic, .topicOfMany, .topicPatient:
      self = .topic(primitive, try TopicSubject(creating: primitive, name))
    default: self = .queue(primitive, try QueueSubject(creating: primitive, name))
    }
  }

  init(attaching primitive: Primitive, _ name: String) throws(InterprocessError) {
    switch primitive {
    case .mutex: self = .mutex(try .attach(name))
    case .condition: self = .condition(try .attach(name))
    case .readWriteLock: self = .readWriteLock(try .attach(name))
    case .barrier: self = .barrier(try .attach(name))
    case .semaphore: self = .semaphore(try .attach(name))
    case .event: self = .event(try .attach(name))
    case .atomic: self = .atomic(try .attach(name))
    case .topic, .topicOfMany, .topicPatient:
      self = .topic(primitive, try TopicSubject(attaching: primitive, name))
    default: self = .queue(primitive, try QueueSubject(attaching: primitive, name))
    }
  }

  var primitive: Primitive {
    switch self {
    case .mutex: .mutex
    case .condition: .condition
    case .readWriteLock: .readWriteLock
    case .barrier: .barrier
    case .semaphore: .semaphore
    case .event: .event
    case .atomic: .atomic
    case .queue(let primitive, _), .topic(let primitive, _): primitive
    }
  }

  private var name: String {
    switch self {
    case .mutex(let mutex), .condition(let mutex): mutex.name
    case .readWriteLock(let lock): lock.name
    case .barrier(let barrier): barrier.name
    case .semaphore(let semaphore): semaphore.name
    case .event(let event): event.name
    case .atomic(let atomic): atomic.name
    case .queue(_, let subject): subject.name
    case .topic(_, let subject): subject.topic.name
    }
  }

  func unlink() {
    switch self {
    case .queue(_, let subject): subject.unlink()
    case .topic(_, let subject): subject.unlink()
    default: try? SharedMemory.unlink(name)
    }
  }

  /// The first words behind the header, for a failure.
  var words: String {
    guard let memory = try? SharedMemory.attach(name) else { return "none" }
    let content = Int(memory.load(fromByteOffset: 72, as: UInt64.self))
    let offsets = stride(from: content, to: min(content + 160, memory.byteCount - 3), by: 4)
    let words = offsets.map { memory.load(fromByteOffset: $0, as: UInt32.self) }
    return words.map { String($0, radix: 16) }.joined(separator: " ")
  }

  /// The fault that shows when all workers have ended.
  ///
  /// - Parameters:
  ///   - operations: How many operations there may have been.
  ///   - killedCount: How many of the second half of the workers were killed.
  ///   - recoveryCount: Counts the repairs made here.
  func problem(
    expecting operations: ClosedRange<UInt64>, killedCount: Int, _ recoveryCount: inout UInt64
  ) throws -> String? {
    switch self {
    case .mutex(let mutex), .condition(let mutex):
      let account = try mutex.withLock(recovering: { $0.repair() }, timeout: .seconds(30)) { $0 }
      guard account.isWhole && operations.contains(account.first) else {
        return "\(account) after \(operations) additions"
      }
      recoveryCount = account.repairCount
    case .readWriteLock(let lock):
      let account = try lock.withWriteLock(
        recovering: { $0.repair() }, timeout: .seconds(30)
      ) { $0 }
      guard account.isWhole && (1...operations.upperBound).contains(account.first) else {
        return "\(account) after \(operations) reads and additions"
      }
      recoveryCount = account.repairCount
    case .barrier(let barrier):
      barrier.reset()
      if barrier.isBroken || barrier.arrivedCount != 0 { return "The barrier was not reset" }
    case .semaphore(let semaphore):
      let isWhole = try comesTrue {
        recoveryCount += UInt64(try semaphore.reclaim())
        return semaphore.availableCount == semaphore.permitCount
      }
      guard isWhole else { return "\(semaphore.availableCount) permits are left" }
    case .event(let event):
      if event.generation == 0 { return "The event never came" }
    case .atomic(let atomic):
      let value = atomic[].load(ordering: .relaxed)
      if value == 0 { return "The value never changed" }
    case .queue(_, let subject):
      return try subject.problem(killedCount: killedCount)
    case .topic(_, let subject):
      return try subject.problem()
    }
    return nil
  }
}

/// One of the processes that the campaign kills.
struct SyncWorker {
  private let subject: SyncSubject
  private var queueWorker: QueueWorker?
  private var topicWorker: TopicWorker?
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
    if case .queue(_, let subject) = subject {
      queueWorker = QueueWorker(subject, isSender: index < 2, disturbance)
    } else if case .topic(_, let subject) = subject {
      topicWorker = TopicWorker(
        subject, isPublisher: index < 2, disturbance, seed: generator.next())
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
