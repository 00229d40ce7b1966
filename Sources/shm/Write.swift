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

struct Write: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write values into shared memory.",
    discussion: """
      Writes them one behind the other. If one of them is wrong, or if there is no room for all \
      of them, none is written. Offsets need not be aligned.

        shm write MyMemory 1 2 3 4
        shm write MyMemory --as float64 --offset 8 -2.5 1e6
      """)

  @OptionGroup var segment: Segment
  @OptionGroup var elements: Elements

  // What looks like an option and is none is a value, as negative numbers do.
  @Argument(
    parsing: .allUnrecognized,
    help: ArgumentHelp("The values.", valueName: "value"))
  var values: [String]

  /// The values without the `--` that may stand before them, which is passed on like a value.
  private var texts: [String] {
    guard let terminator = values.firstIndex(of: "--") else { return values }
    return Array(values[..<terminator] + values[(terminator + 1)...])
  }

  func validate() throws {
    if texts.isEmpty { throw ValidationError("Missing expected argument '<value> ...'") }
    _ = try parse(as: elements.type.element)
  }

  func run() throws {
    try store(elements.type.element, in: segment.attach(.readWrite))
  }

  private func parse<Value: Element>(as type: Value.Type) throws -> [Value] {
    try texts.map { text in
      guard let value = Value.parse(text) else {
        throw ValidationError(
          "\(text.quoted) is not a value of type \(elements.type.rawValue)\(Value.rangeText).")
      }
      return value
    }
  }

  private func store<Value: Element>(
    _ type: Value.Type, in memory: consuming SharedMemory
  ) throws {
    let values = try parse(as: type)
    let byteCount = memory.byteCount
    // The subtraction cannot overflow: both numbers are at least 0.
    guard elements.offset <= byteCount,
      values.count <= (byteCount - elements.offset) / MemoryLayout<Value>.size
    else {
      throw Failure.outOfRange(
        segment.name, byteCount: byteCount,
        part: "\(values.count) \(elements.type.rawValue) at offset \(elements.offset)")
    }
    for (index, value) in values.enumerated() {
      memory.storeBytes(
        of: value, toByteOffset: elements.offset + index * MemoryLayout<Value>.size, as: type)
    }
  }
}
