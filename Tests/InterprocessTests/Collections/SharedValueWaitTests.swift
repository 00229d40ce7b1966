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
import TestSupport
import Testing

@testable import Interprocess

@Suite("Waiting for a shared value", .timeLimit(.minutes(2)))
struct SharedValueWaitTests {
  typealias Small = InlineArray<8, UInt64>

  @Test(
    "A wait returns a newer value at once, or times out, even through a read-only handle",
    arguments: [SharedMemory.Access.readWrite, .readOnly])
  func timeouts(access: SharedMemory.Access) async throws {
    let value = try SharedValue.create(uniqueName(), initialValue: 1)
    let reader = SharedValueHandle(try SharedValue<Int>.attach(value.name, access: access))
    try value.unlink()
    #expect(try reader.wait(after: 0) == 1)
    for timeout in [Duration.zero, .milliseconds(30), .milliseconds(-5)] {
      let begin = ContinuousClock.now
      #expect(errorCode { _ = try reader.wait(after: 1, timeout: timeout) } == .timedOut)
      let code = await taskErrorCode {
        try await reader.shared.waitForChange(after: 1, timeout: timeout)
      }
      #expect(code == .timedOut && ContinuousClock.now - begin >= timeout * 2)
    }
    for number: UInt64 in 1...5 {
      let thread = inThread { try reader.wait(after: number) }
      let task = Task { try await reader.shared.waitForChange(after: number) }
      // By then they usually sleep.
      try await Task.sleep(for: .milliseconds(3 * number))
      try value.store(Int(number) + 1)
      let versions = [try await thread.value, try await task.value]
      #expect(versions == [number + 1, number + 1])
    }
    let cancelled = Task { try await reader.shared.waitForChange(after: 6) }
    try await Task.sleep(for: .milliseconds(5))
    cancelled.cancel()
    await #expect(throws: CancellationError.self) { try await cancelled.value }
  }

  @Test(
    "A store wakes all sleepers, whose sleeps do not end by themselves", arguments: [false, true])
  func woken(isWithoutFences: Bool) async {
    await #expect(processExitsWith: .success) { [isWithoutFences] in
      unsafe Sleeping.isEndless = true
      unsafe Sleeping.isWithoutRemoteFences = isWithoutFences
      let value = try SharedValue.create(initialValue: 0)
      let reader = SharedValueHandle(try SharedValue<Int>.attach(value.name))
      try value.unlink()
      let found = Counter()
      for round in 1...30 {
        for _ in 0..<2 {
          Thread.detachNewThread {
            if (try? reader.wait(after: UInt64(round))) != nil { found.increment() }
          }
        }
        Task {
          try await reader.shared.waitForChange(after: UInt64(round))
          found.increment()
        }
        usleep(1000 * UInt32(round % 4))
        try value.store(round)
        let begin = ContinuousClock.now
        while found.value < 3 * round {
          precondition(.now - begin < .seconds(30), "\(found.value) of round \(round)")
          usleep(100)
        }
      }
    }
  }

  @Test(
    "A sleeper finds by itself what a writer stored that was killed before it woke any process",
    arguments: [Checkpoint.storePublished, .storeCompleted])
  func killedWriter(step: Checkpoint) async throws {
    let name = uniqueName()
    let value = SharedValueHandle(try SharedValue.create(name, initialValue: Small(number: 1)))
    defer { try? SharedMemory.unlink(name) }
    let memory = try SharedMemory.attach(name)
    let gateOffset = Int(memory.load(fromByteOffset: 72, as: UInt64.self)) + 16
    let found = Task { try await value.shared.waitForChange(after: 1) }
    while memory.load(fromByteOffset: gateOffset, as: UInt32.self) & 1 == 0 {
      try await Task.sleep(for: .milliseconds(1))
    }
    let (status, _) = try await withChildProcess(Places.helper) { writer in
      try await writer.expect("value \(name)", "ok 64")
      try await writer.expect("dieAt \(step.description)", "ok ")
      return try await writer.ask("store 1000")
    }
    #expect(status == .signaled(9))
    // The next writer publishes what the killed one did not.
    if step == .storeCompleted { try value.shared.store(Small(number: 5)) }
    #expect(try await found.value >= 2)
  }

  @Test("The values come as a sequence, the newest each time, and never an older one")
  func sequence() async throws {
    let value = SharedValueHandle(try SharedValue.create(uniqueName(), initialValue: 0))
    try value.shared.unlink()
    let all = Task {
      var seen: [Int] = []
      for try await number in try value.shared.values() {
        seen.append(number)
        if number == 1000 { break }
      }
      return seen
    }
    for number in 1...1000 {
      try value.shared.store(number)
      if number % 100 == 0 { try await Task.sleep(for: .milliseconds(2)) }
    }
    let seen = try await all.value
    #expect(seen.last == 1000 && zip(seen, seen.dropFirst()).allSatisfy { $0 < $1 }, "\(seen)")
    let later = Task {
      var seen: [Int] = []
      for try await number in try value.shared.values(after: 1001) {
        seen.append(number)
        if number == 1002 { break }
      }
      for try await number in try value.shared.values(after: 1003) { seen.append(number) }
      return seen
    }
    for number in 1001...1002 {
      try await Task.sleep(for: .milliseconds(5))
      try value.shared.store(number)
    }
    try await Task.sleep(for: .milliseconds(20))
    later.cancel()
    await #expect(throws: CancellationError.self) { try await later.value }
  }

  @Test("A sequence has a handle of its own")
  func ownHandle() async throws {
    let name = uniqueName()
    let values: SharedValue<Int>.Values
    do {
      let value = try SharedValue.create(name, initialValue: 7, options: .whileAttached)
      values = try value.values()
      value.close()
    }
    #expect(exists(name))
    var iterator = values.makeAsyncIterator()
    #expect(try await iterator.next() == 7)
    let other = try SharedValue<Int>.attach(name)
    try other.store(8)
    #expect(try await iterator.next() == 8)
  }

  @Test("Every waiter detects an impossible version")
  func corrupted() async throws {
    let value = try SharedValue.create(uniqueName(), initialValue: 7)
    let handles = [
      SharedValueHandle(try SharedValue<Int>.attach(value.name)),
      SharedValueHandle(try SharedValue<Int>.attach(value.name, access: .readOnly)),
    ]
    var memory = try SharedMemory.attach(value.name)
    try value.unlink()
    let offset = Int(memory.load(fromByteOffset: 72, as: UInt64.self))
    memory.storeBytes(of: 0, toByteOffset: offset, as: UInt64.self)
    for handle in handles {
      let codes = [
        errorCode { _ = try handle.wait(after: 3) },
        await taskErrorCode { try await handle.shared.waitForChange(after: 3) },
      ]
      for code in codes {
        guard case .corrupted? = code else {
          Issue.record("\(String(describing: code))")
          continue
        }
      }
    }
  }
}

extension SharedValueHandle {
  /// The form for threads.
  fileprivate func wait(after version: UInt64, timeout: Duration? = nil) throws -> UInt64 {
    try shared.waitForChange(after: version, timeout: timeout)
  }
}
