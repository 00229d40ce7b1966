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
      Prints an array as its type says, the neighbours in the last direction on one line, and \
      each structure on a line of its own; a list with an item on each line; and anything else as \
      bytes, on one line. With --as or --offset, prints values of one type as they lie in the \
      memory, whatever it is. Without --count, prints as many whole values as there are. Offsets \
      need not be aligned.

        shm read MyMemory --count 4
        shm read MyMemory --as float64 --offset 8 --count 1
        shm read image
      """)

  @OptionGroup var segment: Segment

  @Option(
    name: .customLong("as"),
    help: ArgumentHelp("The type of the values; if none is known, uint8.", valueName: "type"))
  var type: ElementType?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Where the first value begins.", valueName: "bytes"),
    transform: ByteCount.parse)
  var offset: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many values; all if not given.", valueName: "n"),
    transform: wholeNumber)
  var count: Int?

  func run() throws {
    let memory = try segment.attach(.readOnly)
    let content = type == nil && offset == nil ? SegmentContent(of: memory) : .bytes
    switch content {
    case .array(let header):
      try printElements(of: header, in: memory)
    case .list(let elements):
      try checkCount(elements.count, whole: "items")
      try Output.write { output in
        for element in elements.prefix(count ?? elements.count) {
          try output.writeLine(element.text)
        }
      }
    case .unusable(_, let error):
      throw error
    default:
      let type = type ?? ElementType.uint8
      try printValues(of: type.element, named: type.rawValue, in: memory)
    }
  }

  private func checkCount(_ available: Int, whole: String) throws {
    if let count, count > available {
      throw Failure("\(segment.name.quoted) has \(available) \(whole), fewer than \(count).")
    }
  }

  private func printElements(
    of header: NpyHeader, in memory: consuming SharedMemory
  ) throws {
    try checkCount(header.count, whole: "elements")
    let count = count ?? header.count
    let isRecord = if case .record = header.layout.form { true } else { false }
    let lineCount = isRecord ? 1 : max(1, header.shape.last ?? 1)
    try Output.write { output in
      for index in 0..<count {
        if index > 0 && !index.isMultiple(of: lineCount) { try output.write(" ") }
        let offset = header.dataOffset + index * header.layout.byteCount
        try output.write(header.layout.text(at: offset, in: memory))
        if (index + 1).isMultiple(of: lineCount) || index + 1 == count {
          try output.writeLine("")
        }
      }
    }
  }

  private func printValues<Value: Element>(
    of type: Value.Type, named typeName: String, in memory: consuming SharedMemory
  ) throws {
    let byteCount = memory.byteCount
    let firstOffset = offset ?? 0
    // The subtraction cannot overflow: both numbers are at least 0.
    let availableCount = (byteCount - firstOffset) / MemoryLayout<Value>.size
    guard firstOffset <= byteCount, (count ?? 1) <= availableCount else {
      throw Failure.outOfRange(
        segment.name, byteCount: byteCount,
        part: "\(count ?? 1) \(typeName) at offset \(firstOffset)")
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
