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

/// The latest value that one process has stored, for any number of processes to read.
///
/// A reader never sees half of one value and half of another, and never waits, neither for a live
/// writer nor for one that was killed while it stored. The writer does not wait for readers either.
///
/// ```swift
/// struct Pose: Shareable { var position: SIMD4<Double>; var time: UInt64 }
///
/// let pose = try SharedValue.create("pose", initialValue: Pose(position: .zero, time: 0))
/// try pose.store(Pose(position: [1, 2, 3, 0], time: 1))
/// // ... in another process:
/// let pose = try SharedValue<Pose>.attach("pose")
/// print(try pose.load().position)
/// ```
///
/// A reader can wait for the next value, and receive values as they change; see ``values(after:)``.
///
/// The handle that stores first is the writer until it is closed or its process ends, however it
/// ends. Only the latest value is kept. If every value counts, use a queue; if several processes
/// change parts of a value, use a lock.
///
/// Python and the C library have no counterpart; the technique is known as a sequence lock with
/// several buffers.
public struct SharedValue<Value: Shareable>: ~Copyable, Sendable {
  @usableFromInline let _slots: ValueSlots

  // MARK: - Create and attach

  /// Creates a value under a name that is not taken.
  ///
  /// No other process can attach before the initial value is in place. The memory takes eight times
  /// the size of the value, and a few hundred bytes. Does not wait for other processes.
  ///
  /// - Parameters:
  ///   - name: The name, as for ``SharedMemory/create(_:byteCount:options:initializingWith:)``.
  ///   - initialValue: What readers see until something is stored; version 1.
  ///   - options: When the name is removed, who may use the value, and when its pages are taken.
  /// - Returns: The value, for reading and writing.
  /// - Throws: What creating ``SharedMemory`` throws: `alreadyExists`, `invalidName`,
  ///   `invalidSize`, `outOfMemory`, `permissionDenied` and `system`.
  /// - Precondition: All fields of the value are ``Shareable``.
  public static func create(
    _ name: String? = nil,
    initialValue: Value,
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedValue {
    let layout = newLayout()
    let memory = try SharedMemory.create(
      name, byteCount: layout.byteCount, options: options
    ) { bytes in
      write(initialValue, layout, to: &bytes)
    }
    return SharedValue(memory, layout)
  }

  private static func newLayout() -> ValueLayout {
    ValueLayout(
      contentOffset: SegmentHeader.contentOffset(of: ElementLayout(of: Value.self)),
      valueByteCount: MemoryLayout<Value>.size)
  }

  private static func write(
    _ initialValue: Value, _ layout: ValueLayout, to bytes: inout MutableRawSpan
  ) {
    SegmentHeader.write(
      ValueKind.self, of: Value.self, layout: ElementLayout(of: Value.self),
      capacity: layout.slotCount,
      to: &bytes)
    let slotOffset = layout.slotOffset(of: 1)
    bytes.storeBytes(
      of: initialValue, toByteOffset: slotOffset + ValueLayout.slotHeadByteCount, as: Value.self)
    bytes.storeBytes(of: 1, toByteOffset: slotOffset, as: UInt64.self)
    bytes.storeBytes(of: 1, toByteOffset: layout.versionOffset, as: UInt64.self)
    bytes.storeBytes(
      of: UInt64(layout.slotStride), toByteOffset: layout.strideOffset, as: UInt64.self)
  }

  /// Attaches to a value that another process has created.
  ///
  /// Waits only if asked to.
  ///
  /// - Parameters:
  ///   - name: The name that the value was created under.
  ///   - access: Whether to store as well as to load.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait if the value does not exist yet; `nil`: not at all.
  /// - Returns: The value.
  /// - Throws: `wrongKind` if the name leads to something else, `layoutMismatch` if the value has
  ///   other fields, `unsupportedVersion`, `corrupted`, and what attaching to ``SharedMemory``
  ///   throws: `notFound`, `timedOut`, `invalidSize`, `foreignOwner`, `permissionDenied`,
  ///   `invalidName` and `system`.
  /// - Precondition: All fields of the value are ``Shareable``.
  public static func attach(
    _ name: String,
    access: SharedMemory.Access = .readWrite,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration? = nil
  ) throws(InterprocessError) -> SharedValue {
    try attach(
      to: SharedMemory.attach(name, access: access, owner: owner, waitingUpTo: timeout))
  }

  /// Attaches to a value, or creates it if it does not exist.
  ///
  /// If many processes call this at once, exactly one creates the value; ``isCreator`` tells which.
  /// Waits as `SharedMemory.attachOrCreate` does.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - initialValue: What readers of a new value see until something is stored.
  ///   - options: The options of a new value.
  ///   - owner: Whose memory to accept.
  /// - Returns: The value, for reading and writing.
  /// - Throws: What creating and attaching throw.
  /// - Precondition: All fields of the value are ``Shareable``.
  public static func attachOrCreate(
    _ name: String,
    initialValue: Value,
    options: SegmentOptions = SegmentOptions(),
    owner: SharedMemory.Owner = .currentUser
  ) throws(InterprocessError) -> SharedValue {
    let layout = newLayout()
    return try attach(
      to: SharedMemory.attachToAnySizeOrCreate(
        name, byteCount: layout.byteCount, options: options, owner: owner
      ) { bytes in
        write(initialValue, layout, to: &bytes)
      })
  }

  static func attach(
    to memory: consuming SharedMemory
  ) throws(InterprocessError) -> SharedValue {
    let header = try SegmentHeader.read(ValueKind.self, of: Value.self, from: memory)
    let layout = try ValueLayout(reading: memory, header)
    return SharedValue(memory, layout)
  }

  private init(_ memory: consuming SharedMemory, _ layout: ValueLayout) {
    _slots = ValueSlots(memory, layout, wordCount: ValueWords<Value>.count)
  }

  // MARK: - Basics

  /// Whether this handle may store.
  public var access: SharedMemory.Access { _slots.memory.access }

  /// The size of the memory in bytes.
  public var byteCount: Int { _slots.memory.byteCount }

  // MARK: - Load and store

  /// How many values have been stored so far, including the initial one.
  ///
  /// If it is read before ``load()``, the value that `load` returns is of this version or a later
  /// one. O(1), without blocking.
  @inlinable public var version: UInt64 { _slots.version }

  /// The latest value.
  ///
  /// Does not wait for the writer, even if it was killed. A thread never loads an older value than
  /// it has loaded before.
  ///
  /// - Returns: A value that was the latest at some moment during the call.
  /// - Throws: `corrupted` if something other than this type has written there; `timedOut` if the
  ///   value changed during each of 10,000 attempts to read it.
  /// - Complexity: Linear in the size of the value. If the writer stores seven values meanwhile, it
  ///   starts again.
  @inlinable @inline(__always)
  public func load() throws(InterprocessError) -> Value {
    guard ValueWords<Value>.isSmall else {
      // Not by the function below: that would copy the value once more.
      return try ValueWords<Value>.value { (words) throws(InterprocessError) in
        try _slots.load(into: &words)
      }
    }
    if let value = _slots.valueAtOnce(as: Value.self) { return value }
    return try _loadInTime()
  }

  /// Loads a small value that just changes.
  @inlinable @inline(never)
  func _loadInTime() throws(InterprocessError) -> Value {
    try ValueWords<Value>.value { (words) throws(InterprocessError) in try _slots.load(into: &words)
    }
  }

  /// Stores a value, which readers see from then on.
  ///
  /// The first handle that stores is the writer, until it is closed or its process ends. Tasks of
  /// one process may store through one handle at once; one then waits for the other.
  ///
  /// Does not wait for readers or for other processes, and makes a system call only if a waiter
  /// sleeps until there is a new value. A child created by `fork` while another thread is in this
  /// function must not call it, as with any lock of that process.
  ///
  /// - Parameter value: The value.
  /// - Throws: `roleTaken` if another handle, in this or another process, is the writer;
  ///   `corrupted` if something other than this type has written there; `system` for anything else.
  /// - Precondition: The value is attached for writing.
  /// - Complexity: Linear in the size of the value.
  @inlinable
  public func store(_ value: Value) throws(InterprocessError) {
    try ValueWords.withWords(of: value) { (words) throws(InterprocessError) in
      try _slots.store(words)
    }
  }

  // MARK: - Close and unlink

  /// Ends this handle's use of the value, and its role as the writer.
  ///
  /// The same happens at the end of the handle's life. Does not block.
  public consuming func close() {}

}

extension SharedValue: SharedObject {
  /// Attaches for reading and writing; see the form with an `access` parameter.
  public static func attach(
    _ name: String, owner: SharedMemory.Owner, waitingUpTo timeout: Duration?
  ) throws(InterprocessError) -> SharedValue {
    try attach(name, access: .readWrite, owner: owner, waitingUpTo: timeout)
  }

  /// Attaches for reading and writing, suspending the task; see the form with an `access`
  /// parameter.
  public nonisolated(nonsending) static func attach(
    _ name: String, owner: SharedMemory.Owner, waitingUpTo timeout: Duration
  ) async throws -> SharedValue {
    try await attach(name, access: .readWrite, owner: owner, waitingUpTo: timeout)
  }

  /// For the functions of ``SharedObject``.
  public borrowing func _withMemory<Result, Failure: Error>(
    open isNeeded: Bool, _ body: (borrowing SharedMemory) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(_slots.memory)
  }
}
