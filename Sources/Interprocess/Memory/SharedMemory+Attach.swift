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
    /// There is no such name, or it went away in that moment.
    case missing
    /// The name leads to a file without a size: most likely CPython is about to give it one.
    case empty
    /// The name leads to temporary memory that is not known to be anybody's, and that cannot be
    /// replaced, as another program has locked its file.
    case locked(FileLocks.Lock)
  }

  /// How long to wait for another process that is in the middle of creating the same memory.
  static let patience: Duration = .seconds(1)

  /// How long to try again for a name that others take and leave all the time.
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

    // From the lease on, the name is perhaps this process's to remove.
    if status.isTemporary { EndOfProcess.enter() }
    defer { if status.isTemporary { EndOfProcess.leave() } }
    if status.isTemporary {
      switch try lease(name, status, on: descriptor, access) {
      case .taken: break
      case .missing: return .missing
      case .locked(let lock): return .locked(lock)
      }
    } else {
      // The name of lasting memory does not depend on leases. So it is used without one where
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

  /// Takes a lease on temporary memory that somebody has.
  ///
  /// A stale segment counts as missing. See `Lease` for the order of these steps.
  private static func lease(
    _ name: SegmentName, _ status: Files.Status, on descriptor: borrowing Descriptor,
    _ access: Access
  ) throws(InterprocessError) -> LeaseAttempt {
    do throws(Errno) {
      switch try Lease.holders(of: descriptor) {
      case .nobody, .remover: return .missing
      case .handles: break
      case .foreign(let lock, let mayHideHandles):
        // One that is shared leaves it to others to attach; to this one, nobody is there.
        return lock.kind == .exclusive || mayHideHandles ? .locked(lock) : .missing
      }
      checkpoint(.attachSeen)
      switch try Lease.take(on: descriptor) {
      case .taken: break
      case .held: return .missing
      case .refused(let errno): throw errno
      }
      checkpoint(.attachLeased)
      // A link is not enough: it may lie aside, where a remover that was killed has moved it.
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
  /// for what a sweep would otherwise remove.
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

  /// The error for a foreign lock that keeps temporary memory from being replaced, if there is one.
  static func obstacle(toReplacing name: SegmentName) -> InterprocessError? {
    guard let descriptor = try? Files.openIfPresent(name.path, writable: false),
      let status = try? Files.status(of: descriptor), status.kind == .regular,
      status.isTemporary, case .foreign(let lock, _)? = try? Lease.holders(of: descriptor)
    else { return nil }
    return .locked(name.value, by: lock, action: "replace stale shared memory \"\(name.value)\"")
  }

  /// Attaches, and waits until the memory is there and complete.
  static func attach(
    _ name: SegmentName, access: Access, owner: Owner, waitingUpTo timeout: Duration
  ) throws(InterprocessError) -> SharedMemory {
    let deadline = SuspendingClock.Instant.after(timeout)
    // Made before the first look, so that nothing that happens after it is missed.
    let watch = DirectoryWatch(SegmentName.directory)
    // Each turn sleeps, or ends early as something has happened in the directory; the deadline ends
    // them all.
    while true {
      switch try look(for: name, access, owner, waitingUpTo: timeout, until: deadline) {
      case .attached(let memory): return memory
      case .nothing(let pause): try watch.wait(for: name, atMost: pause)
      }
    }
  }

  /// What one look of a wait found.
  enum Look: ~Copyable {
    case attached(SharedMemory)
    /// Not yet: to be looked for again when something has happened in the directory, or after so
    /// long.
    case nothing(for: Duration)
  }

  /// Attaches without waiting, for who waits.
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
      // Nothing happens in the directory when a lock goes.
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
    // Perhaps it can be replaced by now.
    case .locked: return nil
    case .empty: break
    }
    do {
      // CPython needs a moment between its two system calls; a file that stays empty is somebody's
      // mistake.
      return try attach(name, access: .readWrite, owner: owner, waitingUpTo: patience)
    } catch {
      if error.code == .timedOut { throw .empty(name) }
      throw error
    }
  }
}

extension DirectoryWatch {
  /// As `wait(atMost:)`, for a name.
  ///
  /// - Throws: `interrupted`.
  func wait(for name: SegmentName, atMost timeout: Duration) throws(InterprocessError) {
    try translating({ .waiting(for: name, $0) }) { () throws(Errno) in
      try wait(atMost: timeout)
    }
  }
}
