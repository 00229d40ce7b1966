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
      STALE if nobody has it any more, which `shm sweep` of its owner or of root removes, and \
      STALE? if that cannot be known; those who perhaps have it are shown. Other processes that \
      this user may not look into are not. The kind is \(kinds), or bytes for anything else; ? if \
      it could not be looked at. A size is given in a unit if it is a whole number of them, else \
      in bytes: 64KiB, 1500. Names are shown as they can be given to the other commands.

        shm list
        shm list --json
      """)

  private static var kinds: String {
    (["array", "list"] + SegmentKinds.all.map { $0.word }).joined(separator: ", ")
  }

  @Flag(help: "Print a JSON array with an object for each, sizes in bytes.")
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
  /// Whether a list of all need not say that it could not look: other users' memory is not for this
  /// user to see, and what is gone is gone.
  fileprivate var isOfNoInterest: Bool {
    code == .permissionDenied || code == .notFound
  }
}
