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
public import Synchronization

/// An integer that processes change at once.
///
/// ```swift
/// let served = try SharedAtomic<UInt64>.create("served", initialValue: 0)
/// // ... in any number of processes:
/// let served = try SharedAtomic<UInt64>.attach("served")
/// served[].wrappingAdd(1, ordering: .relaxed)
/// print(served[].load(ordering: .relaxed))
/// ```
///
/// The subscript lends an `Atomic` of the standard library where it lies: each of its operations is
/// one instruction of the processor, or a short loop of them, and only `wait(while:timeout:)`
/// blocks. For anything that does not fit into one integer use ``SharedMutex``, or ``SharedValue``
/// if only one process stores.
///
/// The handle is closed when the last reference to it goes. Corresponds to `Atomic` of the standard
/// library and to `std::atomic` in C++, in shared memory. Python has only
/// `multiprocessing.Value`, which locks.
@safe
public final class SharedAtomic<Value: SharedAtomicValue>: Sendable {
  // Behind the value lies an `EventCount`, which `notify` opens to all. The change before is R1.

  private static var gateOffset: Int { fieldOffset(\ipc_integer.gate) }

  let segment: StructuredSegment
  private let range: MappedRange
  /// The address of the integer, which the range begins with; 0 once the handle is closed, so that
  /// an access loads one word to check that and to find the integer.
  @usableFromInline let _address: Atomic<UInt>
  let gate: EventCount
  private let waits: Waiting

  // MARK: - Create and attach

  /// Creates an integer under a name that is not taken.
  ///
  /// Does not wait for other processes.
  ///
  /// - Parameters:
  ///   - name: The name, as for
  ///     ``SharedMemory/create(_:byteCount:options:initializingWith:)``.
  ///   - initialValue: The value that the first process loads.
  ///   - options: When the name is removed, who may use the integer, and when its pages are taken.
  ///     Every user needs permission to write.
  /// - Returns: The integer.
  /// - Throws: What creating ``SharedMemory`` throws: `alreadyExists`, `invalidName`,
  ///   `outOfMemory`, `permissionDenied` and `system`.
  public static func create(
    _ name: String? = nil,
    initialValue: Value,
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedAtomic {
    SharedAtomic(
      try StructuredSegment.create(
        name, plan(initialValue), options: options))
  }

  /// Attaches to an integer, or creates it if it does not exist.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - initialValue: The value of a new integer.
  ///   - options: The options of a new integer.
  ///   - owner: Whose memory to accept.
  /// - Returns: The integer; ``isCreator`` tells whether this call created it.
  /// - Throws: What creating and attaching throw.
  public static func attachOrCreate(
    _ name: String,
    initialValue: Value,
    options: SegmentOptions = SegmentOptions(),
    owner: SharedMemory.Owner = .currentUser
  ) throws(InterprocessError) -> SharedAtomic {
    try _open(
      StructuredSegment.attachOrCreate(
        name, plan(initialValue), options: options, owner: owner))
  }

  static var byteCount: Int { MemoryLayout<ipc_integer>.size }

  private static func plan(_ initialValue: Value) -> StructuredSegment.Plan<Value> {
    StructuredSegment.Plan(kind: AtomicKind.self, byteCount: byteCount) { bytes, offset in
      bytes.storeBytes(of: initialValue, toByteOffset: offset, as: Value.self)
    }
  }

  init(_ segment: StructuredSegment) {
    let offset = segment.contentOffset
    range = segment.memory._range.part(at: offset, byteCount: Self.byteCount)
    _address = Atomic(UInt(bitPattern: unsafe range.atomic(Value.self, at: 0)))
    gate = EventCount(segment.memory._range.word32(at: offset + Self.gateOffset))
    waits = Waiting(for: "the value", in: segment)
    self.segment = segment
  }

  // MARK: - Basics

  /// Ends this handle's use of the integer.
  ///
  /// Its lease is given up, and with the last one of all processes a temporary name. The same
  /// happens when the last reference to the handle goes, and then the memory is unmapped.
  /// Afterwards the handle only tells its name and what belongs to that, and unlinks it; all else
  /// is a failed precondition, also for a thread or task that waits here meanwhile, when it goes
  /// on. To close it once more does nothing.
  ///
  /// Does not block, but as ``SharedMemory/close()``.
  public func close() { segment.close { _address.store(0, ordering: .relaxed) } }

  /// The integer, lent where it lies.
  ///
  /// Its operations are those of the standard library's `Atomic`, with the same orderings, which
  /// hold between processes as they do between threads. They correspond to those of `std::atomic`
  /// in C++, except that those of arithmetic return the values before and after. A change wakes
  /// waiters only when ``notify()`` is called.
  ///
  /// Each use of the subscript checks that the handle is open. A loop that does little else lends
  /// the integer once, to a function with a parameter of type `borrowing Atomic<Value>`.
  ///
  /// - Complexity: O(1), without blocking.
  @inlinable
  public subscript() -> Atomic<Value> {
    _read {
      // SAFETY: the address was checked when the handle was made. The mapping lives as long as the
      // handle, also a closed one, and the handle as long as the access.
      guard
        let atomic = unsafe UnsafePointer<Atomic<Value>>(
          bitPattern: _address.load(ordering: .relaxed))
      else { failAsClosed() }
      yield unsafe atomic.pointee
    }
  }

  func loadAcquiring() -> Value {
    segment.checkOpen()
    return range.loadAcquiring(Value.self, at: 0)
  }

  // MARK: - Waiting

  /// Waits until the value differs from a given one; loads it with acquiring ordering.
  ///
  /// The process that changes the value has to call ``notify()``. Blocks: spins for some
  /// microseconds, and then sleeps in the kernel. Corresponds to `std::atomic::wait` in C++20.
  ///
  /// - Parameters:
  ///   - value: The value to wait out.
  ///   - timeout: How long to wait; `nil`: as long as it takes.
  /// - Returns: The value that ended the wait.
  /// - Throws: `timedOut`; `system` if the system cannot wait there.
  @discardableResult
  public func wait(
    while value: Value, timeout: Duration? = nil
  ) throws(InterprocessError) -> Value {
    try finish(
      waits.wait(atMost: timeout) { stage throws(InterprocessError) in
        try attempt(stage, while: value)
      })
  }

  /// Waits until the value differs from a given one; loads it with acquiring ordering.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - value: The value to wait out.
  ///   - timeout: How long to wait; `nil`: as long as it takes.
  /// - Returns: The value that ended the wait.
  /// - Throws: `timedOut`, and `CancellationError`.
  @discardableResult
  public nonisolated(nonsending) func wait(
    while value: Value, timeout: Duration? = nil
  ) async throws -> Value {
    try finish(
      try await waits.wait(atMost: timeout, isDue: { self.differs(from: value) }) {
        stage throws(InterprocessError) in
        try attempt(stage, while: value)
      })
  }

  /// Wakes all waiters for a change of the value.
  ///
  /// Does not block, and calls the system only if a waiter sleeps. Corresponds to
  /// `std::atomic::notify_all` in C++20.
  public func notify() {
    segment.checkOpen()
    gate.openToAll()
  }

  private func attempt(
    _ stage: Waiting.Stage, while value: Value
  ) throws(InterprocessError) -> Waiting.Outcome<Value> {
    try gate.attempt(stage, alike: Int(truncatingIfNeeded: value)) { () throws(InterprocessError) in
      let found = loadAcquiring()
      return found == value ? nil : found
    }
  }

  /// Whether a waiter for a change may find something, for a thread that looks in its place.
  func differs(from value: Value) -> Bool {
    // Closing may come at any time, so the load does not check for it.
    segment.isClosed.load(ordering: .relaxed) || range.loadAcquiring(Value.self, at: 0) != value
  }

  private func finish(_ value: Value?) throws(InterprocessError) -> Value {
    guard let value else {
      throw InterprocessError(
        code: .timedOut, name: name,
        message: """
          The value of "\(name)" did not change in time. Does the process that changes it run, and \
          call `notify()`?
          """)
    }
    return value
  }
}

// MARK: - Types

/// The integers that ``SharedAtomic`` may have: those of a fixed width of 8 to 64 bits.
public protocol SharedAtomicValue: Shareable, FixedWidthInteger, AtomicRepresentable, Sendable {}

extension Int: SharedAtomicValue {}
extension Int8: SharedAtomicValue {}
extension Int16: SharedAtomicValue {}
extension Int32: SharedAtomicValue {}
extension Int64: SharedAtomicValue {}
extension UInt: SharedAtomicValue {}
extension UInt8: SharedAtomicValue {}
extension UInt16: SharedAtomicValue {}
extension UInt32: SharedAtomicValue {}
extension UInt64: SharedAtomicValue {}

extension SharedAtomic: StructuredObject {
  /// For the functions of ``StructuredObject``.
  public static func _open(
    _ memory: consuming SharedMemory
  ) throws(InterprocessError) -> SharedAtomic {
    SharedAtomic(
      try StructuredSegment(reading: memory, AtomicKind.self, of: Value.self) { _ in
        byteCount
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
