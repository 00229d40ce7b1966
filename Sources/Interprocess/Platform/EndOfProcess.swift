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
  /// Begins what the end of the process in another thread must not cut off.
  ///
  /// That is: from before memory gets its name, or a handle its lease, until that is noted; and
  /// from before something is struck off the list until it is given up. The end of the process
  /// waits for it, for up to a second. When the process is already ending, this waits until all is
  /// given up, and whoever comes to take something, for up to a second for the process to be gone.
  static func enter(isLeaving: Bool = false) { ipc_names_enter(isLeaving ? 1 : 0) }

  /// Ends that.
  static func leave() { ipc_names_leave() }
}

/// What is given up at the end of the process, if it has not been given up before.
@safe
class HeldUntilEnd: @unchecked Sendable {
  // Sendable: the entry changes under the lock of the list.
  private let entry: UnsafeMutablePointer<ipc_held_name>

  init() {
    unsafe entry = .allocate(capacity: 1)
    unsafe entry.initialize(to: ipc_held_name())
  }

  deinit {
    // SAFETY: the list has a reference to this object, so that the entry is in no list by now.
    unsafe entry.deallocate()
  }

  /// Gives it up, at the end of the process, while other threads may still run.
  ///
  /// - Parameter isPatient: Whether there is time to wait for other processes.
  func giveUpAtEnd(isPatient: Bool) {}

  /// Puts this into the list, as something of this process: at first, and in a forked child that
  /// has taken it over.
  final func note() {
    // The reference of the list.
    let reference = unsafe Unmanaged.passRetained(self)
    // SAFETY: nobody else has the entry before it is in the list, and later it is the same object.
    unsafe entry.pointee.object = reference.toOpaque()
    let isNew = unsafe ipc_name_note(entry) { object, isPatient in
      // SAFETY: it is what was put into the list, whose reference this takes over.
      unsafe Unmanaged<HeldUntilEnd>.fromOpaque(object).takeRetainedValue()
        .giveUpAtEnd(isPatient: isPatient != 0)
    }
    if isNew == 0 { unsafe reference.release() }
  }

  /// Takes this off the list.
  ///
  /// - Returns: Whether the caller is to give it up: nobody else does or has, and it is not the
  ///   business of a process that has forked this one.
  final func strike() -> Bool {
    let result = unsafe ipc_name_strike(entry)
    // SAFETY: the reference of the list, which the caller takes over.
    if result != IPC_NOT_LISTED { unsafe Unmanaged.passUnretained(self).release() }
    return result == IPC_OWN
  }
}
