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
import Interprocess
import Synchronization
import TestSupport
import Testing

/// Objects that one thread takes and another gives back, while the first continues.
@Suite("Objects handed from thread to thread", .timeLimit(.minutes(1)))
struct HandedOverTests {
  /// A slot for one value, which one thread fills and another empties.
  private final class Slot<Value: ~Copyable & Sendable>: @unchecked Sendable {
    // Sendable: only the thread that has found the flag as it must be touches the value.
    private let isFull = Atomic(false)
    private var value: Value?

    func put(_ value: consuming Value) {
      while isFull.load(ordering: .acquiring) { sched_yield() }
      self.value = consume value
      isFull.store(true, ordering: .releasing)
    }

    func take() -> Value {
      while !isFull.load(ordering: .acquiring) { sched_yield() }
      let taken = value.take()!
      isFull.store(false, ordering: .releasing)
      return taken
    }
  }

  private static let count: UInt64 = 3000

  @Test(
    "Samples that another thread gives back are whole until then, and their pins are free afterwards"
  )
  func twoThreadsOfSamples() async throws {
    let topic = try SharedTopic<InlineArray<5, UInt64>>.create(
      historyCount: 2, maximumSampleCount: 3, options: .whileAttached)
    let slot = Slot<SharedTopic<InlineArray<5, UInt64>>.Sample>()
    var publisher = try topic.publisher()
    var subscriber = try topic.subscriber()
    let reader = inThread {
      for number in 0..<Self.count {
        let sample = slot.take()
        #expect(sample.sequence == number && sample[0].isWhole && sample[0].number == number)
      }
    }
    try inThisThread {
      for number in 0..<Self.count {
        try publisher.publish(InlineArray(number: number))
        // One sample waits in the slot, one is read, and one is received.
        slot.put(try subscriber.next()!)
      }
    }
    try await reader.value
    #expect(topic.statistics.heldCount == 0)
  }

  @Test("Messages on loan are published by another thread, each once and in order")
  func twoThreadsOfLoans() async throws {
    let topic = try SharedTopic<UInt64>.create(
      historyCount: 4, publishers: .many, options: .whileAttached)
    let slot = Slot<SharedTopic<UInt64>.Loan>()
    let isPublished = Slot<Int>()
    var publisher = try topic.publisher()
    var subscriber = try topic.subscriber()
    let ender = inThread {
      for _ in 0..<Self.count {
        let loan = slot.take()
        try loan.publish()
        isPublished.put(1)
      }
    }
    try inThisThread {
      for number in 0..<Self.count {
        var loan = try publisher.loan()
        loan[0] = number
        slot.put(loan)
        _ = isPublished.take()
        let sample = try subscriber.next(timeout: .seconds(10))!
        #expect(sample[0] == number && sample.sequence == number)
      }
    }
    try await ender.value
  }

  @Test("Permits that another thread gives back are never too many")
  func twoThreadsOfPermits() async throws {
    let semaphore = try SharedSemaphore.create(permitCount: 2, options: .whileAttached)
    let slot = Slot<SharedSemaphore.Permit>()
    let ender = inThread {
      for _ in 0..<Self.count { slot.take().release() }
    }
    try inThisThread {
      for _ in 0..<Self.count { slot.put(try semaphore.acquire()) }
    }
    try await ender.value
    #expect(semaphore.availableCount == 2)
  }
}
