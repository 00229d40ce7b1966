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

internal import SystemPackage

extension SharedMemory {
  /// What an attempt to attach found.
  enum AttachAttempt: ~Copyable {
    case attached(SharedMemory)
    /// There is no such name, or it has just been removed.
    case missing
    /// The name leads to a file without a size: most likely CPython is about to set one.
    case empty
    /// The name leads to temporary memory that no known process holds, and that cannot be replaced,
    /// because another program has locked its file.
    case locked(FileLocks.Lock)
  }

  /// How long to wait for another process that is in the middle of creating the same memory.
  static let patience: Duration = .seconds(1)

  /// How long to retry for a name that other processes create and remove all the time.
  static let greatestPatience: Duration = .seconds(10)

  /// Attaches without waiting.
  static func attachIfComplete(
    _ name: SegmentName, access: Access, owner: Owner
  ) throws(InterprocessError) -> AttachAttempt {
    let writable = access == .readWrite
    let opened = try translating({ .attaching(name, access: access, $0) }) { () throws(Errno) in
      try Files.openIfPresent(name.path, writable: writable)
    }
    guard let descriptor = opened else { return .missing }
    checkpoint(.attachOpened)

    let status = try translating({ .attaching(name, access: access, $0) }) { () throws(Errno) in
      try Files.status(of: descriptor)
    }
    guard status.kind == .regular else { throw .wrongKind(name, found: status.kind) }
    guard owner.accepts(userID: status.userID) else {
      throw .foreignOwner(name, userID: status.userID)
    }
    if status.byteCount == 0 { return .empty }

    // With the lease, this process may become the one that has to remove the name.
    if status.isTemporary { EndOfProcess.enter() }
    defer { if status.isTemporary { EndOfProcess.leave() } }
    if status.isTemporary {
      switch try lease(name, status, on: descriptor, access) {
      case .taken: break
      case .missing: return .missing
      case .locked(let lock): return .locked(lock)
      }
    } else {
      // The name of lasting memory does not depend on leases. So the memory is used without one if
      // another program has locked the file, or the system refuses locks.
      try translating({ .attaching(name, access: access, $0) }) { () throws(Errno) in
        _ = try Lease.take(on: descriptor)
      }
      checkpoint(.attachLeased)
    }
    let mapping = try Mapping.make(descriptor, byteCount: status.byteCount, writable: writable) {
      .attaching(name, access: access, $0)
    }
    return .attached(
      SharedMemory(
        mapping: mapping, segmentName: name, identity: status.identity, access: access,
        isCreator: false, lifetime: status.isTemporary ? .whileAttached : .untilUnlinked))
  }

  private enum LeaseAttempt {
    case taken, missing
    case locked(FileLocks.Lock)
  }

  /// Takes a lease on temporary memory that is in use.
  ///
  /// A stale segment counts as missing. `Lease` explains the order of these steps.
  private static func lease(
    _ name: SegmentName, _ status: Files.Status, on descriptor: borrowing Descriptor,
    _ access: Access
  ) throws(InterprocessError) -> LeaseAttempt {
    do throws(Errno) {
      switch try Lease.holders(of: descriptor) {
      case .nobody, .remover: return .missing
      case .handles: break
      case .foreign(let lock, let mayHideHandles):
        // A shared lock leaves it to others to attach; as far as this process can see, there is no
        // handle.
        return lock.kind == .exclusive || mayHideHandles ? .locked(lock) : .missing
      }
      checkpoint(.attachSeen)
      switch try Lease.take(on: descriptor) {
      case .taken: break
      case .held: return .missing
      case .refused(let errno): throw errno
      }
      checkpoint(.attachLeased)
      // A link alone proves nothing: a killed remover may have moved the file aside.
      let isThere = try Files.statusIfPresent(at: name.path)?.identity == status.identity
      return isThere ? .taken : .missing
    } catch {
      if FileLocks.isRefusal(error) {
        throw .locksRefused(name.value, error, need: "temporary memory needs")
      }
      throw .attaching(name, access: access, error)
    }
  }

  /// Takes the lease that a handle of lasting memory lacks if another program had locked the file,
  /// to protect what a sweep would otherwise remove.
  borrowing func keepLease(_ name: SegmentName) throws(InterprocessError) {
    let action = "keep the name \"\(name.value)\""
    let outcome = try translating({ .system($0, name: name.value, action: action) }) {
      () throws(Errno) in try Lease.take(on: mapping.descriptor)
    }
    switch outcome {
    case .taken: return
    case .held:
      let lock = try? FileLocks.obstacle(
        to: .shared, byte: Lease.byteOffset, of: mapping.descriptor)
      throw .locked(name.value, by: lock, action: action)
    case .refused(let errno):
      throw .locksRefused(name.value, errno, need: "the protection of a name needs")
    }
  }

  /// The error for a foreign lock that prevents replacing temporary memory, if there is one.
  static func obstacle(toReplacing name: SegmentName) -> InterprocessError? {
    guard let descriptor = try? Files.openIfPresent(name.path, writable: false),
      let status = try? Files.status(of: descriptor), status.kind == .regular,
      status.isTemporary, case .foreign(let lock, _)? = try? Lease.holders(of: descriptor)
    else { return nil }
    return .locked(name.value, by: lock, action: "replace stale shared memory \"\(name.value)\"")
  }

  /// Attaches, waiting until the memory exists and is complete.
  static func attach(
    _ name: SegmentName, access: Access, owner: Owner, waitingUpTo timeout: Duration
  ) throws(InterprocessError) -> SharedMemory {
    let deadline = SuspendingClock.Instant.after(timeout)
    // Made before the first look, so that no later event is missed.
    let watch = DirectoryWatch(SegmentName.directory)
    // Each round sleeps until something happens in the directory; the deadline ends the last one.
    while true {
      switch try look(for: name, access, owner, waitingUpTo: timeout, until: deadline) {
      case .attached(let memory): return memory
      case .nothing(let pause): try watch.wait(for: name, atMost: pause)
      }
    }
  }

  /// The result of one look during a wait.
  enum Look: ~Copyable {
    case attached(SharedMemory)
    /// Not yet there: look again when something has happened in the directory, or after this time.
    case nothing(for: Duration)
  }

  /// Attaches without waiting, as one step of a wait.
  ///
  /// - Throws: `timedOut`, and what attaching throws.
  static func look(
    for name: SegmentName, _ access: Access, _ owner: Owner, waitingUpTo timeout: Duration,
    until deadline: SuspendingClock.Instant
  ) throws(InterprocessError) -> Look {
    let found = try attachIfComplete(name, access: access, owner: owner)
    let timeLeft = deadline - .now
    let isOver = timeLeft <= .zero
    switch consume found {
    case .attached(let memory): return .attached(memory)
    case .missing:
      if isOver { throw .timedOut(name, waitingUpTo: timeout, isEmpty: false) }
    case .empty:
      if isOver { throw .timedOut(name, waitingUpTo: timeout, isEmpty: true) }
    case .locked(let lock):
      if isOver { throw .timedOut(name, waitingUpTo: timeout, lock) }
      // Releasing a lock causes no event in the directory.
      return .nothing(for: min(timeLeft, .milliseconds(10)))
    }
    return .nothing(for: timeLeft)
  }

  static func checkAccess(_ access: Access, for reservation: Reservation) {
    precondition(
      reservation == .onDemand || access == .readWrite,
      "To reserve shared memory, attach to it for writing")
  }

  /// Attaches if there is such a name, and waits if it has no size yet.
  static func attachIfPresent(
    _ name: SegmentName, owner: Owner
  ) throws(InterprocessError) -> SharedMemory? {
    switch try attachIfComplete(name, access: .readWrite, owner: owner) {
    case .attached(let memory): return memory
    case .missing: return nil
    // Perhaps it can be replaced now.
    case .locked: return nil
    case .empty: break
    }
    do {
      // CPython needs a moment between its two system calls; a file that stays empty is a mistake.
      return try attach(name, access: .readWrite, owner: owner, waitingUpTo: patience)
    } catch {
      if error.code == .timedOut { throw .empty(name) }
      throw error
    }
  }
}

extension DirectoryWatch {
  /// The same as `wait(atMost:)`, for a name.
  ///
  /// - Throws: `interrupted`.
  func wait(for name: SegmentName, atMost timeout: Duration) throws(InterprocessError) {
    try translating({ .waiting(for: name, $0) }) { () throws(Errno) in
      try wait(atMost: timeout)
    }
  }
}
