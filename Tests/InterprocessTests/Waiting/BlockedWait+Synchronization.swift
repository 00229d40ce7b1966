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

import Interprocess
import Synchronization
import TestSupport

// Waits for locks, signals and sets of them.
extension Blocked {
  func makeOfMutex() throws -> BlockedWait {
    let mutex = try SharedMutex.create(initialValue: 0, options: .whileAttached)
    if self == .mutexUntil {
      return BlockedWait {
        try mutex.withLock(until: { $0 == 1 }, timeout: $0) { _ in }
      } runAsTask: {
        try await mutex.withLock(until: { $0 == 1 }, timeout: $0) { _ in }
      } unblock: {
        try mutex.withLock { $0 = 1 }
      } choose: {
        mutex.waiting = $0
      }
    }
    let holder = Holder { wait in try mutex.withLock { _ in wait() } }
    if self == .mutexRecovering {
      return BlockedWait {
        try mutex.withLock(recovering: { _ in }, timeout: $0) { _ in }
      } runAsTask: {
        try await mutex.withLock(recovering: { _ in }, timeout: $0) { _ in }
      } unblock: {
        holder.release()
      } choose: {
        mutex.waiting = $0
      }
    }
    return BlockedWait {
      try mutex.withLock(timeout: $0) { _ in }
    } runAsTask: {
      try await mutex.withLock(timeout: $0) { _ in }
    } unblock: {
      holder.release()
    } choose: {
      mutex.waiting = $0
    }
  }

  func makeOfReadWriteLock() throws -> BlockedWait {
    let lock = try SharedReadWriteLock.create(initialValue: 0, options: .whileAttached)
    let holder =
      self == .reading
      ? Holder { wait in try lock.withWriteLock { _ in wait() } }
      : Holder { wait in try lock.withReadLock { _ in wait() } }
    switch self {
    case .reading:
      return BlockedWait {
        try lock.withReadLock(timeout: $0) { _ in }
      } runAsTask: {
        try await lock.withReadLock(timeout: $0) { _ in }
      } unblock: {
        holder.release()
      } choose: {
        lock.waiting = $0
      }
    case .writing:
      return BlockedWait {
        try lock.withWriteLock(timeout: $0) { _ in }
      } runAsTask: {
        try await lock.withWriteLock(timeout: $0) { _ in }
      } unblock: {
        holder.release()
      } choose: {
        lock.waiting = $0
      }
    default:
      return BlockedWait {
        try lock.withWriteLock(recovering: { _ in }, timeout: $0) { _ in }
      } runAsTask: {
        try await lock.withWriteLock(recovering: { _ in }, timeout: $0) { _ in }
      } unblock: {
        holder.release()
      } choose: {
        lock.waiting = $0
      }
    }
  }

  func makeOfReadWriteCondition() throws -> BlockedWait {
    let lock = try SharedReadWriteLock.create(initialValue: 0, options: .whileAttached)
    if self == .readingUntil {
      return BlockedWait {
        try lock.withReadLock(until: { $0 == 1 }, timeout: $0) { _ in }
      } runAsTask: {
        try await lock.withReadLock(until: { $0 == 1 }, timeout: $0) { _ in }
      } unblock: {
        try lock.withWriteLock { $0 = 1 }
      } choose: {
        lock.waiting = $0
      }
    }
    return BlockedWait {
      try lock.withWriteLock(until: { $0 == 1 }, timeout: $0) { _ in }
    } runAsTask: {
      try await lock.withWriteLock(until: { $0 == 1 }, timeout: $0) { _ in }
    } unblock: {
      try lock.withWriteLock { $0 = 1 }
    } choose: {
      lock.waiting = $0
    }
  }

  func makeOfSignal() throws -> BlockedWait {
    switch self {
    case .semaphore:
      let semaphore = try SharedSemaphore.create(permitCount: 1, options: .whileAttached)
      let holder = Holder { wait in
        let permit = try semaphore.acquire()
        wait()
        permit.release()
      }
      return BlockedWait {
        try semaphore.acquire(timeout: $0).release()
      } runAsTask: {
        try await semaphore.acquire(timeout: $0).release()
      } unblock: {
        holder.release()
      } choose: {
        semaphore.waiting = $0
      }
    case .barrier:
      let barrier = try SharedBarrier.create(partyCount: 2, options: .whileAttached)
      let other = try SharedBarrier.attach(barrier.name)
      return BlockedWait {
        try barrier.arriveAndWait(timeout: $0)
      } runAsTask: {
        try await barrier.arriveAndWait(timeout: $0)
      } unblock: {
        // The party that gave up has broken the barrier.
        _ = errorCode { try other.arriveAndWait(timeout: .zero) }
      } choose: {
        barrier.waiting = $0
      }
    case .atomic:
      let atomic = try SharedAtomic<UInt32>.create(initialValue: 0, options: .whileAttached)
      return BlockedWait {
        _ = try atomic.wait(while: 0, timeout: $0)
      } runAsTask: {
        _ = try await atomic.wait(while: 0, timeout: $0)
      } unblock: {
        atomic[].store(1, ordering: .releasing)
        atomic.notify()
      } choose: {
        atomic.waiting = $0
      }
    case .eventAfter:
      let event = try SharedEvent.create(options: .whileAttached)
      return BlockedWait {
        _ = try event.wait(after: 0, timeout: $0)
      } runAsTask: {
        _ = try await event.wait(after: 0, timeout: $0)
      } unblock: {
        event.pulse()
      } choose: {
        event.waiting = $0
      }
    default:
      let event = try SharedEvent.create(options: .whileAttached)
      return BlockedWait {
        try event.wait(timeout: $0)
      } runAsTask: {
        try await event.wait(timeout: $0)
      } unblock: {
        event.set()
      } choose: {
        event.waiting = $0
      }
    }
  }

  func makeOfWaitSet() throws -> BlockedWait {
    let event = try SharedEvent.create(options: .whileAttached)
    var sources = WaitSet<Int>()
    sources.insert(event, as: 1)
    return BlockedWait { [sources] in
      var set = sources
      _ = try set.wait(timeout: $0)
    } runAsTask: { [sources] in
      var set = sources
      _ = try await set.wait(timeout: $0)
    } unblock: {
      event.set()
    } choose: { [sources] in
      sources.waiting = $0
    }
  }

  func makeOfValue() throws -> BlockedWait {
    let writer = Box(try SharedValue.create(initialValue: 1, options: .whileAttached))
    let access: SharedMemory.Access = self == .value ? .readWrite : .readOnly
    let reader = Box(try SharedValue<Int>.attach(writer.value.name, access: access))
    let version = reader.value.version
    return BlockedWait {
      try reader.value.waitForChange(after: version, timeout: $0)
    } runAsTask: {
      try await reader.value.waitForChange(after: version, timeout: $0)
    } unblock: {
      try writer.value.store(2)
    } choose: {
      reader.value.waiting = $0
    }
  }
}
