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
import TestSupport
import Testing

@testable import Interprocess

@Suite("Trying a read-write lock", .timeLimit(.minutes(5)))
struct ReadWriteLockTryTests {
  // MARK: - Living holders

  @Test("A free lock is taken, for reading and for writing, and given back")
  func free() throws {
    struct Failure: Error {}
    let lock = try SharedReadWriteLock.create(nil, initialValue: 1, options: .whileAttached)
    let other = try SharedReadWriteLock<Int>.attach(lock.name)
    try lock.unlink()
    #expect(try lock.tryWithReadLock { $0 } == 1)
    #expect(
      try lock.tryWithWriteLock {
        $0 += 1
        return $0
      } == 2)
    #expect(throws: Failure.self) { try lock.tryWithReadLock { _ in throw Failure() } }
    #expect(throws: Failure.self) {
      try lock.tryWithWriteLock {
        $0 += 1
        throw Failure()
      }
    }
    #expect(try other.tryWithReadLock { $0 } == 3)
    #expect(try other.tryWithWriteLock { $0 } == 3)
  }

  @Test("While a thread reads, others can read but not write; while one writes, neither")
  func held() throws {
    let lock = try SharedReadWriteLock.create(nil, initialValue: 1, options: .whileAttached)
    let other = try SharedReadWriteLock<Int>.attach(lock.name)
    try lock.unlink()
    let isHeldForReading: Void? = try lock.tryWithReadLock { _ throws in
      #expect(try other.tryWithReadLock { $0 } == 1)
      #expect(try other.tryWithWriteLock { $0 } == nil)
      #expect(try lock.tryWithWriteLock { $0 } == nil)
      // The attempt has left nothing that keeps readers away.
      #expect(try other.tryWithReadLock { $0 } == 1)
    }
    #expect(isHeldForReading != nil)
    let isHeldForWriting: Void? = try lock.tryWithWriteLock { _ throws in
      #expect(try other.tryWithReadLock { $0 } == nil)
      #expect(try other.tryWithWriteLock { $0 } == nil)
    }
    #expect(isHeldForWriting != nil)
  }

  @Test("What another process holds is not available; a waiting writer keeps readers away")
  func processes() async throws {
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: Account())
    defer { try? lock.unlink() }
    let content = lock.segment.contentOffset
    let (status, _) = try await withChildProcess(Places.helper, ["sync", "rwlock-read", name]) {
      reader in
      try await reader.expectNext("held")
      #expect(try lock.tryWithWriteLock { _ in true } == nil)
      #expect(try lock.tryWithReadLock { $0.first } == 0)
      let writer = inThread { try lock.withWriteLock { $0.add() } }
      while lock.segment.memory.load(fromByteOffset: content, as: UInt32.self) == 0 {
        try await Task.sleep(for: .milliseconds(1))
      }
      #expect(try lock.tryWithReadLock { $0.first } == nil)
      #expect(try lock.tryWithWriteLock { _ in true } == nil)
      try await reader.expect("go on", "released")
      try await writer.value
    }
    #expect(status == .exited(0))
    #expect(try lock.tryWithReadLock { $0.first } == 1)
    _ = try await withChildProcess(Places.helper, ["sync", "rwlock-write", name]) { writer in
      try await writer.expectNext("held")
      #expect(try lock.tryWithReadLock { $0.first } == nil)
      #expect(try lock.tryWithWriteLock { _ in true } == nil)
      try await writer.send("go on")
      #expect(try await writer.nextLine() == nil)
    }
    #expect(try lock.tryWithReadLock { $0.first } == 2)
  }

  // MARK: - Dead holders

  @Test("The places of dead readers are free, for the next reader and for a writer")
  func deadReaders() async throws {
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: Account(), maximumReaderCount: 1)
    defer { try? lock.unlink() }
    for isReading in [true, false] {
      _ = try await withChildProcess(Places.helper, ["sync", "rwlock-read", name]) { reader in
        try await reader.expectNext("held")
        #expect(try lock.tryWithReadLock { _ in true } == nil)
        #expect(try lock.tryWithWriteLock { _ in true } == nil)
        try reader.kill()
      }
      if isReading {
        #expect(try lock.tryWithReadLock { _ in true } == true)
      } else {
        #expect(try lock.tryWithWriteLock { _ in true } == true)
      }
    }
  }

  @Test("A dead writer leaves an error until the value is repaired", arguments: [true, false])
  func deadWriter(isReading: Bool) async throws {
    let name = uniqueName()
    let lock = try SharedReadWriteLock.create(name, initialValue: Account())
    defer { try? lock.unlink() }
    _ = try await withChildProcess(Places.helper, ["sync", "rwlock-write", name]) { writer in
      try await writer.expectNext("held")
      try writer.kill()
    }
    func attempt() -> InterprocessError.Code? {
      errorCode {
        if isReading {
          _ = try lock.tryWithReadLock { _ in true }
        } else {
          _ = try lock.tryWithWriteLock { _ in true }
        }
      }
    }
    // The first call notices the death, the second finds its mark.
    #expect(attempt() == .ownerDied)
    #expect(attempt() == .ownerDied)
    try inThisThread { try lock.withWriteLock(recovering: { $0.repair() }) { $0.add() } }
    #expect(try lock.tryWithReadLock { $0.first } == 2)
    #expect(try lock.tryWithWriteLock { $0.isWhole } == true)
  }

  /// A holder that releases the lock and closes its handle looks dead to a process that saw its
  /// number in the lock before.
  @Test("A handle that was closed after its use is not taken for a dead holder")
  func closedHandles() async throws {
    let mutex = try SharedMutex.create(uniqueName(), initialValue: 0)
    defer { try? mutex.unlink() }
    let lock = try SharedReadWriteLock.create(uniqueName(), initialValue: 0)
    defer { try? lock.unlink() }
    let isOver = Counter()
    let holder = inThread {
      while isOver.value == 0 {
        try SharedMutex<Int>.attach(mutex.name).withLock { $0 += 1 }
        try SharedReadWriteLock<Int>.attach(lock.name).withWriteLock { $0 += 1 }
      }
    }
    try inThisThread {
      defer { isOver.increment() }
      let end = ContinuousClock.now + .seconds(extent(whole: 10, short: 3))
      while .now < end {
        _ = try mutex.tryWithLock { $0 }
        _ = try lock.tryWithReadLock { $0 }
        _ = try lock.tryWithWriteLock { $0 }
      }
    }
    try await holder.value
  }

  // MARK: - Waiters

  @Test("An attempt to write that finds a reader wakes the readers that it has held up")
  func heldUp() async {
    await #expect(processExitsWith: .success) {
      alarm(60)
      unsafe Sleeping.isEndless = true
      let lock = try SharedReadWriteLock.create(nil, initialValue: 0, options: .whileAttached)
      let other = try SharedReadWriteLock<Int>.attach(lock.name)
      try lock.unlink()
      let (isMarked, hasRead) = (Counter(), Counter())
      Checkpoint.handler = { step in
        if step == .lockMarked { isMarked.increment() }
        // The trying thread holds the lock, and has not yet looked for readers.
        guard step == .lockTaken else { return }
        Thread.detachNewThread {
          try? other.withReadLock { _ in }
          hasRead.increment()
        }
        while isMarked.value == 0 { usleep(100) }
        // The reader falls asleep.
        usleep(50_000)
      }
      try inThisThread {
        try lock.withReadLock { _ in
          let wasFree: Void? = try lock.tryWithWriteLock { _ in }
          precondition(wasFree == nil)
          while hasRead.value == 0 { usleep(100) }
        }
      }
    }
  }

  @Test("A writer that gives up wakes nobody who waits for a change", arguments: [true, false])
  func unchanged(isTrying: Bool) async {
    await #expect(processExitsWith: .success) { [isTrying] in
      alarm(60)
      unsafe Sleeping.isEndless = true
      let lock = try SharedReadWriteLock.create(nil, initialValue: 0, options: .whileAttached)
      let other = try SharedReadWriteLock<Int>.attach(lock.name)
      try lock.unlink()
      let (checks, ends) = (Counter(), Counter())
      Thread.detachNewThread {
        try? other.withReadLock(until: {
          checks.increment()
          return $0 == 1
        }) { _ in }
        ends.increment()
      }
      while checks.value == 0 { usleep(100) }
      usleep(50_000)
      try inThisThread {
        try lock.withReadLock { _ in
          for _ in 0..<10 {
            if isTrying {
              let wasFree: Void? = try lock.tryWithWriteLock { _ in }
              precondition(wasFree == nil)
            } else {
              let code = errorCode { try lock.withWriteLock(timeout: .milliseconds(1)) { _ in } }
              precondition(code == .timedOut)
            }
          }
        }
        usleep(50_000)
        precondition(checks.value == 1, "\(checks.value)")
        try lock.withWriteLock { $0 = 1 }
      }
      while ends.value == 0 { usleep(100) }
      precondition(checks.value == 2, "\(checks.value)")
    }
  }
}
