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
import SystemPackage
import TestSupport
import Testing

@testable import Interprocess

@Suite("Shared barrier", .timeLimit(.minutes(5)))
struct SharedBarrierTests {
  // MARK: - Basics

  @Test("A barrier of one party never waits")
  func alone() async throws {
    let name = uniqueName()
    let barrier = try SharedBarrier.create(name, partyCount: 1)
    for _ in 1...3 { #expect(try arrive(barrier)) }
    #expect(try await barrier.arriveAndWait())
    let other = try SharedBarrier.attachOrCreate(name, partyCount: 1)
    #expect([barrier.isCreator, other.isCreator] == [true, false])
    #expect([other.partyCount, other.arrivedCount] == [1, 0])
    #expect(!other.isBroken && other.isLinked)
    // The place belongs to the first handle.
    #expect(errorCode { try arrive(other) } == .roleTaken)
    try other.unlink()
    #expect(!exists(name))
  }

  @Test("An invalid number of parties is refused", arguments: [0, -1, 65_536, .max])
  func sizes(count: Int) {
    #expect(errorCode { _ = try SharedBarrier.create(nil, partyCount: count) } == .invalidSize)
  }

  @Test("A header with more parties than the memory has room for is refused")
  func wrongCapacity() throws {
    let name = uniqueName()
    let barrier = try SharedBarrier.create(name, partyCount: 2)
    var memory = try SharedMemory.attach(name)
    for count: UInt64 in [0, 3, 65_535, 65_536, UInt64(Int.max)] {
      memory.storeBytes(of: count, toByteOffset: 32, as: UInt64.self)
      guard case .corrupted? = errorCode({ _ = try SharedBarrier.attach(name) }) else {
        Issue.record("\(count) parties are accepted")
        continue
      }
    }
    try barrier.unlink()
  }

  // MARK: - Meeting

  @Test("Four processes meet many times; none continues early, and each round has one last party")
  func rounds() async throws {
    let name = uniqueName()
    let barrier = try SharedBarrier.create(name, partyCount: 4)
    let numbers = try SharedMemory.create("\(name)_numbers", byteCount: 4 * 64)
    try await runTogether(4) { ["sync", "barrier-rounds", name, "3000", "\($0)"] }
    let lastCounts = (0..<4).map {
      numbers.load(fromByteOffset: 64 * $0 + 8, as: UInt64.self)
    }
    #expect(lastCounts.reduce(0, +) == 3000)
    #expect(barrier.arrivedCount == 0 && !barrier.isBroken)
    try barrier.unlink()
    try numbers.unlink()
  }

  @Test("Later processes meet at the same barrier")
  func laterParties() async throws {
    let name = uniqueName()
    let barrier = try SharedBarrier.create(name, partyCount: 2)
    let numbers = try SharedMemory.create("\(name)_numbers", byteCount: 2 * 64)
    for _ in 1...3 {
      try await runTogether(2) { ["sync", "barrier-rounds", name, "10", "\($0)"] }
    }
    try barrier.unlink()
    try numbers.unlink()
  }

  @Test("Threads that arrive through one handle at once share one place")
  func placeOfThreads() async throws {
    for _ in 1...500 {
      let name = uniqueName()
      let barrier = try SharedBarrier.create(name, partyCount: 2, options: .whileAttached)
      try await withThrowingTaskGroup { group in
        let readyCount = Counter()
        for _ in 1...2 {
          group.addTask {
            readyCount.increment()
            while readyCount.value < 2 {}
            try arrive(barrier, timeout: .seconds(30))
          }
        }
        try await group.waitForAll()
      }
      let other = try SharedBarrier.attach(name)
      #expect(errorCode { try arrive(other, timeout: .zero) } == .timedOut)
    }
  }

  @Test("A word with more arrived parties than the barrier has is damage")
  func tooManyArrived() throws {
    let name = uniqueName()
    let barrier = try SharedBarrier.create(name, partyCount: 3, options: .whileAttached)
    var memory = try SharedMemory.attach(name)
    let content = Int(memory.load(fromByteOffset: 72, as: UInt64.self))
    for count: UInt32 in [3, 4, 0xFFFF] {
      memory.storeBytes(of: count << 3, toByteOffset: content, as: UInt32.self)
      guard case .corrupted? = errorCode({ try arrive(barrier, timeout: .zero) }) else {
        Issue.record("\(count) of 3 have arrived, and that is no error")
        continue
      }
    }
  }

  @Test("Tasks and threads meet")
  func tasks() async throws {
    let name = uniqueName()
    let handles = try (0..<8).map {
      try $0 == 0 ? SharedBarrier.create(name, partyCount: 8) : SharedBarrier.attach(name)
    }
    try handles[0].unlink()
    try await withThrowingTaskGroup { group in
      for handle in handles {
        group.addTask {
          var lastCount = 0
          for _ in 1...200 { if try await handle.arriveAndWait() { lastCount += 1 } }
          return lastCount
        }
      }
      var sum = 0
      for try await count in group { sum += count }
      #expect(sum == 200)
    }
  }

  // MARK: - Missing parties

  @Test("A party that dies breaks the barrier for waiting and for later parties")
  func partyDies() async throws {
    let name = uniqueName()
    let barrier = try SharedBarrier.create(name, partyCount: 3)
    let (status, _) = try await withChildProcess(
      Places.helper, ["sync", "barrier-arrive", name, "0"]
    ) { party in
      #expect(try await party.nextLine() == "ready")
      while barrier.arrivedCount < 1 { try await Task.sleep(for: .milliseconds(1)) }
      let thread = inThread { errorCode { try arrive(barrier) } }
      while barrier.arrivedCount < 2 { try await Task.sleep(for: .milliseconds(1)) }
      try await Task.sleep(for: .milliseconds(50))
      #expect(!barrier.isBroken)
      try party.kill()
      #expect(try await thread.value == .ownerDied)
    }
    #expect(status == .signaled(9))
    #expect(barrier.isBroken)
    let other = try SharedBarrier.attach(name)
    for handle in [barrier, other] { #expect(errorCode { try arrive(handle) } == .ownerDied) }

    barrier.reset()
    #expect(!other.isBroken && other.arrivedCount == 0)
    let third = try SharedBarrier.attach(name)
    let first = inThread { try arrive(barrier) }
    let second = inThread { try arrive(other) }
    let last = try await third.arriveAndWait()
    #expect(try await [first.value, second.value, last].count { $0 } == 1)
    try barrier.unlink()
  }

  @Test("A party that dies between two rounds breaks the next one")
  func partyDiesBetween() async throws {
    let name = uniqueName()
    let barrier = try SharedBarrier.create(name, partyCount: 2)
    let (status, _) = try await withChildProcess(
      Places.helper, ["sync", "barrier-arrive", name, "0"]
    ) { party in
      #expect(try await party.nextLine() == "ready")
      _ = try await barrier.arriveAndWait()
      let line = try await party.nextLine()
      #expect(line == "met" || line == "last")
      try party.kill()
    }
    #expect(status == .signaled(9))
    await #expect(throws: InterprocessError.self) { try await barrier.arriveAndWait() }
    #expect(barrier.isBroken)
    try barrier.unlink()
  }

  @Test("A party that gives up breaks the barrier, never early, and all learn the reason")
  func timeouts() async throws {
    let name = uniqueName()
    let barrier = try SharedBarrier.create(name, partyCount: 3)
    let other = try SharedBarrier.attach(name)
    let waiter = Task { try await other.arriveAndWait() }
    while barrier.arrivedCount < 1 { try await Task.sleep(for: .milliseconds(1)) }
    let begin = now()
    #expect(errorCode { try arrive(barrier, timeout: .milliseconds(40)) } == .timedOut)
    #expect(now() - begin >= 40_000_000)
    let error = await #expect(throws: InterprocessError.self) { try await waiter.value }
    #expect(error?.code == .timedOut)
    #expect(errorCode { try arrive(other) } == .timedOut)
    barrier.reset()

    let cancelled = Task { try await other.arriveAndWait() }
    while barrier.arrivedCount < 1 { try await Task.sleep(for: .milliseconds(1)) }
    cancelled.cancel()
    await #expect(throws: CancellationError.self) { try await cancelled.value }
    #expect(barrier.isBroken)
    barrier.reset()

    // A reset ends the wait of the parties that have arrived.
    let waiting = Task { try await other.arriveAndWait() }
    while barrier.arrivedCount < 1 { try await Task.sleep(for: .milliseconds(1)) }
    barrier.reset()
    await #expect(throws: InterprocessError.self) { try await waiting.value }
    #expect(!barrier.isBroken)
    try barrier.unlink()
  }

  /// Two threads and one mapping, so that the thread sanitizer sees both sides.
  @Test("What one party wrote before it arrived, the others see, also under the thread sanitizer")
  func twoThreadsMeet() async throws {
    // One handle, and so one mapping: the sanitizer would not recognise the word through several.
    let barrier = try SharedBarrier.create(nil, partyCount: 2)
    try barrier.unlink()
    let numbers = [Number(), Number()]
    try await withThrowingTaskGroup { group in
      for side in 0...1 {
        group.addTask {
          for round in 1...1000 {
            numbers[side].value = round
            try arrive(barrier)
            #expect(numbers[1 - side].value == round)
            try arrive(barrier)
          }
        }
      }
      try await group.waitForAll()
    }
  }

  // MARK: - Hostile words

  @Test("Random words give an error or a time-out, or let the party continue", arguments: 0..<10)
  func hostile(seed: UInt64) throws {
    let name = uniqueName()
    let barrier = try SharedBarrier.create(name, partyCount: 2)
    var memory = try SharedMemory.attach(name)
    try barrier.unlink()
    let content = Int(memory.load(fromByteOffset: 72, as: UInt64.self))
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<60 {
      for offset in [content, content + 4, content + 8, content + 12] {
        memory.storeBytes(
          of: UInt32(truncatingIfNeeded: generator.next()), toByteOffset: offset, as: UInt32.self)
      }
      switch errorCode({ try arrive(barrier, timeout: .milliseconds(1)) }) {
      case nil, .timedOut, .ownerDied, .corrupted?, .roleTaken: break
      case let other: Issue.record("\(String(describing: other))")
      }
      if generator.next() % 4 == 0 { barrier.reset() }
    }
  }
}

/// A number that two threads hand over; only the barrier keeps them apart.
private final class Number: @unchecked Sendable {
  var value = 0
}

/// The form for threads, where the compiler would choose that for tasks.
@discardableResult
private func arrive(_ barrier: SharedBarrier, timeout: Duration? = nil) throws -> Bool {
  try barrier.arriveAndWait(timeout: timeout)
}
