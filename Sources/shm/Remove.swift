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

struct Remove: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Remove shared memory by name.",
    discussion: """
      Processes that have attached to the memory keep it; the system frees it when the last of \
      them is done. If a name cannot be removed, the command still removes the others.

        shm remove MyMemory
        shm remove frames-1 frames-2
      """)

  @Argument(help: ArgumentHelp("The names.", valueName: "name"), transform: Name.init)
  var names: [Name]

  func run() throws {
    var hasFailed = false
    for name in names {
      do {
        try SharedMemory.unlink(nameBytes: name.bytes)
      } catch {
        complain(Failure(error, name).message)
        hasFailed = true
      }
    }
    if hasFailed { throw ExitCode(1) }
  }
}
