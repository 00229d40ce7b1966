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

internal import Glibc
internal import Interprocess
internal import TestFork
internal import TestSupport

/// Disturbs the others now and then while a worker holds something: the worker keeps it beyond the
/// time-out of others, or forks a child, which leaves what its parent holds.
final class Disturbance {
  private var generator: SeededGenerator
  private(set) var isChild = false

  init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
    // No process waits for the children.
    signal(SIGCHLD, SIG_IGN)
  }

  /// Must be the last call in a disturbed closure: a child may read what its parent holds, but not
  /// more.
  func comeBy() {
    switch generator.next() % 256 {
    case 0: usleep(UInt32(generator.next() % 30_000))
    case 1:
      let child = ipctest_fork()
      guard child >= 0 else { fatalError("Cannot fork") }
      if child == 0 { return becomeChild() }
      // If the child had given back what its parent holds, others would take it now.
      usleep(UInt32(generator.next() % 4000))
    default: return
    }
  }

  private func becomeChild() {
    isChild = true
    #if DEBUG
      // The child is not the process to be killed.
      Checkpoint.handler = nil
    #endif
  }

  /// Ends a child once it has left what its parent holds.
  func endChild() { if isChild { _exit(0) } }
}

/// Does something that needs the role or the place of a process that was killed.
///
/// A dead process keeps its mappings, and with them its locks, for as long as another process reads
/// its `/proc/PID/maps`.
func onceDead<Result: ~Copyable>(_ body: () throws -> Result) throws -> Result {
  let deadline = SuspendingClock.now + .seconds(10)
  while true {
    do {
      return try body()
    } catch let error as InterprocessError
      where [.roleTaken, .limitReached].contains(error.code) && SuspendingClock.now < deadline
    {
      usleep(1000)
    }
  }
}

/// Whether something becomes true once the killed processes are seen to be dead.
func comesTrue(_ condition: () throws -> Bool) rethrows -> Bool {
  let deadline = SuspendingClock.now + .seconds(10)
  while try !condition() {
    guard SuspendingClock.now < deadline else { return false }
    usleep(1000)
  }
  return true
}
