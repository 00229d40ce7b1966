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

// contender: name="Interprocess views" group=access

import Harness
import Interprocess
import Synchronization

/// The same loop over an unsafe pointer, a span of the memory, and the other forms of access.
@main
struct Access {
  static let unsafePointer = "unsafe pointer"
  static let memory = "Interprocess SharedMemory"
  static let array = "Interprocess SharedArray"

  static func main() throws {
    Harness.begin()
    Harness.pin()
    try words()
    try atomics()
    try sums(count: 10_000_000)
    try sums(count: 4096)
    try writes(count: 4096)
  }

  /// Single words, each at a random place in a page.
  static func words() throws {
    var memory = try SharedMemory.create(byteCount: 4096)
    try memory.unlink()
    let count = 512
    var plain = [UInt64](repeating: 0, count: count)

    plain.withUnsafeMutableBufferPointer { buffer in
      let start = buffer.baseAddress!
      Case(unsafePointer, test: "access", "store 8 bytes", size: 8).measure(operationCount: count) {
        for index in 0..<count { start[index & 511] = UInt64(index) }
      }
      Case(unsafePointer, test: "access", "load 8 bytes", size: 8).measure(operationCount: count) {
        var sum: UInt64 = 0
        for index in 0..<count { sum &+= start[index & 511] }
        Harness.keep(sum)
      }
    }
    Case(Self.memory, test: "access", "store 8 bytes", size: 8).measure(operationCount: count) {
      for index in 0..<count {
        memory.storeBytes(of: UInt64(index), toByteOffset: 8 * (index & 511), as: UInt64.self)
      }
    }
    Case(Self.memory, test: "access", "load 8 bytes", size: 8).measure(operationCount: count) {
      var sum: UInt64 = 0
      for index in 0..<count {
        sum &+= memory.load(fromByteOffset: 8 * (index & 511), as: UInt64.self)
      }
      Harness.keep(sum)
    }
  }

  /// An integer that several processes may change, compared with one of this process.
  static func atomics() throws {
    let shared = try SharedAtomic<UInt64>.create(nil, initialValue: 0)
    try shared.unlink()
    let own = Own()
    let count = 512
    func row(_ contender: String, _ what: String) -> Case {
      Case(contender, test: "access", what, size: 8)
    }
    let (ownAtomic, sharedAtomic) = ("Synchronization.Atomic", "Interprocess SharedAtomic")

    row(ownAtomic, "atomic load").measure(operationCount: count) {
      var sum: UInt64 = 0
      for _ in 0..<count { sum &+= own.atomic.load(ordering: .acquiring) }
      Harness.keep(sum)
    }
    row(sharedAtomic, "atomic load").measure(operationCount: count) {
      var sum: UInt64 = 0
      for _ in 0..<count { sum &+= shared[].load(ordering: .acquiring) }
      Harness.keep(sum)
    }
    row(sharedAtomic, "atomic load, lent once").measure(operationCount: count) {
      Harness.keep(sum(of: shared[], count))
    }
    row(ownAtomic, "atomic store").measure(operationCount: count) {
      for value in 0..<count { own.atomic.store(UInt64(value), ordering: .releasing) }
    }
    row(sharedAtomic, "atomic store").measure(operationCount: count) {
      for value in 0..<count { shared[].store(UInt64(value), ordering: .releasing) }
    }
    row(ownAtomic, "atomic add").measure(operationCount: count) {
      for _ in 0..<count { own.atomic.wrappingAdd(1, ordering: .relaxed) }
    }
    row(sharedAtomic, "atomic add").measure(operationCount: count) {
      for _ in 0..<count { shared[].wrappingAdd(1, ordering: .relaxed) }
    }
  }

  static func sum(of atomic: borrowing Atomic<UInt64>, _ count: Int) -> UInt64 {
    var sum: UInt64 = 0
    for _ in 0..<count { sum &+= atomic.load(ordering: .acquiring) }
    return sum
  }

  static func sums(count: Int) throws {
    let byteCount = 8 * count
    let what = "sum of doubles"
    func row(_ contender: String, _ what: String) -> Case {
      Case(contender, test: "access", what, size: byteCount, unit: .gigabytesPerSecond)
    }

    var array = try SharedArray<Double>.create(nil, count: count)
    try array.unlink()
    array.fill(with: 1.5)
    array.withUnsafeBufferPointer { buffer in
      row(unsafePointer, what).measure {
        var sum = 0.0
        for index in buffer.indices { sum += buffer[index] }
        Harness.keep(sum)
      }
    }
    row(Self.array, "sum of doubles over its span").measure {
      let span = array.span
      var sum = 0.0
      for index in span.indices { sum += span[index] }
      Harness.keep(sum)
    }
    row(Self.array, "sum of doubles by subscript").measure {
      var sum = 0.0
      for index in 0..<array.count { sum += array[index] }
      Harness.keep(sum)
    }

    var memory = try SharedMemory.create(byteCount: byteCount)
    try memory.unlink()
    memory.withMutableSpan(of: Double.self) { span in
      for index in span.indices { span[index] = 1.5 }
    }
    row(Self.memory, "sum of doubles over its span").measure {
      let span = memory.span(of: Double.self)
      var sum = 0.0
      for index in span.indices { sum += span[index] }
      Harness.keep(sum)
    }

    // Integers can be added in any order, so that the compiler may add several at once.
    memory.withMutableSpan(of: UInt64.self) { span in
      for index in span.indices { span[index] = UInt64(index) }
    }
    array.withUnsafeBufferPointer { buffer in
      buffer.withMemoryRebound(to: UInt64.self) { buffer in
        row(unsafePointer, "sum of integers").measure {
          var sum: UInt64 = 0
          for index in buffer.indices { sum &+= buffer[index] }
          Harness.keep(sum)
        }
      }
    }
    row(Self.memory, "sum of integers over its span").measure {
      let span = memory.span(of: UInt64.self)
      var sum: UInt64 = 0
      for index in span.indices { sum &+= span[index] }
      Harness.keep(sum)
    }
  }

  static func writes(count: Int) throws {
    var array = try SharedArray<Double>.create(nil, count: count)
    try array.unlink()
    func row(_ contender: String, _ what: String) -> Case {
      Case(contender, test: "access", what, size: 8 * count, unit: .gigabytesPerSecond)
    }
    array.withUnsafeMutableBufferPointer { buffer in
      row(unsafePointer, "write doubles").measure {
        for index in buffer.indices { buffer[index] = Double(index) }
      }
    }
    row(Self.array, "write doubles over its span").measure {
      var span = array.mutableSpan
      for index in span.indices { span[index] = Double(index) }
    }
    row(Self.array, "write doubles by subscript").measure {
      for index in 0..<array.count { array[index] = Double(index) }
    }
  }
}

/// An atomic integer where a program usually has one.
final class Own: Sendable {
  let atomic = Atomic<UInt64>(0)
}
