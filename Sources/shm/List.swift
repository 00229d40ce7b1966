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
      Shows each segment in /dev/shm: the name, the kind, the size, the bytes taken from the \
      system's memory, the owner, the permissions, the age, the lifetime, the number of open \
      handles of Swift programs, and the processes that have it mapped.

      Lasting memory stays until it is removed; temporary memory goes with its last handle. It is \
      STALE if no process has it any more; its owner and root can remove it with `shm sweep`. It \
      is STALE? if that cannot be known; the processes that may have it are then shown. Other \
      processes that this user may not look into are not shown.

      The kind is \(kinds), or bytes for any other memory, and ? if the memory could not be read. \
      A size is shown in a unit if it is a whole number of them, otherwise in bytes: 64KiB, 1500. \
      Names are shown as the other commands accept them.

        shm list
        shm list --json
      """)

  private static var kinds: String {
    (["array", "list"] + SegmentKinds.all.map { $0.word }).joined(separator: ", ")
  }

  @Flag(help: "Print a JSON array with an object for each segment, sizes in bytes.")
  var json = false

  func run() throws {
    let (found, gaps) = try SharedMemory.segmentsAndGaps()
    for gap in gaps { complain(gap) }
    let segments = found.map { segment in
      (
        segment,
        kind: Result { () throws(InterprocessError) in
          try SegmentContent.kind(ofSegment: segment.nameBytes)
        }
      )
    }
    for case (_, .failure(let error)) in segments where !error.isOfNoInterest {
      complain(Failure(error).message)
    }
    try Output.write { output in
      if json {
        let lines = segments.map { segment, kind in
          "\n  " + segment.json(with: [("kind", .string(kind.text))], kind.error).text
        }.joined(separator: ",")
        try output.writeLine(lines.isEmpty ? "[]" : "[\(lines)\n]")
      } else {
        let header = [
          "NAME", "KIND", "SIZE", "RESIDENT", "OWNER", "MODE", "AGE", "LIFETIME", "HANDLES",
          "PROCESSES",
        ]
        let rows = segments.map { segment, kind in
          [
            segment.nameBytes.escapedName, kind.text,
            sizeText(segment.byteCount), sizeText(segment.residentByteCount),
            userName(segment.userID),
            segment.permissions.modeText, ageText(segment.age), segment.lifetimeText,
            segment.handlesText, segment.processesText,
          ]
        }
        for line in tableLines([header] + rows, rightAligned: [2, 3, 6, 8]) {
          try output.writeLine(line)
        }
      }
    }
  }
}

extension Result<String, InterprocessError> {
  /// The kind; `?` if it is not known.
  fileprivate var text: String { (try? get()) ?? "?" }

  fileprivate var error: InterprocessError? {
    if case .failure(let error) = self { error } else { nil }
  }
}

extension InterprocessError {
  /// Whether the list need not report this error: this user may not read other users' memory, and a
  /// segment may have been removed meanwhile.
  fileprivate var isOfNoInterest: Bool {
    code == .permissionDenied || code == .notFound
  }
}
