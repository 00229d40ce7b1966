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

/// Lists byte by byte, as CPython 3.9 to 3.13 write them.
@Suite("List bytes")
struct ListBytesTests {
  struct Dump: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var elements: [Element]
    var bytes: [UInt8]
  }

  static let dumps = [
    Dump(
      testDescription: "numbers", elements: [1, -2, 3.5, true, false, nil],
      bytes: dump(
        """
        0000: 06 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        0010: 08 00 00 00 00 00 00 00 10 00 00 00 00 00 00 00
        0020: 18 00 00 00 00 00 00 00 20 00 00 00 00 00 00 00
        0030: 28 00 00 00 00 00 00 00 30 00 00 00 00 00 00 00
        0040: 01 00 00 00 00 00 00 00 fe ff ff ff ff ff ff ff
        0050: 00 00 00 00 00 00 0c 40 00 00 00 00 00 00 00 01
        0060: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        0070: 71 00 00 00 00 00 00 00 71 00 00 00 00 00 00 00
        0080: 64 00 00 00 00 00 00 00 78 78 78 78 78 78 78 3f
        0090: 78 78 78 78 78 78 78 3f 78 78 78 78 78 78 3f 78
        00a0: 00 00 00 00 00 03
        """)),
    Dump(
      testDescription: "texts",
      elements: ["howdy", .bytes(Array("HoWdY".utf8)), "", "12345678", [0, 1]],
      bytes: dump(
        """
        0000: 05 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        0010: 08 00 00 00 00 00 00 00 10 00 00 00 00 00 00 00
        0020: 18 00 00 00 00 00 00 00 28 00 00 00 00 00 00 00
        0030: 30 00 00 00 00 00 00 00 68 6f 77 64 79 00 00 00
        0040: 48 6f 57 64 59 00 00 00 00 00 00 00 00 00 00 00
        0050: 31 32 33 34 35 36 37 38 00 00 00 00 00 00 00 00
        0060: 00 01 00 00 00 00 00 00 38 73 00 00 00 00 00 00
        0070: 38 73 00 00 00 00 00 00 38 73 00 00 00 00 00 00
        0080: 31 36 73 00 00 00 00 00 38 73 00 00 00 00 00 00
        0090: 01 02 01 01 02
        """)),
    Dump(
      testDescription: "the example of Python's documentation",
      elements: ["howdy", .bytes(Array("HoWdY".utf8)), -273.154, 100, nil, true, 42],
      bytes: dump(
        """
        0000: 07 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        0010: 08 00 00 00 00 00 00 00 10 00 00 00 00 00 00 00
        0020: 18 00 00 00 00 00 00 00 20 00 00 00 00 00 00 00
        0030: 28 00 00 00 00 00 00 00 30 00 00 00 00 00 00 00
        0040: 38 00 00 00 00 00 00 00 68 6f 77 64 79 00 00 00
        0050: 48 6f 57 64 59 00 00 00 58 39 b4 c8 76 12 71 c0
        0060: 64 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        0070: 00 00 00 00 00 00 00 01 2a 00 00 00 00 00 00 00
        0080: 38 73 00 00 00 00 00 00 38 73 00 00 00 00 00 00
        0090: 64 00 00 00 00 00 00 00 71 00 00 00 00 00 00 00
        00a0: 78 78 78 78 78 78 3f 78 78 78 78 78 78 78 78 3f
        00b0: 71 00 00 00 00 00 00 00 01 02 00 00 03 00 00
        """)),
  ]

  @Test("A new list has CPython's bytes, and CPython's bytes are that list", arguments: dumps)
  func created(dump: Dump) throws {
    let (name, copy) = (uniqueName("list"), uniqueName("copy"))
    let list = try ShareableList.create(name, dump.elements)
    #expect(try bytes(of: name) == dump.bytes)
    try list.unlink()

    makeSegment(copy, dump.bytes)
    let other = try ShareableList.attach(copy)
    try other.unlink()
    let found = try other.elements()
    #expect(found == dump.elements)
  }

  @Test("Swift cuts off a NUL at the end when it reads, as Python does")
  func cutNUL() throws {
    let name = uniqueName("list")
    // CPython has stored b"\x00\x01\x00" there, which has the same bytes.
    makeSegment(name, Self.dumps[1].bytes)
    let list = try ShareableList.attach(name)
    try list.unlink()
    let found = try list[4]
    #expect(found == [0, 1])
  }

  @Test("Assignments have CPython's bytes; the rest of a wider slot stays as it was")
  func assigned() throws {
    let name = uniqueName("list")
    var list = try ShareableList.create(name, [1.5, "0123456789", 99, "abcdef"])
    try list.set("dry ice", at: 0)
    try list.set(7, at: 1)
    try list.set(nil, at: 2)
    try list.set("ab", at: 3)
    let found = try bytes(of: name)
    try list.unlink()
    #expect(
      found
        == dump(
          """
          0000: 04 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
          0010: 08 00 00 00 00 00 00 00 18 00 00 00 00 00 00 00
          0020: 20 00 00 00 00 00 00 00 28 00 00 00 00 00 00 00
          0030: 64 72 79 20 69 63 65 00 07 00 00 00 00 00 00 00
          0040: 38 39 00 00 00 00 00 00 00 00 00 00 00 00 00 00
          0050: 61 62 00 00 00 00 00 00 38 73 00 00 00 00 00 00
          0060: 71 00 00 00 00 00 00 00 78 78 78 78 78 78 3f 78
          0070: 38 73 00 00 00 00 00 00 01 00 03 01
          """))
  }

  @Test("Text that CPython has cut is read as far as it goes; Swift does not cut")
  func cut() throws {
    let name = uniqueName("list")
    makeSegment(
      name,
      dump(
        """
        0000: 02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        0010: 08 00 00 00 00 00 00 00 10 00 00 00 00 00 00 00
        0020: c3 a9 c3 a9 c3 a9 c3 a9 05 00 00 00 00 00 00 00
        0030: 38 73 00 00 00 00 00 00 71 00 00 00 00 00 00 00
        0040: 01 00
        """))
    let list = try ShareableList.attach(name)
    try list.unlink()
    let found = try list.elements()
    #expect(found == ["éééé", 5])

    let own = try ShareableList.create(["ééééééé", 5])
    try own.unlink()
    let (ownElements, capacity) = try (own.elements(), own.capacity(at: 0))
    #expect(ownElements == ["ééééééé", 5])
    #expect(capacity == 16)
  }

  // MARK: - The coming format

  /// A list of one element in a slot of 8 bytes.
  static func single(_ data: [UInt8], format: String, code: UInt8) -> [UInt8] {
    func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + Array(repeating: 0, count: 8 - bytes.count) }
    return padded([1]) + padded([0]) + padded([8]) + padded(data) + padded(Array(format.utf8)) + [
      code
    ]
  }

  static let exact: [([UInt8], String, Element)] = [
    ([0x68, 0x6F, 0x77, 0x64, 0x79], "5s", .bytes(Array("howdy".utf8))),
    ([1, 0, 2, 0, 0], "5s", [1, 0, 2, 0, 0]),
    ([0], "1s", [0]),
    ([], "0s", []),
    ([1, 2, 3, 4, 5, 6, 7], "7s", [1, 2, 3, 4, 5, 6, 7]),
    ([1, 2, 3, 4, 5, 6, 7, 0], "8s", [1, 2, 3, 4, 5, 6, 7]),
  ]

  @Test(
    "Bytes with a stored exact length are read with it, and all others without NULs",
    arguments: exact)
  func exactLength(data: [UInt8], format: String, expected: Element) throws {
    let name = uniqueName("list")
    makeSegment(name, Self.single(data, format: format, code: 2))
    let list = try ShareableList.attach(name)
    try list.unlink()
    let found = try list[0]
    #expect(found == expected)
  }

  @Test("Text never ends in NUL, whatever the stored length")
  func exactText() throws {
    let name = uniqueName("list")
    makeSegment(name, Self.single([0x61, 0x62, 0, 0, 0], format: "5s", code: 1))
    let list = try ShareableList.attach(name)
    try list.unlink()
    let found = try list[0]
    #expect(found == "ab")
  }

  @Test("An assignment records the whole slot, so that nothing is cut", arguments: ["5s", "0s"])
  func exactLengthAssignment(format: String) throws {
    let name = uniqueName("list")
    makeSegment(name, Self.single([], format: format, code: 2))
    var list = try ShareableList.attach(name)
    try list.set([1, 2, 3, 4, 5, 6, 7], at: 0)
    #expect(try bytes(of: name) == Self.single([1, 2, 3, 4, 5, 6, 7], format: "8s", code: 2))
    try list.set("éé", at: 0)
    #expect(try bytes(of: name) == Self.single([0xC3, 0xA9, 0xC3, 0xA9], format: "8s", code: 1))
    try list.unlink()
  }
}
