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
import TestSupport
import Testing

// Arrays that cannot be created or attached to.
extension SharedArrayTests {
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

  /// Whether attaching to an array fails because its elements are of another type.
  private func isRefused<Element: Shareable>(_ type: Element.Type, _ name: String) throws -> Bool {
    do throws(InterprocessError) {
      _ = try SharedArray<Element>.attach(name)
      return false
    } catch {
      guard case .layoutMismatch = error.code else { throw error }
      return true
    }
  }

  @Test("Structures are distinguished by names, offsets and types")
  func records() throws {
    let name = uniqueName()
    let array = try SharedArray<ArrayTypes.Inner>.create(name, count: 2)
    let types: [any Shareable.Type] = [
      ArrayTypes.Inner.self, Swapped.self, Packed.self, Larger.self, Shifted.self, Stretched.self,
      Double.self, ArrayTypes.Padded.self,
    ]
    let refused = try types.map { try isRefused($0, name) }
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
      let text = NpyHeaderReadingTests.text(descr, "(1,)")
      let blanks = String(repeating: " ", count: 256 - 10 - text.utf8.count)
      let file = NpyHeaderReadingTests.file(
        text + blanks, dataByteCount: MemoryLayout<Element>.stride)
      try Data(file).write(to: URL(filePath: path(name)))
      return try self.isRefused(type, name)
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
    let text = NpyHeaderReadingTests.text("'<f8'")
    func attach(_ blanks: Int) throws -> Int {
      let header = NpyHeaderReadingTests.file(
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
    let whole = NpyHeaderReadingTests.file(NpyHeaderReadingTests.text("'|u1'"), dataByteCount: 2)
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
}
