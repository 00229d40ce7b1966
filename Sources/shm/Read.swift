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

struct Read: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print values from shared memory.",
    discussion: """
      Prints them on one line, with spaces between. Without --count, prints as many whole values \
      as there are from the offset to the end. Offsets need not be aligned.

        shm read MyMemory --count 4
        shm read MyMemory --as float64 --offset 8 --count 1
      """)

  @OptionGroup var segment: Segment
  @OptionGroup var elements: Elements

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many values; all if not given.", valueName: "n"),
    transform: wholeNumber)
  var count: Int?

  func run() throws {
    try printValues(of: elements.type.element, in: segment.attach(.readOnly))
  }

  private func printValues<Value: Element>(
    of type: Value.Type, in memory: consuming SharedMemory
  ) throws {
    let byteCount = memory.byteCount
    let firstOffset = elements.offset
    // The subtraction cannot overflow: both numbers are at least 0.
    let availableCount = (byteCount - firstOffset) / MemoryLayout<Value>.size
    guard firstOffset <= byteCount, (count ?? 1) <= availableCount else {
      throw Failure.outOfRange(
        segment.name, byteCount: byteCount,
        part: "\(count ?? 1) \(elements.type.rawValue) at offset \(firstOffset)")
    }
    try Output.write { output in
      for index in 0..<(count ?? availableCount) {
        if index > 0 { try output.write(" ") }
        let offset = firstOffset + index * MemoryLayout<Value>.size
        try output.write(memory.load(fromByteOffset: offset, as: type).description)
      }
      try output.writeLine("")
    }
  }
}
