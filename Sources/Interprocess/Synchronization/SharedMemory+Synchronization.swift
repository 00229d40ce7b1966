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

// Locks and signals within the caller's own memory. Each has its own handle of the memory, with its
// own lease and mapping, so that it stays valid for as long as it is used, in any task.
extension SharedMemory {
  /// A value with its lock, within the memory.
  ///
  /// Zero bytes are a free lock and a value of zeros. All processes must agree on the offset and
  /// the type; nothing checks this. The lock keeps the memory attached. See ``SharedMutex``.
  ///
  /// - Parameters:
  ///   - type: The type of the value.
  ///   - byteOffset: Where the mutex begins, in bytes; it takes ``SharedMutex/byteCount``.
  /// - Returns: The mutex.
  /// - Throws: `system` if the memory cannot be opened again.
  /// - Precondition: The lock and the value lie within the memory, at a multiple of 16, and the
  ///   memory is attached for writing.
  /// - Complexity: A few system calls, which do not block.
  public borrowing func mutex<Value: Shareable>(
    of type: Value.Type, at byteOffset: Int
  ) throws(InterprocessError) -> SharedMutex<Value> {
    SharedMutex(
      try .part(
        of: self, at: byteOffset, byteCount: SharedMutex<Value>.byteCount, alignment: 16))
  }

  /// A value with a lock for many readers or one writer, within the memory.
  ///
  /// Zero bytes are a free lock and a value of zeros. All processes must agree on the offset, the
  /// type and the number of readers; nothing checks this. The lock keeps the memory attached. See
  /// ``SharedReadWriteLock``.
  ///
  /// - Parameters:
  ///   - type: The type of the value.
  ///   - byteOffset: Where the lock begins, in bytes; it takes
  ///     ``SharedReadWriteLock/byteCount(maximumReaderCount:)``.
  ///   - maximumReaderCount: How many readers may hold the lock at once, at least 1.
  /// - Returns: The lock.
  /// - Throws: `system` if the memory cannot be opened again.
  /// - Precondition: The lock and the value lie within the memory, at a multiple of 16, and the
  ///   memory is attached for writing.
  /// - Complexity: A few system calls, which do not block.
  public borrowing func readWriteLock<Value: Shareable>(
    of type: Value.Type, at byteOffset: Int, maximumReaderCount: Int
  ) throws(InterprocessError) -> SharedReadWriteLock<Value> {
    SharedReadWriteLock(
      try .part(
        of: self, at: byteOffset, capacity: maximumReaderCount,
        byteCount: SharedReadWriteLock<Value>.byteCount(of: maximumReaderCount), alignment: 16))
  }

  /// A number of permits, within the memory.
  ///
  /// Zero bytes are free permits. All processes must agree on the offset and the number of permits;
  /// nothing checks this. The semaphore keeps the memory attached. See ``SharedSemaphore``.
  ///
  /// - Parameters:
  ///   - byteOffset: Where the semaphore begins, in bytes; it takes
  ///     ``SharedSemaphore/byteCount(permitCount:)``.
  ///   - permitCount: How many permits there are, at least 1.
  /// - Returns: The semaphore.
  /// - Throws: `system` if the memory cannot be opened again.
  /// - Precondition: It lies within the memory, at a multiple of 4, and the memory is attached for
  ///   writing.
  /// - Complexity: A few system calls, which do not block.
  public borrowing func semaphore(
    at byteOffset: Int, permitCount: Int
  ) throws(InterprocessError) -> SharedSemaphore {
    SharedSemaphore(
      try .part(
        of: self, at: byteOffset, capacity: permitCount,
        byteCount: SharedSemaphore.byteCount(of: permitCount), alignment: 4))
  }

  /// An event, within the memory.
  ///
  /// Zero bytes are an event that is not set. All processes must agree on the offset; nothing
  /// checks this. The event keeps the memory attached. See ``SharedEvent``.
  ///
  /// - Parameter byteOffset: Where the event begins, in bytes; it takes ``SharedEvent/byteCount``.
  /// - Returns: The event.
  /// - Throws: `system` if the memory cannot be opened again.
  /// - Precondition: It lies within the memory, at a multiple of 4, and the memory is attached for
  ///   writing.
  /// - Complexity: A few system calls, which do not block.
  public borrowing func event(at byteOffset: Int) throws(InterprocessError) -> SharedEvent {
    SharedEvent(
      try .part(of: self, at: byteOffset, byteCount: SharedEvent.byteCount, alignment: 4))
  }

  /// A barrier, within the memory.
  ///
  /// Zero bytes are a barrier at which no party has arrived. All processes must agree on the offset
  /// and the number of parties; nothing checks this. The barrier keeps the memory attached. See
  /// ``SharedBarrier``.
  ///
  /// - Parameters:
  ///   - byteOffset: Where the barrier begins, in bytes; it takes
  ///     ``SharedBarrier/byteCount(partyCount:)``.
  ///   - partyCount: How many parties must arrive, 1 to 65,535.
  /// - Returns: The barrier.
  /// - Throws: `system` if the memory cannot be opened again.
  /// - Precondition: It lies within the memory, at a multiple of 4, and the memory is attached for
  ///   writing.
  /// - Complexity: A few system calls, which do not block.
  public borrowing func barrier(
    at byteOffset: Int, partyCount: Int
  ) throws(InterprocessError) -> SharedBarrier {
    SharedBarrier(
      try .part(
        of: self, at: byteOffset, capacity: partyCount,
        byteCount: SharedBarrier.byteCount(of: partyCount), alignment: 4))
  }
}

// MARK: - Sizes

extension SharedMutex {
  /// The bytes that a mutex takes within memory: the lock and the value.
  public static var byteCount: Int { LockLayout<Value>.byteCount }
}

extension SharedReadWriteLock {
  /// The bytes that a lock takes within memory: the lock, the readers' places and the value.
  ///
  /// - Parameter maximumReaderCount: How many readers may hold the lock at once.
  /// - Precondition: At least 1.
  public static func byteCount(maximumReaderCount: Int) -> Int {
    guard let byteCount = byteCount(of: maximumReaderCount) else {
      preconditionFailure("A lock has at least one reader")
    }
    return byteCount
  }
}

extension SharedSemaphore {
  /// The bytes that a semaphore takes within memory.
  ///
  /// - Parameter permitCount: How many permits there are.
  /// - Precondition: At least 1.
  public static func byteCount(permitCount: Int) -> Int {
    guard let byteCount = byteCount(of: permitCount) else {
      preconditionFailure("A semaphore has at least one permit")
    }
    return byteCount
  }
}

extension SharedBarrier {
  /// The bytes that a barrier takes within memory.
  ///
  /// - Parameter partyCount: How many parties must arrive.
  /// - Precondition: 1 to 65,535.
  public static func byteCount(partyCount: Int) -> Int {
    guard let byteCount = byteCount(of: partyCount) else {
      preconditionFailure("A barrier has 1 to 65,535 parties")
    }
    return byteCount
  }
}
