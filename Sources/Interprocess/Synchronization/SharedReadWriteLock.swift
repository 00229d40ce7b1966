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

/// A value that many processes read at once, or one changes, under a lock that survives the death
/// of its holders.
///
/// ```swift
/// let settings = try SharedReadWriteLock.create("settings", initialValue: Settings())
/// // ... in any number of processes:
/// let settings = try SharedReadWriteLock<Settings>.attach("settings")
/// let rate = try settings.withReadLock { $0.rate }
/// try settings.withWriteLock { $0.rate = 50 }
/// ```
///
/// A reader that dies blocks no other process. A writer that dies may leave the value half changed:
/// from then on, taking the lock, for reading as well as for writing, throws `ownerDied`, in every
/// process, until one of them repairs the value with `withWriteLock(recovering:)`. Writers take
/// precedence: a reader waits while another thread or task writes or waits to write.
///
/// The bookkeeping of a reader costs as much as a mutex, which pays off if values are large, or if
/// reading takes long. If one process stores and others only read, use ``SharedValue``, whose
/// readers never wait; for everything else, use ``SharedMutex``.
///
/// Tasks and threads of one process may use one handle at once. The handle is closed when the last
/// reference to it goes. Corresponds to a `pthread_rwlock_t` with `PTHREAD_PROCESS_SHARED` in C,
/// which stays locked when its holder dies.
public final class SharedReadWriteLock<Value: Shareable>: Sendable {
  // There are two locks, each explained in its own file: a writer holds a `RobustLock`, a reader
  // holds a place of a `HolderTable`. Each side first announces itself, and then looks for the
  // other:
  //
  //   reader: place: 0 -> number, fence, is the lock free?   if not, free the place, and wait
  //   writer: lock: 0 -> number, fence, are all places 0?     if not, wait, holding the lock
  //
  // The fences are sequentially consistent, so at least one side sees the other. A reader that sees
  // the lock free acquires what the last writer released. A writer that sees a place free acquires
  // what its reader released, which orders that reader's reads before the writer's writes.
  //
  // A reader that dies leaves a place that names no living holder; a waiting writer frees it. A
  // writer that dies, even while it waits for readers, leaves an abandoned lock.
  //
  // A waiter for a condition checks it as any other reader or writer. If the value does not fulfil
  // it, the waiter marks the change count of the `RobustLock`, gives back what it holds, and sleeps
  // while the count keeps that value. The next writer sees the mark, advances the count, and wakes
  // the waiter.
  //
  // A writer marks the count while it holds the lock, as with a mutex. A reader marks it while it
  // has its place:
  //
  //   - No writer advances the count meanwhile. A writer does that only after it found all places
  //     free; one that gives up waiting for readers has changed nothing, and skips U1. Other
  //     readers may mark the count at the same time: all set the same bit, atomically.
  //   - The next writer sees the mark in its U1, because it finds the place free (acquiring), and
  //     the reader frees its place after the mark (releasing).
  //
  // A reader that waits for a condition holds nothing but its place, and so leaves nothing else if
  // it dies: before the mark, a dead reader's place; after it, at most a mark that costs the next
  // writer a needless wake-up. `ReadWriteLockModelTests` goes through this in every order.

  let segment: StructuredSegment
  let lock: RobustLock
  let readers: HolderTable
  let waits: Waiting
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
  ///   - maximumReaderCount: How many readers may hold the lock at once, at least 1; each takes 64
  ///     bytes.
  ///   - options: When the name is removed, who may use the lock, and when its pages are taken.
  ///     Every user needs permission to write.
  /// - Returns: The lock, which is free.
  /// - Throws: What creating ``SharedMemory`` throws: `alreadyExists`, `invalidName`,
  ///   `invalidSize`, `outOfMemory`, `permissionDenied` and `system`.
  /// - Precondition: All fields of the value are ``Shareable``.
  public static func create(
    _ name: String? = nil,
    initialValue: Value,
    maximumReaderCount: Int = 64,
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedReadWriteLock {
    SharedReadWriteLock(
      try StructuredSegment.create(
        name, plan(initialValue, maximumReaderCount), options: options))
  }

  /// Attaches to a lock, or creates it if it does not exist.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - initialValue: The value of a new lock.
  ///   - maximumReaderCount: How many readers may hold a new lock at once, at least 1.
  ///   - options: The options of a new lock.
  ///   - owner: Whose memory to accept.
  /// - Returns: The lock; ``isCreator`` tells whether this call created it.
  /// - Throws: What creating and attaching throw.
  /// - Precondition: All fields of the value are ``Shareable``.
  public static func attachOrCreate(
    _ name: String,
    initialValue: Value,
    maximumReaderCount: Int = 64,
    options: SegmentOptions = SegmentOptions(),
    owner: SharedMemory.Owner = .currentUser
  ) throws(InterprocessError) -> SharedReadWriteLock {
    try _open(
      StructuredSegment.attachOrCreate(
        name, plan(initialValue, maximumReaderCount), options: options, owner: owner))
  }

  /// Where the gate lies at which writers wait for readers.
  static var gateOffset: Int { fieldOffset(\ipc_read_write_lock.gate) }
  /// Where the readers' places begin, and their distance: each place has its own cache line.
  static var placesOffset: Int { MemoryLayout<ipc_read_write_lock>.size }
  static var placeStride: Int { Int(IPC_READER_STRIDE) }

  /// Where the value lies; `nil` if no lock can have this number of readers.
  static func valueOffset(_ maximumReaderCount: Int) -> Int? {
    guard maximumReaderCount >= 1 else { return nil }
    let (byteCount, overflow) = maximumReaderCount.multipliedReportingOverflow(by: placeStride)
    let (offset, isTooLarge) = byteCount.addingReportingOverflow(placesOffset)
    return overflow || isTooLarge ? nil : offset
  }

  /// The bytes after the header; `nil` if no lock can have this number of readers.
  static func byteCount(of maximumReaderCount: Int) -> Int? {
    guard let offset = valueOffset(maximumReaderCount) else { return nil }
    let (sum, overflow) = offset.addingReportingOverflow(MemoryLayout<Value>.size)
    return overflow ? nil : sum
  }

  private static func plan(
    _ initialValue: Value, _ maximumReaderCount: Int
  ) throws(InterprocessError) -> StructuredSegment.Plan<Value> {
    guard let byteCount = byteCount(of: maximumReaderCount),
      let valueOffset = valueOffset(maximumReaderCount)
    else {
      throw InterprocessError(
        code: .invalidSize, message: "A lock has at least one reader, not \(maximumReaderCount).")
    }
    return StructuredSegment.Plan(
      kind: ReadWriteLockKind.self, capacity: maximumReaderCount, byteCount: byteCount
    ) { bytes, offset in
      bytes.storeBytes(of: initialValue, toByteOffset: offset + valueOffset, as: Value.self)
    }
  }

  init(_ segment: StructuredSegment) {
    let offset = segment.contentOffset
    let range = segment.memory._range
    readers = HolderTable(
      in: segment, gateOffset: offset + Self.gateOffset, offset: offset + Self.placesOffset,
      stride: Self.placeStride, count: segment.capacity, wakeCount: .max)
    lock = RobustLock(
      in: segment, word: range.word32(at: offset + fieldOffset(\ipc_read_write_lock.word)),
      changeCount: range.word32(at: offset + fieldOffset(\ipc_read_write_lock.change_count)),
      wakeCount: .max,
      places: readers, repair: "withWriteLock(recovering:)")
    // The capacity has been checked against the memory.
    _value = GuardedValue(in: range, at: offset + Self.valueOffset(segment.capacity)!)
    waits = Waiting(for: "the lock", in: segment)
    self.segment = segment
  }

  // MARK: - Basics

  /// How many readers may hold the lock at once.
  public var maximumReaderCount: Int { segment.capacity }

  /// Ends this handle's use of the lock.
  ///
  /// Gives up its lease; a temporary name goes with the last lease of all processes. The same
  /// happens when the last reference to the handle goes, which also unmaps the memory. A closed
  /// handle can only report its name and what belongs to the name, and unlink it. Any other use is
  /// a failed precondition, even by a thread or task that was waiting here, when it resumes.
  /// Closing the handle again does nothing.
  ///
  /// Does not block, except as ``SharedMemory/close()`` does.
  ///
  /// - Precondition: This handle holds the lock neither for reading nor for writing.
  public func close() {
    segment.close { lock.close(orElse: "The handle holds its lock, and was to be closed") }
  }
}

extension SharedReadWriteLock: StructuredObject {
  /// For the functions of ``StructuredObject``.
  public static func _open(
    _ memory: consuming SharedMemory
  ) throws(InterprocessError) -> SharedReadWriteLock {
    SharedReadWriteLock(
      try StructuredSegment(reading: memory, ReadWriteLockKind.self, of: Value.self) {
        byteCount(of: $0)
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
