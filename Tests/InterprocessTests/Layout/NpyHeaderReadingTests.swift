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

import TestSupport
import Testing

@testable import Interprocess

@Suite("Reading headers of .npy files", .timeLimit(.minutes(5)))
struct NpyHeaderReadingTests {
  /// A file of version 1.0 with this text, followed by zeros.
  static func file(
    _ text: String, dataByteCount: Int = 0, version: UInt8 = 1, minor: UInt8 = 0
  ) -> [UInt8] {
    let textBytes =
      version == 3 ? Array(text.utf8) : text.unicodeScalars.map { UInt8($0.value) }
    var bytes = NpyHeader.magic + [version, minor]
    for index in 0..<(version == 1 ? 2 : 4) {
      bytes.append(UInt8(truncatingIfNeeded: textBytes.count >> (8 * index)))
    }
    return bytes + textBytes + Array(repeating: 0, count: dataByteCount)
  }

  static func text(
    _ descr: String, _ shape: String = "(2,)", order: String = "False"
  ) -> String { "{'descr': \(descr), 'fortran_order': \(order), 'shape': \(shape)}" }

  static func read(_ bytes: [UInt8]) throws(NpyHeader.Problem) -> NpyHeader {
    try NpyHeader(reading: bytes.span.bytes)
  }

  @Test("Other spellings of a header are read")
  func spellings() throws {
    let texts = [
      "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }",
      "{\"shape\":(2,3,),\"fortran_order\":False,\"descr\":\"<f8\"}",
      " \n{ 'fortran_order' : False ,\n'descr' : '\\x3cf8' ,\t'shape' : ( 2 , 3 ) } \n\n",
      "({'descr': ('<f8'), 'shape': (2, 3), 'fortran_order': (False)})",
    ]
    for text in texts {
      for version in 1...3 as ClosedRange<UInt8> {
        let header = try Self.read(Self.file(text, dataByteCount: 48, version: version))
        #expect(header.dtype == "'<f8'")
        #expect(header.shape == [2, 3])
        #expect(header.dataOffset == (version == 1 ? 10 : 12) + text.utf8.count)
        #expect(header.dataByteCount == 48)
      }
    }
  }

  static let dtypes: [(descr: String, byteCount: Int)] = [
    ("'|b1'", 1), ("'<c8'", 8), ("'<c16'", 16), ("'<f16'", 16), ("'|S5'", 5), ("'<U5'", 20),
    ("'|V7'", 7), ("'<M8[ns]'", 8), ("'<m8[25s]'", 8), ("'<M8'", 8),
    ("[('a', '|u1', (3,)), ('b', [('c', '<f4'), ('d', '<i2', (2, 2))], (2,))]", 27),
    ("[('a', '|u1'), ('', '|V7'), ('b', '<f8'), ('', '|V8')]", 24),
    ("[('a', '|u1'), ('', '|V2', (3,)), ('b', '<u2')]", 9),
    ("[('a', ('<f4', (2,)), (3,))]", 24),
  ]

  @Test("Types that numpy has and Swift lacks are known by their size", arguments: dtypes)
  func dtype(descr: String, byteCount: Int) throws {
    let header = try Self.read(Self.file(Self.text(descr), dataByteCount: 2 * byteCount))
    #expect(header.layout.byteCount == byteCount)
    #expect(header.count == 2)
    // Written differently only where numpy itself does so.
    let others = [
      "[('a', '|u1'), ('', '|V2', (3,)), ('b', '<u2')]":
        "[('a', '|u1'), ('', '|V6'), ('b', '<u2')]",
      "[('a', ('<f4', (2,)), (3,))]": "[('a', '<f4', (3, 2))]",
    ]
    #expect(header.dtype == others[descr] ?? descr)
    // One byte less is too little.
    #expect(throws: NpyHeader.Problem.self) {
      try Self.read(Self.file(Self.text(descr), dataByteCount: 2 * byteCount - 1))
    }
  }

  @Test("numpy and this reader find the same offsets and sizes", arguments: dtypes)
  func dtypeInNumpy(descr: String, byteCount: Int) async throws {
    let layout = try Self.read(
      Self.file(Self.text(descr, "(0,)"))
    ).layout
    let result = try await #require(Python.withNumpy).run(
      """
      import numpy
      t = numpy.lib.format.descr_to_dtype(\(descr))
      print(t.itemsize, *([(n, t.fields[n][1]) for n in t.names] if t.names else []))
      """)
    var expected = "\(byteCount)"
    if case .record(let fields) = layout.form {
      for field in fields { expected += " ('\(field.name)', \(field.offset))" }
    }
    #expect(result.output == expected + "\n")
  }

  @Test("The order does not matter for arrays of one dimension")
  func fortranOrder() throws {
    for shape in ["()", "(6,)", "(1, 6, 1)", "(6, 1)", "(2, 0, 3)"] {
      let header = try Self.read(
        Self.file(Self.text("'|u1'", shape, order: "True"), dataByteCount: 6))
      #expect(header.count == 6 || shape == "()" || header.count == 0)
    }
    #expect(throws: NpyHeader.Problem.self) {
      try Self.read(Self.file(Self.text("'|u1'", "(2, 3)", order: "True"), dataByteCount: 6))
    }
  }

  // MARK: - Refusing

  enum Kind: Sendable { case notAnArray, corrupted, incomplete, unsupported }

  static let refused: [(text: String, kind: Kind, message: String)] = [
    (text("'>f8'", "(1,)"), .unsupported, "big-endian numbers ('>f8')"),
    (text("[('a', '>u2')]"), .unsupported, "big-endian numbers ('>u2')"),
    (text("'>U3'", "(1,)"), .unsupported, "big-endian numbers"),
    (text("'|u1'", "(2, 3)", order: "True"), .unsupported, "Fortran order"),
    (text("'|O'"), .unsupported, "Python objects ('|O')"),
    (text("[('a', '|O')]"), .unsupported, "Python objects"),
    (text("'|O8'"), .unsupported, "Python objects"),
    (text("'float64'"), .unsupported, "the type"), (text("'<f8,<f8'"), .unsupported, "the type"),
    (text("'<f3'"), .unsupported, "the type '<f3'"), (text("'<i16'"), .unsupported, "'<i16'"),
    (text("'<f08'"), .unsupported, "'<f08'"), (text("'<f+8'"), .unsupported, "'<f+8'"),
    (text("'<n'"), .unsupported, "'<n'"), (text("'<'"), .unsupported, "'<'"),
    (text("''"), .unsupported, "''"),
    (text("'|V0'"), .unsupported, "elements without bytes ('|V0')"),
    (text("'|S0'"), .unsupported, "'|S0'"), (text("'|S-1'"), .unsupported, "'|S-1'"),
    (text("'<f8[ns]'"), .unsupported, "'<f8[ns]'"), (text("'<M8[]'"), .unsupported, "'<M8[]'"),
    (text("'<M8[ns'"), .unsupported, "'<M8[ns'"), (text("'<M4[ns]'"), .unsupported, "'<M4[ns]'"),
    (text("'<M8[\\x1b]'"), .unsupported, "'<M8[\\x1b]'"),
    (text("'|S99999999999999999999'"), .unsupported, "'|S99999999999999999999'"),
    (text("('<f4', (4,))"), .unsupported, "elements that are arrays"),
    (text("{'names': ['a'], 'formats': ['u1']}"), .unsupported, "a type that is written as a dict"),
    (text("[(('title', 'name'), '|u1')]"), .unsupported, "fields that have titles"),
    (text("[('', '<u4')]"), .unsupported, "fields that have no names"),
    (text("[('', [('a', '|u1')])]"), .unsupported, "fields that have no names"),
    (text("'<U9223372036854775807'"), .corrupted, "its elements exceed the limit of numpy"),
    (text("'|V2147483648'"), .corrupted, "its elements exceed the limit of numpy"),
    (text("[]"), .unsupported, "elements without bytes ([])"),
    (text("[('', '|V0')]"), .unsupported, "elements without bytes"),
    (text("[('a', '|u1'), ('a', '|u1')]"), .corrupted, "two fields have the name 'a'"),
    (text("[('a',)]"), .corrupted, "a field is not a tuple"),
    (text("[1]"), .corrupted, "a field is"),
    (text("[('a', '|u1', (1,), 0)]"), .corrupted, "a field is not a tuple"),
    (text("[(1, '|u1')]"), .corrupted, "the name of a field is not a string"),
    (text("['ab']"), .unsupported, "fields that are written as strings"),
    (text("[('a', '|u1', '3')]"), .corrupted, "a shape is not a tuple"),
    (text("[('a', '|u1', (0,))]"), .unsupported, "elements without bytes"),
    (text("[('a', '|u1', (-1,))]"), .corrupted, "a shape contains something other"),
    (text("[('a', '<f8', (\(Int.max),))]"), .corrupted, "a field exceeds the limit of numpy"),
    (
      text(
        "[('a', ('|u1', (\(String(repeating: "1, ", count: 40)))), (\(String(repeating: "1, ", count: 25))))]"
      ),
      .unsupported, "fields of more than 64 dimensions"
    ),
    (
      text("[('a', '|V2147483647'), ('b', '|u1')]"), .corrupted,
      "its elements exceed the limit of numpy"
    ),
    (text("('<f4',)"), .corrupted, "a type is a tuple of 1"), (text("1"), .corrupted, "a type is"),
    (text("None"), .corrupted, "a type is neither"),
    (text("'<f8'", "[2]"), .corrupted, "a shape is not a tuple"),
    (text("'<f8'", "(2)"), .corrupted, "a shape is not a tuple"),
    (text("'<f8'", "(-2,)"), .corrupted, "a shape contains something other"),
    (text("'<f8'", "('2',)"), .corrupted, "a shape contains something other"),
    (text("'<f8'", "(True,)"), .corrupted, "a shape contains something other"),
    (text("'<f8'", "(\(String(repeating: "1, ", count: 65)))"), .corrupted, "a shape has 65"),
    (text("'<f8'", "(99999999999999999999,)"), .corrupted, "has a number that is too large"),
    (text("'<f8'", "(\(Int.max),)"), .corrupted, "no memory can hold elements in the shape"),
    (text("'|u1'", "(4294967296, 4294967296)"), .corrupted, "no memory can hold"),
    (text("'|u1'", "(0, 4294967296, 4294967296)"), .corrupted, "no memory can hold"),
    (text("'|u1'", "(\(Int.max),)"), .incomplete, "elements in the shape (\(Int.max),) take"),
    (text("'<f8'"), .incomplete, "it has 15 bytes after its header, and elements in the shape"),
    (text("'<f8'", order: "0"), .corrupted, "the value of 'fortran_order'"),
    (text("'<f8'", order: "'False'"), .corrupted, "the value of 'fortran_order'"),
    ("{'descr': '<f8', 'shape': (1,)}", .corrupted, "its header lacks one of"),
    ("{}", .corrupted, "its header lacks one of"),
    ("[]", .corrupted, "its header is not a dictionary"),
    ("", .corrupted, "its header ends"), ("   \n", .corrupted, "its header ends"),
    (
      "{'descr': '<f8', 'shape': (1,), 'fortran_order': False, 'descr': '>f8'}", .unsupported,
      "big-endian"
    ),
    (
      "{'descr': {'<f8'}, 'shape': (1,), 'fortran_order': False}", .unsupported,
      "a type that is written as a set"
    ),
    (
      "{'descr': '<f8', 'shape': (1,), 'fortran_order': False, 'x': 1}", .corrupted,
      "the value of 'x'"
    ),
    (
      "{'\(String(repeating: "x", count: 500))': 1}", .corrupted,
      "the value of '\(String(repeating: "x", count: 40))' in"
    ),
  ]

  private static func kind(_ problem: NpyHeader.Problem) -> (Kind, String) {
    switch problem {
    case .notAnArray: (.notAnArray, "")
    case .corrupted(let reason): (.corrupted, reason)
    case .incomplete(let reason): (.incomplete, reason)
    case .unsupported(_, let found, _): (.unsupported, found)
    }
  }

  @Test("Unsupported headers are refused with the reason", arguments: refused.indices)
  func refusal(index: Int) throws {
    let (text, kind, message) = Self.refused[index]
    let problem = try #require(throws: NpyHeader.Problem.self) {
      _ = try Self.read(Self.file(text, dataByteCount: 15))
    }
    let found = Self.kind(problem)
    #expect(found.0 == kind, "\(found.1)")
    #expect(found.1.contains(message), "\(found.1)")
  }

  @Test("An unknown version is refused", arguments: [(0, 0), (1, 1), (4, 0), (255, 255)])
  func version(major: UInt8, minor: UInt8) throws {
    let problem = try #require(throws: NpyHeader.Problem.self) {
      _ = try Self.read(
        Self.file(Self.text("'<f8'"), dataByteCount: 16, version: major, minor: minor))
    }
    #expect(Self.kind(problem) == (.unsupported, "version \(major).\(minor)"))
  }

  @Test("A file that ends anywhere is incomplete")
  func truncated() throws {
    for version in 1...3 as ClosedRange<UInt8> {
      let whole = Self.file(Self.text("'<f8'"), dataByteCount: 16, version: version)
      for count in 1..<whole.count {
        let problem = try #require(throws: NpyHeader.Problem.self) {
          _ = try Self.read(Array(whole.prefix(count)))
        }
        #expect(Self.kind(problem).0 == .incomplete, "\(count)")
      }
      #expect(try Self.read(whole).count == 2)
    }
  }

  @Test("The content of a segment is recognised without its type")
  func segment() throws {
    let name = uniqueName()
    let array = try SharedArray<SIMD4<Float>>.create(name, shape: [3, 2])
    let memory = try SharedMemory.attach(name, access: .readOnly)
    try array.unlink()
    let isPresent = NpyHeader.isPresent(in: memory)
    #expect(isPresent)
    let header = try NpyHeader(of: memory)
    #expect(header.dtype == "'<f4'")
    #expect(header.shape == [3, 2, 4])
    #expect(header.layout == ElementLayout(of: Float.self))
    #expect(header.dataOffset == 128)
    #expect(header.count == 24)

    let other = try SharedMemory.create(byteCount: 3)
    try other.unlink()
    let isOther = NpyHeader.isPresent(in: other)
    #expect(!isOther)
    let error = try #require(throws: InterprocessError.self) { _ = try NpyHeader(of: other) }
    #expect(error.code == .wrongKind(expected: "a NumPy array", found: "other bytes"))
  }

  @Test("Other bytes are not an array")
  func notAnArray() throws {
    for bytes in [
      [0], Array(repeating: 0, count: 100), Array("\u{93}NUMPY".utf8), [0x93, 0x4E, 0],
    ] {
      let problem = try #require(throws: NpyHeader.Problem.self) { _ = try Self.read(bytes) }
      #expect(Self.kind(problem).0 == .notAnArray)
    }
  }

  @Test("A header is read up to a megabyte")
  func longHeader() throws {
    let text = Self.text("'|u1'")
    let maximum = NpyHeader.maximumTextByteCount
    for (length, kind) in [
      (maximum, nil), (maximum + 1, Kind.unsupported), (Int(UInt32.max), .incomplete),
    ] {
      var bytes = Self.file(
        text + String(repeating: " ", count: min(length, maximum + 1) - text.utf8.count),
        dataByteCount: 2, version: 2)
      for index in 0..<4 { bytes[8 + index] = UInt8(truncatingIfNeeded: length >> (8 * index)) }
      if let kind {
        let problem = try #require(throws: NpyHeader.Problem.self) { _ = try Self.read(bytes) }
        #expect(Self.kind(problem).0 == kind)
      } else {
        #expect(try Self.read(bytes).dataOffset == 12 + maximum)
      }
    }
  }
}
