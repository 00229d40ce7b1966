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
  ///
  /// - Parameter isPatient: Whether to wait for others who have claimed the segment.
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

  /// Claims a segment, removes its name if it still leads there, and gives the claim up.
  ///
  /// - Parameters:
  ///   - descriptor: Open for writing, and without a lease.
  ///   - isPatient: Whether to wait for others who have claimed it.
  private static func claimAndRemove(
    _ name: SegmentName, of descriptor: borrowing Descriptor, identity: FileIdentity,
    isPatient: Bool
  ) throws(Errno) {
    // Another one's claim may come to nothing: a sweep that looked while this process still had the
    // memory mapped leaves the name, and one that is killed does too.
    let deadline = SuspendingClock.now + .milliseconds(isPatient ? 200 : 0)
    while try !Lease.claim(descriptor) {
      // With a lease, another handle is the last one.
      if try Lease.isLeasedByOthers(on: descriptor) || SuspendingClock.now >= deadline { return }
      pause(for: .milliseconds(1))
    }
    checkpoint(.closeClaimed)
    if try !removeName(name, ifLeadingTo: identity) {
      // Others have removed the name; the second one has nothing left to be for.
      removeGuards(of: name, try Files.status(of: descriptor), isNameGone: true)
    }
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
  /// - Parameters:
  ///   - status: What was known of the file while it had that name.
  ///   - isNameGone: Whether it had lost that name by then.
  static func removeGuards(
    of name: SegmentName, _ status: Files.Status, isNameGone: Bool = false
  ) {
    // What cannot be removed now goes in a sweep, when nobody has the memory any more.
    for guarding in (try? HiddenName.guards(of: name, status, isNameGone: isNameGone)) ?? [] {
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
  /// Returns if the name may be tried again: it was stale, or it is gone anyway.
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
        // Somebody is about to remove it, and needs a moment; or has been stopped in the middle.
        guard SuspendingClock.now < deadline else { throw .alreadyExists(name, .fileExists) }
        pause(for: .milliseconds(1))
      }
    }
  }

  enum StaleOutcome {
    case removed, missing
    /// It is lasting, or a handle is open on it.
    case inUse
    /// No handle is open on it, but these processes have it mapped or open.
    case mapped([ProcessTable.Entry])
    /// Nobody is seen with it, but these may have it.
    case unknown([SegmentInfo.PossibleHolder])
    /// No handle is open on it, and only its owner, that user, may remove it.
    ///
    /// `isCertain` tells whether nobody has it mapped or open either.
    case ofOther(userID: UInt32, isCertain: Bool)
    /// Another process is just removing it.
    case claimed
    /// A lock of another program keeps everybody from removing it.
    case locked(FileLocks.Lock)
    /// The system lets nobody take the lock that a removal needs.
    case refused(Errno)
  }

  /// Removes the segment of a name if it is temporary and nobody has it.
  ///
  /// - Parameters:
  ///   - look: What `/proc` tells.
  ///   - patience: How long to wait for those who have it open only to look at it.
  ///   - isTrial: Whether to change nothing, and only tell what would come of it.
  static func removeIfStale(
    _ name: SegmentName, look: ProcessLook, patience: Duration, isTrial: Bool
  ) throws(Errno) -> StaleOutcome {
    // Looked at before it is opened: opening a FIFO or a device would do something to it.
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
    // Looked at before it is claimed, too. The look takes its time, and while one after the other
    // claims what is in use only to look at it, the last handle could not be closed.
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
        // EPERM: the sticky bit of the directory lets only the owner remove a file.
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
