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
import Synchronization
import TestSupport
import Testing

@testable import Interprocess

/// A process that only changes the word that others wait for.
@Suite("Restless words", .timeLimit(.minutes(5)))
struct RestlessWordTests {
  private final class Course: Sendable {
    let hasBegun = Atomic(false)
    let isOver = Atomic(false)
  }

  /// Changes a word of memory as fast as possible while the body runs.
  private func withRestlessWord(
    of name: String, at offset: Int, _ values: [UInt32], _ body: () async throws -> Void
  ) async throws {
    let course = Course()
    let thread = inThread {
      let memory = try SharedMemory.attach(name)
      let word = memory._range.word32(at: offset)
      while !course.isOver.load(ordering: .relaxed) {
        for value in values { word.storeReleasing(value) }
        course.hasBegun.store(true, ordering: .relaxed)
      }
    }
    while !course.hasBegun.load(ordering: .relaxed) { try await Task.sleep(for: .milliseconds(1)) }
    let begin = SuspendingClock.now
    do {
      try await body()
    } catch {
      course.isOver.store(true, ordering: .relaxed)
      try await thread.value
      throw error
    }
    course.isOver.store(true, ordering: .relaxed)
    try await thread.value
    #expect(SuspendingClock.now - begin < .seconds(60))
  }

  private let short = Duration.milliseconds(200)
  private let waiters: UInt32 = 1 << 31

  @Test("A mutex")
  func mutex() async throws {
    let name = uniqueName()
    let mutex = try SharedMutex.create(name, initialValue: 0)
    defer { try? mutex.unlink() }
    // Two numbers that no handle has.
    try await withRestlessWord(
      of: name, at: mutex.segment.contentOffset, [1, 2, 1 | waiters, 2 | waiters]
    ) {
      let codes: [InterprocessError.Code?] = [.timedOut, .ownerDied]
      #expect(codes.contains(errorCode { try lock(mutex, timeout: short) { _ in } }))
      await #expect(throws: InterprocessError.self) {
        try await mutex.withLock(timeout: short) { _ in }
      }
      #expect(throws: (any Error).self) {
        while try mutex.tryWithLock({ _ in }) == nil {}
      }
    }
  }

  @Test("A read-write lock")
  func readWriteLock() async throws {
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: 0)
    defer { try? lock.unlink() }
    // The word is often free when a reader first looks, but not once it has its place.
    try await withRestlessWord(of: name, at: lock.segment.contentOffset, [0, 1, 0, 2, 2 | waiters])
    {
      let codes: [InterprocessError.Code?] = [nil, .timedOut, .ownerDied]
      #expect(codes.contains(errorCode { _ = try lock.withReadLock(timeout: short) { $0 } }))
      _ = try? await lock.withReadLock(timeout: short) { $0 }
      _ = try? await lock.withWriteLock(timeout: short) { $0 += 1 }
      for _ in 0..<100 {
        _ = try? lock.tryWithReadLock { $0 }
        _ = try? lock.tryWithWriteLock { $0 += 1 }
      }
    }
  }

  @Test("The turn of a read-write lock")
  func turn() async throws {
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: 0)
    defer { try? lock.unlink() }
    try await withRestlessWord(of: name, at: lock.segment.contentOffset + 4, [0, 1, 2, 3]) {
      #expect(
        errorCode { try lock.withReadLock(until: { $0 == 1 }, timeout: short) { _ in } }
          == .timedOut)
      await #expect(throws: InterprocessError.self) {
        try await lock.withReadLock(until: { $0 == 1 }, timeout: short) { _ in }
      }
      #expect(
        errorCode { try lock.withWriteLock(until: { $0 == 1 }, timeout: short) { _ in } }
          == .timedOut)
      await #expect(throws: InterprocessError.self) {
        try await lock.withWriteLock(until: { $0 == 1 }, timeout: short) { _ in }
      }
    }
  }

  @Test("An event")
  func event() async throws {
    let name = uniqueName()
    let event = try SharedEvent.create(name)
    defer { try? event.unlink() }
    try await withRestlessWord(of: name, at: event._segment.contentOffset, [0, 1]) {
      for _ in 0..<1000 { event.reset() }
      #expect(errorCode { _ = try event.wait(after: 0, timeout: short) } == .timedOut)
      for _ in 0..<1000 { event.set() }
      for _ in 0..<1000 { event.pulse() }
      _ = try? await event.wait(after: 0, timeout: short)
    }
  }

  @Test("A barrier")
  func barrier() async throws {
    let name = uniqueName()
    let barrier = try SharedBarrier.create(name, partyCount: 2)
    defer { try? barrier.unlink() }
    try await withRestlessWord(of: name, at: barrier.segment.contentOffset, [0, 1, 8, 9]) {
      for _ in 0..<1000 { barrier.reset() }
      _ = errorCode { try barrier.arriveAndWait(timeout: short) }
      _ = try? await barrier.arriveAndWait(timeout: short)
    }
  }

  @Test("A semaphore")
  func semaphore() async throws {
    let name = uniqueName()
    let semaphore = try SharedSemaphore.create(name, permitCount: 1)
    defer { try? semaphore.unlink() }
    let permit = try semaphore.tryAcquire()
    try await withRestlessWord(of: name, at: semaphore.segment.contentOffset, [0, 1, 2, 3]) {
      #expect(errorCode { _ = try semaphore.acquire(timeout: short) } == .timedOut)
      await #expect(throws: InterprocessError.self) {
        _ = try await semaphore.acquire(timeout: short)
      }
    }
    permit?.release()
  }
}
