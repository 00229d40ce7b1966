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

internal import CInterprocess

/// The orderly end of this process: `exit`, and the end of `main`.
enum EndOfProcess {
  /// Begins a section that the end of the process in another thread must not interrupt.
  ///
  /// That is: from before memory gets its name, or a handle its lease, until that is noted; and
  /// from before something is struck off the list until it is given up. The end of the process
  /// waits for such sections, for up to a second. When the process is already ending, this waits
  /// until everything is given up, and, unless the caller is leaving, for up to a second for the
  /// process to end.
  static func enter(isLeaving: Bool = false) { ipc_names_enter(isLeaving ? 1 : 0) }

  /// Ends the section.
  static func leave() { ipc_names_leave() }
}

/// Something that is given up at the end of the process, unless it has been given up before.
@safe
class HeldUntilEnd: @unchecked Sendable {
  // Sendable: the entry changes under the lock of the list.
  private let entry: UnsafeMutablePointer<ipc_held_name>

  init() {
    unsafe entry = .allocate(capacity: 1)
    unsafe entry.initialize(to: ipc_held_name())
  }

  deinit {
    // SAFETY: the list holds a reference to this object while it is listed, so the entry is in no
    // list.
    unsafe entry.deallocate()
  }

  /// Gives it up at the end of the process, while other threads may still run.
  ///
  /// - Parameter isPatient: Whether there is time to wait for other processes.
  func giveUpAtEnd(isPatient: Bool) {}

  /// Adds this to the list, as belonging to this process: at first, and in a forked child that has
  /// taken it over.
  final func note() {
    // The reference that the list holds.
    let reference = unsafe Unmanaged.passRetained(self)
    // SAFETY: no other thread has the entry before it is listed, and afterwards it is the same
    // object.
    unsafe entry.pointee.object = reference.toOpaque()
    let isNew = unsafe ipc_name_note(entry) { object, isPatient in
      // SAFETY: it is the object that was listed, and this takes over the reference of the list.
      unsafe Unmanaged<HeldUntilEnd>.fromOpaque(object).takeRetainedValue()
        .giveUpAtEnd(isPatient: isPatient != 0)
    }
    if isNew == 0 { unsafe reference.release() }
  }

  /// Removes this from the list.
  ///
  /// - Returns: Whether the caller must give it up: it has not been given up and is not being given
  ///   up, and it does not belong to the parent of this process.
  final func strike() -> Bool {
    let result = unsafe ipc_name_strike(entry)
    // SAFETY: the caller takes over the reference that the list held.
    if result != IPC_NOT_LISTED { unsafe Unmanaged.passUnretained(self).release() }
    return result == IPC_OWN
  }
}
