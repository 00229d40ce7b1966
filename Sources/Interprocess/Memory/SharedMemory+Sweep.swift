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

// Removing all temporary memory that no process has any more.
extension SharedMemory {
  /// Removes every temporary segment that no process has any more.
  ///
  /// A segment is in use while any handle of this library is open on it, in any process that the
  /// kernel knows, and while any process has it open or mapped, such as one of CPython, which holds
  /// no lease. The kernel reports that to the owner and to root. If it does not, `/proc` is read;
  /// and a process that cannot be looked into, and whose user, groups and capabilities would let it
  /// have the segment, keeps the segment. Segments that stay until they are unlinked are never
  /// touched.
  ///
  /// A segment that cannot be removed does not keep the others from removal. Each one that stays,
  /// though it is or may be stale, is reported with the reason:
  ///
  /// ```swift
  /// let removed = try SharedMemory.sweep { left in print("Left \(left.name ?? ""): \(left)") }
  /// ```
  ///
  /// Waits, for a moment, only if another process is removing the same memory; several processes
  /// may call this at once. C has nothing like it; in Python the resource tracker attempts the
  /// same, but removes memory that other processes still use.
  ///
  /// - Parameter report: Called at the end for each segment that was left, in the order of their
  ///   names, with an error that gives the reason and the remedy. Its code is `perhapsInUse` if a
  ///   process may have the segment; `foreignOwner` if only another user, and root, may remove it;
  ///   `permissionDenied` if this user may not, although it is the owner; `invalidName` for a name
  ///   that is not UTF-8; and `system` for anything else, such as a lock of another program
  ///   (`resourceTemporarilyUnavailable`).
  /// - Returns: The names that it removed, sorted.
  /// - Throws: `permissionDenied` or `system` if `/dev/shm` cannot be read.
  /// - Complexity: Linear in the number of segments; if any looks stale, also in the number of all
  ///   mappings of all processes.
  public static func sweep(
    reportingLeft report: (InterprocessError) -> Void = { _ in }
  ) throws(InterprocessError) -> [String] {
    try Sweep.run(isTrial: false, report)
  }

  /// What a sweep would return and report, as far as a trial can find out.
  package static func sweepTrial(
    reportingLeft report: (InterprocessError) -> Void
  ) throws(InterprocessError) -> [String] {
    try Sweep.run(isTrial: true, report)
  }
}

/// One pass over all names.
private struct Sweep: ~Copyable {
  /// Whether it changes nothing, and only reports what it would do.
  let isTrial: Bool
  private let look = ProcessLook()
  private var removed: [String] = []
  private var left: [InterprocessError] = []
  /// Segments that another process was about to remove.
  private var claimed: [SegmentName] = []

  private init(isTrial: Bool) { self.isTrial = isTrial }

  static func run(
    isTrial: Bool, _ report: (InterprocessError) -> Void
  ) throws(InterprocessError) -> [String] {
    let directory = SegmentName.directory
    var sweep = Sweep(isTrial: isTrial)
    for name in try translating(
      { .listing(directory, $0) },
      { () throws(Errno) in
        try Files.names(in: directory)
      })
    {
      sweep.visit(name)
    }
    sweep.visitClaimed()
    for error in sweep.left.sorted(by: { isInOrder($0.name ?? "", $1.name ?? "") }) {
      report(error)
    }
    return sweep.removed.sorted(by: isInOrder)
  }

  private static func isInOrder(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
  }

  /// The name to show to people: for a hidden name, the name that it stands for.
  private static func shown(_ name: SegmentName) -> SegmentName {
    HiddenName(name)?.original ?? name
  }

  // MARK: - Names

  private mutating func visit(_ bytes: [UInt8]) {
    guard let name = SegmentName(fileName: bytes) else {
      visitUnreadable(bytes)
      return
    }
    attempt(name) { sweep throws(Errno) in
      guard let status = try Files.statusIfPresent(at: name.path), status.kind == .regular else {
        return
      }
      if let hidden = HiddenName(name) {
        try sweep.visit(hidden, name, status)
      } else if status.isTemporary {
        try sweep.removeIfStale(name)
      }
    }
  }

  /// Visits a name; a failure does not affect the other names.
  private mutating func attempt(
    _ name: SegmentName, _ body: (inout Sweep) throws(Errno) -> Void
  ) {
    do {
      try body(&self)
    } catch {
      // ENOENT, ESTALE: it is gone, or now leads to newer memory.
      guard error != .noSuchFileOrDirectory && error != .staleNFSFileHandle else { return }
      left.append(.notSwept(Self.shown(name), error))
    }
  }

  /// This library creates no name that is not UTF-8, but temporary memory can be moved to one.
  private mutating func visitUnreadable(_ bytes: [UInt8]) {
    let directory = SegmentName.directory
    guard let info = SegmentInfo(bytes, in: directory, look: look), info.isStale,
      let name = try? SegmentName(bytes: bytes)
    else { return }
    left.append(.notSweptByName(name))
  }

  private mutating func visit(
    _ hidden: HiddenName, _ name: SegmentName, _ status: Files.Status
  ) throws(Errno) {
    switch hidden.purpose {
    case .guarding:
      // While the first name leads to the file, the second is removed together with it.
      if let original = hidden.original,
        try Files.statusIfPresent(at: original.path)?.identity == status.identity
      {
        return
      }
      try removeIfClaimable(name, status)
    case .new:
      try removeIfClaimable(name, status)
    case .removing where status.identity.inode == hidden.inode:
      // Memory that was being unlinked, whether in use or not, by a process that died before it was
      // done.
      switch status.isTemporary ? try? outcome(of: name) : nil {
      case .removed?: removed.append(Self.shown(name).value)
      case .claimed?: claimed.append(name)
      case .locked?:
        // No process has the memory, and a lock is no reason to keep a name that was to be removed.
        if try remove(name, status) { removed.append(Self.shown(name).value) }
      default: try remove(name, status)
      }
    case .removing:
      // Moved aside by mistake.
      let original = try putBack(hidden, status)
      if status.isTemporary { try removeIfStale(original ?? name) }
    }
  }

  /// Gives a file that was moved aside by mistake its name again.
  ///
  /// - Returns: That name, if the file has it now.
  private func putBack(
    _ hidden: HiddenName, _ status: Files.Status
  ) throws(Errno) -> SegmentName? {
    guard !isTrial, let original = hidden.original else { return nil }
    do {
      return try SharedMemory.putBack(hidden, as: original) ? original : nil
    } catch {
      guard Self.isForbidden(error, status) else { throw error }
      return nil
    }
  }

  /// Checks the claimed names again, until they are gone or the other process has had enough time.
  private mutating func visitClaimed() {
    let deadline = SuspendingClock.now + .milliseconds(500)
    while !claimed.isEmpty && SuspendingClock.now < deadline {
      pause(for: .milliseconds(1))
      let names = claimed
      claimed = []
      for name in names { visit(name.bytes) }
    }
    left += claimed.map { .notSweptAsClaimed(Self.shown($0)) }
  }

  // MARK: - Removing

  private func outcome(of name: SegmentName) throws(Errno) -> SharedMemory.StaleOutcome {
    try SharedMemory.removeIfStale(
      name, look: look, patience: .milliseconds(50), isTrial: isTrial)
  }

  private mutating func removeIfStale(_ name: SegmentName) throws(Errno) {
    let shown = Self.shown(name)
    switch try outcome(of: name) {
    case .removed: removed.append(shown.value)
    case .missing, .inUse, .mapped: break
    case .claimed: claimed.append(name)
    case .unknown(let holders): left.append(.notSwept(shown, perhapsInUseBy: holders))
    case .ofOther(let userID, let isCertain):
      left.append(.notSwept(shown, ofOther: userID, isCertain: isCertain))
    case .locked(let lock): left.append(.notSwept(shown, lockedBy: lock))
    case .refused(let errno):
      left.append(.locksRefused(shown.value, errno, need: "a sweep needs"))
    }
  }

  /// Removes a hidden name of a file that has no lease.
  private mutating func removeIfClaimable(
    _ name: SegmentName, _ status: Files.Status
  ) throws(Errno) {
    let descriptor: Descriptor
    do {
      guard let opened = try Files.openIfPresent(name.path, writable: !isTrial) else { return }
      descriptor = opened
    } catch {
      guard Self.isForbidden(error, status) else { throw error }
      // Whether its user still needs it cannot be known here.
      return
    }
    guard try Files.status(of: descriptor).identity == status.identity else { return }
    switch try Lease.holders(of: descriptor, claiming: !isTrial) {
    case .nobody: try remove(name, status)
    case .handles: break
    case .remover: claimed.append(name)
    case .foreign(let lock, _): left.append(.notSwept(Self.shown(name), lockedBy: lock))
    }
    // Only after the name is removed.
    if !isTrial { try Lease.drop(on: descriptor) }
  }

  /// - Returns: Whether it removed the name, rather than left it to its owner.
  @discardableResult
  private mutating func remove(
    _ name: SegmentName, _ status: Files.Status
  ) throws(Errno) -> Bool {
    do throws(Errno) {
      if !isTrial {
        try Files.unlinkIfPresent(name.path)
      } else if !Files.mayRemove(status, from: SegmentName.directory) {
        throw Errno.notPermitted
      }
      return true
    } catch {
      guard Self.isForbidden(error, status) else { throw error }
      left.append(.notSwept(Self.shown(name), ofOther: status.userID, isCertain: false))
      return false
    }
  }

  /// Whether an error means that only another user may do this.
  private static func isForbidden(_ error: Errno, _ status: Files.Status) -> Bool {
    (error == .permissionDenied || error == .notPermitted)
      && status.userID != Credentials.effectiveUserID
  }
}
