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
import SystemPackage
import TestSupport
import Testing

@testable import Interprocess

/// Locks that other programs hold on the bytes that stand for handles.
@Suite("Foreign locks on numbers", .timeLimit(.minutes(5)))
struct ForeignNumberLockTests {
  private static let firstNumberByte = Lease.byteOffset(ofNumber: 0)
  private static let numberCount = 1 << 30

  /// A type that needs a number, and one short use of it.
  enum Subject: String, CaseIterable, Sendable {
    case mutex, mutexForTasks, mutexUntil, mutexIfAvailable, recovering
    case reading, readingForTasks, readingUntil, readingIfAvailable
    case writing, writingForTasks, writingUntil, writingIfAvailable, permit, permitForTasks,
      permitIfAvailable, reclaiming
    case party, partyForTasks, sending, sendingForTasks, receiving, receivingForTasks
    case sender, receiver
    case sendingBytes, sendingBytesForTasks, receivingBytes, receivingBytesForTasks
    case publisher, publishing, publishingForTasks, subscriber, messages, writer

    func create(_ name: String) throws {
      switch self {
      case .mutex, .mutexForTasks, .mutexUntil, .mutexIfAvailable, .recovering:
        _ = try SharedMutex.create(name, initialValue: 0)
      case .reading, .readingForTasks, .readingUntil, .readingIfAvailable, .writing,
        .writingForTasks, .writingUntil, .writingIfAvailable:
        _ = try SharedReadWriteLock.create(name, initialValue: 0)
      case .permit, .permitForTasks, .permitIfAvailable, .reclaiming:
        _ = try SharedSemaphore.create(name, permitCount: 1)
      case .party, .partyForTasks:
        _ = try SharedBarrier.create(name, partyCount: 1)
      case .sending, .sendingForTasks, .receiving, .receivingForTasks:
        _ = try SharedQueue<Int>.create(name, capacity: 4)
      case .sender, .receiver:
        _ = try SharedQueue<Int>.create(name, capacity: 4, senders: .one, receivers: .one)
      case .sendingBytes, .sendingBytesForTasks, .receivingBytes, .receivingBytesForTasks:
        _ = try SharedByteQueue.create(name, byteCapacity: 64, maximumByteCount: 8)
      case .publisher, .subscriber, .messages:
        _ = try SharedTopic<Int>.create(name)
      case .publishing, .publishingForTasks:
        _ = try SharedTopic<Int>.create(name, publishers: .many)
      case .writer:
        _ = try SharedValue.create(name, initialValue: 0)
      }
    }

    func use(_ name: String) async throws {
      let timeout = Duration.milliseconds(200)
      switch self {
      case .mutex:
        try lock(try SharedMutex<Int>.attach(name), timeout: timeout) { $0 += 1 }
      case .mutexForTasks:
        try await SharedMutex<Int>.attach(name).withLock(timeout: timeout) { $0 += 1 }
      case .mutexUntil:
        try await SharedMutex<Int>.attach(name)
          .withLock(until: { $0 == 0 }, timeout: timeout) { _ in }
      case .mutexIfAvailable:
        _ = try SharedMutex<Int>.attach(name).tryWithLock { $0 += 1 }
      case .recovering:
        try recover(try SharedMutex<Int>.attach(name), { _ in }) { $0 += 1 }
      case .reading:
        try inThisThread {
          _ = try SharedReadWriteLock<Int>.attach(name).withReadLock(timeout: timeout) { $0 }
        }
      case .readingForTasks:
        _ = try await SharedReadWriteLock<Int>.attach(name).withReadLock(timeout: timeout) { $0 }
      case .writing:
        try inThisThread {
          try SharedReadWriteLock<Int>.attach(name).withWriteLock(timeout: timeout) { $0 += 1 }
        }
      case .writingForTasks:
        try await SharedReadWriteLock<Int>.attach(name).withWriteLock(timeout: timeout) { $0 += 1 }
      case .readingUntil:
        _ = try await SharedReadWriteLock<Int>.attach(name)
          .withReadLock(until: { $0 == 0 }, timeout: timeout) { $0 }
      case .readingIfAvailable:
        _ = try SharedReadWriteLock<Int>.attach(name).tryWithReadLock { $0 }
      case .writingUntil:
        try await SharedReadWriteLock<Int>.attach(name)
          .withWriteLock(until: { $0 == 0 }, timeout: timeout) { _ in }
      case .writingIfAvailable:
        _ = try SharedReadWriteLock<Int>.attach(name).tryWithWriteLock { $0 += 1 }
      case .permit:
        try inThisThread { _ = try SharedSemaphore.attach(name).acquire(timeout: timeout) }
      case .permitForTasks:
        _ = try await SharedSemaphore.attach(name).acquire(timeout: timeout)
      case .permitIfAvailable:
        _ = try SharedSemaphore.attach(name).tryAcquire()
      case .reclaiming:
        try SharedSemaphore.attach(name).reclaim()
      case .party:
        try inThisThread { try SharedBarrier.attach(name).arriveAndWait(timeout: timeout) }
      case .partyForTasks:
        try await SharedBarrier.attach(name).arriveAndWait(timeout: timeout)
      case .sending:
        try inThisThread { try SharedQueue<Int>.attach(name).send(1, timeout: timeout) }
      case .sendingForTasks:
        try await SharedQueue<Int>.attach(name).send(1, timeout: timeout)
      case .receiving:
        try inThisThread { _ = try SharedQueue<Int>.attach(name).receive(timeout: timeout) }
      case .receivingForTasks:
        _ = try await SharedQueue<Int>.attach(name).receive(timeout: timeout)
      case .sender:
        _ = try SharedQueue<Int>.attach(name).sender()
      case .receiver:
        _ = try SharedQueue<Int>.attach(name).receiver()
      case .sendingBytes:
        try inThisThread {
          try SharedByteQueue.attach(name).send(byteCount: 1, timeout: timeout) { _ in }
        }
      case .sendingBytesForTasks:
        try await SharedByteQueue.attach(name).send(byteCount: 1, timeout: timeout) { _ in }
      case .receivingBytes:
        try inThisThread { _ = try SharedByteQueue.attach(name).receive(timeout: timeout) }
      case .receivingBytesForTasks:
        _ = try await SharedByteQueue.attach(name).receive(timeout: timeout)
      case .publisher:
        _ = try SharedTopic<Int>.attach(name).publisher()
      case .publishing:
        try inThisThread {
          var publisher = try SharedTopic<Int>.attach(name).publisher()
          try publisher.publish(1, timeout: timeout)
        }
      case .publishingForTasks:
        var publisher = try SharedTopic<Int>.attach(name).publisher()
        try await publisher.publish(1, timeout: timeout)
      case .subscriber:
        _ = try SharedTopic<Int>.attach(name).subscriber()
      case .messages:
        for try await _ in try SharedTopic<Int>.attach(name).messages() { break }
      case .writer:
        try SharedValue<Int>.attach(name).store(1)
      }
    }

    /// Whether the use has nothing to do unless the lock is in the way.
    var waitsForOthers: Bool {
      switch self {
      case .receiving, .receivingForTasks, .receivingBytes, .receivingBytesForTasks, .messages: true
      default: false
      }
    }
  }

  @Test(
    "A call that needs a number fails within its time-out, and names the lock in the way",
    arguments: Subject.allCases,
    [
      ForeignLock(.shared), ForeignLock(.exclusive),
      ForeignLock(.shared, isOfDescription: true),
      ForeignLock(.exclusive, start: Lease.byteOffset + 1),
    ])
  func named(_ subject: Subject, _ lock: ForeignLock) async throws {
    let name = uniqueName()
    try subject.create(name)
    defer { try? SharedMemory.unlink(name) }
    let begin = SuspendingClock.now
    try await ForeignLockTests.python.withLock(lock, on: path(name)) { locker in
      let error = try await #require(throws: InterprocessError.self) { try await subject.use(name) }
      #expect(error.code == .system(.resourceTemporarilyUnavailable))
      #expect(error.name == name)
      let holder = lock.isOfDescription ? "another program" : "process \(locker.processID)"
      #expect(error.message.contains(holder), "\(error)")
      #expect(SuspendingClock.now - begin < .seconds(60))
      #expect(try await locker.ask("unlock") == "unlocked")
      if !subject.waitsForOthers { try await subject.use(name) }
    }
  }

  @Test("A lock on part of the numbers only costs another draw")
  func part() async throws {
    let name = uniqueName()
    let mutex = try SharedMutex.create(name, initialValue: 0)
    defer { try? SharedMemory.unlink(name) }
    let half = ForeignLock(
      .exclusive, start: Self.firstNumberByte, count: Self.numberCount / 2)
    try await ForeignLockTests.python.withLock(half, on: path(name)) { _ in
      try lock(mutex) { $0 += 1 }
      for _ in 0..<16 {
        try lock(try SharedMutex<Int>.attach(name)) { $0 += 1 }
      }
    }
    #expect(try lock(mutex) { $0 } == 17)
  }

  // MARK: - Living holders

  /// A mutex that a dead process holds, by a number that the body gets.
  private func withDeadHolder(
    _ body: (String, SharedMutex<Int>, Int) async throws -> Void
  ) async throws {
    let name = uniqueName()
    let mutex = try SharedMutex.create(name, initialValue: 0)
    defer { try? SharedMemory.unlink(name) }
    // The survivor drew its number before.
    try lock(mutex) { $0 += 1 }
    let number = 77
    var memory = try SharedMemory.attach(name)
    memory.storeBytes(
      of: UInt32(number), toByteOffset: mutex.segment.contentOffset, as: UInt32.self)
    try await body(name, mutex, number)
  }

  @Test(
    "Only an exclusive lock of a handle says that its holder lives",
    arguments: [
      ForeignLock(.shared), ForeignLock(.exclusive), ForeignLock(.shared, isOfDescription: true),
      ForeignLock(.exclusive, isOfDescription: true),
    ])
  func dead(_ kind: ForeignLock) async throws {
    try await withDeadHolder { name, mutex, number in
      var foreign = kind
      foreign.start = Lease.byteOffset(ofNumber: UInt32(number)) - 8
      foreign.count = 16
      try await ForeignLockTests.python.withLock(foreign, on: path(name)) { _ in
        #expect(errorCode { try lock(mutex, timeout: .seconds(60)) { $0 += 1 } } == .ownerDied)
        let value = try recover(mutex, { _ in }) { $0 }
        #expect(value == 1)
      }
    }
  }

  /// Holds a lock in Python on the byte of one number.
  private func withLock(
    _ kind: ForeignLock.Kind, onNumber number: Int, of name: String,
    _ body: (ChildProcess) async throws -> Void
  ) async throws {
    let foreign = ForeignLock(
      kind, start: Lease.byteOffset(ofNumber: UInt32(number)), count: 1, isOfDescription: true)
    try await ForeignLockTests.python.withLock(foreign, on: path(name), body)
  }

  @Test("A shared lock on one byte does not stand for a handle")
  func sharedByte() async throws {
    try await withDeadHolder { name, mutex, number in
      try await withLock(.shared, onNumber: number, of: name) { _ in
        #expect(errorCode { try lock(mutex, timeout: .seconds(60)) { $0 += 1 } } == .ownerDied)
      }
    }
  }

  @Test("A program that imitates a holder is waited for, and a time-out is kept")
  func imitated() async throws {
    try await withDeadHolder { name, mutex, number in
      try await withLock(.exclusive, onNumber: number, of: name) { locker in
        let short = Duration.milliseconds(200)
        #expect(errorCode { try lock(mutex, timeout: short) { $0 += 1 } } == .timedOut)
        await #expect(throws: InterprocessError.self) {
          try await mutex.withLock(timeout: short) { $0 += 1 }
        }
        let answer = try await locker.ask("unlock")
        #expect(answer == "unlocked")
        #expect(errorCode { try lock(mutex, timeout: .seconds(60)) { $0 += 1 } } == .ownerDied)
      }
    }
  }

  @Test("A writer is distinguished from a lock that keeps all processes from its role")
  func writer() throws {
    let name = uniqueName()
    let first = try SharedValue.create(name, initialValue: 0)
    defer { try? SharedMemory.unlink(name) }
    try first.store(1)
    let second = try SharedValue<Int>.attach(name)
    #expect(errorCode { try second.store(2) } == .roleTaken)
  }
}
