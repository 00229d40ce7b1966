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
import SystemPackage
import TestSupport
import Testing

@testable import Interprocess

@Suite("Shared read-write lock", .timeLimit(.minutes(5)))
struct SharedReadWriteLockTests {
  // MARK: - Basics

  @Test("What is written through one handle is read through another")
  func basics() throws {
    let name = uniqueName()
    let first = try SharedReadWriteLock.create(name, initialValue: Account())
    let second = try SharedReadWriteLock<Account>.attach(name)
    #expect([first.isCreator, second.isCreator] == [true, false])
    #expect(first.maximumReaderCount == 64 && second.maximumReaderCount == 64)
    try write(first) { $0.add() }
    #expect(try read(second) { $0.first } == 1)
    let third = try SharedReadWriteLock.attachOrCreate(name, initialValue: Account())
    #expect(!third.isCreator && third.isLinked)
    try write(third) { $0.add() }
    #expect(try read(first) { $0.second } == 2)
    try second.unlink()
    #expect(!exists(name))
  }

  @Test("A lock without readers is refused", arguments: [0, -1, .min, .max])
  func sizes(count: Int) {
    let found = errorCode {
      _ = try SharedReadWriteLock.create(nil, initialValue: 1, maximumReaderCount: count)
    }
    #expect(found == .invalidSize)
  }

  @Test("A header with more readers than the memory has room for is refused")
  func wrongCapacity() throws {
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: 1, maximumReaderCount: 2)
    var memory = try SharedMemory.attach(name)
    for count: UInt64 in [0, 3, 1 << 40, 1 << 57, 1 << 62, UInt64(Int.max)] {
      memory.storeBytes(of: count, toByteOffset: 32, as: UInt64.self)
      guard case .corrupted? = errorCode({ _ = try SharedReadWriteLock<Int>.attach(name) }) else {
        Issue.record("\(count) readers are accepted")
        continue
      }
    }
    try lock.unlink()
  }

  @Test("An error of the body passes through, and the lock is free again")
  func bodyThrows() throws {
    struct Failure: Error {}
    let lock = try SharedReadWriteLock.create(nil, initialValue: 1)
    try lock.unlink()
    #expect(throws: Failure.self) { try read(lock) { _ in throw Failure() } }
    #expect(throws: Failure.self) { try write(lock) { _ in throw Failure() } }
    try write(lock) { $0 = 2 }
    #expect(try read(lock) { $0 } == 2)
  }

  @Test("A thread that writes again while it writes fails a precondition")
  func recursion() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let lock = try SharedReadWriteLock.create(nil, initialValue: 1, options: .whileAttached)
      try lock.unlink()
      try write(lock) { _ in try write(lock) { $0 = 2 } }
    }
    #expect(result.says("This thread holds the lock already", isAlwaysThere: true))
  }

  // MARK: - Several processes

  @Test("Processes read and write at once, no reader sees half of a write, and no write is lost")
  func processes() async throws {
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: Account(), maximumReaderCount: 2)
    try await runTogether(4) { _ in ["sync", "rwlock-use", name, "10000"] }
    let account = try read(lock) { $0 }
    #expect(account.isWhole && account.first == 10_000)
    try lock.unlink()
  }

  @Test("Several read at the same time, and writers wait for them")
  func readers() async throws {
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: Account())
    let (status, _) = try await withChildProcess(Places.helper, ["sync", "rwlock-read", name]) {
      reader in
      #expect(try await reader.nextLine() == "held")
      #expect(try read(lock) { $0.first } == 0)
      let begin = now()
      #expect(errorCode { try write(lock, timeout: .milliseconds(60)) { $0.add() } } == .timedOut)
      #expect(now() - begin >= 60_000_000)
      // The writer that gave up blocks no process.
      #expect(try read(lock, timeout: .zero) { $0.first } == 0)
      let task = Task { try await lock.withWriteLock { $0.add() } }
      let thread = inThread { try write(lock) { $0.add() } }
      try await Task.sleep(for: .milliseconds(60))
      try await reader.send("go on")
      #expect(try await reader.nextLine() == "released")
      try await task.value
      try await thread.value
    }
    #expect(status == .exited(0))
    #expect(try read(lock) { $0.first } == 2)
    try lock.unlink()
  }

  @Test("A reader that meets a writer between its two steps gives its place back, and waits")
  func readerMeetsWriter() async {
    await #expect(processExitsWith: .success) {
      let lock = try SharedReadWriteLock.create(nil, initialValue: 0, options: .whileAttached)
      let other = try SharedReadWriteLock<Int>.attach(lock.name)
      try lock.unlink()
      let content = Int(lock.segment.memory.load(fromByteOffset: 72, as: UInt64.self))
      let isFirst = Once()
      Checkpoint.handler = { step in
        // The reader has its place, and has not looked at the lock since.
        guard step == .permitTaken, isFirst.isFirst() else { return }
        Thread.detachNewThread { try? write(other) { $0 = 1 } }
        while lock.isWordZero(at: content) { usleep(100) }
      }
      // The writer waits for that place, so that both continue only if the reader gives it back.
      let value: Int = try read(lock) { $0 }
      #expect(value == 1)
    }
  }

  @Test("With the greatest number of readers, one more waits")
  func fullTable() async throws {
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: Account(), maximumReaderCount: 1)
    let (status, _) = try await withChildProcess(Places.helper, ["sync", "rwlock-read", name]) {
      reader in
      #expect(try await reader.nextLine() == "held")
      #expect(errorCode { try read(lock, timeout: .milliseconds(30)) { _ in } } == .timedOut)
      let task = Task { try await lock.withReadLock { $0.first } }
      let thread = inThread { try read(lock) { $0.first } }
      try await Task.sleep(for: .milliseconds(60))
      try reader.kill()
      #expect(try await task.value == 0)
      #expect(try await thread.value == 0)
    }
    #expect(status == .signaled(9))
    try lock.unlink()
  }

  // MARK: - Dead holders

  @Test("A killed reader does not hold up a writer")
  func readerDies() async throws {
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: Account())
    for isAsync in [false, true] {
      let (status, _) = try await withChildProcess(Places.helper, ["sync", "rwlock-read", name]) {
        reader in
        #expect(try await reader.nextLine() == "held")
        try reader.kill()
      }
      #expect(status == .signaled(9))
      if isAsync {
        try await lock.withWriteLock { $0.add() }
      } else {
        try write(lock) { $0.add() }
      }
    }
    #expect(try read(lock) { $0.first } == 2)
    try lock.unlink()
  }

  @Test("A killed writer leaves an error for all, until one repairs the value")
  func writerDies() async throws {
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: Account())
    let (status, _) = try await withChildProcess(Places.helper, ["sync", "rwlock-write", name]) {
      writer in
      #expect(try await writer.nextLine() == "held")
      let reader = inThread { errorCode { try read(lock) { _ in } } }
      let task = Task { try await lock.withReadLock { $0.first } }
      try await Task.sleep(for: .milliseconds(60))
      try writer.kill()
      #expect(try await reader.value == .ownerDied)
      await #expect(throws: InterprocessError.self) { try await task.value }
    }
    #expect(status == .signaled(9))
    #expect(errorCode { try read(lock) { _ in } } == .ownerDied)
    let error = #expect(throws: InterprocessError.self) { try write(lock) { _ in } }
    #expect(error?.code == .ownerDied)
    #expect(error?.message.contains("Repair it with `withWriteLock(recovering:)`") == true)
    var wasWhole: [Bool] = []
    let repair = { (account: inout Account) in
      wasWhole.append(account.isWhole)
      account.repair()
    }
    try recover(lock, repair) { $0.add() }
    #expect(wasWhole == [false])
    let account = try read(lock) { $0 }
    #expect(account.isWhole && account.first == 2 && account.repairCount == 1)
    try lock.unlink()
  }

  @Test("A repair that fails, or that times out, leaves the error")
  func failedRepair() async throws {
    struct Failure: Error {}
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: Account())
    let (status, _) = try await withChildProcess(Places.helper, ["sync", "rwlock-write", name]) {
      #expect(try await $0.nextLine() == "held")
      try $0.kill()
    }
    #expect(status == .signaled(9))
    #expect(errorCode { try read(lock) { _ in } } == .ownerDied)
    #expect(throws: Failure.self) { try recover(lock, { _ in throw Failure() }) { _ in } }
    #expect(errorCode { try write(lock) { _ in } } == .ownerDied)
    try await lock.withWriteLock(recovering: { $0.repair() }) { $0.add() }
    #expect(try read(lock) { $0.isWhole })
    try lock.unlink()
  }

  @Test("A repair that has no time to wait for readers leaves the error")
  func lateRepair() async throws {
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: Account())
    let content = Int(lock.segment.memory.load(fromByteOffset: 72, as: UInt64.self))
    let (status, _) = try await withChildProcess(Places.helper, ["sync", "rwlock-read", name]) {
      reader in
      #expect(try await reader.nextLine() == "held")
      let (writerStatus, _) = try await withChildProcess(
        Places.helper, ["sync", "rwlock-write", name]
      ) { writer in
        while lock.isWordZero(at: content) { try await Task.sleep(for: .milliseconds(1)) }
        try writer.kill()
      }
      #expect(writerStatus == .signaled(9))
      #expect(errorCode { try read(lock) { _ in } } == .ownerDied)
      for _ in 1...2 {
        #expect(
          errorCode { try recover(lock, { $0.repair() }, timeout: .milliseconds(20)) { _ in } }
            == .timedOut)
        #expect(errorCode { try write(lock) { _ in } } == .ownerDied)
      }
      try await reader.send("go on")
      #expect(try await reader.nextLine() == "released")
    }
    #expect(status == .exited(0))
    try recover(lock, { $0.repair() }) { $0.add() }
    #expect(try read(lock) { $0.first } == 1)
    try lock.unlink()
  }

  @Test("Processes that are killed every few milliseconds lose no lock, and damage no value")
  func kills() async throws {
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: Account(), maximumReaderCount: 3)
    @Sendable func value() throws -> Account { try recover(lock, { $0.repair() }) { $0 } }
    try await killAgainAndAgain(
      ["sync", "rwlock-loop", name], until: { try value().first > 1000 })
    let account = try value()
    #expect(account.isWhole && account.first > 1000)
    try lock.unlink()
  }

  // MARK: - Threads and tasks

  /// Two threads and one mapping, so that the thread sanitizer sees both sides.
  @Test("Readers see what a writer wrote, also under the thread sanitizer")
  func twoThreadsReadAndWrite() async throws {
    let lock = try SharedReadWriteLock.create(nil, initialValue: Account())
    try lock.unlink()
    try await withThrowingTaskGroup { group in
      for _ in 1...2 {
        group.addTask {
          for round in 1...5000 {
            if round.isMultiple(of: 4) {
              try write(lock) { $0.add() }
            } else {
              let isWhole = try read(lock) { $0.isWhole }
              #expect(isWhole)
            }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try read(lock) { $0.first } == 2500)
  }

  @Test("A cancelled task ends at once, and leaves nothing behind")
  func cancelling() async throws {
    let lock = try SharedReadWriteLock.create(nil, initialValue: 0)
    try lock.unlink()
    let holder = Blocked.Holder { wait in try read(lock) { _ in wait() } }
    let writer = Task { try await lock.withWriteLock { $0 = 1 } }
    try await Task.sleep(for: .milliseconds(20))
    let reader = Task { try await lock.withReadLock { $0 } }
    try await Task.sleep(for: .milliseconds(20))
    reader.cancel()
    await #expect(throws: CancellationError.self) { try await reader.value }
    writer.cancel()
    await #expect(throws: CancellationError.self) { try await writer.value }
    #expect(try await lock.withReadLock { $0 } == 0)
    holder.release()
    try await lock.withWriteLock { $0 = 2 }
    #expect(try await lock.withReadLock { $0 } == 2)
  }

  // MARK: - Hostile words

  @Test("Random words give an error or a time-out", arguments: 0..<10)
  func hostile(seed: UInt64) throws {
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: Account(), maximumReaderCount: 1)
    var memory = try SharedMemory.attach(name)
    try lock.unlink()
    let content = Int(memory.load(fromByteOffset: 72, as: UInt64.self))
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<40 {
      for offset in [content, content + 4, content + 8, content + 128] {
        let word = generator.next() % 3 == 0 ? 0 : UInt32(truncatingIfNeeded: generator.next())
        memory.storeBytes(of: word, toByteOffset: offset, as: UInt32.self)
      }
      for found in [
        errorCode { try read(lock, timeout: .milliseconds(1)) { _ in } },
        errorCode { try write(lock, timeout: .milliseconds(1)) { $0.add() } },
        errorCode { _ = try lock.tryWithReadLock { _ in } },
        errorCode { _ = try lock.tryWithWriteLock { $0.add() } },
        errorCode {
          try lock.withReadLock(until: { _ in false }, timeout: .milliseconds(1)) { _ in }
        },
        errorCode {
          try lock.withWriteLock(until: { _ in false }, timeout: .milliseconds(1)) { _ in }
        },
      ] {
        switch found {
        case nil, .timedOut, .ownerDied, .corrupted?: break
        default: Issue.record("\(String(describing: found))")
        }
      }
    }
  }
}

// The forms for threads, where the compiler would choose those for tasks.

private func read<Value, Result>(
  _ lock: SharedReadWriteLock<Value>, timeout: Duration? = nil, _ body: (Value) throws -> Result
) throws -> Result {
  try lock.withReadLock(timeout: timeout, body)
}

private func write<Value, Result>(
  _ lock: SharedReadWriteLock<Value>, timeout: Duration? = nil,
  _ body: (inout Value) throws -> Result
) throws -> Result {
  try lock.withWriteLock(timeout: timeout, body)
}

private func recover<Value, Result>(
  _ lock: SharedReadWriteLock<Value>, _ repair: (inout Value) throws -> Void,
  timeout: Duration? = nil, _ body: (inout Value) throws -> Result
) throws -> Result {
  try lock.withWriteLock(recovering: repair, timeout: timeout, body)
}

extension SharedReadWriteLock {
  /// Whether the lock of the writer is free; it begins the content.
  fileprivate func isWordZero(at content: Int) -> Bool {
    segment.memory.load(fromByteOffset: content, as: UInt32.self) == 0
  }
}

/// Distinguishes the first caller from all later ones.
private final class Once: Sendable {
  private let wasAsked = Atomic(false)

  func isFirst() -> Bool { !wasAsked.exchange(true, ordering: .relaxed) }
}
