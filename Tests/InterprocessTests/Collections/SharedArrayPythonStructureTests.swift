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

// Structures that Swift and numpy share.
extension SharedArrayPythonTests {
  /// The values of the tests of structures, in Python.
  private var makers: String {
    """
    def plain(value):
      if isinstance(value, numpy.ndarray): value = value.tolist()
      return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value

    def padded(i): return (i + 1, i / 2, 1000 + i)
    def inner(i): return (i + 0.25, i % 200)
    def nested(i):
      return (-i, inner(i + 1), i % 100, [[i + 3 * r + c for c in range(3)] for r in range(2)],
        [inner(i + 2 + k) for k in range(3)], [i, i + 1, i + 2, i + 3], [i, i / 2, i / 4],
        (-i).to_bytes(16, "little", signed=True), i / 8)
    def aligned(i): return (-i, inner(i + 1), i / 4, i % 100)
    def chinese(i): return (-i, i % 100)
    def grid(i): return ([[i, i + 1], [i + 2, i + 3]],)
    def three(i): return ([i, i + 1, i + 2],)

    t_padded = numpy.dtype([("a", "u1"), ("b", "f8"), ("c", "u2")], align=True)
    t_inner = [("x", "f8"), ("y", "u1")]
    t_aligned_inner = numpy.dtype(t_inner, align=True)
    t_nested = {
      "names": ["head", "inner", "tail", "grid", "list", "lanes", "three", "wide", "größe"],
      "formats": ["i4", t_inner, "u1", ("i2", (2, 3)), (t_aligned_inner, (3,)), ("f4", (4,)),
        ("f4", (3,)), "V16", "f2"],
      "offsets": [0, 8, 17, 18, 32, 80, 96, 112, 128], "itemsize": 144}
    t_aligned = numpy.dtype(
      [("head", "i4"), ("inner", t_aligned_inner), ("z", "f8"), ("end", "u1")], align=True)
    t_chinese = numpy.dtype([("名", "i8"), ("it's \\"", "u1")], align=True)
    t_grid = [("rows", "f8", (2, 2))]
    t_three = {"names": ["lanes"], "formats": [("f4", (3,))], "offsets": [0], "itemsize": 16}

    """
  }

  private func padded(_ i: Int) -> ArrayTypes.Padded {
    ArrayTypes.Padded(a: UInt8(i + 1), b: Double(i) / 2, c: UInt16(1000 + i))
  }

  private func inner(_ i: Int) -> ArrayTypes.Inner {
    ArrayTypes.Inner(x: Double(i) + 0.25, y: UInt8(i % 200))
  }

  private func nested(_ i: Int) -> ArrayTypes.Nested {
    let float = Float(i)
    return ArrayTypes.Nested(
      head: Int32(-i), inner: inner(i + 1), tail: UInt8(i % 100),
      grid: InlineArray { row in InlineArray { column in Int16(i + 3 * row + column) } },
      list: InlineArray { index in inner(i + 2 + index) },
      lanes: SIMD4(float, float + 1, float + 2, float + 3),
      three: SIMD3(float, float / 2, float / 4), wide: Int128(-i), größe: Float16(i) / 8)
  }

  private func aligned(_ i: Int) -> ArrayTypes.Aligned {
    ArrayTypes.Aligned(
      head: Int32(-i), inner: inner(i + 1), z: Double(i) / 4, end: UInt8(i % 100))
  }

  private func grid(_ i: Int) -> ArrayTypes.Grid {
    let x = Double(i)
    return ArrayTypes.Grid(rows: [SIMD2(x, x + 1), SIMD2(x + 2, x + 3)])
  }

  @Test("Fields of structures have the same values on both sides")
  func structures() async throws {
    let prefix = uniqueName()
    defer { removeAll(prefix) }
    try await exchange(prefix, "padded", padded)
    try await exchange(prefix, "nested", nested)
    try await exchange(prefix, "aligned", aligned)
    try await exchange(prefix, "chinese") {
      ArrayTypes.Chinese(名: Int64(-$0), `it's "`: UInt8($0 % 100))
    }
    try await exchange(prefix, "grid", grid)
    try await exchange(prefix, "three") { SIMD3(Float($0), Float($0 + 1), Float($0 + 2)) }
  }

  /// Swift makes values; Python checks and replaces them, and makes files of its own, with a type
  /// that it knows only from this test.
  private func exchange<Element: Shareable & Equatable>(
    _ prefix: String, _ maker: String, _ make: (Int) -> Element
  ) async throws {
    let name = "\(prefix).\(maker)"
    let array = try SharedArray.create(name, copying: (0..<20).map(make))
    _ = try await python(
      makers + """
        name, maker = sys.argv[1:]
        make, t = globals()[maker], numpy.dtype(globals()["t_" + maker])
        a = load(name)
        assert a.dtype.itemsize == t.itemsize, (a.dtype, t)
        expected = numpy.array([make(i) for i in range(20)], t)
        assert plain(a) == plain(expected), a
        a[...] = numpy.array([make(i + 20) for i in range(20)], a.dtype)
        save(name + ".saved", numpy.array([make(i + 40) for i in range(20)], t))
        b = open_memmap("/dev/shm/" + name + ".opened", "w+", t, (20,))
        for i in range(20): b[i] = make(i + 60)
        """, [name, maker])
    #expect(Array(array) == (20..<40).map(make), "\(maker)")
    let saved = try SharedArray<Element>.attach(name + ".saved")
    #expect(Array(saved) == (40..<60).map(make), "\(maker)")
    let opened = try SharedArray<Element>.attach(name + ".opened")
    #expect(Array(opened) == (60..<80).map(make), "\(maker)")
  }

  @Test("A packed structure of numpy is distinguished from one with padding")
  func packed() async throws {
    let name = uniqueName()
    defer { removeAll(name) }
    _ = try await python(
      #"save(sys.argv[1], numpy.zeros(4, [("a", "u1"), ("b", "f8"), ("c", "u2")]))"#, [name])
    let error = try #require(throws: InterprocessError.self) {
      _ = try SharedArray<ArrayTypes.Padded>.attach(name)
    }
    #expect(
      error.code
        == .layoutMismatch(
          expected: "[('a', '|u1'), ('', '|V7'), ('b', '<f8'), ('c', '<u2'), ('', '|V6')]",
          found: "[('a', '|u1'), ('b', '<f8'), ('c', '<u2')]"))

    // All fields lie where they should, and only the padding at the end is missing.
    _ = try await python(
      """
      save(sys.argv[1], numpy.zeros(4, numpy.dtype({"names": ["a", "b", "c"],
        "formats": ["u1", "f8", "u2"], "offsets": [0, 8, 16], "itemsize": 18})))
      """, [name])
    let shortened = try #require(throws: InterprocessError.self) {
      _ = try SharedArray<ArrayTypes.Padded>.attach(name)
    }
    #expect(
      shortened.code
        == .layoutMismatch(
          expected: "[('a', '|u1'), ('', '|V7'), ('b', '<f8'), ('c', '<u2'), ('', '|V6')]",
          found: "[('a', '|u1'), ('', '|V7'), ('b', '<f8'), ('c', '<u2')]"))
  }
}
