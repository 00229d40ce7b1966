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

@Suite("Shared semaphore", .timeLimit(.minutes(5)))
struct SharedSemaphoreTests {
  // MARK: - Basics

  @Test("Permits are taken and given back")
  func permits() throws {
    let name = uniqueName()
    let semaphore = try SharedSemaphore.create(name, permitCount: 2)
    let other = try SharedSemaphore.attach(name)
    #expect([semaphore.permitCount, other.permitCount] == [2, 2])
    #expect(other.availableCount == 2)
    let first = try acquire(semaphore)
    #expect(semaphore.availableCount == 1)
    do {
      let second = try acquire(other)
      #expect(semaphore.availableCount == 0)
      #expect(try !isAvailable(semaphore))
      #expect(try !isAvailable(other))
      _ = consume second
    }
    #expect(try isAvailable(other))
    first.release()
    #expect(other.availableCount == 2)
    try semaphore.unlink()
    #expect(!exists(name))
  }

  @Test("A semaphore without permits is refused", arguments: [0, -1, .min, .max])
  func sizes(count: Int) {
    #expect(errorCode { _ = try SharedSemaphore.create(nil, permitCount: count) } == .invalidSize)
  }

  @Test("More permits than any memory has room for are an error, even if their bytes overflow")
  func hugeSizes() {
    for count in [Int.max / 4 - 32, Int.max / 4 - 33, Int.max / 4 - 200] {
      let found = errorCode { _ = try SharedSemaphore.create(nil, permitCount: count) }
      guard case .outOfMemory? = found else {
        Issue.record("\(count) permits give \(String(describing: found))")
        continue
      }
    }
  }

  @Test("An existing semaphore keeps its number of permits")
  func attachOrCreate() throws {
    let name = uniqueName()
    let semaphore = try SharedSemaphore.attachOrCreate(
      name, permitCount: 3, options: .whileAttached)
    let other = try SharedSemaphore.attachOrCreate(name, permitCount: 3)
    #expect([semaphore.isCreator, other.isCreator] == [true, false])
    #expect(other.permitCount == 3 && other.lifetime == .whileAttached && other.isLinked)
    try other.unlink()
  }

  @Test("A time-out comes on time, and not earlier", arguments: [0, 5, 60])
  func timeouts(milliseconds: Int) async throws {
    let semaphore = try SharedSemaphore.create(nil, permitCount: 1)
    try semaphore.unlink()
    let permit = try acquire(semaphore)
    let begin = now()
    #expect(
      errorCode { _ = try acquire(semaphore, timeout: .milliseconds(milliseconds)) } == .timedOut)
    #expect(now() - begin >= milliseconds * 1_000_000)
    permit.release()
    try acquire(semaphore, timeout: .zero).release()
  }

  // MARK: - Several processes

  @Test("No more holders than permits work at once, and no waiter is left asleep")
  func processes() async throws {
    let name = uniqueName()
    let semaphore = try SharedSemaphore.create(name, permitCount: 2)
    let inside = try SharedMutex.create("\(name)_inside", initialValue: Account())
    try await runTogether(4) { _ in ["sync", "semaphore-loop", name, "5000"] }
    #expect(semaphore.availableCount == 2)
    try semaphore.unlink()
    try inside.unlink()
  }

  @Test("The permits of a killed process come back")
  func killedHolder() async throws {
    let name = uniqueName()
    let semaphore = try SharedSemaphore.create(name, permitCount: 3)
    for way in ["wait", "ifAvailable", "reclaim", "task"] {
      let (status, _) = try await withChildProcess(
        Places.helper, ["sync", "semaphore-hold", name, "3"]
      ) { holder in
        #expect(try await holder.nextLine() == "held")
        #expect(try !isAvailable(semaphore))
        #expect(try semaphore.reclaim() == 0)
        try holder.kill()
      }
      #expect(status == .signaled(9))
      #expect(semaphore.availableCount == 0)
      switch way {
      case "wait": try acquire(semaphore).release()
      case "ifAvailable": #expect(try isAvailable(semaphore))
      case "task": try await semaphore.acquire().release()
      default: #expect(try semaphore.reclaim() == 3)
      }
      #expect(semaphore.availableCount == 3)
    }
    try semaphore.unlink()
  }

  @Test(
    "A waiter gets the permit of a holder that is killed meanwhile, and of one that gives it back")
  func waiter() async throws {
    let name = uniqueName()
    let semaphore = try SharedSemaphore.create(name, permitCount: 1)
    for isKilled in [true, false] {
      let (status, _) = try await withChildProcess(
        Places.helper, ["sync", "semaphore-hold", name, "1"]
      ) { holder in
        #expect(try await holder.nextLine() == "held")
        let waiter = inThread { try acquire(semaphore).release() }
        let task = Task { try await semaphore.acquire().release() }
        try await Task.sleep(for: .milliseconds(100))
        if isKilled {
          try holder.kill()
        } else {
          // It ends only after its answer, which must have a reader.
          #expect(try await holder.ask("go on") == "released")
        }
        try await waiter.value
        try await task.value
      }
      #expect(status == (isKilled ? .signaled(9) : .exited(0)))
      #expect(semaphore.availableCount == 1)
    }
    try semaphore.unlink()
  }

  @Test("Processes that are killed at any moment lose no permit")
  func kills() async throws {
    let name = uniqueName()
    let semaphore = try SharedSemaphore.create(name, permitCount: 2)
    let inside = try SharedMutex.create("\(name)_inside", initialValue: Account())
    try await killAgainAndAgain(["sync", "semaphore-loop", name, "0"], firstLine: "")
    let first = try acquire(semaphore, timeout: .seconds(30))
    let second = try acquire(semaphore, timeout: .seconds(30))
    #expect(semaphore.availableCount == 0)
    first.release()
    second.release()
    try semaphore.unlink()
    try inside.unlink()
  }

  // MARK: - Tasks

  @Test("Cancelled waiters lose no permit")
  func cancelling() async throws {
    let semaphore = try SharedSemaphore.create(nil, permitCount: 1)
    try semaphore.unlink()
    for round in 1...20_000 {
      let permit = try await semaphore.acquire()
      let tasks = (1...2).map { _ in Task { try await semaphore.acquire().release() } }
      for _ in 0..<Int.random(in: 0...300) {}
      if round.isMultiple(of: 2) { await Task.yield() }
      tasks[0].cancel()
      permit.release()
      if case .failure(let error) = await tasks[0].result { #expect(error is CancellationError) }
      try await tasks[1].value
    }
    #expect(semaphore.availableCount == 1)
  }

  /// Two threads and one mapping, so that the thread sanitizer sees both sides.
  @Test("What a holder writes, the next one sees, also under the thread sanitizer")
  func twoThreadsTakeTurns() async throws {
    let semaphore = try SharedSemaphore.create(nil, permitCount: 1)
    try semaphore.unlink()
    let sum = Sum()
    try await withThrowingTaskGroup { group in
      for _ in 1...2 {
        group.addTask {
          for _ in 1...5000 {
            let permit = try acquire(semaphore)
            sum.value += 1
            permit.release()
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(sum.value == 10_000)
  }

  // MARK: - Hostile words

  @Test("Random words give an error or a time-out, or count as permits", arguments: 0..<10)
  func hostile(seed: UInt64) throws {
    let name = uniqueName()
    let semaphore = try SharedSemaphore.create(name, permitCount: 2)
    var memory = try SharedMemory.attach(name)
    try semaphore.unlink()
    let content = Int(memory.load(fromByteOffset: 72, as: UInt64.self))
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<50 {
      for offset in [content, content + 128, content + 132] {
        memory.storeBytes(
          of: UInt32(truncatingIfNeeded: generator.next()), toByteOffset: offset, as: UInt32.self)
      }
      switch errorCode({ try acquire(semaphore, timeout: .milliseconds(1)).release() }) {
      case nil, .timedOut, .corrupted?: break
      case let other: Issue.record("\(String(describing: other))")
      }
    }
  }

  @Test("A header with more permits than the memory has room for is refused")
  func wrongCapacity() throws {
    let name = uniqueName()
    let semaphore = try SharedSemaphore.create(name, permitCount: 2)
    var memory = try SharedMemory.attach(name)
    for count: UInt64 in [0, 3, 1 << 40, 1 << 62, UInt64(Int.max)] {
      memory.storeBytes(of: count, toByteOffset: 32, as: UInt64.self)
      guard case .corrupted? = errorCode({ _ = try SharedSemaphore.attach(name) }) else {
        Issue.record("\(count) permits are accepted")
        continue
      }
    }
    try semaphore.unlink()
  }
}

/// A sum that only the holder of the permit changes; nothing else keeps the threads apart.
private final class Sum: @unchecked Sendable {
  var value = 0
}

/// The form for threads, where the compiler would choose that for tasks.
private func acquire(
  _ semaphore: SharedSemaphore, timeout: Duration? = nil
) throws -> SharedSemaphore.Permit {
  try semaphore.acquire(timeout: timeout)
}

private func isAvailable(_ semaphore: SharedSemaphore) throws -> Bool {
  switch try semaphore.tryAcquire() {
  case .none: false
  case .some: true
  }
}
