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
  }

  /// How long to wait for another process that is in the middle of creating the same memory.
  static let patience: Duration = .seconds(1)

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
    guard owner == .anyone || status.userID == Credentials.effectiveUserID || status.userID == 0
    else { throw .foreignOwner(name, userID: status.userID) }
    if status.byteCount == 0 { return .empty }

    let isLeased = try translating({ .attaching(name, access: access, $0) }) { () throws(Errno) in
      // A stale segment counts as none. See `Lease` for the order of these steps.
      if status.isTemporary, try !Lease.isLeasedByOthers(on: descriptor) { return false }
      checkpoint(.attachSeen)
      guard try Lease.take(on: descriptor) else { return false }
      checkpoint(.attachLeased)
      if !status.isTemporary { return true }
      // A link is not enough: it may lie aside, where a remover that was killed has moved it.
      return try Files.statusIfPresent(at: name.path)?.identity == status.identity
    }
    if !isLeased { return .missing }
    let mapping = try Mapping.make(descriptor, byteCount: status.byteCount, writable: writable) {
      .attaching(name, access: access, $0)
    }
    return .attached(
      SharedMemory(
        mapping: mapping, segmentName: name, identity: status.identity, access: access,
        isCreator: false, lifetime: status.isTemporary ? .whileAttached : .untilUnlinked))
  }

  /// Attaches, and waits until the memory is there and complete.
  static func attach(
    _ name: SegmentName, access: Access, owner: Owner, waitingUpTo timeout: Duration
  ) throws(InterprocessError) -> SharedMemory {
    let deadline = SuspendingClock.Instant.after(timeout)
    // Made before the first look, so that nothing that happens after it is missed.
    let watch = DirectoryWatch(SegmentName.directory)
    while true {
      let isEmpty: Bool
      switch try attachIfComplete(name, access: access, owner: owner) {
      case .attached(let memory): return memory
      case .missing: isEmpty = false
      case .empty: isEmpty = true
      }
      let timeLeft = deadline - .now
      guard timeLeft > .zero else {
        throw .timedOut(name, waitingUpTo: timeout, isEmpty: isEmpty)
      }
      watch.wait(atMost: timeLeft)
    }
  }

  /// Attaches if there is such a name, and waits if it has no size yet.
  static func attachIfPresent(
    _ name: SegmentName, owner: Owner
  ) throws(InterprocessError) -> SharedMemory? {
    switch try attachIfComplete(name, access: .readWrite, owner: owner) {
    case .attached(let memory): return memory
    case .missing: return nil
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

  /// A second handle of the same memory, with a lease and a mapping of its own.
  borrowing func duplicate() throws(InterprocessError) -> SharedMemory {
    let name = segmentName?.value
    let descriptor = try translating({ .system($0, name: name, action: "open the memory again") }) {
      () throws(Errno) in
      let descriptor = try Files.reopen(
        self.mapping.descriptor, writable: access == .readWrite)
      // Nobody can claim what this handle has a lease on.
      _ = try Lease.take(on: descriptor)
      return descriptor
    }
    let mapping = try Mapping.make(
      descriptor, byteCount: byteCount, writable: access == .readWrite
    ) {
      .system($0, name: name, action: "map the memory again")
    }
    return SharedMemory(
      mapping: mapping, segmentName: segmentName, identity: identity, access: access,
      isCreator: isCreator, lifetime: lifetime)
  }
}
