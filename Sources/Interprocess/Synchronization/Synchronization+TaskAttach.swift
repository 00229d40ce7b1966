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

extension SharedMutex {
  /// Attaches to a mutex as soon as it exists.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - name: The name that the mutex was created under.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait for the mutex.
  /// - Returns: The mutex.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  public nonisolated(nonsending) static func attach(
    _ name: String,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration
  ) async throws -> SharedMutex {
    SharedMutex(
      try await StructuredSegment.attach(
        name, MutexKind.self, of: Value.self, owner: owner, waitingUpTo: timeout
      ) { _ in LockLayout<Value>.byteCount })
  }
}

extension SharedReadWriteLock {
  /// Attaches to a read-write lock as soon as it exists.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - name: The name that the lock was created under.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait for the lock.
  /// - Returns: The lock.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  public nonisolated(nonsending) static func attach(
    _ name: String,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration
  ) async throws -> SharedReadWriteLock {
    SharedReadWriteLock(
      try await StructuredSegment.attach(
        name, ReadWriteLockKind.self, of: Value.self, owner: owner, waitingUpTo: timeout
      ) { byteCount(of: $0) })
  }
}

extension SharedSemaphore {
  /// Attaches to a semaphore as soon as it exists.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - name: The name that the semaphore was created under.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait for the semaphore.
  /// - Returns: The semaphore.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  public nonisolated(nonsending) static func attach(
    _ name: String,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration
  ) async throws -> SharedSemaphore {
    SharedSemaphore(
      try await StructuredSegment.attach(
        name, SemaphoreKind.self, of: UInt32.self, owner: owner, waitingUpTo: timeout
      ) { byteCount(of: $0) })
  }
}

extension SharedEvent {
  /// Attaches to an event as soon as it exists.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - name: The name that the event was created under.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait for the event.
  /// - Returns: The event.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  public nonisolated(nonsending) static func attach(
    _ name: String,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration
  ) async throws -> SharedEvent {
    SharedEvent(
      try await StructuredSegment.attach(
        name, EventKind.self, of: UInt32.self, owner: owner, waitingUpTo: timeout
      ) { _ in byteCount })
  }
}

extension SharedBarrier {
  /// Attaches to a barrier as soon as it exists.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - name: The name that the barrier was created under.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait for the barrier.
  /// - Returns: The barrier.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  public nonisolated(nonsending) static func attach(
    _ name: String,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration
  ) async throws -> SharedBarrier {
    SharedBarrier(
      try await StructuredSegment.attach(
        name, BarrierKind.self, of: UInt32.self, owner: owner, waitingUpTo: timeout
      ) { byteCount(of: $0) })
  }
}

extension SharedAtomic {
  /// Attaches to an integer as soon as it exists.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - name: The name that the integer was created under.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait for the integer.
  /// - Returns: The integer.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  public nonisolated(nonsending) static func attach(
    _ name: String,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration
  ) async throws -> SharedAtomic {
    SharedAtomic(
      try await StructuredSegment.attach(
        name, AtomicKind.self, of: Value.self, owner: owner, waitingUpTo: timeout
      ) { _ in byteCount })
  }
}
