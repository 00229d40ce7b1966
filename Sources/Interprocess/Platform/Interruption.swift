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
internal import Glibc
internal import SystemPackage

/// Whether a signal ends the waits of this thread.
enum Interruption {
  static var endsWaits: Bool {
    get { ipc_interruption() != 0 }
    set { ipc_set_interruption(newValue ? 1 : 0) }
  }

  /// Sleeps for approximately the given time; a signal may end it early.
  ///
  /// - Throws: `EINTR` if a signal did, in an interruptible wait.
  static func pause(for duration: Duration) throws(Errno) {
    if !Interprocess.pause(for: duration) && endsWaits { throw .interrupted }
  }
}
