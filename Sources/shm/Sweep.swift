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
    abstract: "Remove temporary memory that nobody has any more.",
    discussion: """
      Temporary memory goes with the last process that has it. If these are all killed, its name \
      stays, and `shm list` shows it as STALE. Memory that any process still has is never \
      removed, and neither is memory that stays until it is removed by name.

        shm sweep --dry-run
        shm sweep
      """)

  @Flag(help: "Only print the names that would be removed.")
  var dryRun = false

  func run() throws {
    let names =
      dryRun
      ? try SharedMemory.segments().filter(\.isStale).compactMap(\.sweptName)
        .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      : try SharedMemory.sweep()
    try Output.write { output in
      for name in names { try output.writeLine(name.escaped) }
    }
  }
}
