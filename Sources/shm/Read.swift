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
      Prints an array by its type: the elements of the last dimension on one line, and each \
      structure on a line of its own. Prints a list with one item on each line, and any other \
      memory as bytes, on one line. With --as or --offset, prints the values of one type that lie \
      in the memory, whatever its kind. Without --count, prints as many whole values as there are. \
      Offsets need not be aligned.

        shm read MyMemory --count 4
        shm read MyMemory --as float64 --offset 8 --count 1
        shm read image
      """)

  @OptionGroup var segment: Segment

  @Option(
    name: .customLong("as"),
    help: ArgumentHelp("The type of the values; uint8 if no type is known.", valueName: "type"))
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
    let memory = try segment.look()
    let content = type == nil && offset == nil ? try SegmentContent(of: memory) : .bytes
    switch content {
    case .array(let header):
      if let obstacle = header.obstacle ?? header.textObstacle {
        throw obstacle.interprocessError(name: memory.name)
      }
      try printElements(of: header, in: memory)
    case .list(let itemCount, _):
      try checkCount(itemCount, whole: "items")
      try Output.write { output in
        try SegmentContent.forEachElement(ofListIn: memory, count: count) {
          try output.writeLine($0.text)
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

  /// The largest element that is copied and formatted at once.
  private static let maximumElementByteCount = 16 << 20

  private func printElements(of header: NpyHeader, in memory: SegmentPeek) throws {
    try checkCount(header.count, whole: "elements")
    let byteCount = header.layout.byteCount
    guard byteCount <= Self.maximumElementByteCount else {
      throw Failure(
        """
        Each element of \(segment.name.quoted) has \(sizeText(byteCount)), too much to print. Show \
        a part of the bytes with `\(Invocation.command) dump`.
        """)
    }
    let count = count ?? header.count
    let isRecord = if case .record = header.layout.form { true } else { false }
    let lineCount = isRecord ? 1 : max(1, header.shape.last ?? 1)
    try Output.write { output in
      try memory.forEachElement(at: header.dataOffset, count: count, byteCount: byteCount) {
        index, offset, bytes in
        if index > 0 && !index.isMultiple(of: lineCount) { try output.write(" ") }
        try output.write(header.layout.text(at: offset, in: bytes))
        if (index + 1).isMultiple(of: lineCount) || index + 1 == count {
          try output.writeLine("")
        }
      }
    }
  }

  private func printValues<Value: Element>(
    of type: Value.Type, named typeName: String, in memory: SegmentPeek
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
      try memory.forEachElement(
        at: firstOffset, count: count ?? availableCount, byteCount: MemoryLayout<Value>.size
      ) { index, offset, bytes in
        if index > 0 { try output.write(" ") }
        try output.write(bytes.load(fromByteOffset: offset, as: type).description)
      }
      try output.writeLine("")
    }
  }
}
