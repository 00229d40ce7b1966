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
      repeat the one before; and the offset of the end. Bytes that were never written are zeros; \
      dumping them takes no memory from the system.

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
    let memory = try segment.look()
    let byteCount = memory.byteCount
    guard offset <= byteCount, (count ?? 0) <= byteCount - offset else {
      let part = "\(count.map { "\($0) bytes at " } ?? "")offset \(offset)"
      throw Failure.outOfRange(segment.name, byteCount: byteCount, part: part)
    }
    let end = offset + (count ?? byteCount - offset)
    if offset == end { return }
    try Output.write { output in
      var hexDump = HexDump()
      var position = offset
      while position < end {
        let hole = position..<(try memory.data(in: position..<end)?.lowerBound ?? end)
        if hole.count > SegmentPeek.pieceByteCount {
          // Two equal lines stand for any number of them.
          let zeros = [UInt8](repeating: 0, count: HexDump.lineByteCount)
          for _ in 0..<2 { try output.write(hexDump.line(zeros, at: position)) }
          position += hole.count / HexDump.lineByteCount * HexDump.lineByteCount
        } else {
          // A copy: other processes may write while the lines are made.
          let piece = position..<min(position + SegmentPeek.pieceByteCount, end)
          try dump(memory.bytes(in: piece), at: position, &hexDump, to: &output)
          position = piece.upperBound
        }
      }
      try output.writeLine(hexadecimal(end, digits: 8))
    }
  }

  private func dump(
    _ bytes: [UInt8], at offset: Int, _ hexDump: inout HexDump, to output: inout Output
  ) throws {
    for start in stride(from: 0, to: bytes.count, by: HexDump.lineByteCount) {
      let line = bytes[start..<min(start + HexDump.lineByteCount, bytes.count)]
      try output.write(hexDump.line(Array(line), at: offset + start))
    }
  }
}
