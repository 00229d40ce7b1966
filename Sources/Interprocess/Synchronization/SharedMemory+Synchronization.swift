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

// Locks and signals within memory of one's own. Each takes a handle of its own for the memory, with
// its own lease and mapping, so that it lives as long as it is used, in any task.
extension SharedMemory {
  /// A value with its lock, within the memory.
  ///
  /// Bytes that are zero are a free lock and a value of zeros. All processes have to agree on the
  /// place and the type, which nothing checks. The lock keeps the memory attached for as long as it
  /// lives. See ``SharedMutex``.
  ///
  /// - Parameters:
  ///   - type: The type of the value.
  ///   - byteOffset: Where it begins, in bytes; it takes ``SharedMutex/byteCount``.
  /// - Returns: The mutex.
  /// - Throws: `system` if the memory cannot be opened a second time.
  /// - Precondition: It lies within the memory, at a multiple of 16, and the memory is attached for
  ///   writing.
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
  /// Bytes that are zero are a free lock and a value of zeros. All processes have to agree on the
  /// place, the type and the number of readers, which nothing checks. The lock keeps the memory
  /// attached for as long as it lives. See ``SharedReadWriteLock``.
  ///
  /// - Parameters:
  ///   - type: The type of the value.
  ///   - byteOffset: Where it begins, in bytes; it takes
  ///     ``SharedReadWriteLock/byteCount(maximumReaderCount:)``.
  ///   - maximumReaderCount: How many may read at once, at least 1.
  /// - Returns: The lock.
  /// - Throws: `system` if the memory cannot be opened a second time.
  /// - Precondition: It lies within the memory, at a multiple of 16, and the memory is attached for
  ///   writing.
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
  /// Bytes that are zero are free permits. All processes have to agree on the place and the number,
  /// which nothing checks. The semaphore keeps the memory attached for as long as it lives. See
  /// ``SharedSemaphore``.
  ///
  /// - Parameters:
  ///   - byteOffset: Where it begins, in bytes; it takes
  ///     ``SharedSemaphore/byteCount(permitCount:)``.
  ///   - permitCount: How many permits there are, at least 1.
  /// - Returns: The semaphore.
  /// - Throws: `system` if the memory cannot be opened a second time.
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
  /// Bytes that are zero are an event that is not set. All processes have to agree on the place,
  /// which nothing checks. The event keeps the memory attached for as long as it lives. See
  /// ``SharedEvent``.
  ///
  /// - Parameter byteOffset: Where it begins, in bytes; it takes ``SharedEvent/byteCount``.
  /// - Returns: The event.
  /// - Throws: `system` if the memory cannot be opened a second time.
  /// - Precondition: It lies within the memory, at a multiple of 4, and the memory is attached for
  ///   writing.
  /// - Complexity: A few system calls, which do not block.
  public borrowing func event(at byteOffset: Int) throws(InterprocessError) -> SharedEvent {
    SharedEvent(
      try .part(of: self, at: byteOffset, byteCount: SharedEvent.byteCount, alignment: 4))
  }

  /// A barrier, within the memory.
  ///
  /// Bytes that are zero are a barrier at which nobody has arrived. All processes have to agree on
  /// the place and the number of parties, which nothing checks. The barrier keeps the memory
  /// attached for as long as it lives. See ``SharedBarrier``.
  ///
  /// - Parameters:
  ///   - byteOffset: Where it begins, in bytes; it takes ``SharedBarrier/byteCount(partyCount:)``.
  ///   - partyCount: How many have to arrive, 1 to 65,535.
  /// - Returns: The barrier.
  /// - Throws: `system` if the memory cannot be opened a second time.
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
  /// - Parameter maximumReaderCount: How many may read at once.
  /// - Precondition: At least 1 may.
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
  /// - Precondition: There is at least 1.
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
  /// - Parameter partyCount: How many have to arrive.
  /// - Precondition: There are 1 to 65,535.
  public static func byteCount(partyCount: Int) -> Int {
    guard let byteCount = byteCount(of: partyCount) else {
      preconditionFailure("A barrier has 1 to 65,535 parties")
    }
    return byteCount
  }
}
