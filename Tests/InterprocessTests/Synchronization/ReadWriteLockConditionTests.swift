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

@Suite("Conditions of a read-write lock", .timeLimit(.minutes(5)))
struct ReadWriteLockConditionTests {
  /// The forms that wait for a condition.
  enum Form: String, CaseIterable, Sendable {
    case reading, writing, readingAsTask, writingAsTask

    var isReading: Bool { self == .reading || self == .readingAsTask }

    /// Waits, and returns the value.
    func wait<Value: Shareable & Sendable & SendableMetatype>(
      _ lock: SharedReadWriteLock<Value>, timeout: Duration? = nil,
      until condition: @Sendable @escaping (Value) throws -> Bool,
      _ body: @Sendable @escaping (Value) throws -> Void = { _ in }
    ) async throws -> Value {
      @Sendable func run(_ value: Value) throws -> Value {
        try body(value)
        return value
      }
      switch self {
      case .reading:
        return try await inThread {
          try lock.withReadLock(until: condition, timeout: timeout, run)
        }.value
      case .writing:
        return try await inThread {
          try lock.withWriteLock(until: condition, timeout: timeout) { try run($0) }
        }.value
      case .readingAsTask:
        return try await lock.withReadLock(until: condition, timeout: timeout, run)
      case .writingAsTask:
        return try await lock.withWriteLock(until: condition, timeout: timeout) { try run($0) }
      }
    }
  }

  // MARK: - Waiting

  @Test("A condition that holds at once needs no time", arguments: Form.allCases)
  func atOnce(form: Form) async throws {
    let lock = try SharedReadWriteLock.create(nil, initialValue: 1)
    try lock.unlink()
    #expect(try await form.wait(lock, timeout: .zero, until: { $0 == 1 }) == 1)
  }

  @Test("A waiter continues once another process has changed the value", arguments: Form.allCases)
  func change(form: Form) async throws {
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: Account())
    defer { try? lock.unlink() }
    let checks = Counter()
    let waiter = Task {
      try await form.wait(
        lock,
        until: {
          checks.increment()
          return $0.first == 2
        })
    }
    while checks.value == 0 { try await Task.sleep(for: .milliseconds(1)) }
    for _ in 1...2 {
      _ = try await withChildProcess(Places.helper, ["sync", "rwlock-write", name]) { writer in
        try await writer.expectNext("held")
        try await writer.send("go on")
        #expect(try await writer.nextLine() == nil)
      }
    }
    let account = try await waiter.value
    #expect(account.isWhole && account.first == 2)
    #expect(checks.value >= 2)
  }

  @Test(
    "Another process that waited reads beside others, or writes alone", arguments: [true, false])
  func sharing(isReading: Bool) async throws {
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: Account())
    defer { try? lock.unlink() }
    let arguments = ["sync", "rwlock-await", name, isReading ? "read" : "write", "1"]
    let (status, _) = try await withChildProcess(Places.helper, arguments) { waiter in
      try await waiter.expectNext("ready")
      try await Task.sleep(for: .milliseconds(60))
      // A waiter holds nothing in its sleep.
      try inThisThread { try lock.withWriteLock(timeout: .seconds(60)) { $0.add() } }
      try await waiter.expectNext("came 1 true")
      #expect(try lock.tryWithReadLock { $0.first } == (isReading ? 1 : nil))
      #expect(try lock.tryWithWriteLock { _ in true } == nil)
      try await waiter.expect("go on", "released")
      #expect(try lock.tryWithWriteLock { $0.first } == (isReading ? 1 : 2))
    }
    #expect(status == .exited(0))
  }

  @Test("A reader that waits for a condition does not keep a writer away while it checks again")
  func order() async throws {
    let lock = try SharedReadWriteLock.create(nil, initialValue: 0, maximumReaderCount: 1)
    try lock.unlink()
    let reader = inThread { try lock.withReadLock(until: { $0 == 100 }) { $0 } }
    // One place for two readers.
    let task = Task { try await lock.withReadLock(until: { $0 == 100 }) { $0 } }
    for _ in 1...100 { try inThisThread { try lock.withWriteLock { $0 += 1 } } }
    #expect(try await reader.value == 100)
    #expect(try await task.value == 100)
  }

  // MARK: - Time-outs

  @Test(
    "A time-out bounds the wait for a condition, and never comes early", arguments: Form.allCases)
  func timeout(form: Form) async throws {
    let lock = try SharedReadWriteLock.create(nil, initialValue: 1)
    try lock.unlink()
    let begin = now()
    let code = await taskErrorCode {
      _ = try await form.wait(lock, timeout: .milliseconds(50), until: { $0 == 2 })
    }
    #expect(code == .timedOut)
    #expect(now() - begin >= 50_000_000)
    #expect(try lock.tryWithWriteLock { $0 } == 1)
  }

  @Test("A time-out bounds the waits for a writer and for a place", arguments: Form.allCases)
  func timeoutOfLock(form: Form) async throws {
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: Account(), maximumReaderCount: 1)
    defer { try? lock.unlink() }
    for command in ["rwlock-read", "rwlock-write"] {
      _ = try await withChildProcess(Places.helper, ["sync", command, name]) { holder in
        try await holder.expectNext("held")
        let begin = now()
        let code = await taskErrorCode {
          _ = try await form.wait(lock, timeout: .milliseconds(50), until: { _ in true })
        }
        #expect(code == .timedOut)
        #expect(now() - begin >= 50_000_000)
        try await holder.send("go on")
        while try await holder.nextLine() != nil {}
      }
      #expect(try lock.tryWithWriteLock { _ in true } == true)
    }
  }

  // MARK: - Errors and cancellation

  @Test("An error of the condition or the body passes through, and the lock is free again")
  func throwing() async throws {
    struct Failure: Error {}
    for form in Form.allCases {
      let lock = try SharedReadWriteLock.create(nil, initialValue: 1)
      try lock.unlink()
      await #expect(throws: Failure.self) {
        _ = try await form.wait(lock, until: { _ in throw Failure() })
      }
      #expect(try lock.tryWithWriteLock { $0 } == 1, "\(form)")
      await #expect(throws: Failure.self) {
        _ = try await form.wait(lock, until: { _ in true }) { _ in throw Failure() }
      }
      #expect(try lock.tryWithWriteLock { $0 } == 1, "\(form)")
    }
  }

  @Test("A cancelled task ends at once, and leaves nothing behind", arguments: [true, false])
  func cancelling(isReading: Bool) async throws {
    let lock = try SharedReadWriteLock.create(nil, initialValue: 1)
    try lock.unlink()
    let checks = Counter()
    let form: Form = isReading ? .readingAsTask : .writingAsTask
    let task = Task {
      try await form.wait(
        lock,
        until: { _ in
          checks.increment()
          return false
        })
    }
    while checks.value == 0 { try await Task.sleep(for: .milliseconds(1)) }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(try lock.tryWithWriteLock { $0 } == 1)
    // While it waits for the lock.
    let holder = Blocked.Holder { wait in try lock.withWriteLock { _ in wait() } }
    let second = Task { try await form.wait(lock, until: { _ in true }) }
    try await Task.sleep(for: .milliseconds(20))
    second.cancel()
    await #expect(throws: CancellationError.self) { try await second.value }
    holder.release()
    #expect(try lock.tryWithWriteLock { $0 } == 1)
  }

  // MARK: - Dead holders

  @Test(
    "A waiter notices that a writer died, and waits again after a repair", arguments: Form.allCases)
  func writerDies(form: Form) async throws {
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: Account())
    defer { try? lock.unlink() }
    let checks = Counter()
    let waiter = Task {
      await taskErrorCode {
        _ = try await form.wait(
          lock,
          until: { _ in
            checks.increment()
            return false
          })
      }
    }
    while checks.value == 0 { try await Task.sleep(for: .milliseconds(1)) }
    _ = try await withChildProcess(Places.helper, ["sync", "rwlock-write", name]) { writer in
      try await writer.expectNext("held")
      try writer.kill()
    }
    #expect(await waiter.value == .ownerDied)
    let second = await taskErrorCode { _ = try await form.wait(lock, until: { _ in true }) }
    #expect(second == .ownerDied)
    try inThisThread { try lock.withWriteLock(recovering: { $0.repair() }) { $0.add() } }
    #expect(try await form.wait(lock, until: { $0.first == 2 }).isWhole)
  }

  @Test(
    "A process killed while it checks is a dead reader or a dead writer", arguments: [true, false])
  func checkerDies(isReading: Bool) async throws {
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: Account(), maximumReaderCount: 1)
    defer { try? lock.unlink() }
    let arguments = ["sync", "rwlock-await", name, isReading ? "read" : "write", "1", "stop"]
    _ = try await withChildProcess(Places.helper, arguments) { waiter in
      try await waiter.expectNext("ready")
      try await waiter.expectNext("checking")
      #expect(try lock.tryWithWriteLock { _ in true } == nil)
      try waiter.kill()
    }
    let code = errorCode { try lock.withWriteLock(timeout: .seconds(60)) { $0.add() } }
    #expect(code == (isReading ? nil : .ownerDied))
    try inThisThread { try lock.withWriteLock(recovering: { $0.repair() }) { $0.add() } }
    #expect(try lock.tryWithReadLock { $0.first } == (isReading ? 2 : 1))
  }

  @Test("A process killed in its sleep leaves nothing", arguments: [true, false])
  func sleeperDies(isReading: Bool) async throws {
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: Account(), maximumReaderCount: 1)
    defer { try? lock.unlink() }
    let arguments = ["sync", "rwlock-await", name, isReading ? "read" : "write", "1"]
    _ = try await withChildProcess(Places.helper, arguments) { waiter in
      try await waiter.expectNext("ready")
      // The mark of the turn; then what the waiter held is free.
      let turn = lock.segment.contentOffset + 4
      let end = ContinuousClock.now + .seconds(60)
      while lock.segment.memory.load(fromByteOffset: turn, as: UInt32.self) & 1 == 0, .now < end {
        try await Task.sleep(for: .milliseconds(1))
      }
      while try lock.tryWithWriteLock({ _ in true }) == nil, .now < end {}
      #expect(.now < end)
      try waiter.kill()
    }
    #expect(try lock.tryWithWriteLock { $0.first } == 0)
    #expect(try lock.tryWithReadLock { $0.first } == 0)
  }

  // MARK: - Threads

  /// Two threads and one mapping, so that the thread sanitizer sees both sides.
  @Test("Two threads take turns by conditions, also under the thread sanitizer")
  func twoThreadsTakeTurns() async throws {
    let lock = try SharedReadWriteLock.create(nil, initialValue: Account())
    try lock.unlink()
    try await withThrowingTaskGroup { group in
      for index: UInt64 in 0...1 {
        group.addTask {
          for _ in 0..<1000 {
            let first = try inThisThread {
              try lock.withReadLock(until: { $0.first % 2 == index }) { $0.first }
            }
            #expect(first % 2 == index)
            try inThisThread {
              try lock.withWriteLock(until: { $0.first % 2 == index }) { $0.add() }
            }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try lock.tryWithReadLock { $0.first } == 2000)
  }
}
