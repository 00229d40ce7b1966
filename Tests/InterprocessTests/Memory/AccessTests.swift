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

@Suite("Access")
struct AccessTests {
  @Test("Values of every shareable type are stored and loaded at any offset", arguments: 0..<16)
  func values(offset: Int) throws {
    var memory = try SharedMemory.create(byteCount: 32)
    try memory.unlink()
    #expect(roundTrip(Int8.min, &memory, offset))
    #expect(roundTrip(Int16.min, &memory, offset))
    #expect(roundTrip(Int32.min, &memory, offset))
    #expect(roundTrip(Int64.min, &memory, offset))
    #expect(roundTrip(Int.min, &memory, offset))
    #expect(roundTrip(UInt8.max, &memory, offset))
    #expect(roundTrip(UInt16.max - 1, &memory, offset))
    #expect(roundTrip(UInt32.max - 1, &memory, offset))
    #expect(roundTrip(UInt64.max - 1, &memory, offset))
    #expect(roundTrip(UInt.max - 1, &memory, offset))
    #expect(roundTrip(Float.pi, &memory, offset))
    #expect(roundTrip(-Double.pi, &memory, offset))
  }

  private func roundTrip<Value: Shareable & Equatable>(
    _ value: Value, _ memory: inout SharedMemory, _ offset: Int
  ) -> Bool {
    let size = MemoryLayout<Value>.size
    memory.withMutableBytes { bytes in
      for offset in 0..<32 { bytes.storeBytes(of: 0xA5, toByteOffset: offset, as: UInt8.self) }
    }
    memory.storeBytes(of: value, toByteOffset: offset, as: Value.self)
    let untouched = (0..<32).allSatisfy { position in
      (offset..<(offset + size)).contains(position) || memory[position] == 0xA5
    }
    return untouched && memory.load(fromByteOffset: offset, as: Value.self) == value
  }

  @Test("Bytes lie in memory in the machine's byte order, as Python reads them")
  func byteOrder() throws {
    var memory = try SharedMemory.create(byteCount: 16)
    try memory.unlink()
    memory.storeBytes(of: 0x0102_0304, toByteOffset: 4, as: UInt32.self)
    let bytes = [memory[4], memory[5], memory[6], memory[7]]
    #expect(bytes == withUnsafeBytes(of: UInt32(0x0102_0304)) { Array($0) })
  }

  @Test("Spans show the same bytes as loads, and hold the whole elements that fit")
  func spans() throws {
    let name = uniqueName()
    var memory = try SharedMemory.create(name, byteCount: 1021)
    let reader = try SharedMemory.attach(name)
    try memory.unlink()

    var doubles = memory.mutableSpan(of: Double.self)
    let count = doubles.count
    #expect(count == 127)
    for index in doubles.indices { doubles[index] = Double(index) / 2 }

    let seen = reader.span(of: Double.self)
    var isSame = seen.count == 127
    for index in seen.indices where seen[index] != Double(index) / 2 { isSame = false }
    #expect(isSame)
    let last = reader.load(fromByteOffset: 126 * 8, as: Double.self)
    #expect(last == 63)

    var bytes = memory.mutableBytes
    bytes.storeBytes(of: 77, toByteOffset: 1020, as: UInt8.self)
    let view = reader.bytes
    let byteCount = view.byteCount
    let value = reader[1020]
    #expect(byteCount == 1021)
    #expect(value == 77)
    let sum = reader.withSpan(of: UInt8.self) { $0[1020] }
    #expect(sum == 77)
  }

  @Test("Memory smaller than an element has no element")
  func smallSpan() throws {
    var memory = try SharedMemory.create(byteCount: 7)
    try memory.unlink()
    let counts = [
      memory.withSpan(of: Double.self) { $0.count },
      memory.withMutableSpan(of: Double.self) { $0.count },
    ]
    #expect(counts == [0, 0])
  }

  @Test("A handle in a class is used through closures")
  func storedInClass() throws {
    final class Owner {
      var memory: SharedMemory
      init() throws {
        memory = try SharedMemory.create(byteCount: 16)
        try memory.unlink()
      }
    }
    let owner = try Owner()
    owner.memory.withMutableSpan(of: UInt32.self) { $0[3] = 5 }
    owner.memory.withMutableBytes { $0.storeBytes(of: 6, as: UInt8.self) }
    let values = [owner.memory.withSpan(of: UInt32.self) { $0[3] }, UInt32(owner.memory[0])]
    #expect(values == [5, 6])
  }

  @Test("Every access out of range is a failed precondition", arguments: 0..<10)
  func outOfRange(way: Int) async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [way] in
      var memory = try SharedMemory.create(byteCount: 16)
      try memory.unlink()
      switch way {
      case 0: _ = memory[16]
      case 1: _ = memory[-1]
      case 2: memory[16] = 1
      case 3: memory[.min] = 1
      case 4: _ = memory.load(fromByteOffset: 9, as: Double.self)
      case 5: _ = memory.load(fromByteOffset: -8, as: Double.self)
      case 6: _ = memory.load(fromByteOffset: .max, as: Double.self)
      case 7: memory.storeBytes(of: 1, toByteOffset: 9, as: Int.self)
      case 8: memory.storeBytes(of: 1, toByteOffset: .min, as: Int.self)
      default: memory.storeBytes(of: 1, toByteOffset: .max - 3, as: Int.self)
      }
    }
    #expect(result.says("Offset out of range of the shared memory"))
  }
}
