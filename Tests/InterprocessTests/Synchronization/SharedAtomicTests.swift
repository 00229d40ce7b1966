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

  /// What the standard library offers only where the type is known.
  private struct Operations<Value: SharedAtomicValue> {
    var load: (SharedAtomic<Value>) -> Value
    var store: (SharedAtomic<Value>, Value) -> Void
    var exchange: (SharedAtomic<Value>, Value) -> Value
    var compareExchange: (SharedAtomic<Value>, Value, Value) -> (Bool, Value)
    var add: (SharedAtomic<Value>, Value) -> (Value, Value)
  }

  private func check<Value>(_ operations: Operations<Value>) throws {
    let name = uniqueName()
    let first = try SharedAtomic<Value>.create(name, initialValue: 5)
    let second = try SharedAtomic<Value>.attach(name)
    var memory = try SharedMemory.attach(name)
    try first.unlink()
    #expect(operations.load(second) == 5)
    operations.store(first, .max)
    #expect(operations.load(second) == .max)
    #expect(operations.exchange(first, .min) == .max)
    #expect(operations.exchange(second, 7) == .min)
    #expect(operations.compareExchange(first, 7, .max) == (true, 7))
    #expect(operations.compareExchange(second, 7, 8) == (false, .max))
    // Arithmetic wraps on overflow, and touches no other bytes.
    #expect(operations.add(first, 2) == (Value.max, Value.min + 1))
    #expect(second.loadAcquiring() == Value.min + 1)
    #expect(memory.load(fromByteOffset: 256, as: Value.self) == Value.min + 1)
    for offset in MemoryLayout<Value>.size..<16 { #expect(memory[256 + offset] == 0) }
    memory[256] = 9
    #expect(UInt8(truncatingIfNeeded: operations.load(first)) == 9)
  }

  @Test("Integers of every size are changed in place, and seen by other handles")
  func operations() throws {
    try check(
      Operations<Int8>(
        load: { $0[].load(ordering: .acquiring) },
        store: { $0[].store($1, ordering: .releasing) },
        exchange: { $0[].exchange($1, ordering: .acquiringAndReleasing) },
        compareExchange: {
          $0[].compareExchange(expected: $1, desired: $2, ordering: .acquiringAndReleasing)
        },
        add: { $0[].wrappingAdd($1, ordering: .relaxed) }))
    try check(
      Operations<UInt16>(
        load: { $0[].load(ordering: .relaxed) },
        store: { $0[].store($1, ordering: .relaxed) },
        exchange: { $0[].exchange($1, ordering: .relaxed) },
        compareExchange: { $0[].compareExchange(expected: $1, desired: $2, ordering: .relaxed) },
        add: { $0[].wrappingAdd($1, ordering: .acquiring) }))
    try check(
      Operations<Int32>(
        load: { $0[].load(ordering: .acquiring) },
        store: { $0[].store($1, ordering: .releasing) },
        exchange: { $0[].exchange($1, ordering: .acquiring) },
        compareExchange: { $0[].compareExchange(expected: $1, desired: $2, ordering: .releasing) },
        add: { $0[].wrappingAdd($1, ordering: .acquiringAndReleasing) }))
    try check(
      Operations<UInt64>(
        load: { $0[].load(ordering: .sequentiallyConsistent) },
        store: { $0[].store($1, ordering: .sequentiallyConsistent) },
        exchange: { $0[].exchange($1, ordering: .sequentiallyConsistent) },
        compareExchange: {
          $0[].compareExchange(expected: $1, desired: $2, ordering: .sequentiallyConsistent)
        },
        add: { $0[].wrappingAdd($1, ordering: .sequentiallyConsistent) }))
  }

  @Test("Another type of integer is refused")
  func otherType() throws {
    let name = uniqueName()
    _ = try SharedAtomic<UInt64>.create(name, initialValue: 1)
    let error = #expect(throws: InterprocessError.self) { try SharedAtomic<Int64>.attach(name) }
    #expect(error?.code == .layoutMismatch(expected: "'<i8'", found: "'<u8'"))
    let other = try SharedAtomic<UInt64>.attachOrCreate(name, initialValue: 2)
    #expect(!other.isCreator && other[].load(ordering: .relaxed) == 1 && other.isLinked)
    try other.unlink()
  }

  // MARK: - Several processes

  @Test("4 processes add at once, and no addition is lost")
  func processes() async throws {
    let name = uniqueName()
    let atomic = try SharedAtomic<UInt64>.create(name, initialValue: 0)
    try await runTogether(4) { _ in ["sync", "atomic-add", name, "200000"] }
    #expect(atomic[].load(ordering: .relaxed) == 800_000)
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
    let task = Task { try await atomic.wait(while: 1 << 40) }
    try await Task.sleep(for: .milliseconds(30))
    // Only the upper half changes, on which no process could sleep.
    atomic[].store(1 << 41, ordering: .releasing)
    atomic.notify()
    #expect(try await task.value == 1 << 41)
    let cancelled = Task { try await atomic.wait(while: 1 << 41) }
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
            while atomic[].load(ordering: .acquiring) != turn {
              _ = try wait(atomic, while: turn &- 1)
            }
            #expect(number.value == Int(turn))
            number.value += 1
            atomic[].store(turn + 1, ordering: .releasing)
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
  try atomic.wait(while: value, timeout: timeout)
}
