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

// Removing the names of temporary memory: at the last close, when a stale name is needed, in a
// sweep. Who may do so, and when, is said at `Lease`.
extension SharedMemory {
  /// Drops the lease, and removes the name if no other handle is open anywhere.
  borrowing func removeNameIfLast() throws(Errno) {
    try Lease.drop(on: mapping.descriptor)
    checkpoint(.closeDropped)
    guard let segmentName else { return }
    if mapping.range.isWritable {
      try Self.claimAndRemove(segmentName, of: mapping.descriptor, identity: identity)
    } else {
      // An exclusive lock needs a descriptor that is open for writing. A user who may only read the
      // memory cannot remove its name either.
      let descriptor = try Files.reopen(mapping.descriptor, writable: true)
      try Self.claimAndRemove(segmentName, of: descriptor, identity: identity)
    }
  }

  /// Claims a segment, removes its name if it still leads there, and gives the claim up.
  ///
  /// - Parameter descriptor: Open for writing, and without a lease.
  private static func claimAndRemove(
    _ name: SegmentName, of descriptor: borrowing Descriptor, identity: FileIdentity
  ) throws(Errno) {
    guard try Lease.claim(descriptor) else { return }
    checkpoint(.closeClaimed)
    try removeName(name, ifLeadingTo: identity)
    try Lease.drop(on: descriptor)
  }

  /// Removes a name if it leads to the given file, and only then.
  ///
  /// Anyone may remove the name by hand, and make other memory of the same name, between any two of
  /// these steps. So the name is moved aside before it is removed, and looked at where nobody else
  /// touches it: nobody can know the new name beforehand.
  ///
  /// A process killed before the move has done nothing, and one killed after it leaves a name that
  /// a sweep understands: see `HiddenName`.
  ///
  /// - Returns: Whether the name was removed.
  @discardableResult
  static func removeName(
    _ name: SegmentName, ifLeadingTo identity: FileIdentity
  ) throws(Errno) -> Bool {
    guard let status = try Files.statusIfPresent(at: name.path), status.identity == identity
    else { return false }
    checkpoint(.removeSeen)
    if let hidden = HiddenName(name) {
      // It lies aside already, where no other file comes.
      try Files.unlink(name.path)
      if let original = hidden.original { removeGuards(of: original, status) }
      return true
    }
    let aside = HiddenName(.removing, of: name, inode: identity.inode)
    guard try Files.moveIfPresent(name.path, aside: aside.path) else { return false }
    checkpoint(.removeMoved)
    let moved = try Files.statusIfPresent(at: aside.path)?.identity
    // If nothing is there, a sweep has ended what it took for the work of a killed process.
    if moved == nil || moved == identity {
      try Files.unlinkIfPresent(aside.path)
      checkpoint(.removeDone)
      removeGuards(of: name, status)
      return true
    }
    try putBack(aside, as: name)
    return false
  }

  /// Removes the second names of a file that has lost its first one.
  ///
  /// - Parameter status: What was known of the file while it had that name.
  static func removeGuards(of name: SegmentName, _ status: Files.Status) {
    // What cannot be removed now goes in a sweep, when nobody has the memory any more.
    for guarding in (try? HiddenName.guards(of: name, status)) ?? [] {
      try? Files.unlink(guarding.path)
    }
  }

  /// Gives a segment that was moved aside by mistake its name again.
  ///
  /// If the name is taken by now, the newer segment keeps it, and the older one stays aside: its
  /// holders keep their memory, as after an `unlink`, and a sweep removes it when they are gone.
  ///
  /// - Returns: Whether it has its name again.
  @discardableResult
  static func putBack(_ aside: HiddenName, as name: SegmentName) throws(Errno) -> Bool {
    do {
      try Files.rename(aside.path, to: name.path)
      return true
    } catch {
      // ENOENT: a sweep was faster.
      if error != .fileExists && error != .noSuchFileOrDirectory { throw error }
      return false
    }
  }

  // MARK: - Stale names

  /// Removes a temporary segment that nobody has any more, for a creator that needs its name.
  ///
  /// - Returns: Whether the name may be tried again: it was stale, or it is gone anyway.
  static func removeIfStale(_ name: SegmentName) throws(InterprocessError) -> Bool {
    let deadline = SuspendingClock.now + patience
    while true {
      let outcome: StaleOutcome
      do {
        outcome = try removeIfStale(name, processes: nil)
      } catch {
        // Not to be opened by this user, or not a file: then it is in use for all that can be said.
        return false
      }
      switch outcome {
      case .removed, .missing: return true
      case .inUse: return false
      case .claimed:
        // Somebody is about to remove it, and needs a moment; or has been stopped in the middle.
        guard SuspendingClock.now < deadline else { return false }
        pause(for: .milliseconds(1))
      }
    }
  }

  enum StaleOutcome {
    case removed, missing, inUse
    /// Another process is just removing it.
    case claimed
  }

  /// Removes the segment of a name if it is temporary and nobody has it.
  ///
  /// - Parameter processes: Which processes have what mapped; `nil` to look when it is needed.
  static func removeIfStale(
    _ name: SegmentName, processes: ProcessTable?
  ) throws(Errno) -> StaleOutcome {
    // Looked at before it is opened: opening a FIFO or a device would do something to it.
    guard let seen = try Files.statusIfPresent(at: name.path) else { return .missing }
    guard seen.kind == .regular && seen.isTemporary else { return .inUse }
    guard let descriptor = try Files.openIfPresent(name.path, writable: true) else {
      return .missing
    }
    let status = try Files.status(of: descriptor)
    guard status.kind == .regular && status.isTemporary else { return .inUse }

    guard try Lease.claim(descriptor) else {
      return try Lease.isLeasedByOthers(on: descriptor) ? .inUse : .claimed
    }
    checkpoint(.removeClaimed)
    let table: ProcessTable
    if let processes {
      table = processes
    } else {
      table = try ProcessTable(device: status.identity.device)
    }
    if table.mayBeMapped(status) {
      try Lease.drop(on: descriptor)
      return .inUse
    }
    let isRemoved = try removeName(name, ifLeadingTo: status.identity)
    try Lease.drop(on: descriptor)
    return isRemoved ? .removed : .missing
  }

  // MARK: - Sweep

  /// Removes every temporary segment that nobody has any more.
  ///
  /// A segment is in use while any handle of this library is open on it, in any process that the
  /// kernel knows, and while `/proc` shows that any process has it mapped, such as one of CPython,
  /// which holds no lease. Where a process of another user cannot be looked into, and could have
  /// the segment by its permissions, the segment is left alone. Segments that stay until they are
  /// unlinked are never touched.
  ///
  /// Does not wait for other processes, and may be called by several at once. There is nothing like
  /// it in C; in Python the resource tracker tries to do the same, and removes what others still
  /// use.
  ///
  /// - Returns: The names that it removed, sorted.
  /// - Throws: `permissionDenied` or `system` if `/dev/shm` or `/proc` cannot be read. A segment
  ///   that cannot be removed is left, without an error.
  /// - Complexity: Linear in the number of segments; if any looks stale, also in the number of all
  ///   mappings of all processes.
  public static func sweep() throws(InterprocessError) -> [String] {
    let directory = SegmentName.directory
    do {
      let device = try Files.status(at: directory).identity.device
      var processes: ProcessTable?
      var removed: [String] = []
      for bytes in try Files.names(in: directory) {
        guard var name = SegmentName(fileName: bytes),
          let status = try? Files.status(at: name.path), status.kind == .regular
        else { continue }
        if let hidden = HiddenName(name) {
          // What cannot be removed does not keep the others.
          switch hidden.purpose {
          case .guarding:
            try? removeUnneededGuard(hidden, status)
            continue
          case .new:
            try? removeIfClaimable(hidden.path, status)
            continue
          case .removing where status.identity.inode == hidden.inode:
            break
          case .removing:
            // Caught by mistake.
            if let original = hidden.original, (try? putBack(hidden, as: original)) == true {
              name = original
            }
          }
        }
        var isClaimed = false
        if status.isTemporary {
          let table: ProcessTable
          if let processes { table = processes } else { table = try ProcessTable(device: device) }
          processes = table
          switch try? removeIfStale(name, processes: table) {
          case .removed: removed.append(HiddenName(name)?.original?.value ?? name.value)
          case .claimed: isClaimed = true
          case .missing, .inUse, nil: break
          }
        }
        if let hidden = HiddenName(name), hidden.purpose == .removing, !isClaimed,
          hidden.inode == status.identity.inode
        {
          // Memory that was being unlinked, whoever has it, by a process that did not live to do it.
          try? Files.unlinkIfPresent(hidden.path)
        }
      }
      return removed.sorted()
    } catch {
      throw .listing(directory, error)
    }
  }

  /// Removes the second name of memory that has lost its first one and that nobody has any more.
  ///
  /// While the first name leads to the file, the second one goes with it.
  private static func removeUnneededGuard(
    _ hidden: HiddenName, _ status: Files.Status
  ) throws(Errno) {
    if let original = hidden.original,
      try Files.statusIfPresent(at: original.path)?.identity == status.identity
    {
      return
    }
    try removeIfClaimable(hidden.path, status)
  }

  /// Removes a hidden name of a file that nobody has a lease on.
  private static func removeIfClaimable(_ path: String, _ status: Files.Status) throws(Errno) {
    // The claim ends with the descriptor.
    guard let descriptor = try Files.openIfPresent(path, writable: true),
      try Files.status(of: descriptor).identity == status.identity,
      try Lease.claim(descriptor)
    else { return }
    try Files.unlink(path)
  }
}
