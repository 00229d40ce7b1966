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

@Suite("Shared event", .timeLimit(.minutes(5)))
struct SharedEventTests {
  // MARK: - Basics

  @Test("Every handle sees an event set, reset and pulsed")
  func states() throws {
    let name = uniqueName()
    let event = try SharedEvent.create(name)
    let other = try SharedEvent.attach(name)
    func expectState(_ isSet: Bool, _ generation: UInt32) {
      #expect([event.isSet, other.isSet] == [isSet, isSet])
      #expect([event.generation, other.generation] == [generation, generation])
    }
    #expect([event.isCreator, other.isCreator] == [true, false])
    expectState(false, 0)
    event.set()
    expectState(true, 1)
    other.set()
    expectState(true, 2)
    other.reset()
    expectState(false, 2)
    event.pulse()
    expectState(false, 3)
    event.reset()
    expectState(false, 3)
    try other.unlink()
    #expect(!exists(name) && !event.isLinked)
  }

  @Test("An existing event is attached to, and one created as set is set")
  func attachOrCreate() throws {
    let name = uniqueName()
    let event = try SharedEvent.attachOrCreate(name, isSet: true, options: .whileAttached)
    let other = try SharedEvent.attachOrCreate(name)
    #expect([event.isCreator, other.isCreator] == [true, false])
    #expect(other.isSet && other.lifetime == .whileAttached)
    try event.unlink()
  }

  @Test("Another kind of memory under the name is refused")
  func wrongKind() throws {
    let name = uniqueName()
    let value = try SharedValue.create(name, initialValue: UInt32(0))
    let error = #expect(throws: InterprocessError.self) { try SharedEvent.attach(name) }
    #expect(error?.code == .wrongKind(expected: "a shared event", found: "a shared value"))
    try value.unlink()
  }

  // MARK: - Waiting

  @Test("A wait ends at once if the event is set, or the generation differs")
  func noWait() throws {
    let event = try SharedEvent.create(nil, isSet: true)
    try event.unlink()
    try wait(event, timeout: .zero)
    try wait(event)
    event.reset()
    #expect(errorCode { try wait(event, timeout: .zero) } == .timedOut)
    event.pulse()
    #expect(try wait(event, after: 0) == 1)
    #expect(errorCode { _ = try wait(event, after: 1, timeout: .zero) } == .timedOut)
  }

  @Test("A time-out comes on time, and not earlier", arguments: [1, 19, 20, 21, 75, 150])
  func timeouts(milliseconds: Int) async throws {
    let event = try SharedEvent.create(nil)
    try event.unlink()
    let begin = now()
    #expect(errorCode { try wait(event, timeout: .milliseconds(milliseconds)) } == .timedOut)
    #expect(now() - begin >= milliseconds * 1_000_000)
    let asyncBegin = now()
    await #expect(throws: InterprocessError.self) {
      try await event.wait(timeout: .milliseconds(milliseconds))
    }
    #expect(now() - asyncBegin >= milliseconds * 1_000_000)
  }

  @Test("A pulse from another process ends the waits of threads and tasks")
  func pulse() async throws {
    let name = uniqueName()
    let event = try SharedEvent.create(name)
    let (status, _) = try await withChildProcess(
      Places.helper, ["sync", "event-wait", name, "60000"]
    ) { waiter in
      #expect(try await waiter.nextLine() == "ready")
      let task = Task { try await event.wait() }
      try await Task.sleep(for: .milliseconds(50))
      event.pulse()
      #expect(try await waiter.nextLine() == "came")
      try await task.value
    }
    #expect(status == .exited(0))
    try event.unlink()
  }

  @Test("A waiter of seconds uses next to no processor time, and makes few system calls")
  func idle() async throws {
    let name = uniqueName()
    let event = try SharedEvent.create(name)
    let (status, _) = try await withChildProcess(
      Places.helper, ["sync", "event-wait", name, "3000"]
    ) { waiter in
      #expect(try await waiter.nextLine() == "ready")
      try await Task.sleep(for: .milliseconds(100))
      let before = try Usage(of: waiter.processID)
      try await Task.sleep(for: .milliseconds(2000))
      let after = try Usage(of: waiter.processID)
      #expect(after.ticks - before.ticks <= 2)
      // Sleeps of 80, 160, 320, 640 and 1000 ms at most begin in that time.
      #expect(after.switchCount - before.switchCount <= 8)
      #expect(try await waiter.nextLine() == "timedOut")
    }
    #expect(status == .exited(0))
    try event.unlink()
  }

  // MARK: - Tasks

  @Test("Hundreds of tasks wait at once, and all continue")
  func manyTasks() async throws {
    let event = try SharedEvent.create(nil)
    try event.unlink()
    // More than the kernel takes in one call.
    try await withThrowingTaskGroup { group in
      for _ in 1...300 { group.addTask { try await event.wait(after: 0) } }
      try await Task.sleep(for: .milliseconds(50))
      event.set()
      for try await generation in group { #expect(generation == 1) }
    }
  }

  @Test("Tasks that are cancelled at any moment end, and leave nothing behind")
  func cancelling() async {
    // A process in which the tasks of this test are the only ones.
    await #expect(processExitsWith: .success) {
      let event = try SharedEvent.create(nil)
      try event.unlink()
      var endCount = 0
      for round in 1...100_000 {
        let task = Task { try await event.wait(after: event.generation) }
        if round.isMultiple(of: 3) { await Task.yield() }
        if round.isMultiple(of: 7) { event.pulse() }
        for _ in 0..<Int.random(in: 0...500) {}
        task.cancel()
        switch await task.result {
        case .success: endCount += 1
        case .failure(let error): #expect(error is CancellationError)
        }
      }
      #expect(endCount < 100_000)
      #expect(TaskWaiter.sleeperCount == 0)
    }
  }

  /// Two threads and one mapping, so that the thread sanitizer sees both sides.
  @Test("What is written before a pulse is seen after it, also under the thread sanitizer")
  func twoThreadsPulse() async throws {
    let there = try SharedEvent.create(nil)
    let back = try SharedEvent.create(nil)
    try there.unlink()
    try back.unlink()
    let number = Box()
    try await withThrowingTaskGroup { group in
      group.addTask {
        for round in 1...2000 {
          number.value = round
          there.pulse()
          _ = try wait(back, after: UInt32(round - 1))
        }
      }
      group.addTask {
        for round in 1...2000 {
          _ = try wait(there, after: UInt32(round - 1))
          #expect(number.value == round)
          back.pulse()
        }
      }
      try await group.waitForAll()
    }
  }

  // MARK: - Hostile words

  @Test("Any word is an event", arguments: [0, 1, 2, 3, .max, 0x8000_0000] as [UInt32])
  func hostile(word: UInt32) throws {
    let name = uniqueName()
    let event = try SharedEvent.create(name)
    var memory = try SharedMemory.attach(name)
    try event.unlink()
    let content = Int(memory.load(fromByteOffset: 72, as: UInt64.self))
    memory.storeBytes(of: word, toByteOffset: content, as: UInt32.self)
    _ = errorCode { try wait(event, timeout: .milliseconds(1)) }
    event.set()
    #expect(event.isSet)
    #expect(event.generation == ((word >> 2) + 1) & 0x3FFF_FFFF)
  }
}

/// A number that two threads hand over by an event; only the event keeps them apart.
private final class Box: @unchecked Sendable {
  var value = 0
}

/// The form for threads, where the compiler would choose that for tasks.
private func wait(_ event: SharedEvent, timeout: Duration? = nil) throws {
  try event.wait(timeout: timeout)
}

@discardableResult
private func wait(
  _ event: SharedEvent, after generation: UInt32, timeout: Duration? = nil
) throws -> UInt32 {
  try event.wait(after: generation, timeout: timeout)
}

/// The work of a process, according to `/proc`.
private struct Usage {
  /// Hundredths of a second on a processor.
  var ticks: Int
  /// How often the process went to sleep.
  var switchCount: Int

  init(of processID: pid_t) throws {
    let fields = lines(of: "/proc/\(processID)/stat")[0].split(separator: ")").last!
      .split(separator: " ")
    ticks = try #require(Int(fields[11])) + #require(Int(fields[12]))
    let line = lines(of: "/proc/\(processID)/status").first {
      $0.hasPrefix("voluntary_ctxt_switches:")
    }
    switchCount = try #require(line?.split(separator: "\t").last.flatMap { Int($0) })
  }
}
