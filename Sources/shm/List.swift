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

struct List: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List all shared memory.",
    discussion: """
      Shows everything in /dev/shm: the name, the kind, the size, the bytes that are taken from \
      the system's memory, the owner, the permissions, how long ago it was made, its lifetime, how \
      many handles of Swift programs are open on it, and the processes that have it mapped. \
      Lasting memory stays until it is removed; temporary memory goes with its last handle, and is \
      STALE if nobody has it any more, which `shm sweep` removes. Processes that this user may not \
      look into are not shown. The kind is array, list, value, mutex, read-write-lock, semaphore, \
      event, barrier or atomic, or bytes if it is none of these; ? if this user may not look. A \
      size is given in a unit if it is a whole number of them, else in bytes: 64KiB, 1500. Control \
      characters in names are shown as \\n or \\x1b.

        shm list
        shm list --json
      """)

  @Flag(help: "Print a JSON array with an object for each, sizes in bytes.")
  var json = false

  func run() throws {
    let segments = try SharedMemory.segments()
    try Output.write { output in
      if json {
        let lines = segments.map { segment in
          let kind = SegmentContent.kindText(of: segment.name)
          return "\n  " + segment.json(with: [("kind", .string(kind))]).text
        }.joined(separator: ",")
        try output.writeLine(lines.isEmpty ? "[]" : "[\(lines)\n]")
      } else {
        let header = [
          "NAME", "KIND", "SIZE", "RESIDENT", "OWNER", "MODE", "AGE", "LIFETIME", "HANDLES",
          "PROCESSES",
        ]
        let rows = segments.map { segment in
          [
            segment.name.escaped, SegmentContent.kindText(of: segment.name),
            sizeText(segment.byteCount), sizeText(segment.residentByteCount),
            userName(segment.userID),
            segment.permissions.modeText, ageText(segment.age), segment.lifetimeText,
            String(segment.handleCount), segment.processesText,
          ]
        }
        for line in tableLines([header] + rows, rightAligned: [2, 3, 6, 8]) {
          try output.writeLine(line)
        }
      }
    }
  }
}
