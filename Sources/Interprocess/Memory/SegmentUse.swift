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

/// What can be said about whether anybody has temporary memory that no handle is open on.
///
/// The kernel is asked first: it knows whether the file is open or mapped anywhere, and tells it to
/// the owner and to root. `/proc` is asked for those who have it, and where the kernel does not
/// answer.
enum SegmentUse {
  case unused
  /// These have it mapped or open.
  case used(by: [ProcessTable.Entry])
  /// It may be in use; the array says by whom, and is not empty.
  case unknown([SegmentInfo.PossibleHolder])

  /// - Parameters:
  ///   - descriptor: Of the file, open for reading at least.
  ///   - patience: How long to wait for those who have it open only to look at it.
  init(
    of descriptor: borrowing Descriptor, _ status: Files.Status, look: ProcessLook,
    patience: Duration
  ) {
    var isOpenElsewhere = Files.isOpenElsewhere(descriptor)
    if isOpenElsewhere == false {
      self = .unused
      return
    }
    let file = KernelFile(descriptor, status.identity, mounts: look.mounts)
    let table = look.table(file.device)
    if let entries = table.entries[file] {
      self = .used(by: entries)
      return
    }
    let deadline = SuspendingClock.now + patience
    while isOpenElsewhere == true {
      guard SuspendingClock.now < deadline else {
        let openers = ProcessTable.openers(of: status.identity)
        if !openers.isEmpty {
          self = .used(by: openers)
          return
        }
        break
      }
      pause(for: .milliseconds(1))
      isOpenElsewhere = Files.isOpenElsewhere(descriptor)
      if isOpenElsewhere == false {
        self = .unused
        return
      }
    }
    let holders = Self.possibleHolders(
      status, table, hasAccessList: Files.hasAccessList(descriptor),
      isOpenElsewhere: isOpenElsewhere == true)
    self = holders.isEmpty ? .unused : .unknown(holders)
  }

  /// What can be said of a file that this user may not open.
  ///
  /// - Parameter file: As `/proc` names it.
  init(unopened status: Files.Status, _ file: KernelFile, look: ProcessLook) {
    let table = look.table(file.device)
    if let entries = table.entries[file] {
      self = .used(by: entries)
      return
    }
    let holders = Self.possibleHolders(
      status, table, hasAccessList: true, isOpenElsewhere: false)
    self = holders.isEmpty ? .unused : .unknown(holders)
  }

  private static func possibleHolders(
    _ status: Files.Status, _ table: ProcessTable, hasAccessList: Bool, isOpenElsewhere: Bool
  ) -> [SegmentInfo.PossibleHolder] {
    let holders = table.suspects(status, hasAccessList: hasAccessList).map { process in
      SegmentInfo.PossibleHolder.process(
        SegmentInfo.Process(process.entry), userID: process.credentials.effectiveUserID)
    }
    if isOpenElsewhere { return holders + [.unseenOpener] }
    // Also where only this user may open the file: a process of this user that lets nobody look
    // into it is hidden like those of others.
    return table.gap == nil ? holders : holders + [.hiddenProcesses]
  }
}

extension SegmentInfo {
  /// Somebody who may have temporary memory, though nobody is seen with it.
  public enum PossibleHolder: Sendable, Hashable, CustomStringConvertible {
    /// A process that may open the memory and that this one may not look into.
    case process(Process, userID: UInt32)
    /// Processes that `/proc` does not show here, such as those of other users where it is mounted
    /// with `hidepid`.
    case hiddenProcesses
    /// A process that cannot be seen, such as one of root or of another container: the kernel knows
    /// that the file is open somewhere.
    case unseenOpener

    /// Who it is, such as `process 1234 (ssh-agent) of user 1000`.
    public var description: String {
      switch self {
      case .process(let process, let userID):
        "process \(process.processID) (\(process.command)) of user \(userID)"
      case .hiddenProcesses: "a process that /proc does not show here"
      case .unseenOpener:
        "a process that cannot be seen, such as one of root or of another container"
      }
    }
  }
}

extension SegmentInfo.Process {
  init(_ entry: ProcessTable.Entry) {
    self.init(processID: entry.processID, command: entry.command)
  }
}

extension SharedMemory.StaleOutcome {
  /// For temporary memory of another user, on which no handle is open.
  static func unopened(
    _ name: SegmentName, _ status: Files.Status, look: ProcessLook
  ) -> SharedMemory.StaleOutcome {
    guard
      let descriptor = try? Files.openForStatus(
        name.bytes, in: SegmentName.directory)
    else { return .missing }
    let file = KernelFile(descriptor, status.identity, mounts: look.mounts)
    switch SegmentUse(unopened: status, file, look: look) {
    case .unused: return .ofOther(userID: status.userID, isCertain: true)
    case .used(let processes): return .mapped(processes)
    case .unknown: return .ofOther(userID: status.userID, isCertain: false)
    }
  }
}

extension Lease {
  /// Whether a handle is open on a file that this user may perhaps not open for writing; `nil` if
  /// that cannot be known.
  static func isTaken(on name: SegmentName, _ status: Files.Status, look: ProcessLook) -> Bool? {
    if let descriptor = (try? Files.openIfPresent(name.path, writable: false)) ?? nil {
      return try? isLeasedByOthers(on: descriptor)
    }
    guard let locks = look.locks,
      let descriptor = try? Files.openForStatus(
        name.bytes, in: SegmentName.directory)
    else { return nil }
    return locks.count(
      of: KernelFile(descriptor, status.identity, mounts: look.mounts)) > 0
  }
}

// MARK: - Errors

extension InterprocessError {
  /// The error for a name that is that of temporary memory without handles, which could not be
  /// replaced.
  ///
  /// - Parameter reason: Why not, in a sentence or two.
  private static func alreadyExists(
    _ name: SegmentName, because reason: String, _ errno: Errno = .fileExists
  ) -> InterprocessError {
    InterprocessError(
      code: .alreadyExists, name: name.value,
      message: "Shared memory \"\(name.value)\" exists already. \(reason)", errno: errno)
  }

  static func notLookedAt(_ name: SegmentName, _ errno: Errno) -> InterprocessError {
    alreadyExists(name, because: "Whether anybody uses it cannot be found out: \(errno).", errno)
  }

  static func mapped(
    _ name: SegmentName, by processes: [ProcessTable.Entry]
  ) -> InterprocessError {
    let list = processes.map { "process \($0.processID) (\($0.command))" }
    return alreadyExists(
      name,
      because: """
        No handle is open on it, but \(text(list)) \(list.count == 1 ? "has" : "have") it: attach \
        to it with Python, end what has it, or remove it.
        """)
  }

  static func perhapsInUse(
    _ name: SegmentName, by holders: [SegmentInfo.PossibleHolder]
  ) -> InterprocessError {
    let list = text(holders.map(\.description))
    return alreadyExists(
      name,
      because: holders.contains(.unseenOpener)
        ? """
        No handle is open on it, but somebody has it open: \(list). End what has it, or remove \
        it if you know that nobody needs it.
        """
        : """
        Nobody is seen to have it, but this process cannot know whether \(list) does. Remove it \
        if you know that nobody does.
        """)
  }

  static func staleOfOther(
    _ name: SegmentName, userID: UInt32, isCertain: Bool
  ) -> InterprocessError {
    alreadyExists(
      name,
      because: """
        It is \(isCertain ? "stale" : "perhaps stale") memory of user \(userID), on which no \
        handle is open. Only that user and root can remove it: with `shm sweep`, or `shm remove`.
        """)
  }

  /// A list for people; of many only the first.
  private static func text(_ items: [String]) -> String {
    let shownCount = 4
    let shown = items.prefix(shownCount).joined(separator: " or ")
    return items.count > shownCount ? "\(shown) or \(items.count - shownCount) more" : shown
  }
}
