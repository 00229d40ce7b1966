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

// Removing the names of temporary memory: at the last close, for a creator that needs a stale name,
// in a sweep. `Lease` explains which process may do so, and when.
extension SharedMemory {
  /// Drops the lease, and removes the name if no other handle is open anywhere.
  ///
  /// - Parameter isPatient: Whether to wait for other processes that have claimed the segment.
  static func removeNameIfLast(
    _ name: SegmentName, _ identity: FileIdentity, of descriptor: borrowing Descriptor,
    isWritable: Bool, isPatient: Bool
  ) throws(Errno) {
    try Lease.drop(on: descriptor)
    checkpoint(.closeDropped)
    if isWritable {
      try claimAndRemove(name, of: descriptor, identity: identity, isPatient: isPatient)
    } else {
      if try Lease.isLeasedByOthers(on: descriptor) { return }
      // An exclusive lock needs a descriptor that is open for writing, which the owner can always
      // get. Another user who may only read the memory cannot remove its name either.
      let descriptor = try Files.reopenForClaim(descriptor, at: name.path, identity: identity)
      try claimAndRemove(name, of: descriptor, identity: identity, isPatient: isPatient)
    }
  }

  /// Claims a segment, removes its name if it still leads there, and drops the claim.
  ///
  /// - Parameters:
  ///   - descriptor: Open for writing, and without a lease.
  ///   - isPatient: Whether to wait for other processes that have claimed it.
  private static func claimAndRemove(
    _ name: SegmentName, of descriptor: borrowing Descriptor, identity: FileIdentity,
    isPatient: Bool
  ) throws(Errno) {
    // The claim of another process may come to nothing: a sweep that looked while this process
    // still had the memory mapped leaves the name, and so does one that is killed.
    let deadline = SuspendingClock.now + .milliseconds(isPatient ? 200 : 0)
    while try !Lease.claim(descriptor) {
      // If there is a lease, another handle is the last one.
      if try Lease.isLeasedByOthers(on: descriptor) || SuspendingClock.now >= deadline { return }
      pause(for: .milliseconds(1))
    }
    checkpoint(.closeClaimed)
    if try !removeName(name, ifLeadingTo: identity) {
      // Another process has removed the name; the second name serves no purpose any more.
      removeGuards(of: name, try Files.status(of: descriptor), isNameGone: true)
    }
    try Lease.drop(on: descriptor)
  }

  /// Removes a name only if it leads to the given file.
  ///
  /// Any process may remove the name by hand, and create other memory of the same name, between any
  /// two of these steps. So the name is moved aside before it is removed, and checked where no
  /// other process touches it: the new name cannot be guessed.
  ///
  /// A process killed before the move has done nothing. A process killed after the move leaves a
  /// name that a sweep understands; see `HiddenName`.
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
      // It already lies aside, where no other file is put.
      try Files.unlink(name.path)
      if let original = hidden.original { removeGuards(of: original, status) }
      return true
    }
    let aside = HiddenName(.removing, of: name, inode: identity.inode)
    guard try Files.moveIfPresent(name.path, aside: aside.path) else { return false }
    checkpoint(.removeMoved)
    let moved = try Files.statusIfPresent(at: aside.path)?.identity
    // If nothing is there, a sweep has taken it for the work of a killed process and finished it.
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
  /// - Parameters:
  ///   - status: The status of the file while it still had that name.
  ///   - isNameGone: Whether it had already lost that name.
  static func removeGuards(
    of name: SegmentName, _ status: Files.Status, isNameGone: Bool = false
  ) {
    // What cannot be removed now is removed by a sweep, when no process has the memory any more.
    for guarding in (try? HiddenName.guards(of: name, status, isNameGone: isNameGone)) ?? [] {
      try? Files.unlink(guarding.path)
    }
  }

  /// Gives a segment that was moved aside by mistake its name again.
  ///
  /// If the name has been taken, the newer segment keeps it, and the older one stays aside: its
  /// holders keep their memory, as after an `unlink`, and a sweep removes it when they are gone.
  ///
  /// - Returns: Whether the segment has its name again.
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

  /// Removes a temporary segment that no process has any more, for a creator that needs its name.
  ///
  /// Returns if the creator may try the name again: it was stale, or it is already gone.
  ///
  /// - Throws: `alreadyExists`, with the reason why it was not removed.
  static func removeIfStale(_ name: SegmentName) throws(InterprocessError) {
    let deadline = SuspendingClock.now + patience
    while true {
      let outcome: StaleOutcome
      do {
        outcome = try removeIfStale(
          name, look: ProcessLook(), patience: .milliseconds(200), isTrial: false)
      } catch {
        throw .notLookedAt(name, error)
      }
      switch outcome {
      case .removed, .missing: return
      case .inUse: throw .alreadyExists(name, .fileExists)
      case .mapped(let processes): throw .mapped(name, by: processes)
      case .unknown(let holders): throw .perhapsInUse(name, by: holders)
      case .ofOther(let userID, let isCertain):
        throw .staleOfOther(name, userID: userID, isCertain: isCertain)
      case .refused(let errno): throw .notLookedAt(name, errno)
      case .claimed, .locked:
        // Another process is about to remove it and needs a moment, or was stopped in the middle.
        guard SuspendingClock.now < deadline else { throw .alreadyExists(name, .fileExists) }
        pause(for: .milliseconds(1))
      }
    }
  }

  enum StaleOutcome {
    case removed, missing
    /// It is lasting, or it has an open handle.
    case inUse
    /// It has no open handle, but these processes have it mapped or open.
    case mapped([ProcessTable.Entry])
    /// No process is seen to have it, but these may.
    case unknown([SegmentInfo.PossibleHolder])
    /// It has no open handle, and only its owner, that user, may remove it.
    ///
    /// `isCertain` says whether it is also known that no process has it mapped or open.
    case ofOther(userID: UInt32, isCertain: Bool)
    /// Another process is removing it at this moment.
    case claimed
    /// A lock of another program keeps every process from removing it.
    case locked(FileLocks.Lock)
    /// The system lets no process take the lock that a removal needs.
    case refused(Errno)
  }

  /// Removes the segment of a name if it is temporary and no process has it.
  ///
  /// - Parameters:
  ///   - look: What `/proc` reports.
  ///   - patience: How long to wait for processes that have it open only to look at it.
  ///   - isTrial: Whether to change nothing, and only report what would happen.
  static func removeIfStale(
    _ name: SegmentName, look: ProcessLook, patience: Duration, isTrial: Bool
  ) throws(Errno) -> StaleOutcome {
    // Checked before opening: to open a FIFO or a device would affect it.
    guard let seen = try Files.statusIfPresent(at: name.path) else { return .missing }
    guard seen.kind == .regular && seen.isTemporary else { return .inUse }
    let descriptor: Descriptor
    do {
      // Without a claim, reading is enough.
      guard let opened = try Files.openIfPresent(name.path, writable: !isTrial) else {
        return .missing
      }
      descriptor = opened
    } catch {
      guard error == .permissionDenied || error == .notPermitted else { throw error }
      let isLeased = Lease.isTaken(on: name, seen, look: look)
      if isTrial || seen.userID != Credentials.effectiveUserID {
        return isLeased == false ? .unopened(name, seen, look: look) : .inUse
      }
      if isLeased == true { return .inUse }
      descriptor = try Files.openWidened(name.path, identity: seen.identity)
    }
    let status = try Files.status(of: descriptor)
    guard status.kind == .regular && status.isTemporary else { return .inUse }

    func obstacle(claiming isClaiming: Bool) throws(Errno) -> StaleOutcome? {
      do {
        switch try Lease.holders(of: descriptor, claiming: isClaiming) {
        case .nobody: return nil
        case .handles: return .inUse
        case .remover: return .claimed
        case .foreign(let lock, _):
          let file = KernelFile(descriptor, status.identity, mounts: look.mounts)
          return look.table(file.device).entries[file].map { .mapped($0) } ?? .locked(lock)
        }
      } catch {
        guard FileLocks.isRefusal(error) else { throw error }
        return .refused(error)
      }
    }
    let isOthers = !Files.mayRemove(status, from: SegmentName.directory)
    func use() -> StaleOutcome? {
      switch SegmentUse(of: descriptor, status, look: look, patience: patience) {
      case .used(let processes): .mapped(processes)
      case .unknown where isOthers: .ofOther(userID: status.userID, isCertain: false)
      case .unknown(let holders): .unknown(holders)
      case .unused: nil
      }
    }
    // Checked before the claim as well. The check takes time, and if one process after another
    // claimed a segment in use only to check it, the last handle could not be closed.
    if let outcome = try obstacle(claiming: false) ?? use() { return outcome }
    if isTrial { return isOthers ? .ofOther(userID: status.userID, isCertain: true) : .removed }
    if let outcome = try obstacle(claiming: true) { return outcome }
    checkpoint(.removeClaimed)
    let outcome: StaleOutcome
    if let used = use() {
      outcome = used
    } else {
      do {
        outcome = try removeName(name, ifLeadingTo: status.identity) ? .removed : .missing
      } catch {
        // EPERM: the directory's sticky bit lets only the owner remove a file.
        guard error == .permissionDenied || error == .notPermitted,
          status.userID != Credentials.effectiveUserID
        else { throw error }
        outcome = .ofOther(userID: status.userID, isCertain: true)
      }
    }
    try Lease.drop(on: descriptor)
    return outcome
  }
}
