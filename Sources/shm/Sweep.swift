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

import ArgumentParser
import Interprocess

struct Sweep: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Remove temporary memory that no process has any more.",
    discussion: """
      Temporary memory goes with the last process that has it. If all of its processes are \
      killed, its name stays, and `shm list` shows it as STALE. A sweep never removes memory that \
      any process still has, nor memory that stays until it is removed by name. Prints the names \
      that it removes.

      Reports on standard error each segment that stays although it is stale, or may be stale, \
      with the reason. The exit status is 1 if a segment could not be removed because something \
      failed or another program has locked it. It is 0 if the segments that stay may be in use, or \
      belong to other users.

        shm sweep --dry-run
        shm sweep
      """)

  @Flag(help: "Only print the names that would be removed, and report what would stay.")
  var dryRun = false

  func run() throws {
    var hasFailed = false
    var othersCount = 0
    let report = { (error: InterprocessError) in
      switch error.code {
      case .foreignOwner:
        othersCount += 1
      case .perhapsInUse:
        complain(error.message)
      default:
        complain(error.message)
        hasFailed = true
      }
    }
    let names =
      dryRun
      ? try SharedMemory.sweepTrial(reportingLeft: report)
      : try SharedMemory.sweep(reportingLeft: report)
    // This user can do nothing about these segments, so one line is enough.
    switch othersCount {
    case 0: break
    case 1:
      complain(
        """
        1 segment of another user seems to be stale, and stays: only its owner and root can sweep \
        it. `\(Invocation.command) list` shows it.
        """)
    default:
      complain(
        """
        \(othersCount) segments of other users seem to be stale, and stay: only their owners and \
        root can sweep them. `\(Invocation.command) list` shows them.
        """)
    }
    try Output.write { output in
      for name in names { try output.writeLine(name.escaped) }
    }
    if hasFailed { throw ExitCode(1) }
  }
}
