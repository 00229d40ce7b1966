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

// Misuse of arrays, which stops the program.
extension SharedArrayTests {
  @Test("An index out of range is a failed precondition", arguments: 0..<13)
  func outOfRange(way: Int) async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [way] in
      let indices = [
        [4], [-1], [.max], [.min], [2, 0], [0, 3], [-1, 4], [0, -1], [1, 2, 5], [1, 3, 0],
        [0, 0, 0, 7], [0, 0, -1, 0], [9, 0, 0, 0],
      ][way]
      let shape = [[4], [2, 3], [2, 3, 4], [2, 3, 4, 5]][indices.count - 1]
      var array = try SharedArray<Int>.create(shape: shape)
      try array.unlink()
      if way % 2 == 0 { array[indices] = 1 } else { _ = array[indices] }
    }
    #expect(result.says("Index out of range of the array"))
  }

  @Test("Another number of indices is a failed precondition", arguments: 0..<5)
  func wrongDimensions(way: Int) async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [way] in
      let shape = [[4, 4], [4], [2, 2], [2, 2, 2], []][way]
      var array = try SharedArray<Int>.create(shape: shape)
      try array.unlink()
      array[[[0], [0, 0], [0, 0, 0], [0, 0, 0, 0], [0]][way]] = 1
    }
    #expect(result.says("The number of indices differs from the number of dimensions of the array"))
  }

  @Test("A write to a read-only array is a failed precondition", arguments: 0..<6)
  func readOnly(way: Int) async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [way] in
      let name = uniqueName()
      let array = try SharedArray<Int>.create(name, count: 2)
      var reader = try SharedArray<Int>.attach(name, access: .readOnly)
      try array.unlink()
      switch way {
      case 0: reader[0] = 1
      case 1: reader.fill(with: 1)
      case 2: reader.copy(from: [1, 2])
      case 3: reader.withMutableSpan { _ in }
      case 4: reader.withUnsafeMutableBufferPointer { _ in }
      default: reader.copy(from: [1, 2].span)
      }
    }
    #expect(result.says("This array is attached read-only"))
  }

  /// A collection whose count is wrong.
  struct Liar: Collection {
    var elements: Range<Int>
    var count: Int
    var startIndex: Int { elements.startIndex }
    var endIndex: Int { elements.endIndex }
    func index(after index: Int) -> Int { index + 1 }
    subscript(index: Int) -> Int { index }
  }

  @Test("Another number of elements is a failed precondition", arguments: 0..<8)
  func wrongCount(way: Int) async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [way] in
      var array = try SharedArray<Int>.create(count: 3)
      try array.unlink()
      switch way {
      case 0: array.copy(from: [1, 2])
      case 1: array.copy(from: [1, 2, 3, 4])
      case 2: array.copy(from: (0..<2).lazy.map { $0 })
      case 3: array.copy(from: (0..<4).lazy.map { $0 })
      case 4: array.copy(from: [1, 2].span)
      case 5: array.copy(from: [1, 2, 3, 4].span)
      case 6: _ = try SharedArray.create(copying: Liar(elements: 0..<9, count: 3))
      default: _ = try SharedArray.create(copying: Liar(elements: 0..<2, count: 3))
      }
    }
    #expect(result.says("The number of elements differs from that of the array"))
  }

  struct Flags: Shareable { var enabled: Bool }

  @Test("An array of an unshareable type stops the program with the field's name")
  func notShareable() async throws {
    let created = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = try SharedArray<Flags>.create(count: 1)
    }
    #expect(created.says("Flags cannot be shared: Flags.enabled is Bool; use UInt8"))
    let name = uniqueName()
    let array = try SharedArray<UInt8>.create(name, count: 1)
    let attached = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [name = name as String] in
      _ = try SharedArray<Flags>.attach(name)
    }
    #expect(attached.says("Flags cannot be shared: Flags.enabled is Bool; use UInt8"))
    try array.unlink()
  }
}
