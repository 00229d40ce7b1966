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
internal import Interprocess

// What this process does when it reaches a step.
extension Session {
  /// Reports each of some checkpoints when it comes there first, and stops this process.
  func stopAt(_ labels: [String]) {
    // Only one thread exists here.
    nonisolated(unsafe) var labels = Set(labels)
    handleCheckpoints { checkpoint in
      guard labels.remove(checkpoint.description) != nil else { return }
      Helper.answer("stopped \(checkpoint.description)")
      raise(SIGSTOP)
    }
  }

  /// Makes stale memory of a name whenever this process has removed some, like another process that
  /// is always faster.
  func remakeStale(_ name: String) {
    handleCheckpoints { checkpoint in
      guard checkpoint == .removeDone else { return }
      let fd = open("/dev/shm/\(name)", O_RDWR | O_CREAT | O_EXCL, 0o600)
      guard fd >= 0, ftruncate(fd, 64) == 0, ipc_set_temporary_mark(fd) == 0,
        fchmod(fd, 0o1600) == 0
      else { abort() }
      _ = Glibc.close(fd)
    }
  }

  /// Kills this process as soon as it reaches a checkpoint.
  func dieAt(_ label: String) {
    handleCheckpoints { checkpoint in
      if checkpoint.description == label { raise(SIGKILL) }
    }
  }
}
