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
import Subprocess
import TestSupport
import Testing

@Suite("Shared array and numpy", .timeLimit(.minutes(5)))
struct SharedArrayPythonTests {
  static let shapes = [[24], [4, 6], [2, 3, 4], [2, 2, 3, 2]]

  /// Runs a Python program with numpy, which must print nothing to its standard error.
  func python(
    _ program: String, _ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    let result = try await #require(Python.withNumpy).run(
      """
      import io, sys, warnings, numpy
      from numpy.lib.format import open_memmap
      warnings.simplefilter("ignore")
      def load(name): return numpy.load("/dev/shm/" + name, mmap_mode="r+")
      def save(name, array, version=None):
        with open("/dev/shm/" + name, "wb") as file:
          numpy.lib.format.write_array(file, array, version)

      """ + program, arguments)
    #expect(result.errors == "", sourceLocation: sourceLocation)
    #expect(result.status == .exited(0), sourceLocation: sourceLocation)
    return result.output
  }

  /// Removes the names of a test that begin with this prefix.
  func removeAll(_ prefix: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/dev/shm")) ?? []
    for name in names where name.hasPrefix(prefix) { unlink(path(name)) }
  }

  // MARK: - Numbers

  @Test("Numbers of every type, in one to four dimensions, in both directions")
  func numbers() async throws {
    let prefix = uniqueName()
    defer { removeAll(prefix) }
    var names: [String] = []
    for type in ArrayTypes.numbers {
      for shape in Self.shapes {
        let name = "\(prefix).\(type).\(shape.count)"
        try create(type, name, shape)
        names.append(name)
      }
    }
    let output = try await python(
      """
      for name in sys.argv[1:]:
        a = load(name)
        n = numpy.arange(a.size).reshape(a.shape)
        assert (a == (n * 2 + 1).astype(a.dtype)).all(), name
        print(a.dtype.str, *a.shape)
        a[...] = (n * 3 + 1).astype(a.dtype)
        save(name + ".saved", (n + 5).astype(a.dtype))
        save(name + ".version2", (n + 6).astype(a.dtype), (2, 0))
        save(name + ".version3", (n + 7).astype(a.dtype), (3, 0))
        b = open_memmap("/dev/shm/" + name + ".opened", "w+", a.dtype, a.shape)
        b[...] = (n + 8).astype(a.dtype)
        # What one asks numpy for by another name of the type is the same.
        t = {"i": "int", "u": "uint", "f": "float"}[a.dtype.kind] + str(a.dtype.itemsize * 8)
        save(name + ".named", (n + 9).astype(t))
      """, names)
    let dtypes = [
      "|i1", "<i2", "<i4", "<i8", "<i8", "|u1", "<u2", "<u4", "<u8", "<u8", "<f2", "<f4", "<f8",
    ]
    let lines = dtypes.flatMap { dtype in
      Self.shapes.map { "\(dtype) " + $0.map { "\($0)" }.joined(separator: " ") }
    }
    #expect(output.split(separator: "\n").map(String.init) == lines)

    for type in ArrayTypes.numbers {
      for shape in Self.shapes {
        let name = "\(prefix).\(type).\(shape.count)"
        try expect(type, name, shape) { 3 * $0 + 1 }
        try expect(type, name + ".saved", shape) { $0 + 5 }
        try expect(type, name + ".version2", shape) { $0 + 6 }
        try expect(type, name + ".version3", shape) { $0 + 7 }
        try expect(type, name + ".opened", shape) { $0 + 8 }
        try expect(type, name + ".named", shape) { $0 + 9 }
      }
    }
  }

  private func create<Element: Shareable & Numeric>(
    _ type: Element.Type, _ name: String, _ shape: [Int]
  ) throws {
    var array = try SharedArray<Element>.create(name, shape: shape)
    for (position, index) in SharedArray<Element>.indices(shape).enumerated() {
      array[index] = try #require(Element(exactly: 2 * position + 1))
    }
  }

  private func expect<Element: Shareable & Numeric>(
    _ type: Element.Type, _ name: String, _ shape: [Int], _ value: (Int) -> Int
  ) throws {
    let array = try SharedArray<Element>.attach(name)
    let found = array.shape
    #expect(found == shape, "\(name)")
    var values: [Element] = []
    for index in SharedArray<Element>.indices(shape) { values.append(array[index]) }
    let expected = try values.indices.map { try #require(Element(exactly: value($0))) }
    #expect(values == expected, "\(name)")
  }

  // MARK: - All types

  @Test("Elements of every type have the same bytes on both sides")
  func allTypes() async throws {
    let prefix = uniqueName()
    defer { removeAll(prefix) }
    var names: [String] = []
    var expected: [String: [UInt8]] = [:]
    for (number, type) in ArrayTypes.all.enumerated() {
      let name = "\(prefix).\(number)"
      names.append(name)
      expected[name] = try fill(type, name, seed: UInt64(number))
    }
    _ = try await python(
      """
      for name in sys.argv[1:]:
        a = load(name)
        content = open("/dev/shm/" + name, "rb").read()
        # It begins with what numpy itself writes.
        file = io.BytesIO()
        numpy.save(file, numpy.zeros(a.shape, a.dtype))
        assert file.getvalue()[:a.offset] == content[:a.offset], name
        assert len(file.getvalue()) == len(content), name
        save(name + ".saved", a)
        a.view(numpy.uint8)[...] ^= 0xFF
        a.flush()
      """, names)
    for name in names {
      let bytes = try Array(Data(contentsOf: URL(filePath: path(name))))
      let before = try #require(expected[name])
      let dataOffset = bytes.count - before.count
      #expect(bytes[dataOffset...].elementsEqual(before.map { ~$0 }), "\(name)")
    }
    for (type, name) in zip(ArrayTypes.all, names) { try attach(type, name + ".saved") }
  }

  /// Makes an array of arbitrary bytes, and returns them.
  private func fill<Element: Shareable>(
    _ type: Element.Type, _ name: String, seed: UInt64
  ) throws -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    var array = try SharedArray<Element>.create(name, shape: [3, 2])
    return array.withUnsafeMutableBufferPointer { buffer in
      let bytes = UnsafeMutableRawBufferPointer(buffer)
      for index in bytes.indices { bytes[index] = UInt8.random(in: 0...255, using: &generator) }
      return Array(bytes)
    }
  }

  private func attach<Element: Shareable>(_ type: Element.Type, _ name: String) throws {
    let array = try SharedArray<Element>.attach(name)
    let shape = array.shape
    #expect(shape == [3, 2], "\(name)")
  }

  // MARK: - What is refused

  static let refused: [(array: String, expected: String, found: String, remedy: String)] = [
    (
      "numpy.zeros(3, '>f8')", "little-endian numbers", "big-endian numbers ('>f8')",
      "Save it with `array.astype(array.dtype.newbyteorder('<'))`."
    ),
    (
      "numpy.asfortranarray(numpy.zeros((2, 3)))", "C order", "Fortran order",
      "Save it with `numpy.ascontiguousarray(array)`."
    ),
    (
      "numpy.array([None, 1])", "numbers, and structures and arrays of numbers",
      "Python objects ('|O')", "convert them with `array.astype`."
    ),
    ("numpy.zeros(3, bool)", "'<f8'", "'|b1'", "Attach with the type of its elements"),
    ("numpy.zeros(3, 'c16')", "'<f8'", "'<c16'", "Attach with the type of its elements"),
    ("numpy.zeros(3, 'U5')", "'<f8'", "'<U5'", "Attach with the type of its elements"),
    ("numpy.zeros(3, 'S8')", "'<f8'", "'|S8'", "Attach with the type of its elements"),
    ("numpy.zeros(3, 'M8[ns]')", "'<f8'", "'<M8[ns]'", "Attach with the type of its elements"),
    ("numpy.zeros(3, 'i8')", "'<f8'", "'<i8'", "Attach with the type of its elements"),
    ("numpy.zeros(3, 'V8')", "'<f8'", "'|V8'", "Attach with the type of its elements"),
    (
      "numpy.zeros(3, [(('title', 'a'), 'f8')])", "numbers, and structures and arrays of numbers",
      "fields that have titles", "Give each field only a name."
    ),
  ]

  @Test(
    "Types that numpy has and Swift lacks are refused, with what to do", arguments: refused.indices)
  func refusal(index: Int) async throws {
    let (array, expected, found, remedy) = Self.refused[index]
    let name = uniqueName()
    defer { removeAll(name) }
    _ = try await python("save(sys.argv[1], \(array))", [name])
    let error = try #require(throws: InterprocessError.self) {
      _ = try SharedArray<Double>.attach(name)
    }
    #expect(error.code == .layoutMismatch(expected: expected, found: found))
    #expect(error.message.contains(found))
    #expect(error.message.contains(remedy))
    #expect(error.message.contains("\"\(name)\""))
  }

  @Test("Where the order of dimensions does not matter, it is not checked")
  func oneDirection() async throws {
    let name = uniqueName()
    defer { removeAll(name) }
    _ = try await python(
      """
      save(sys.argv[1], numpy.asfortranarray(numpy.arange(5.0)))
      save(sys.argv[1] + ".2", numpy.asfortranarray(numpy.arange(5.0).reshape(5, 1)))
      open_memmap("/dev/shm/" + sys.argv[1] + ".3", "w+", "f8", (5,), fortran_order=True)[:] = 2
      save(sys.argv[1] + ".4", numpy.float64(7.5))
      save(sys.argv[1] + ".5", numpy.zeros((0, 4)))
      """, [name])
    let first = try SharedArray<Double>.attach(name)
    #expect(Array(first) == [0, 1, 2, 3, 4])
    let second = try SharedArray<Double>.attach(name + ".2")
    let value = second[3, 0]
    #expect(value == 3)
    let third = try SharedArray<Double>.attach(name + ".3")
    #expect(Array(third) == [2, 2, 2, 2, 2])
    let fourth = try SharedArray<Double>.attach(name + ".4")
    let found = "\(fourth.shape) \(Array(fourth))"
    #expect(found == "[] [7.5]")
    let fifth = try SharedArray<Double>.attach(name + ".5")
    let shape = fifth.shape
    #expect(shape == [0, 4])
  }

  @Test("numpy opens arrays without elements, and one without dimensions")
  func empty() async throws {
    let name = uniqueName()
    defer { removeAll(name) }
    _ = try SharedArray<Double>.create(name, count: 0)
    _ = try SharedArray<Double>.create(name + ".2", shape: [3, 0])
    var single = try SharedArray<Double>.create(name + ".3", shape: [])
    single.fill(with: 4)
    let output = try await python(
      """
      a, b, c = load(sys.argv[1]), load(sys.argv[1] + ".2"), load(sys.argv[1] + ".3")
      print(a.shape, b.shape, c.shape, float(c))
      """, [name])
    #expect(output == "(0,) (3, 0) () 4.0\n")
  }

  // MARK: - Sizes

  @Test("Arrays of a gibibyte, in both directions")
  func large() async throws {
    let name = uniqueName()
    defer { removeAll(name) }
    let count = 1 << 27
    var array = try SharedArray<Double>.create(
      name, count: count, options: SegmentOptions(reservation: .onDemand))
    for (index, value) in [(0, 1.0), (count / 2, 2.0), (count - 1, 3.0)] { array[index] = value }
    let output = try await python(
      """
      n = 1 << 27
      a = load(sys.argv[1])
      print(a.shape, a[0], a[1], a[n // 2], a[n - 1])
      a[n - 2] = 5
      b = open_memmap("/dev/shm/" + sys.argv[1] + ".opened", "w+", "u1", (1 << 15, 1 << 15))
      b[0, 0], b[20000, 30000], b[-1, -1] = 1, 2, 3
      """, [name])
    #expect(output == "(134217728,) 1.0 0.0 2.0 3.0\n")
    let value = array[count - 2]
    #expect(value == 5)
    let opened = try SharedArray<UInt8>.attach(name + ".opened")
    let (shape, byteCount) = (opened.shape, opened.byteCount)
    #expect(shape == [1 << 15, 1 << 15])
    #expect(byteCount == 1 << 30 + 128)
    let values = [opened[0, 0], opened[20_000, 30_000], opened[32_767, 32_767], opened[1, 1]]
    #expect(values == [1, 2, 3, 0])
  }

  // MARK: - multiprocessing

  @Test("A block of multiprocessing shows the array behind its header", arguments: Python.all)
  func multiprocessing(python: Python) async throws {
    let name = uniqueName()
    var array = try SharedArray<Double>.create(name, shape: [480, 640])
    array[3, 4] = 2.5
    // Without numpy, which not every Python has: the recipe's offset, and the number there.
    let offset = 8 * (3 * 640 + 4)
    try await python.withSession { session in
      try await session.expect("attach \(name)", "ok \(128 + 8 * 480 * 640)")
      try await session.expect(
        "exec result = 10 + int.from_bytes(shm.buf[8:10], 'little')", "ok 128")
      try await session.expect("getDouble \(128 + offset)", "ok 2.5")
      try await session.expect("setDouble \(128 + offset) 3.5", "ok ")
      try await session.expect("close", "ok ")
    }
    let value = array[3, 4]
    #expect(value == 3.5)
    try array.unlink()
  }

  @Test("The recipe with multiprocessing and numpy works as it stands in the article")
  func recipe() async throws {
    let name = uniqueName()
    var array = try SharedArray<Double>.create(name, shape: [480, 640])
    array[3, 4] = 2.5
    let output = try await python(
      """
      from multiprocessing import resource_tracker, shared_memory
      block = shared_memory.SharedMemory(sys.argv[1])
      resource_tracker.unregister(block._name, "shared_memory")
      offset = 10 + int.from_bytes(block.buf[8:10], "little")
      image = numpy.ndarray((480, 640), "float64", block.buf, offset)
      print(image[3, 4], image.sum())
      image[479, 639] = 4
      del image
      block.close()
      """, [name])
    #expect(output == "2.5 2.5\n")
    let value = array[479, 639]
    #expect(value == 4)
    #expect(exists(name))
    try array.unlink()
  }
}
