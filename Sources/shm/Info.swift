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
      Shows the same as `shm list`, for one name, without attaching to it, and what is in it: the \
      type and the shape of an array, the items of a list, the type of a value and how many have \
      been stored, the type and the value of an atomic. Of a mutex it tells who holds the lock, \
      or that its holder died, which lasts until somebody repairs the value; of a semaphore how \
      many permits are free, and how many are orphaned, as their holders are dead, which goes \
      to those who wait; of an event whether it is set, and how often it has come. A holder \
      that this user may not look into is shown as ?.

        shm info MyMemory
        shm info MyMemory --json
      """)

  @Argument(help: "The name of the shared memory.")
  var name: String

  @Flag(help: "Print a JSON object, sizes in bytes.")
  var json = false

  func run() throws {
    // As everywhere, the leading slash of POSIX is dropped.
    let name = name.hasPrefix("/") ? String(name.dropFirst()) : name
    guard let segment = try SharedMemory.segments().first(where: { $0.name == name }) else {
      throw Failure.notFound(name)
    }
    let content: SegmentContent?
    do {
      content = try SegmentContent(ofSegment: name)
    } catch {
      // The rest is known also to those who may not look into it.
      guard error.code == .permissionDenied else { throw error }
      content = nil
    }
    try Output.write { output in
      if json {
        try output.writeLine(
          segment.json(with: content?.json ?? [("kind", .string("?"))]).text)
      } else {
        let rows =
          [
            ["name", segment.name.escaped],
            ["kind", content?.kind ?? "?"],
            ["size", exactSizeText(segment.byteCount)],
            ["resident", exactSizeText(segment.residentByteCount)],
            ["owner", userName(segment.userID)],
            ["mode", segment.permissions.modeText],
            ["age", ageText(segment.age)],
            ["lifetime", segment.lifetimeText],
            ["handles", String(segment.handleCount)],
            ["processes", segment.processesText],
          ] + (content?.rows ?? [])
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
