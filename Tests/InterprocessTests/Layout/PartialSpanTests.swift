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

import Interprocess
import TestSupport
import Testing

@Suite("Spans of a part")
struct PartialSpanTests {
  @Test("A part of the memory is seen as elements, without a header")
  func parts() throws {
    let name = uniqueName()
    var memory = try SharedMemory.create(name, byteCount: 100)
    let reader = try SharedMemory.attach(name, access: .readOnly)
    try memory.unlink()

    var numbers = memory.mutableSpan(of: UInt32.self, byteOffset: 4, count: 24)
    let count = numbers.count
    #expect(count == 24)
    for index in numbers.indices { numbers[index] = UInt32(index) + 1 }
    let values = [
      reader.load(fromByteOffset: 0, as: UInt32.self),
      reader.load(fromByteOffset: 4, as: UInt32.self),
      reader.load(fromByteOffset: 96, as: UInt32.self),
    ]
    #expect(values == [0, 1, 24])

    memory.withMutableSpan(of: UInt32.self, byteOffset: 96, count: 1) { $0[0] = 7 }
    let seen = reader.span(of: UInt32.self, byteOffset: 92, count: 2)
    let last = [seen[0], seen[1]]
    #expect(last == [23, 7])
    let doubles = reader.withSpan(of: Double.self, byteOffset: 88, count: 1) { $0.count }
    #expect(doubles == 1)
  }

  @Test("A part may be empty, also at the end")
  func empty() throws {
    var memory = try SharedMemory.create(byteCount: 16)
    try memory.unlink()
    let counts = [
      memory.withSpan(of: Double.self, byteOffset: 16, count: 0) { $0.count },
      memory.withMutableSpan(of: Double.self, byteOffset: 0, count: 0) { $0.count },
    ]
    #expect(counts == [0, 0])
  }

  @Test("A part out of range is a failed precondition", arguments: 0..<9)
  func outOfRange(way: Int) async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [way] in
      var memory = try SharedMemory.create(byteCount: 64)
      try memory.unlink()
      let (byteOffset, count) = [
        (0, 9), (8, 8), (64, 1), (72, 0), (-8, 1), (0, -1), (0, Int.max / 8 + 2),
        (Int.max - 7, 1), (0, Int.min),
      ][way]
      if way % 2 == 0 {
        _ = memory.withSpan(of: Double.self, byteOffset: byteOffset, count: count) { $0.count }
      } else {
        memory.withMutableSpan(of: Double.self, byteOffset: byteOffset, count: count) { _ in }
      }
    }
    #expect(result.says("Offset out of range of the shared memory"))
  }

  @Test("A misaligned part is a failed precondition", arguments: [1, 4, 12])
  func misaligned(byteOffset: Int) async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [byteOffset] in
      var memory = try SharedMemory.create(byteCount: 64)
      try memory.unlink()
      if byteOffset == 4 {
        memory.withMutableSpan(of: Double.self, byteOffset: byteOffset, count: 1) { _ in }
      } else {
        _ = memory.withSpan(of: Double.self, byteOffset: byteOffset, count: 1) { $0.count }
      }
    }
    #expect(result.says("Offset not aligned for the elements"))
  }

  @Test("Read-only memory gives out no writable part")
  func readOnly() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let name = uniqueName()
      let memory = try SharedMemory.create(name, byteCount: 64)
      var reader = try SharedMemory.attach(name, access: .readOnly)
      try memory.unlink()
      reader.withMutableSpan(of: Double.self, byteOffset: 0, count: 1) { _ in }
    }
    #expect(result.says("This shared memory is attached read-only"))
  }
}
