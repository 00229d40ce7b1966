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

internal import CInterprocess

/// A value that processes change one at a time, under a lock that survives the death of its holder.
///
/// ```swift
/// struct Totals: Shareable { var count: UInt64; var sum: Double }
///
/// let totals = try SharedMutex.create("totals", initialValue: Totals(count: 0, sum: 0))
/// // ... in any number of processes:
/// let totals = try SharedMutex<Totals>.attach("totals")
/// try totals.withLock { totals in
///   totals.count += 1
///   totals.sum += 2.5
/// }
/// ```
///
/// A process that dies while it holds the lock may leave the value half changed. From then on,
/// taking the lock throws `ownerDied`, in every process, until one of them repairs the value:
///
/// ```swift
/// try totals.withLock(recovering: { $0 = Totals(count: 0, sum: 0) }) { totals in
///   totals.count += 1
/// }
/// ```
///
/// The value lies in shared memory, and the closures change it in place. Keep them short, and let
/// them wait for nothing else. If one process stores and others only read, use ``SharedValue``,
/// whose readers never wait; for a single number, use ``SharedAtomic``.
///
/// Tasks and threads of one process may use one handle at once. The handle is closed when the last
/// reference to it goes. Corresponds to `Mutex` of the standard library, to a robust
/// `pthread_mutex_t` with `PTHREAD_PROCESS_SHARED` in C, and to `multiprocessing.Lock` in Python,
/// which stays locked when its holder dies.
public final class SharedMutex<Value: Shareable>: Sendable {
  let segment: StructuredSegment
  let lock: RobustLock
  @usableFromInline let _value: GuardedValue<Value>

  // MARK: - Create and attach

  /// Creates a value with its lock under a name that is not taken.
  ///
  /// No other process can attach before the initial value is in place. Does not wait for other
  /// processes.
  ///
  /// - Parameters:
  ///   - name: The name, as for ``SharedMemory/create(_:byteCount:options:initializingWith:)``.
  ///   - initialValue: The value that the first holder finds.
  ///   - options: When the name is removed, who may use the mutex, and when its pages are taken.
  ///     Every user needs permission to write.
  /// - Returns: The mutex, which is free.
  /// - Throws: What creating ``SharedMemory`` throws: `alreadyExists`, `invalidName`,
  ///   `invalidSize`, `outOfMemory`, `permissionDenied` and `system`.
  /// - Precondition: All fields of the value are ``Shareable``.
  public static func create(
    _ name: String? = nil,
    initialValue: Value,
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedMutex {
    SharedMutex(
      try StructuredSegment.create(
        name, plan(initialValue), options: options))
  }

  /// Attaches to a mutex, or creates it if it does not exist.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - initialValue: The value of a new mutex.
  ///   - options: The options of a new mutex.
  ///   - owner: Whose memory to accept.
  /// - Returns: The mutex; ``isCreator`` tells whether this call created it.
  /// - Throws: What creating and attaching throw.
  /// - Precondition: All fields of the value are ``Shareable``.
  public static func attachOrCreate(
    _ name: String,
    initialValue: Value,
    options: SegmentOptions = SegmentOptions(),
    owner: SharedMemory.Owner = .currentUser
  ) throws(InterprocessError) -> SharedMutex {
    try _open(
      StructuredSegment.attachOrCreate(
        name, plan(initialValue), options: options, owner: owner))
  }

  private static func plan(_ initialValue: Value) -> StructuredSegment.Plan<Value> {
    StructuredSegment.Plan(kind: MutexKind.self, byteCount: LockLayout<Value>.byteCount) {
      bytes, offset in
      bytes.storeBytes(
        of: initialValue, toByteOffset: offset + LockLayout<Value>.valueOffset, as: Value.self)
    }
  }

  init(_ segment: StructuredSegment) {
    let offset = segment.contentOffset
    let range = segment.memory._range
    lock = RobustLock(
      in: segment, word: range.word32(at: offset + fieldOffset(\ipc_mutex.word)),
      changeCount: range.word32(at: offset + fieldOffset(\ipc_mutex.change_count)),
      repair: "withLock(recovering:)")
    _value = GuardedValue(in: range, at: offset + LockLayout<Value>.valueOffset)
    self.segment = segment
  }

  // MARK: - Basics

  /// Ends this handle's use of the mutex.
  ///
  /// Gives up its lease; a temporary name goes with the last lease of all processes. The same
  /// happens when the last reference to the handle goes, which also unmaps the memory. A closed
  /// handle can only report its name and what belongs to the name, and unlink it. Any other use is
  /// a failed precondition, even by a thread or task that was waiting here, when it resumes.
  /// Closing the handle again does nothing.
  ///
  /// Does not block, except as ``SharedMemory/close()`` does.
  ///
  /// - Precondition: This handle does not hold the lock.
  public func close() {
    segment.close { lock.close(orElse: "The handle holds its lock, and was to be closed") }
  }
}

/// Where the parts of a value with a lock lie after the header: `ipc_lock` of C, and the value.
enum LockLayout<Value: Shareable> {
  /// In the cache line of the lock, if it fits: taking the lock then also fetches the value.
  static var valueOffset: Int { MemoryLayout<ipc_mutex>.size }
  static var byteCount: Int { valueOffset + MemoryLayout<Value>.size }
}

extension SharedMutex: StructuredObject {
  /// For the functions of ``StructuredObject``.
  public static func _open(
    _ memory: consuming SharedMemory
  ) throws(InterprocessError) -> SharedMutex {
    SharedMutex(
      try StructuredSegment(reading: memory, MutexKind.self, of: Value.self) { _ in
        LockLayout<Value>.byteCount
      })
  }

  /// For the functions of ``SharedObject``.
  public func _withMemory<Result, Failure: Error>(
    open isNeeded: Bool, _ body: (borrowing SharedMemory) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if isNeeded { segment.checkOpen() }
    return try body(segment.memory)
  }
}
