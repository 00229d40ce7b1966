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
internal import Synchronization
public import SystemPackage

/// The latest value that one process has stored, for any number of processes to read.
///
/// A reader never sees half of one value and half of another, and never waits: not for the writer,
/// and not for one that was killed while it stored. The writer does not wait for readers either.
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
/// The handle that stores first is the writer until it is closed or its process ends, however it
/// ends. Values that were stored before the latest one are gone. Where every value counts, use a
/// queue; where several processes change parts of a value, use a lock.
///
/// There is nothing like it in Python or in the C library; it is known as a sequence lock with
/// several buffers.
public struct SharedValue<Value: Shareable>: ~Copyable, Sendable {
  // The memory holds the latest version number, and a ring of slots. Version n lies in slot
  // n % slotCount, under its number. All words are atomic. The writer stores version n so:
  //
  //   W1  slot.version = 0         releasing
  //   W2  fence                    releasing
  //   W3  slot.words = value       relaxed, each
  //   W4  slot.version = n         releasing
  //   W5  version = n              releasing
  //
  // and a reader loads so:
  //
  //   R1  v = version              acquiring, pairs with W5
  //   R2  s = slot.version         acquiring, pairs with W4 and W1; of slot v % slotCount
  //   R3  value = slot.words       relaxed, each
  //   R4  fence                    acquiring, pairs with W2
  //   R5  slot.version == s?       relaxed
  //   R6  s == v, or version >= s? relaxed: R2 has acquired all that the value needs
  //
  // Never torn: if R3 reads a word of a later store into that slot, then by W2 and R4 the mark W1
  // of that store, or something later, is what R5 reads, which is not s.
  //
  // Never waiting for a writer: R2, R5 and R6 fail only while slot v % slotCount holds, or gets, a
  // version n = v + slotCount or a later one. Its W1 comes after W5 of n - 1. Whoever has read that
  // W1, or W4, acquiring (R5 is followed by a fence), reads n - 1 or more at the next R1: more than
  // v. So the next round looks at a newer value; each round that fails means that the writer has
  // stored some, and a writer that stands still, or is dead, disturbs nobody. If v is the same
  // again, something else than this has written there.
  //
  // A reader may find a version s > v, since the slot is newer than R1. It returns it only if s has
  // been published (R6). Else a later load could return s - 1, an older value.
  //
  // Killed between W1 and W4, a writer leaves an unfinished slot that no version points to, and the
  // next writer stores the same n again, in the same slot. Killed between W4 and W5, it leaves a
  // finished one that R6 lets nobody see. That one must not be written again as the same n: R5 of a
  // reader that has read words of both would find the version that R2 has found. So the next writer
  // first does W5 for it. It holds the role, so that no two write at once; it has got the role
  // after the kernel took it from the one before, so that it sees all that one has written.
  //
  // `SharedValueModelTests` goes through all of this in every order.

  private let memory: SharedMemory
  private let layout: ValueLayout
  /// In which generation of forks this handle has become the writer, if it has.
  ///
  /// Locked while it stores, as two tasks may use one handle.
  private let writerGeneration = Mutex<UInt32?>(nil)

  /// A reader that has failed so often has met something else than a writer of this library.
  private static var maximumAttemptCount: Int { 10_000 }

  private static var wordCount: Int { (MemoryLayout<Value>.size + 7) / 8 }

  // MARK: - Create and attach

  /// Creates a value under a name that is not taken.
  ///
  /// No other process can attach before the initial value is in place. The memory takes eight times
  /// the size of the value, and some hundred bytes. Does not wait for other processes.
  ///
  /// - Parameters:
  ///   - name: The name, as for
  ///     ``SharedMemory/create(_:byteCount:lifetime:permissions:reservation:initializingWith:)``.
  ///   - initialValue: What readers see until something is stored; version 1.
  ///   - lifetime: Whether the name stays until it is unlinked, or goes with the last handle.
  ///   - permissions: Who may read and write it.
  ///   - reservation: Whether the pages are taken now or when they are touched.
  /// - Returns: The value, for reading and writing.
  /// - Throws: What creating ``SharedMemory`` throws: `alreadyExists`, `invalidName`,
  ///   `invalidSize`, `outOfMemory`, `permissionDenied` and `system`.
  /// - Precondition: All fields of the value are ``Shareable``.
  public static func create(
    _ name: String? = nil,
    initialValue: Value,
    lifetime: SharedMemory.Lifetime = .untilUnlinked,
    permissions: FilePermissions = .ownerReadWrite,
    reservation: SharedMemory.Reservation = .reserved
  ) throws(InterprocessError) -> SharedValue {
    let element = ElementLayout(of: Value.self)
    let layout = ValueLayout(
      contentOffset: SegmentHeader.contentOffset(of: element),
      valueByteCount: MemoryLayout<Value>.size)
    let memory = try SharedMemory.create(
      name, byteCount: layout.byteCount, lifetime: lifetime, permissions: permissions,
      reservation: reservation
    ) { bytes in
      SegmentHeader.write(
        .value, of: Value.self, layout: element, capacity: layout.slotCount, to: &bytes)
      let slotOffset = layout.slotOffset(of: 1)
      bytes.storeBytes(of: initialValue, toByteOffset: slotOffset + 8, as: Value.self)
      bytes.storeBytes(of: 1, toByteOffset: slotOffset, as: UInt64.self)
      bytes.storeBytes(of: 1, toByteOffset: layout.versionOffset, as: UInt64.self)
      bytes.storeBytes(
        of: UInt64(layout.slotStride), toByteOffset: layout.versionOffset + 8, as: UInt64.self)
    }
    return SharedValue(memory, layout)
  }

  /// Attaches to a value that another process has created.
  ///
  /// Waits only if asked to.
  ///
  /// - Parameters:
  ///   - name: The name that it was created under.
  ///   - access: Whether to store as well as to load.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait for the value if there is none yet; `nil`: not at all.
  /// - Returns: The value.
  /// - Throws: `wrongKind` if something else lies under that name, `layoutMismatch` if the value
  ///   there has other fields, `unsupportedVersion`, `corrupted`, and what attaching to
  ///   ``SharedMemory`` throws: `notFound`, `timedOut`, `invalidSize`, `foreignOwner`,
  ///   `permissionDenied`, `invalidName` and `system`.
  /// - Precondition: All fields of the value are ``Shareable``.
  public static func attach(
    _ name: String,
    access: SharedMemory.Access = .readWrite,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration? = nil
  ) throws(InterprocessError) -> SharedValue {
    let memory = try SharedMemory.attach(
      name, access: access, owner: owner, waitingUpTo: timeout)
    let header = try SegmentHeader.read(.value, of: Value.self, from: memory)
    let layout = try ValueLayout(reading: memory, header)
    return SharedValue(memory, layout)
  }

  private init(_ memory: consuming SharedMemory, _ layout: ValueLayout) {
    self.memory = memory
    self.layout = layout
  }

  // MARK: - Basics

  /// The name, without a leading slash.
  public var name: String { memory.name }

  /// Whether this handle may store.
  public var access: SharedMemory.Access { memory.access }

  /// Whether this handle made the value, as opposed to having attached to it.
  public var isCreator: Bool { memory.isCreator }

  /// When the name goes, as the creator has decided.
  public var lifetime: SharedMemory.Lifetime { memory.lifetime }

  /// The size of the memory in bytes.
  public var byteCount: Int { memory.byteCount }

  /// Whether the name still leads to this value; see ``SharedMemory/isLinked``.
  ///
  /// - Complexity: One system call, which does not block.
  public var isLinked: Bool { memory.isLinked }

  // MARK: - Load and store

  /// How many values have been stored so far, the initial one included.
  ///
  /// A number read before ``load()`` tells the least version that it returns. O(1), without
  /// blocking.
  public var version: UInt64 { latestVersion.loadAcquiring() }

  /// The latest value.
  ///
  /// Does not wait for the writer, nor for one that was killed. Values that one thread loads one
  /// after the other never go back to an older one.
  ///
  /// - Returns: A value that was the latest at some moment during the call.
  /// - Throws: `corrupted` if something else than this type has written there; `timedOut` if the
  ///   value has changed during every one of 10,000 attempts to read it.
  /// - Complexity: Linear in the size of the value. If the writer stores seven values meanwhile, it
  ///   begins again.
  public func load() throws(InterprocessError) -> Value {
    var previous: UInt64 = 0
    for _ in 0..<Self.maximumAttemptCount {
      let latest = latestVersion.loadAcquiring()
      checkpoint(.loadBegun)
      // No version is 0.
      guard latest != previous else {
        throw .corrupted(memory.name, "version \(latest) is not in its slot")
      }
      if let value = valueIfWhole(of: latest) { return value }
      // Pairs with W1, in case R5 has read it.
      atomicMemoryFence(ordering: .acquiring)
      previous = latest
    }
    throw InterprocessError(
      code: .timedOut, name: memory.name,
      message: """
        The shared value "\(memory.name)" has changed during each of \
        \(Self.maximumAttemptCount) attempts to read it. Does its writer pause at all?
        """)
  }

  /// Stores a value, which readers see from then on.
  ///
  /// The first handle that stores is the writer, until it is closed or its process ends. Tasks of
  /// one process may store through one handle at once: one waits for the other.
  ///
  /// Does not wait for readers or for other processes. A child that `fork` makes while another
  /// thread is in this function must not call it, as with any lock of that process.
  ///
  /// - Parameter value: The value.
  /// - Throws: `roleTaken` if another handle, here or in another process, is the writer;
  ///   `corrupted` if something else than this type has written there; `system` for anything else.
  /// - Precondition: The value is attached for writing.
  /// - Complexity: Linear in the size of the value.
  public func store(_ value: Value) throws(InterprocessError) {
    precondition(access == .readWrite, "This shared value is attached read-only")
    try writerGeneration.withLock { writerGeneration throws(InterprocessError) in
      // A forked child has a copy of the handle, and not the role.
      let generation = Descriptor.generation
      if writerGeneration != generation {
        try takeRole()
        try publishUnfinishedStore()
        writerGeneration = generation
      }
      write(value, as: try nextVersion())
    }
  }

  private func takeRole() throws(InterprocessError) {
    let name = memory.name
    let isTaken = try translating({ .system($0, name: name, action: "become the writer") }) {
      () throws(Errno) in try Lease.take(.writer, on: memory.mapping.descriptor)
    }
    guard isTaken else {
      throw InterprocessError(
        code: .roleTaken, name: name,
        message: """
          Another handle is the writer of the shared value "\(name)". Only one can be; the next \
          one can when that handle is closed.
          """)
    }
  }

  // MARK: - Slots

  private var latestVersion: SharedWord { memory.range.word(at: layout.versionOffset) }

  /// The version that is stored next, by the writer alone.
  private func nextVersion() throws(InterprocessError) -> UInt64 {
    let version = latestVersion.loadRelaxed()
    let (next, overflow) = version.addingReportingOverflow(1)
    guard version > 0 && !overflow else {
      throw .corrupted(memory.name, "its version is \(version)")
    }
    return next
  }

  /// W5 for a writer that was killed right before it.
  private func publishUnfinishedStore() throws(InterprocessError) {
    let next = try nextVersion()
    if memory.range.word(at: layout.slotOffset(of: next)).loadRelaxed() == next {
      latestVersion.storeReleasing(next)
    }
  }

  /// W1 to W5.
  private func write(_ value: Value, as version: UInt64) {
    let offset = layout.slotOffset(of: version)
    let slotVersion = memory.range.word(at: offset)
    slotVersion.storeReleasing(0)
    atomicMemoryFence(ordering: .releasing)
    checkpoint(.storeMarked)
    memory.range.words(at: offset + 8, count: Self.wordCount).store(value)
    checkpoint(.storeWritten)
    slotVersion.storeReleasing(version)
    checkpoint(.storeCompleted)
    latestVersion.storeReleasing(version)
  }

  /// R2 to R6: the value in the slot of a version, which may be a later one; `nil` if it changes
  /// meanwhile.
  private func valueIfWhole(of latest: UInt64) -> Value? {
    let offset = layout.slotOffset(of: latest)
    let slotVersion = memory.range.word(at: offset)
    let version = slotVersion.loadAcquiring()
    guard version >= latest else { return nil }
    let value = memory.range.words(at: offset + 8, count: Self.wordCount).load(as: Value.self)
    atomicMemoryFence(ordering: .acquiring)
    guard slotVersion.loadRelaxed() == version else { return nil }
    guard version == latest || latestVersion.loadRelaxed() >= version else { return nil }
    return value
  }

  // MARK: - Close and unlink

  /// Ends this handle's use of the value, and its role as the writer.
  ///
  /// The same happens at the end of the handle's life. Does not block.
  public consuming func close() {}

  /// Removes the name; whoever has the value attached keeps it.
  ///
  /// Does not block. Corresponds to `shm_unlink` in C.
  ///
  /// - Throws: As ``SharedMemory/unlink()``: `notFound`, `permissionDenied` and `system`.
  public func unlink() throws(InterprocessError) { try memory.unlink() }
}
