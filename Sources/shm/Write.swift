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
      Writes the values one behind the other. If one of them is wrong, or if there is no room for \
      all of them, none is written. Offsets need not be aligned. An array takes values of its own \
      type, from its first element on; with --offset it takes any values behind its header. The \
      command does not write into lists, locks, queues and the like, as their users rely on the \
      bytes there.

        shm write MyMemory 1 2 3 4
        shm write MyMemory --as float64 --offset 8 -2.5 1e6
      """)

  @OptionGroup var segment: Segment

  @Option(
    name: .customLong("as"),
    help: ArgumentHelp(
      "The type of the values; by default that of an array, else uint8.", valueName: "type"))
  var type: ElementType?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Where the first value begins; by default at the first element of an array, else at 0.",
      valueName: "bytes"),
    transform: ByteCount.parse)
  var offset: Int?

  // An argument that looks like an unknown option is a value, such as a negative number.
  @Argument(
    parsing: .allUnrecognized,
    help: ArgumentHelp("The values.", valueName: "value"))
  var values: [String]

  /// The values without the `--` that may stand before them, which the parser passes on as a value.
  private var texts: [String] {
    guard let terminator = values.firstIndex(of: "--") else { return values }
    return Array(values[..<terminator] + values[(terminator + 1)...])
  }

  func validate() throws {
    if texts.isEmpty { throw ValidationError("Missing expected argument '<value> ...'") }
    let type = type ?? arrayType ?? .uint8
    _ = try parse(as: type.element, named: type.rawValue)
  }

  /// The type of the elements, if the memory is an array that this user may read.
  private var arrayType: ElementType? {
    guard let memory = try? segment.look(), offset == nil,
      case .array(let header)? = try? SegmentContent(of: memory)
    else { return nil }
    return ElementType.allCases.first { $0.dtype == header.dtype }
  }

  func run() throws {
    let seen = try segment.look()
    let place = try place(in: seen)
    let memory = try segment.attach()
    guard seen.isLookingAt(memory) else {
      throw Failure(
        "The name \(segment.name.quoted) has just passed to another shared memory. Try again.")
    }
    try store(place.type.element, named: place.type.rawValue, at: place.offset, in: memory)
  }

  /// Chooses where the values go, so that they do not overwrite the description of the memory.
  private func place(in memory: SegmentPeek) throws -> (type: ElementType, offset: Int) {
    switch try SegmentContent(of: memory) {
    case .bytes:
      return (type ?? .uint8, offset ?? 0)
    case .array(let header):
      if let offset {
        guard offset >= header.dataOffset else {
          throw Failure(
            """
            Offset \(offset) lies in the header of the array \(segment.name.quoted), which holds \
            its type and shape. Its elements begin at offset \(header.dataOffset).
            """)
        }
        return (type ?? .uint8, offset)
      }
      let elementType = ElementType.allCases.first { $0.dtype == header.dtype }
      guard let elementType, type == nil || type == elementType else {
        throw Failure(
          """
          The elements of the array \(segment.name.quoted) are \(header.dtype.escaped), not \
          \((type ?? .uint8).rawValue). To write other values over them, say where: \
          --offset \(header.dataOffset) is the first element.
          """)
      }
      return (elementType, header.dataOffset)
    case let content:
      throw Failure(
        """
        \(segment.name.quoted) is not plain memory (its kind is \(content.kind)), and writing \
        into it would break it for the processes that use it. Change it through the type that \
        created it; or, if no process uses it, remove it and create it as bytes.
        """)
    }
  }

  private func parse<Value: Element>(
    as type: Value.Type, named typeName: String
  ) throws -> [Value] {
    try texts.map { text in
      guard let value = Value.parse(text) else {
        throw ValidationError(
          "\(text.quoted) is not a value of type \(typeName)\(Value.rangeText).")
      }
      return value
    }
  }

  private func store<Value: Element>(
    _ type: Value.Type, named typeName: String, at offset: Int, in memory: consuming SharedMemory
  ) throws {
    let values = try parse(as: type, named: typeName)
    let byteCount = memory.byteCount
    // The subtraction cannot overflow: both numbers are at least 0.
    guard offset <= byteCount,
      values.count <= (byteCount - offset) / MemoryLayout<Value>.size
    else {
      throw Failure.outOfRange(
        segment.name, byteCount: byteCount,
        part: "\(values.count) \(typeName) at offset \(offset)")
    }
    for (index, value) in values.enumerated() {
      memory.storeBytes(
        of: value, toByteOffset: offset + index * MemoryLayout<Value>.size, as: type)
    }
  }
}
