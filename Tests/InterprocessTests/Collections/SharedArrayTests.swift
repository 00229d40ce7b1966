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

  // MARK: - Errors

  @Test(
    "A shape that does not fit into any memory is an error",
    arguments: [[-1], [2, -3], [Int.max], [1 << 40, 1 << 40], Array(repeating: 1, count: 33)])
  func invalidShape(shape: [Int]) throws {
    let name = uniqueName()
    let error = try #require(throws: InterprocessError.self) {
      _ = try SharedArray<Double>.create(name, shape: shape)
    }
    #expect(error.code == .invalidSize)
    #expect(error.name == name)
    #expect(!exists(name))
    let count = try #require(throws: InterprocessError.self) {
      _ = try SharedArray<Double>.create(name, count: -5)
    }
    #expect(count.code == .invalidSize)
  }

  struct Wide<Field: Shareable>: Shareable {
    var a, b, c, d, e, f, g, h, i, j: Field
  }

  @Test("A type whose description does not fit into a header is an error")
  func tooManyFields() throws {
    let name = uniqueName()
    // By default numpy reads descriptions of at most 10,000 characters; this one has 12,000.
    let fits = try SharedArray<Wide<Wide<Wide<UInt8>>>>.create(name, count: 1)
    let other = try SharedArray<Wide<Wide<Wide<UInt8>>>>.attach(name)
    try fits.unlink()
    let count = other.count
    #expect(count == 1)
    let error = try #require(throws: InterprocessError.self) {
      _ = try SharedArray<Wide<Wide<Wide<Wide<UInt8>>>>>.create(name, count: 1)
    }
    #expect(error.code == .invalidSize)
    #expect(error.message.contains("too many fields to describe"))
    #expect(!exists(name))
  }

  @Test("An array with other elements is refused, with both descriptions")
  func mismatch() throws {
    let name = uniqueName()
    let array = try SharedArray<Float>.create(name, shape: [2, 3])
    func refusal<Element: Shareable>(_ type: Element.Type) throws -> InterprocessError {
      try #require(throws: InterprocessError.self) { _ = try SharedArray<Element>.attach(name) }
    }
    let error = try refusal(Double.self)
    #expect(error.code == .layoutMismatch(expected: "'<f8'", found: "'<f4'"))
    #expect(error.name == name)
    #expect(
      error.message
        == "The array \"\(name)\" has '<f4', and Double needs '<f8'. Attach with the type of its elements, or save it with numpy's `array.astype`."
    )
    #expect(
      try refusal(Int32.self).code == .layoutMismatch(expected: "'<i4'", found: "'<f4'"))
    #expect(
      try refusal(Int128.self).code == .layoutMismatch(expected: "'|V16'", found: "'<f4'"))
    #expect(
      try refusal(SIMD3<Float>.self).code
        == .layoutMismatch(
          expected: "[('lanes', '<f4', (3,)), ('', '|V4')]", found: "'<f4'"))
    #expect(
      try refusal(SIMD4<Float>.self).code
        == .layoutMismatch(
          expected: "'<f4' in a shape that ends in (4,)", found: "'<f4' in the shape (2, 3)"))
    // Its last dimension does not have the size that two more dimensions would need.
    #expect(
      try refusal(InlineArray<2, InlineArray<2, InlineArray<3, Float>>>.self).code
        == .layoutMismatch(
          expected: "'<f4' in a shape that ends in (2, 2, 3)", found: "'<f4' in the shape (2, 3)"))
    try array.unlink()
  }

  struct Swapped: Shareable {
    var y: Double
    var x: UInt8
  }
  struct Packed: Shareable {
    var x: Double
    var y: InlineArray<8, UInt8>
  }
  struct Larger: Shareable {
    var x: Double
    var y: UInt8
    var z: UInt8
  }
  struct Shifted: Shareable {
    var y: UInt8
    var x: Double
  }
  struct Stretched: Shareable {
    var x: Double
    var y: SIMD2<UInt8>
  }

  @Test("Structures are distinguished by names, offsets and types")
  func records() throws {
    let name = uniqueName()
    let array = try SharedArray<ArrayTypes.Inner>.create(name, count: 2)
    func isRefused<Element: Shareable>(_ type: Element.Type) -> Bool {
      do throws(InterprocessError) {
        _ = try SharedArray<Element>.attach(name)
        return false
      } catch {
        if case .layoutMismatch = error.code { return true }
        return false
      }
    }
    let refused = [
      isRefused(ArrayTypes.Inner.self), isRefused(Swapped.self), isRefused(Packed.self),
      isRefused(Larger.self), isRefused(Shifted.self), isRefused(Stretched.self),
      isRefused(Double.self), isRefused(ArrayTypes.Padded.self),
    ]
    #expect(refused == [false] + Array(repeating: true, count: 7))
    try array.unlink()
  }

  struct Arrays: Shareable {
    var grid: InlineArray<2, InlineArray<3, Int16>>
    var list: InlineArray<2, ArrayTypes.Inner>
  }

  @Test("Structures of the same size are distinguished by where their parts lie")
  func parts() throws {
    let name = uniqueName()
    defer { unlink(path(name)) }
    func isRefused<Element: Shareable>(_ type: Element.Type, _ descr: String) throws -> Bool {
      // Blanks before the elements align them.
      let text = NpyHeaderTests.text(descr, "(1,)")
      let blanks = String(repeating: " ", count: 256 - 10 - text.utf8.count)
      let file = NpyHeaderTests.file(text + blanks, dataByteCount: MemoryLayout<Element>.stride)
      try Data(file).write(to: URL(filePath: path(name)))
      do throws(InterprocessError) {
        _ = try SharedArray<Element>.attach(name)
        return false
      } catch {
        guard case .layoutMismatch = error.code else { throw error }
        return true
      }
    }
    let inner = ArrayTypes.Inner.self
    var found = [
      try isRefused(inner, "[('x', '<f8'), ('y', '|u1'), ('', '|V7')]"),
      try isRefused(inner, "[('x', '<f8'), ('', '|V1'), ('y', '|u1'), ('', '|V6')]"),
      try isRefused(inner, "[('', '|V7'), ('x', '<f8'), ('y', '|u1')]"),
    ]
    #expect(found == [false, true, true])
    let grid = "('grid', '<i2', (2, 3)), ('', '|V4')"
    let element = "('x', '<f8'), ('y', '|u1')"
    found = [
      try isRefused(Arrays.self, "[\(grid), ('list', [\(element), ('', '|V7')], (2,))]"),
      try isRefused(Arrays.self, "[\(grid), ('list', [\(element)], (2,)), ('', '|V14')]"),
      try isRefused(
        Arrays.self,
        "[('grid', '<i2', (3, 2)), ('', '|V4'), ('list', [\(element), ('', '|V7')], (2,))]"),
      try isRefused(
        Arrays.self,
        "[('grid', '<i2', (6,)), ('', '|V4'), ('list', [\(element), ('', '|V7')], (2,))]"),
    ]
    #expect(found == [false, true, true, true])
  }

  @Test("Memory that is not an array is refused")
  func wrongKind() throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 4096)
    let error = try #require(throws: InterprocessError.self) {
      _ = try SharedArray<Double>.attach(name)
    }
    #expect(error.code == .wrongKind(expected: "a NumPy array", found: "other bytes"))
    #expect(error.name == name)
    // Also by a wait: more time does not make it an array.
    let later = try #require(throws: InterprocessError.self) {
      _ = try SharedArray<Double>.attach(name, waitingUpTo: .seconds(3600))
    }
    #expect(later.code == error.code)
    try memory.unlink()
    let missing = try #require(throws: InterprocessError.self) {
      _ = try SharedArray<Double>.attach(name)
    }
    #expect(missing.code == .notFound)
    let timedOut = try #require(throws: InterprocessError.self) {
      _ = try SharedArray<Double>.attach(name, waitingUpTo: .milliseconds(20))
    }
    #expect(timedOut.code == .timedOut)
  }

  @Test("The header of a foreign file may misalign the elements, which is refused")
  func misaligned() throws {
    let name = uniqueName()
    defer { unlink(path(name)) }
    let text = NpyHeaderTests.text("'<f8'")
    func attach(_ blanks: Int) throws -> Int {
      let header = NpyHeaderTests.file(
        text + String(repeating: " ", count: blanks), dataByteCount: 16)
      try Data(header).write(to: URL(filePath: path(name)))
      return try SharedArray<Double>.attach(name).count
    }
    let blanks = (8 - (10 + text.utf8.count) % 8) % 8
    #expect(try attach(blanks) == 2)
    #expect(try attach(blanks + 8) == 2)
    let error = try #require(throws: InterprocessError.self) { try attach(blanks + 4) }
    let offset = 10 + text.utf8.count + blanks + 4
    #expect(
      error.code
        == .layoutMismatch(
          expected: "elements at a multiple of 8 bytes", found: "elements from byte \(offset) on"))
  }

  @Test("A process waits for an array that is still being written")
  func incomplete() async throws {
    let name = uniqueName()
    defer { unlink(path(name)) }
    let whole = NpyHeaderTests.file(NpyHeaderTests.text("'|u1'"), dataByteCount: 2)
    let file = URL(filePath: path(name))
    try Data(whole.dropLast()).write(to: file)
    for timeout in [nil, Duration.milliseconds(20)] {
      let error = try #require(throws: InterprocessError.self) {
        _ = try SharedArray<UInt8>.attach(name, waitingUpTo: timeout)
      }
      #expect(
        error.code
          == .corrupted("it has 1 bytes after its header, and elements in the shape (2,) take 2"))
      #expect(error.name == name)
    }
    async let count = inThread {
      try SharedArray<UInt8>.attach(name, waitingUpTo: .seconds(200)).count
    }.value
    for byteCount in [5, 11, 60, whole.count - 1, whole.count] {
      try await Task.sleep(for: .milliseconds(30))
      let handle = try FileHandle(forWritingTo: file)
      try handle.write(contentsOf: whole.prefix(byteCount))
      try handle.close()
    }
    #expect(try await count == 2)
  }

  // MARK: - Traps

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
