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
import SystemPackage

struct Create: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Create shared memory, filled with zeros.",
    discussion: """
      The memory stays until it is removed, or until the system restarts. Its pages are taken at \
      once, so that a full /dev/shm is found here and not by those who use the memory.

        shm create MyMemory --bytes 1024
        shm create frames --bytes 64MiB --mode 0660
      """)

  @Argument(help: "The name: 1 to 255 bytes without a slash.")
  var name: String

  @Option(
    name: .customLong("bytes"), parsing: .unconditional,
    help: ArgumentHelp("How large, such as 4096, 64KiB or 1GiB.", valueName: "size"),
    transform: ByteCount.parse)
  var byteCount: Int

  @Option(
    name: .customLong("mode"), parsing: .unconditional,
    help: ArgumentHelp(
      "Who may use it, in octal: read is 4, write is 2; user, group, others. (default: 0600)",
      valueName: "mode"),
    transform: shm.permissions)
  var permissions: FilePermissions = .ownerReadWrite

  @Flag(
    help: """
      Take pages when they are first touched. A process that touches one when there is no room \
      left is ended by the system.
      """)
  var onDemand = false

  func run() throws {
    try SharedMemory.create(
      name, byteCount: byteCount, permissions: permissions,
      reservation: onDemand ? .onDemand : .reserved
    ).close()
  }
}
