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
    case mutex, condition, readWriteLock, readWriteCondition, semaphore, event, barrier, atomic
    case queue, queueAcknowledged, queueOfOne, queueOfOneAcknowledged
    case queueOfBytes, queueOfBytesAcknowledged, queueOfOneOfBytes, queueOfOneOfBytesAcknowledged
    case topic, topicOfMany, topicPatient
    case topicOfEntries, topicOfEntriesOfMany, topicOfEntriesPatient

    /// The subjects of the campaign on locks and signals, and of the one on messages.
    static let ofSynchronization = allCases.filter { !$0.isOfMessaging }
    static let ofMessaging = allCases.filter(\.isOfMessaging)

    private static let stepsOfQueue: [Checkpoint] = [
      .messageBegun, .messageWritten, .messageSent, .tailStored, .messageSeen, .messageRead,
      .messageTaken, .gateMarked, .gateChanged,
    ]

    private static let stepsOfLock: [Checkpoint] = [
      .lockTaken, .lockMarked, .unlockBegun, .unlockReleased,
    ]

    private static let stepsOfAnyTopic: [Checkpoint] = [
      .messageBegun, .messageWritten, .messageSent, .tailStored, .placeSeen, .subscribed,
      .arrivalCounted, .messageSeen, .messageTaken, .gateMarked, .gateChanged,
    ]

    private var stepsOfTopic: [Checkpoint] {
      Self.stepsOfAnyTopic
        + (isOfEntries
          ? [.entryMarked, .storeHalfWritten, .messageRead]
          : [
            .entryStored, .slotsTaken, .slotMarked, .slotAnnounced, .messagePinned, .messageFreed,
          ])
        + (isTopicOfOne ? [] : Self.stepsOfLock)
    }

    var isOfMessaging: Bool { rawValue.hasPrefix("queue") || rawValue.hasPrefix("topic") }

    var isOfOne: Bool { rawValue.hasPrefix("queueOfOne") }

    var isOfBytes: Bool { rawValue.contains("OfBytes") }

    var isOfEntries: Bool { rawValue.hasPrefix("topicOfEntries") }

    var isTopicOfOne: Bool { self == .topic || self == .topicOfEntries }

    var isPatientTopic: Bool { self == .topicPatient || self == .topicOfEntriesPatient }

    var isAcknowledging: Bool { rawValue.hasSuffix("Acknowledged") }

    /// The steps of its protocol.
    var steps: [Checkpoint] {
      switch self {
      case .mutex: [.lockTaken, .lockMarked, .lockAbandoned, .unlockBegun, .unlockReleased]
      case .condition: [.lockTaken, .changeAwaited, .changeCounted, .unlockReleased]
      case .readWriteLock:
        [
          .lockTaken, .unlockReleased, .placeSeen, .permitTaken, .permitFreed, .gateMarked,
          .gateChanged,
        ]
      case .readWriteCondition:
        [.lockTaken, .permitTaken, .changeAwaited, .permitFreed, .changeCounted, .unlockReleased]
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
      case .topic, .topicOfMany, .topicPatient, .topicOfEntries, .topicOfEntriesOfMany,
        .topicOfEntriesPatient:
        stepsOfTopic
      }
    }
  }

  case mutex(SharedMutex<Account>)
  case condition(SharedMutex<Account>)
  case readWriteLock(SharedReadWriteLock<Account>)
  case readWriteCondition(SharedReadWriteLock<Account>)
  case semaphore(SharedSemaphore)
  case event(SharedEvent)
  case barrier(SharedBarrier)
  case atomic(SharedAtomic<UInt64>)
  case queue(Primitive, QueueSubject)
  case topic(Primitive, any TopicSubjects)

  init(creating primitive: Primitive, _ name: String) throws(InterprocessError) {
    switch primitive {
    case .mutex: self = .mutex(try .create(name, initialValue: Account()))
    case .condition: self = .condition(try .create(name, initialValue: Account()))
    case .readWriteLock:
      self = .readWriteLock(
        try .create(name, initialValue: Account(), maximumReaderCount: 2))
    case .readWriteCondition: self = .readWriteCondition(try .create(name, initialValue: Account()))
    case .barrier: self = .barrier(try .create(name, partyCount: SyncCampaign.workerCount))
    case .semaphore: self = .semaphore(try .create(name, permitCount: 2))
    case .event: self = .event(try .create(name))
    case .atomic: self = .atomic(try .create(name, initialValue: 0))
    case .topic, .topicOfMany, .topicPatient:
      self = .topic(primitive, try TopicSubject<UInt64>(creating: primitive, name))
    case .topicOfEntries, .topicOfEntriesOfMany, .topicOfEntriesPatient:
      self = .topic(primitive, try TopicSubject<EntryWords>(creating: primitive, name))
    default: self = .queue(primitive, try QueueSubject(creating: primitive, name))
    }
  }

  init(attaching primitive: Primitive, _ name: String) throws(InterprocessError) {
    switch primitive {
    case .mutex: self = .mutex(try .attach(name))
    case .condition: self = .condition(try .attach(name))
    case .readWriteLock: self = .readWriteLock(try .attach(name))
    case .readWriteCondition: self = .readWriteCondition(try .attach(name))
    case .barrier: self = .barrier(try .attach(name))
    case .semaphore: self = .semaphore(try .attach(name))
    case .event: self = .event(try .attach(name))
    case .atomic: self = .atomic(try .attach(name))
    case .topic, .topicOfMany, .topicPatient:
      self = .topic(primitive, try TopicSubject<UInt64>(attaching: primitive, name))
    case .topicOfEntries, .topicOfEntriesOfMany, .topicOfEntriesPatient:
      self = .topic(primitive, try TopicSubject<EntryWords>(attaching: primitive, name))
    default: self = .queue(primitive, try QueueSubject(attaching: primitive, name))
    }
  }

  var primitive: Primitive {
    switch self {
    case .mutex: .mutex
    case .condition: .condition
    case .readWriteLock: .readWriteLock
    case .readWriteCondition: .readWriteCondition
    case .barrier: .barrier
    case .semaphore: .semaphore
    case .event: .event
    case .atomic: .atomic
    case .queue(let primitive, _), .topic(let primitive, _): primitive
    }
  }

  var object: any StructuredObject {
    switch self {
    case .mutex(let mutex), .condition(let mutex): mutex
    case .readWriteLock(let lock), .readWriteCondition(let lock): lock
    case .barrier(let barrier): barrier
    case .semaphore(let semaphore): semaphore
    case .event(let event): event
    case .atomic(let atomic): atomic
    case .queue(_, let subject): subject.object
    case .topic(_, let subject): subject.object
    }
  }

  private var name: String { object.name }

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
    case .readWriteLock(let lock), .readWriteCondition(let lock):
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
