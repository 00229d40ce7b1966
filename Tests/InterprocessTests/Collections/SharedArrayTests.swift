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

import Foundation
import Interprocess
import SystemPackage
import TestSupport
import Testing

@Suite("Shared array", .timeLimit(.minutes(5)))
struct SharedArrayTests {
  // MARK: - Create and attach

  @Test(
    "What one handle writes, another one reads",
    arguments: [[24], [4, 6], [2, 3, 4], [2, 2, 3, 2]])
  func shapes(shape: [Int]) throws {
    let name = uniqueName()
    var array = try SharedArray<Int32>.create(name, shape: shape)
    let other = try SharedArray<Int32>.attach(name)
    try array.unlink()
    #expect(!exists(name))
    let handles = [
      "\(array.name) \(array.count) \(array.shape) \(array.byteCount) \(array.isCreator)",
      "\(other.name) \(other.count) \(other.shape) \(other.byteCount) \(other.isCreator)",
    ]
    #expect(
      handles == ["\(name) 24 \(shape) 224 true", "\(name) 24 \(shape) 224 false"])

    let indices = SharedArray<Int32>.indices(shape)
    var isZero = true
    for index in indices where other[index] != 0 { isZero = false }
    #expect(isZero)
    for (position, index) in indices.enumerated() { array[index] = Int32(position) }
    // In row-major order, by every way to read them.
    let expected = Array(0..<24 as Range<Int32>)
    var seen = indices.map { _ in -1 as Int32 }
    for (position, index) in indices.enumerated() { seen[position] = other[index] }
    #expect(seen == expected)
    #expect(Array(other) == expected)
    #expect(other.withSpan { span in span.indices.map { span[$0] } } == expected)
    #expect(other.withUnsafeBufferPointer { Array($0) } == expected)
  }

  @Test("Writing one element changes no other")
  func neighbours() throws {
    var array = try SharedArray<UInt16>.create(shape: [3, 4])
    try array.unlink()
    array.fill(with: 1)
    array[1, 2] = 9
    #expect(Array(array) == [1, 1, 1, 1, 1, 1, 9, 1, 1, 1, 1, 1])
    array[1, 2] += 1
    array[2, 3] = 5
    array[0, 0] = 4
    #expect(Array(array) == [4, 1, 1, 1, 1, 1, 10, 1, 1, 1, 1, 5])
  }

  @Test("An array has the elements of a collection before any process sees it")
  func copying() throws {
    let numbers = [1.5, 2.5, 3.5]
    let name = uniqueName()
    let array = try SharedArray.create(name, copying: numbers)
    let values = Array(array)
    #expect(values == numbers)
    let error = try #require(throws: InterprocessError.self) {
      _ = try SharedArray.create(name, copying: [1.0])
    }
    #expect(error.code == .alreadyExists)
    try array.unlink()

    let strided = try SharedArray.create(
      copying: stride(from: 0, to: 10, by: 3).lazy.map { $0 * 2 })
    try strided.unlink()
    #expect(Array(strided) == [0, 6, 12, 18])
    let slice = try SharedArray.create(copying: numbers[1...])
    try slice.unlink()
    #expect(Array(slice) == [2.5, 3.5])
    let empty = try SharedArray<Int>.create(copying: [])
    try empty.unlink()
    #expect(Array(empty) == [])
  }

  @Test("Arrays may have no elements, or no dimensions")
  func empty() throws {
    for shape in [[0], [0, 3], [3, 0], [0, 0, 0, 0], [2, 0, 5, 1, 3]] {
      let name = uniqueName()
      var array = try SharedArray<Double>.create(name, shape: shape)
      let other = try SharedArray<Double>.attach(name)
      try array.unlink()
      array.fill(with: 1)
      array.copy(from: [])
      let found = "\(other.shape) \(other.count) \(Array(other)) \(other.byteCount)"
      #expect(found == "\(shape) 0 [] 128")
      let count = array.withMutableSpan { $0.count }
      #expect(count == 0)
    }
    let name = uniqueName()
    var array = try SharedArray<Double>.create(name, shape: [])
    array.withMutableSpan { $0[0] = 3 }
    let other = try SharedArray<Double>.attach(name)
    try array.unlink()
    let found = "\(other.shape) \(other.count) \(Array(other))"
    #expect(found == "[] 1 [3.0]")
  }

  @Test("Vectors and inline arrays are further dimensions of the file, not of the array")
  func arrayLike() throws {
    let name = uniqueName()
    var array = try SharedArray<SIMD4<Float>>.create(name, shape: [5, 2])
    array[4, 1] = [1, 2, 3, 4]
    let inline = try SharedArray<InlineArray<4, Float>>.attach(name)
    let scalars = try SharedArray<Float>.attach(name)
    try array.unlink()
    let shapes = [array.shape, inline.shape, scalars.shape]
    #expect(shapes == [[5, 2], [5, 2], [5, 2, 4]])
    #expect(inline[4, 1][2] == 3)
    #expect(scalars[4, 1, 3] == 4)
    let error = try #require(throws: InterprocessError.self) {
      let other = try SharedArray<SIMD4<Float>>.create(name, count: 3)
      defer { try? other.unlink() }
      _ = try SharedArray<SIMD2<Float>>.attach(name)
    }
    #expect(
      error.code
        == .layoutMismatch(
          expected: "'<f4' in a shape that ends in (2,)", found: "'<f4' in the shape (3, 4)"))
  }

  @Test("Writing a field leaves the other fields of the element alone")
  func inPlace() throws {
    func change(_ x: inout Double, _ body: () -> Void) {
      body()
      x += 1
    }
    let name = uniqueName()
    var array = try SharedArray<ArrayTypes.Inner>.create(name, count: 2)
    var other = try SharedArray<ArrayTypes.Inner>.attach(name)
    try array.unlink()
    change(&array[1].x) { other[1].y = 7 }
    #expect(array[1] == ArrayTypes.Inner(x: 1, y: 7))
    #expect(array[0] == ArrayTypes.Inner(x: 0, y: 0))
  }

  @Test("The arguments of creation reach the memory")
  func options() throws {
    let (temporary, onDemand, shared) = (uniqueName("t"), uniqueName("d"), uniqueName("s"))
    let first = try SharedArray<Int>.create(temporary, count: 1, options: .whileAttached)
    let lifetime = first.lifetime
    #expect(lifetime == .whileAttached)
    #expect(exists(temporary))
    first.close()
    #expect(!exists(temporary))

    let second = try SharedArray<Int>.create(
      onDemand, shape: [1 << 20], options: SegmentOptions(reservation: .onDemand))
    #expect(try info(onDemand).residentByteCount == 4096)
    try second.unlink()
    let isLinked = second.isLinked
    #expect(!isLinked)

    let third = try SharedArray.create(
      shared, copying: [1], options: SegmentOptions(permissions: [.ownerReadWrite, .groupRead]))
    #expect(try info(shared).permissions == [.ownerReadWrite, .groupRead])
    #expect(try fileByteCount(shared) == 136)
    try third.unlink()
  }

  @Test("The access given when attaching reaches the memory")
  func attachAccess() throws {
    let array = try SharedArray<Int>.create(uniqueName(), count: 1)
    let reader = try SharedArray<Int>.attach(array.name, access: .readOnly)
    let access = [array.access, reader.access]
    #expect(access == [.readWrite, .readOnly])
    try array.unlink()
  }

  @Test(
    "The owner given when attaching reaches the memory",
    .enabled(if: geteuid() == 0, "needs root, to make a file of another user"))
  func attachOwner() throws {
    let name = uniqueName()
    let array = try SharedArray<Int>.create(name, count: 1)
    #expect(chown(path(name), 12_345, 12_345) == 0)
    let error = try #require(throws: InterprocessError.self) {
      _ = try SharedArray<Int>.attach(name)
    }
    #expect(error.code == .foreignOwner)
    let other = try SharedArray<Int>.attach(name, owner: .anyone)
    let count = other.count
    #expect(count == 1)
    try array.unlink()
  }

  @Test("A manager's arrays are gone after its scope")
  func manager() throws {
    var names: [String] = []
    try withSharedMemoryManager { manager in
      var array = try manager.array(of: Float.self, count: 3)
      array[2] = 1.5
      let grid = try manager.array(of: UInt8.self, shape: [2, 2])
      names = [array.name, grid.name]
      array.close()
      let other = try SharedArray<Float>.attach(names[0])
      let (value, shape) = (other[2], grid.shape)
      #expect(value == 1.5)
      #expect(shape == [2, 2])
    }
    #expect(names.count == 2)
    for name in names { #expect(!exists(name)) }
  }

  @Test("A handle in a class is used through closures")
  func storedInClass() throws {
    final class Owner {
      var array: SharedArray<Int>
      init() throws {
        array = try SharedArray.create(copying: [1, 2, 3])
        try array.unlink()
      }
    }
    let owner = try Owner()
    owner.array.withMutableSpan { $0[0] = 5 }
    owner.array.withUnsafeMutableBufferPointer { $0[1] = 6 }
    owner.array[2] += 4
    #expect(owner.array.withSpan { $0.count } == 3)
    #expect(Array(owner.array) == [5, 6, 7])
  }

  // MARK: - All elements at once

  @Test("All elements are set and copied at once")
  func wholes() throws {
    var array = try SharedArray<Int>.create(shape: [2, 3])
    try array.unlink()
    array.fill(with: -1)
    #expect(Array(array) == Array(repeating: -1, count: 6))
    array.copy(from: [1, 2, 3, 4, 5, 6])
    #expect(Array(array) == [1, 2, 3, 4, 5, 6])
    array.copy(from: (1...6).reversed())
    #expect(Array(array) == [6, 5, 4, 3, 2, 1])
    array.copy(from: [9, 8, 7, 6, 5, 4].span)
    #expect(Array(array) == [9, 8, 7, 6, 5, 4])
    let numbers = [0, 1, 2, 3, 4, 5]
    numbers.withUnsafeBufferPointer { array.copy(from: $0) }
    #expect(Array(array) == numbers)
    var span = array.mutableSpan
    span[5] = 50
    let last = array.span[5]
    #expect(last == 50)
  }

  @Test("Elements are copied from a view of the same memory")
  func overlapping() throws {
    let name = uniqueName()
    var array = try SharedArray.create(name, copying: Array(0..<1000))
    let other = try SharedArray<Int>.attach(name)
    try array.unlink()
    array.copy(from: other.span)
    #expect(Array(array) == Array(0..<1000))
  }
}
