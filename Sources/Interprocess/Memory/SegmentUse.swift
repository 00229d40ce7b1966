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

/// What is known about the use of temporary memory without an open handle.
///
/// The kernel is asked first: it knows whether the file is open or mapped anywhere, and tells the
/// owner and root. `/proc` shows which processes have it, and is read where the kernel does not
/// answer.
enum SegmentUse {
  case unused
  /// These processes have it mapped or open.
  case used(by: [ProcessTable.Entry])
  /// It may be in use, by the processes in the array, which is not empty.
  case unknown([SegmentInfo.PossibleHolder])

  /// - Parameters:
  ///   - descriptor: Of the file, open for reading at least.
  ///   - patience: How long to wait for processes that have it open only to look at it.
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
        // The last opener may have closed it since the kernel was asked.
        isOpenElsewhere = Files.isOpenElsewhere(descriptor)
        break
      }
      pause(for: .milliseconds(1))
      isOpenElsewhere = Files.isOpenElsewhere(descriptor)
    }
    if isOpenElsewhere == false {
      self = .unused
      return
    }
    let holders = Self.possibleHolders(
      status, table, hasAccessList: Files.hasAccessList(descriptor),
      isOpenElsewhere: isOpenElsewhere == true)
    self = holders.isEmpty ? .unused : .unknown(holders)
  }

  /// What is known about a file that this user may not open.
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
    // This holds even if only this user may open the file: a process of this user that does not let
    // itself be looked into is hidden like those of others.
    return table.gap == nil ? holders : holders + [.hiddenProcesses]
  }
}

extension SegmentInfo {
  /// A process that may have temporary memory, though no process is seen to have it.
  public enum PossibleHolder: Sendable, Hashable, CustomStringConvertible {
    /// A process that may open the memory and that this one may not look into.
    case process(Process, userID: UInt32)
    /// Processes that `/proc` does not show here, such as those of other users if it is mounted
    /// with `hidepid`.
    case hiddenProcesses
    /// A process that cannot be seen, such as one of root or of another container: the kernel knows
    /// that the file is open somewhere.
    case unseenOpener

    /// Which process it is, such as `process 1234 (ssh-agent) of user 1000`.
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
  /// The outcome for temporary memory without an open handle that this user may not open: memory of
  /// another user or, in a trial, its own.
  static func unopened(
    _ name: SegmentName, _ status: Files.Status, look: ProcessLook
  ) -> SharedMemory.StaleOutcome {
    guard
      let descriptor = try? Files.openForStatus(
        name.bytes, in: SegmentName.directory)
    else { return .missing }
    let file = KernelFile(descriptor, status.identity, mounts: look.mounts)
    let isOwn = status.userID == Credentials.effectiveUserID
    switch SegmentUse(unopened: status, file, look: look) {
    case .used(let processes): return .mapped(processes)
    case .unused: return isOwn ? .removed : .ofOther(userID: status.userID, isCertain: true)
    case .unknown(let holders):
      return isOwn ? .unknown(holders) : .ofOther(userID: status.userID, isCertain: false)
    }
  }
}

extension Lease {
  /// Whether a handle is open on a file that this user perhaps may not open for writing; `nil` if
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
