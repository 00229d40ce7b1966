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

internal import Synchronization
internal import SystemPackage

/// An open file, for as long as a handle or the end of the process uses it.
final class OpenFile: Sendable {
  let descriptor: Descriptor

  init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
}

/// The name of temporary memory, which a handle gives up when it is closed.
///
/// Swift does not end the life of a global at `exit` or at the end of `main`. So each such name is
/// in a list, and the names still in it are given up then, as by `close`, but the mapping stays:
/// other threads may touch the memory until the process is gone.
final class TemporaryName: HeldUntilEnd, @unchecked Sendable {
  // Sendable: every property is.
  private let file: OpenFile
  private let isWritable: Bool
  private let name: SegmentName
  private let identity: FileIdentity
  /// Whether to remove the name at the end of the process even if others still have the memory.
  private let goesAtEnd = Atomic(false)

  init(_ name: SegmentName, _ identity: FileIdentity, of file: OpenFile, isWritable: Bool) {
    self.file = file
    self.isWritable = isWritable
    self.name = name
    self.identity = identity
    super.init()
    note()
  }

  /// Removes the name at the end of the process even if others still use the memory.
  func goAtEnd() { goesAtEnd.store(true, ordering: .relaxed) }

  /// Drops the lease, and removes the name if no other handle is open anywhere.
  ///
  /// Does nothing the second time, nor in a child created by `fork`, which has no lease.
  func giveUp() {
    EndOfProcess.enter(isLeaving: true)
    defer { EndOfProcess.leave() }
    if strike() { removeIfLast(isPatient: true) }
  }

  override func giveUpAtEnd(isPatient: Bool) {
    if goesAtEnd.load(ordering: .relaxed) {
      _ = try? SharedMemory.removeName(name, ifLeadingTo: identity)
    }
    removeIfLast(isPatient: isPatient)
  }

  private func removeIfLast(isPatient: Bool) {
    // A failure leaves a stale name for the next creator or sweep to remove: the file belongs to
    // another user (EACCES, EPERM), or no descriptor is free where one is needed (EMFILE, ENFILE).
    try? SharedMemory.removeNameIfLast(
      name, identity, of: file.descriptor, isWritable: isWritable, isPatient: isPatient)
  }
}
