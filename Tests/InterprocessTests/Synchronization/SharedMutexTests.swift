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

import Glibc
import Subprocess
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Interprocess

@Suite("Shared mutex", .timeLimit(.minutes(5)))
struct SharedMutexTests {
  // MARK: - Basics

  @Test("A change under the lock of one handle is seen under that of another")
  func basics() throws {
    let name = uniqueName()
    let first = try SharedMutex.create(name, initialValue: Account())
    let second = try SharedMutex<Account>.attach(name)
    #expect([first.isCreator, second.isCreator] == [true, false])
    #expect(second.name == name)
    let sum = try first.withLock { account in
      account.add()
      return account.first + account.second
    }
    #expect(sum == 2)
    #expect(try second.tryWithLock { $0.first } == 1)
    let third = try SharedMutex.attachOrCreate(name, initialValue: Account())
    #expect(!third.isCreator)
    #expect(try third.withLock { $0.second } == 1)
    try second.unlink()
    #expect(!exists(name))
    #expect(!first.isLinked)
  }

  @Test("A missing mutex is created, and a temporary one goes with its last handle")
  func lifetimes() throws {
    let name = uniqueName()
    var mutex: SharedMutex<Int>? = try .attachOrCreate(
      name, initialValue: 5, options: .whileAttached)
    #expect(mutex?.isCreator == true)
    #expect(mutex?.lifetime == .whileAttached)
    var other: SharedMutex<Int>? = try .attach(name)
    mutex = nil
    #expect(try other?.withLock { $0 } == 5)
    other = nil
    #expect(!exists(name))
  }

  @Test("An error of the body passes through, and the lock is free again")
  func bodyThrows() throws {
    struct Failure: Error {}
    let mutex = try SharedMutex.create(nil, initialValue: 1)
    try mutex.unlink()
    #expect(throws: Failure.self) {
      try mutex.withLock { value in
        value = 2
        throw Failure()
      }
    }
    #expect(try mutex.withLock { $0 } == 2)
  }

  @Test("A thread that takes the lock again fails a precondition")
  func recursion() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let mutex = try SharedMutex.create(nil, initialValue: 1, options: .whileAttached)
      try mutex.unlink()
      try mutex.withLock { _ in try mutex.withLock { $0 = 2 } }
    }
    #expect(result.says("This thread holds the lock already", isAlwaysThere: true))
  }

  @Test("Another type of value is refused")
  func otherType() throws {
    let name = uniqueName()
    let mutex = try SharedMutex.create(name, initialValue: Account())
    #expect(throws: InterprocessError.self) { _ = try SharedMutex<UInt64>.attach(name) }
    #expect(throws: InterprocessError.self) { _ = try SharedValue<Account>.attach(name) }
    try mutex.unlink()
  }

  // MARK: - Several processes

  @Test("4 processes add to one value, and no addition is lost")
  func processes() async throws {
    let name = uniqueName()
    let mutex = try SharedMutex.create(name, initialValue: Account())
    try await runTogether(4) { _ in ["sync", "mutex-add", name, "1000000"] }
    try mutex.unlink()
    let account = try lock(mutex) { $0 }
    #expect(account.first == 4_000_000 && account.isWhole)
  }

  @Test("A lock that another process holds is not available, and is waited for")
  func held() async throws {
    let name = uniqueName()
    let mutex = try SharedMutex.create(name, initialValue: Account())
    let (status, _) = try await withChildProcess(Places.helper, ["sync", "mutex-hold", name]) {
      holder in
      #expect(try await holder.nextLine() == "held")
      let isAvailable = try mutex.tryWithLock { _ in true }
      #expect(isAvailable == nil)
      let begin = now()
      let error = #expect(throws: InterprocessError.self) {
        try lock(mutex, timeout: .milliseconds(100)) { _ in }
      }
      #expect(error?.code == .timedOut)
      #expect(now() - begin >= 100_000_000)
      let first = inThread { try lock(mutex) { $0.first } }
      try await Task.sleep(for: .milliseconds(50))
      try await holder.send("go on")
      #expect(try await holder.nextLine() == "released")
      #expect(try await first.value == 1)
    }
    #expect(status == .exited(0))
    try mutex.unlink()
  }

  // MARK: - Dead holders

  @Test("A killed holder leaves an error, in every process, until one repairs the value")
  func ownerDied() async throws {
    let name = uniqueName()
    let mutex = try SharedMutex.create(name, initialValue: Account())
    let other = try SharedMutex<Account>.attach(name)
    try await killHolder(of: name)
    for handle in [mutex, other, mutex] {
      #expect(errorCode { try lock(handle) { $0.add() } } == .ownerDied)
      #expect(errorCode { _ = try handle.tryWithLock { $0.add() } } == .ownerDied)
    }
    let late = try SharedMutex<Account>.attach(name)
    #expect(errorCode { try lock(late) { $0.add() } } == .ownerDied)

    // A repair that fails leaves the lock as it was.
    struct Failure: Error {}
    #expect(throws: Failure.self) {
      try recover(other, { _ in throw Failure() }) { _ in }
    }
    #expect(errorCode { try lock(mutex) { $0.add() } } == .ownerDied)

    var repaired: [Bool] = []
    let repair = { (account: inout Account) in
      repaired.append(account.isWhole)
      account.repair()
    }
    try recover(other, repair) { $0.add() }
    #expect(repaired == [false])
    let account = try lock(mutex) { $0 }
    #expect(account.isWhole && account.first == 2 && account.repairCount == 1)
    // If no holder died, there is nothing to repair.
    try recover(mutex, { $0.repair() }) { #expect($0.repairCount == 1) }
    try mutex.unlink()
  }

  @Test(
    "A waiter notices that the holder was killed, however it waits",
    arguments: [WaitStrategy.adaptive, .adaptive(upTo: .microseconds(1)), .polling, .sleeping])
  func ownerDiesMeanwhile(waiting: WaitStrategy) async throws {
    let name = uniqueName()
    let mutex = try SharedMutex.create(name, initialValue: Account())
    mutex.waiting = waiting
    let (status, _) = try await withChildProcess(Places.helper, ["sync", "mutex-hold", name]) {
      holder in
      #expect(try await holder.nextLine() == "held")
      let outcome = inThread { errorCode { try lock(mutex) { $0.add() } } }
      async let asyncOutcome = Task { () -> InterprocessError.Code? in
        do {
          try await mutex.withLock { $0.add() }
          return nil
        } catch let error as InterprocessError {
          return error.code
        }
      }.value
      try await Task.sleep(for: .milliseconds(100))
      try holder.kill()
      #expect(try await outcome.value == .ownerDied)
      #expect(try await asyncOutcome == .ownerDied)
    }
    #expect(status == .signaled(9))
    try mutex.unlink()
  }

  @Test("Processes that are killed every few milliseconds lose no lock, and damage no value")
  func kills() async throws {
    let name = uniqueName()
    let mutex = try SharedMutex.create(name, initialValue: Account())
    @Sendable func value() throws -> Account { try recover(mutex, { $0.repair() }) { $0 } }
    try await killAgainAndAgain(
      ["sync", "mutex-loop", name], until: { try value().first > 1000 })
    let account = try value()
    #expect(account.isWhole && account.first > 1000)
    try mutex.unlink()
  }

  // MARK: - Conditions

  @Test("A wait for a condition that never holds ends with a time-out, never early")
  func conditionTimesOut() async throws {
    let mutex = try SharedMutex.create(nil, initialValue: 1)
    try mutex.unlink()
    let begin = now()
    #expect(
      errorCode { try mutex.withLock(until: { $0 == 2 }, timeout: .milliseconds(50)) { $0 = 3 } }
        == .timedOut)
    #expect(now() - begin >= 50_000_000)
    let asyncBegin = now()
    await #expect(throws: InterprocessError.self) {
      try await mutex.withLock(until: { $0 == 2 }, timeout: .milliseconds(50)) { $0 = 3 }
    }
    #expect(now() - asyncBegin >= 50_000_000)
    #expect(try await mutex.withLock { $0 } == 1)
  }

  // MARK: - Tasks

  @Test("Tasks share a handle, and a cancelled one ends at once and leaves nothing behind")
  func tasks() async throws {
    let mutex = try SharedMutex.create(nil, initialValue: 0)
    try mutex.unlink()
    try await withThrowingTaskGroup { group in
      for _ in 1...8 {
        group.addTask { for _ in 1...1000 { try await mutex.withLock { $0 += 1 } } }
      }
      try await group.waitForAll()
    }
    #expect(try await mutex.withLock { $0 } == 8000)

    let holder = Blocked.Holder { wait in try lock(mutex) { _ in wait() } }
    let waiter = Task { try await mutex.withLock { $0 = -1 } }
    try await Task.sleep(for: .milliseconds(50))
    waiter.cancel()
    await #expect(throws: CancellationError.self) { try await waiter.value }
    holder.release()
    #expect(try await mutex.withLock { $0 } == 8000)
  }

  /// Two threads and one mapping, so that the thread sanitizer sees both sides.
  @Test("What one thread writes under the lock, another sees, also under the thread sanitizer")
  func twoThreadsAdd() async throws {
    let mutex = try SharedMutex.create(nil, initialValue: Account())
    try mutex.unlink()
    try await withThrowingTaskGroup { group in
      for _ in 1...2 {
        group.addTask { for _ in 1...20_000 { try lock(mutex) { $0.add() } } }
      }
      try await group.waitForAll()
    }
    let account = try lock(mutex) { $0 }
    #expect(account.first == 40_000 && account.isWhole)
  }

  // MARK: - Hostile words

  @Test("Random words give an error or a time-out", arguments: 0..<10)
  func hostile(seed: UInt64) throws {
    let name = uniqueName()
    let mutex = try SharedMutex.create(name, initialValue: Account())
    var memory = try SharedMemory.attach(name)
    try mutex.unlink()
    let content = Int(memory.load(fromByteOffset: 72, as: UInt64.self))
    var generator = SeededGenerator(seed: seed)
    let words: [UInt32] = [.max, 1 << 31, 1 << 30, 0x3FFF_FFFF, 1 << 31 | 5]
    for round in 0..<100 {
      let word = round < words.count ? words[round] : UInt32(truncatingIfNeeded: generator.next())
      memory.storeBytes(of: word, toByteOffset: content, as: UInt32.self)
      memory.storeBytes(
        of: UInt32(truncatingIfNeeded: generator.next()), toByteOffset: content + 4, as: UInt32.self
      )
      let found = errorCode { try lock(mutex, timeout: .milliseconds(1)) { $0.add() } }
      switch found {
      case nil, .timedOut, .ownerDied, .corrupted?: break
      default: Issue.record("\(word) gives \(String(describing: found))")
      }
    }
  }

  // MARK: - Helpers

  private func killHolder(of name: String) async throws {
    let (status, _) = try await withChildProcess(Places.helper, ["sync", "mutex-hold", name]) {
      #expect(try await $0.nextLine() == "held")
      try $0.kill()
    }
    #expect(status == .signaled(9))
  }
}
