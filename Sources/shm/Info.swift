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

struct Info: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what is known about one shared memory.",
    discussion: """
      Shows what `shm list` shows, for one name, without attaching to it, and what the memory \
      contains: of an array, its type and shape; of a list, its items; \(summaries). A holder that \
      this user may not see is shown as ?.

        shm info MyMemory
        shm info MyMemory --json
      """)

  /// What is shown of each kind of structured segment.
  private static var summaries: String {
    SegmentKinds.all.map { kind in
      let article = "aeiou".contains(kind.name.first!) ? "an" : "a"
      return "of \(article) \(kind.name), \(kind.summary)"
    }.joined(separator: "; ")
  }

  @Argument(help: "The name of the shared memory.", transform: Name.init)
  var name: Name

  @Flag(help: "Print a JSON object, sizes in bytes.")
  var json = false

  func run() throws {
    let (segments, gaps) = try SharedMemory.segmentsAndGaps()
    guard let segment = segments.first(where: { $0.nameBytes == name.bytes }) else {
      throw Failure.notFound(name)
    }
    for gap in gaps { complain(gap) }
    let content: SegmentContent?
    var problem: InterprocessError?
    do {
      content = try SegmentContent(ofSegment: name.bytes)
    } catch {
      // The rest is known also to those who may not look into it.
      (content, problem) = (nil, error)
    }
    try Output.write { output in
      if json {
        try output.writeLine(
          segment.json(with: content?.json ?? [("kind", .string("?"))], problem).text)
      } else {
        let rows =
          [
            ["name", segment.nameBytes.escapedName],
            ["kind", content?.kind ?? "?"],
            ["size", exactSizeText(segment.byteCount)],
            ["resident", exactSizeText(segment.residentByteCount)],
            ["owner", userName(segment.userID)],
            ["mode", segment.permissions.modeText],
            ["age", ageText(segment.age)],
            ["lifetime", segment.lifetimeText],
            ["handles", segment.handlesText],
            ["processes", segment.processesText],
          ] + segment.removalRows + (content?.rows ?? [])
          + (problem.map { [["problem", $0.message.withoutControls]] } ?? [])
        for line in tableLines(rows, rightAligned: []) { try output.writeLine(line) }
      }
    }
  }

  /// A size in bytes, and in a larger unit if it is a whole number of them.
  private func exactSizeText(_ byteCount: Int) -> String {
    let text = sizeText(byteCount)
    return text == String(byteCount) ? "\(text) bytes" : "\(text) (\(byteCount) bytes)"
  }
}
