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
  /// Takes a lease for this process, a child created by `fork`.
  ///
  /// A child keeps the bytes that it has inherited, but holds no lease: the name of temporary
  /// memory goes with the last handle of its parent. A daemon calls this after it has forked, and
  /// from then on counts as a process that has attached; its parent may then end, and may even have
  /// been killed before the call.
  ///
  /// ```swift
  /// let memory = try SharedMemory.create("MyMemory", byteCount: 1024, options: .whileAttached)
  /// // ... fork; in the child, which goes on as the daemon:
  /// try memory.takeLease()
  /// ```
  ///
  /// Does nothing if this process has made the handle itself, or already has its lease. A child
  /// that cannot open the memory again, for example because its permissions forbid that, shares the
  /// lease of its parent instead, and this does not throw: the name then stays while either of them
  /// runs, or until the parent closes the memory in an orderly way.
  ///
  /// Waits for at most a second, and only while another process checks whether the memory can be
  /// removed. C and Python have nothing like it.
  ///
  /// - Throws: `notFound` if the memory is temporary, and its name is gone, now leads to other
  ///   memory, or is being removed; also if no process holds a lease any more and this user may not
  ///   write the memory. The bytes stay usable through this handle. `system` for anything else,
  ///   such as `EBADF` if the program has closed the descriptor and the memory has no name to find
  ///   it by, or this child already holds locks in it.
  /// - Complexity: A few system calls.
  public borrowing func takeLease() throws(InterprocessError) {
    if mapping.descriptor.isOfThisProcess { return }
    if !mapping.descriptor.ownDescription() && mapping.descriptor.sharesLocksOfParent { return }
    EndOfProcess.enter()
    defer { EndOfProcess.leave() }
    let isTaken = try translating({ errno in
      .system(errno, name: segmentName?.value, action: "take a lease on the memory")
    }) { () throws(Errno) in
      // The name of lasting memory does not go with a lease.
      guard lifetime == .whileAttached, let segmentName else {
        _ = try Lease.take(on: mapping.descriptor)
        return true
      }
      return try takeLease(keeping: segmentName)
    }
    guard isTaken else {
      throw InterprocessError(
        code: .notFound, name: segmentName?.value,
        message: """
          The name "\(name)" does not lead to this memory any more. Take the lease before the \
          parent of this process gives up its own.
          """,
        errno: .noSuchFileOrDirectory)
    }
    mapping.descriptor.noteLease()
    mapping.temporaryName?.note()
  }

  /// Takes a lease on temporary memory, or revives it if no process holds one.
  ///
  /// `Lease` explains the order of these steps.
  ///
  /// - Returns: `false` if the name does not lead here any more, or if another process keeps it
  ///   claimed.
  private borrowing func takeLease(keeping name: SegmentName) throws(Errno) -> Bool {
    let deadline = SuspendingClock.now + Self.patience
    while true {
      if try Lease.isLeasedByOthers(on: mapping.descriptor) {
        if try Lease.takeIfFree(on: mapping.descriptor) {
          if isLinked { return true }
          try Lease.drop(on: mapping.descriptor)
          return false
        }
      } else if let isRevived = try revive(name) {
        return isRevived
      }
      // Another process has claimed it: a remover, or a sweeper that is about to see that it is
      // mapped.
      guard isLinked, SuspendingClock.now < deadline else { return false }
      pause(for: .milliseconds(1))
    }
  }

  /// Claims memory that has no lease, and turns the claim into a lease.
  ///
  /// - Returns: Whether the name leads here; `nil` if another process has claimed or, meanwhile,
  ///   leased the memory.
  private borrowing func revive(_ name: SegmentName) throws(Errno) -> Bool? {
    if mapping.range.isWritable {
      guard try Lease.claim(mapping.descriptor) else { return nil }
      return try turnClaimIntoLease(on: mapping.descriptor)
    }
    // A claim needs a descriptor that is open for writing.
    let descriptor: Descriptor?
    do {
      descriptor = try Files.openIfPresent(name.path, writable: true)
    } catch .permissionDenied, .tooManySymbolicLinkLevels {
      return false
    }
    guard let descriptor, try Files.status(of: descriptor).identity == identity else {
      return false
    }
    guard try Lease.claim(descriptor) else { return nil }
    guard try turnClaimIntoLease(on: descriptor) else { return false }
    // Must come before the lease of the other descriptor ends.
    return try Lease.takeIfFree(on: mapping.descriptor)
  }

  private borrowing func turnClaimIntoLease(
    on descriptor: borrowing Descriptor
  ) throws(Errno) -> Bool {
    guard isLinked else {
      try Lease.drop(on: descriptor)
      return false
    }
    return try Lease.takeIfFree(on: descriptor)
  }
}
