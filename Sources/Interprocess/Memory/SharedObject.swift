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

/// What all types of shared memory have in common: attaching, closing, and handling the name.
///
/// All of them are created with ``SegmentOptions`` and what is particular to the type. A handle is
/// one process's use of a segment: a class, whose `close()` ends that use early, or a noncopyable
/// structure, whose `close()` consumes it.
///
/// ```swift
/// func remove<Object: SharedObject & ~Copyable>(_ object: borrowing Object) throws {
///   if object.isLinked { try object.unlink() }
/// }
/// ```
public protocol SharedObject: ~Copyable, Sendable {
  /// Attaches, for reading and writing, to a segment that another process has created.
  ///
  /// Waits only if asked to.
  ///
  /// - Parameters:
  ///   - name: The name that the segment was created under.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait if the segment does not exist yet; `nil`: not at all.
  /// - Returns: A handle of this process.
  /// - Throws: `notFound`, or `timedOut` after a wait; `foreignOwner`, `permissionDenied` and
  ///   `invalidName`; `wrongKind`, `layoutMismatch`, `unsupportedVersion`, `corrupted` and
  ///   `invalidSize` if something else lies there; and `system`.
  static func attach(
    _ name: String, owner: SharedMemory.Owner, waitingUpTo timeout: Duration?
  ) throws(InterprocessError) -> Self

  /// Attaches as soon as the segment exists, suspending the task until then.
  ///
  /// - Parameters:
  ///   - name: The name that the segment was created under.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait for the segment.
  /// - Returns: A handle of this process.
  /// - Throws: What the blocking form throws, and `CancellationError` as soon as the task is
  ///   cancelled.
  nonisolated(nonsending) static func attach(
    _ name: String, owner: SharedMemory.Owner, waitingUpTo timeout: Duration
  ) async throws -> Self

  /// The name, without a leading slash; empty for a segment that has none.
  var name: String { get }

  /// Whether this handle created the segment, rather than attached to it.
  var isCreator: Bool { get }

  /// When the name is removed, as the creator chose.
  var lifetime: SharedMemory.Lifetime { get }

  /// Whether the name still leads to this segment.
  ///
  /// The name may have been removed, as Python's resource tracker does at the end of a process that
  /// attached with default settings. Existing handles keep the segment; no other process can find
  /// it. ``relink()`` gives it its name again. A segment without a name is not linked.
  ///
  /// - Complexity: One system call, which does not block.
  var isLinked: Bool { get }

  /// Removes the name.
  ///
  /// From then on, no process can attach; existing handles keep the segment, whose memory is freed
  /// when the last one closes. The name can be used again at once, for another segment.
  ///
  /// Does not block. Corresponds to `SharedMemory.unlink()` in Python, and to `shm_unlink` in C.
  ///
  /// - Throws: `notFound` if the name is already gone, or now leads to another segment, which is
  ///   left alone; `permissionDenied`; and `system` for anything else.
  func unlink() throws(InterprocessError)

  /// Keeps a second, hidden name, so that ``relink()`` works after the name was removed; see
  /// ``SharedMemory/protectName()``.
  ///
  /// - Throws: `notFound`, `invalidName`, `permissionDenied` and `system`, as described there.
  func protectName() throws(InterprocessError)

  /// Gives the segment its name again after its removal; see ``SharedMemory/relink()``.
  ///
  /// - Throws: `alreadyExists`, `notFound` and `system`, as described there.
  func relink() throws(InterprocessError)

  /// Takes a lease for this process, a child created by `fork`; see ``SharedMemory/takeLease()``.
  ///
  /// - Throws: `notFound` and `system`, as described there.
  func takeLease() throws(InterprocessError)

  /// Maps all pages into this process now, so that no access has to; see
  /// ``SharedMemory/prefault()``.
  ///
  /// - Throws: `outOfMemory`, `invalidSize` and `system`, as described there.
  func prefault() throws(InterprocessError)

  /// Ends this handle's use of the segment.
  ///
  /// Gives up its lease; a temporary name goes with the last lease of all processes. The same
  /// happens at the end of the handle's life.
  consuming func close()

  /// Runs a closure with the memory of the segment; the extension below builds on it.
  ///
  /// - Parameter isNeeded: Whether the handle must not be closed.
  func _withMemory<Result, Failure: Error>(
    open isNeeded: Bool, _ body: (borrowing SharedMemory) throws(Failure) -> Result
  ) throws(Failure) -> Result
}

extension SharedObject where Self: ~Copyable {
  /// The name, without a leading slash; empty for a segment that has none.
  public var name: String { _withMemory(open: false) { $0.name } }

  /// Whether this handle created the segment, as opposed to having attached to it.
  public var isCreator: Bool { _withMemory(open: false) { $0.isCreator } }

  /// When the name is removed, as the creator chose.
  public var lifetime: SharedMemory.Lifetime { _withMemory(open: false) { $0.lifetime } }

  /// Whether the name still leads to this segment; see ``SharedMemory/isLinked``.
  ///
  /// - Complexity: One system call, which does not block.
  public var isLinked: Bool { _withMemory(open: false) { $0.isLinked } }

  /// Removes the name; existing handles keep the segment.
  ///
  /// Does not block. Corresponds to `SharedMemory.unlink()` in Python, and to `shm_unlink` in C.
  ///
  /// - Throws: What ``SharedMemory/unlink()`` throws.
  public func unlink() throws(InterprocessError) {
    try _withMemory(open: false) { memory throws(InterprocessError) in try memory.unlink() }
  }

  /// Keeps a second, hidden name, so that ``relink()`` works after the name was removed.
  ///
  /// - Throws: What ``SharedMemory/protectName()`` throws; see there.
  public func protectName() throws(InterprocessError) {
    try _withMemory(open: true) { memory throws(InterprocessError) in try memory.protectName() }
  }

  /// Gives the segment its name again after its removal.
  ///
  /// - Throws: What ``SharedMemory/relink()`` throws; see there.
  public func relink() throws(InterprocessError) {
    try _withMemory(open: true) { memory throws(InterprocessError) in try memory.relink() }
  }

  /// Takes a lease for this process, a child created by `fork`.
  ///
  /// - Throws: What ``SharedMemory/takeLease()`` throws; see there.
  public func takeLease() throws(InterprocessError) {
    try _withMemory(open: true) { memory throws(InterprocessError) in try memory.takeLease() }
  }

  /// Maps all pages into this process now, so that no access has to.
  ///
  /// - Throws: What ``SharedMemory/prefault()`` throws; see there.
  public func prefault() throws(InterprocessError) {
    try _withMemory(open: true) { memory throws(InterprocessError) in try memory.prefault() }
  }
}
