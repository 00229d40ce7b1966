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

struct Dump: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the bytes of shared memory in hexadecimal and ASCII.",
    discussion: """
      Prints what `hexdump -C` prints: the offset, 16 bytes, the same in ASCII; a * for lines that \
      repeat the one before; and the offset of the end.

        shm dump MyMemory
        shm dump MyMemory --offset 1KiB --count 64
      """)

  @OptionGroup var segment: Segment

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Where to begin.", valueName: "bytes"),
    transform: ByteCount.parse)
  var offset = 0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many bytes; all if not given.", valueName: "bytes"),
    transform: ByteCount.parse)
  var count: Int?

  func run() throws {
    let memory = try segment.attach(.readOnly)
    let byteCount = memory.byteCount
    guard offset <= byteCount, (count ?? 0) <= byteCount - offset else {
      let part = "\(count.map { "\($0) bytes at " } ?? "")offset \(offset)"
      throw Failure.outOfRange(segment.name, byteCount: byteCount, part: part)
    }
    let end = offset + (count ?? byteCount - offset)
    if offset == end { return }
    try Output.write { output in
      var hexDump = HexDump()
      for start in stride(from: offset, to: end, by: HexDump.lineByteCount) {
        // A copy: other processes may write while the line is made.
        let bytes = (start..<min(start + HexDump.lineByteCount, end)).map { memory[$0] }
        try output.write(hexDump.line(bytes, at: start))
      }
      try output.writeLine(hexadecimal(end, digits: 8))
    }
  }
}
