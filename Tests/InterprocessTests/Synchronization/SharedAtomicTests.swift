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

import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Interprocess

@Suite("Shared atomic", .timeLimit(.minutes(5)))
struct SharedAtomicTests {
  // MARK: - Operations

  private func check<Value: SharedAtomicValue>(_ type: Value.Type) throws {
    let name = uniqueName()
    let first = try SharedAtomic<Value>.create(name, initialValue: 5)
    let second = try SharedAtomic<Value>.attach(name)
    try first.unlink()
    let orderings: [AtomicUpdateOrdering] = [
      .relaxed, .acquiring, .releasing, .acquiringAndReleasing, .sequentiallyConsistent,
    ]
    for ordering in orderings {
      first.store(5, ordering: .relaxed)
      #expect(second.load(ordering: .relaxed) == 5)
      first.store(6, ordering: .releasing)
      #expect(second.load(ordering: .acquiring) == 6)
      first.store(.max, ordering: .sequentiallyConsistent)
      #expect(second.load(ordering: .sequentiallyConsistent) == .max)
      #expect(first.exchange(.min, ordering: ordering) == .max)
      #expect(second.exchange(7, ordering: ordering) == .min)

      #expect(first.compareExchange(expected: 7, desired: .max, ordering: ordering) == (true, 7))
      #expect(second.compareExchange(expected: 7, desired: 8, ordering: ordering) == (false, .max))
      // Arithmetic wraps on overflow.
      #expect(first.add(2, ordering: ordering) == (.max, .min + 1))
      #expect(second.subtract(3, ordering: ordering) == (.min + 1, .max - 1))

      first.store(0b1100, ordering: .relaxed)
      #expect(first.and(0b0110, ordering: ordering) == (0b1100, 0b0100))
      #expect(first.or(0b0011, ordering: ordering) == (0b0100, 0b0111))
      #expect(first.xor(0b0101, ordering: ordering) == (0b0111, 0b0010))
      #expect(first.and(.max, ordering: ordering) == (2, 2))

      #expect(first.min(3, ordering: ordering) == (2, 2))
      #expect(first.min(.min, ordering: ordering) == (2, .min))
      #expect(first.max(1, ordering: ordering) == (.min, 1))
      #expect(first.max(.max, ordering: ordering) == (1, .max))
      #expect(second.load(ordering: .relaxed) == .max)
    }
  }

  @Test("Every operation of every type does what it says")
  func operations() throws {
    try check(Int8.self)
    try check(UInt8.self)
    try check(Int16.self)
    try check(UInt16.self)
    try check(Int32.self)
    try check(UInt32.self)
    try check(Int64.self)
    try check(UInt64.self)
    try check(Int.self)
    try check(UInt.self)
  }

  @Test("Another type of integer is refused")
  func otherType() throws {
    let name = uniqueName()
    _ = try SharedAtomic<UInt64>.create(name, initialValue: 1)
    let error = #expect(throws: InterprocessError.self) { try SharedAtomic<Int64>.attach(name) }
    #expect(error?.code == .layoutMismatch(expected: "'<i8'", found: "'<u8'"))
    let other = try SharedAtomic<UInt64>.attachOrCreate(name, initialValue: 2)
    #expect(!other.isCreator && other.load(ordering: .relaxed) == 1 && other.isLinked)
    try other.unlink()
  }

  // MARK: - Several processes

  @Test("4 processes add at once, and no addition is lost")
  func processes() async throws {
    let name = uniqueName()
    let atomic = try SharedAtomic<UInt64>.create(name, initialValue: 0)
    try await runTogether(4) { _ in ["sync", "atomic-add", name, "200000"] }
    #expect(atomic.load(ordering: .relaxed) == 800_000)
    try atomic.unlink()
  }

  @Test("A wait ends at once if the value differs, and otherwise with a time-out, never early")
  func waiting() async throws {
    let atomic = try SharedAtomic<UInt64>.create(nil, initialValue: 1 << 40)
    try atomic.unlink()
    #expect(try wait(atomic, while: 0) == 1 << 40)
    let begin = now()
    #expect(
      errorCode { try wait(atomic, while: 1 << 40, timeout: .milliseconds(30)) } == .timedOut)
    #expect(now() - begin >= 30_000_000)
    let task = Task { try await atomic.wait(while: 1 << 40, ordering: .acquiring) }
    try await Task.sleep(for: .milliseconds(30))
    // Only the upper half changes, on which no process could sleep.
    atomic.store(1 << 41, ordering: .releasing)
    atomic.notify()
    #expect(try await task.value == 1 << 41)
    let cancelled = Task { try await atomic.wait(while: 1 << 41, ordering: .acquiring) }
    try await Task.sleep(for: .milliseconds(10))
    cancelled.cancel()
    await #expect(throws: CancellationError.self) { try await cancelled.value }
  }

  /// Two threads and one mapping, so that the thread sanitizer sees both sides.
  @Test("What is written before a store is seen after the load, also as the sanitizer sees it")
  func twoThreadsHandOver() async throws {
    let atomic = try SharedAtomic<UInt32>.create(nil, initialValue: 0)
    try atomic.unlink()
    let number = Number()
    try await withThrowingTaskGroup { group in
      for side: UInt32 in 0...1 {
        group.addTask {
          for round: UInt32 in 0..<2000 {
            let turn = 2 * round + side
            while atomic.load(ordering: .acquiring) != turn {
              _ = try wait(atomic, while: turn &- 1)
            }
            #expect(number.value == Int(turn))
            number.value += 1
            atomic.store(turn + 1, ordering: .releasing)
            atomic.notify()
          }
        }
      }
      try await group.waitForAll()
    }
  }
}

/// A number that two threads hand over; only the atomic keeps them apart.
private final class Number: @unchecked Sendable {
  var value = 0
}

/// The form for threads, where the compiler would choose that for tasks.
@discardableResult
private func wait<Value>(
  _ atomic: SharedAtomic<Value>, while value: Value, timeout: Duration? = nil
) throws -> Value {
  try atomic.wait(while: value, ordering: .acquiring, timeout: timeout)
}
