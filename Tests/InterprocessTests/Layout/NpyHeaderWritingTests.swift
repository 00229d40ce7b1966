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
import TestSupport
import Testing

@testable import Interprocess

@Suite("Writing headers of .npy files", .timeLimit(.minutes(5)))
struct NpyHeaderWritingTests {
  static let scalars = [
    "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8",
  ]
  static let shapes: [[Int]] = [
    [], [0], [1], [7], [1_000_000_000_000], [480, 640], [0, 3], [3, 0, 5], [1, 2, 3, 4],
    Array(repeating: 1, count: 32),
  ]
  /// Names that Python writes with escapes or other quotes, or that need another version.
  static let names = [
    "a", "it's", "\"", "it's \"", "a\\b", "größe", "名", "\u{AD}\u{A0}\t\n\r\u{7F}\u{1}", "\u{378}x",
    "\u{1F600}", "\u{10FFFF}", "\u{2028}", " ",
  ]

  @Test("Headers are written as numpy writes them, byte for byte")
  func sameBytes() async throws {
    // Each header as hexadecimal digits, with what Python needs to write its own.
    var lines: [String] = []
    func add(_ layout: ElementLayout, _ shape: [Int]) throws {
      let (header, bytes) = try NpyHeader.make(of: layout, shape: shape, name: nil)
      #expect(header.dataOffset == bytes.count)
      #expect(header.dataOffset % 64 == 0)
      let hex = bytes.map { String(format: "%02x", $0) }.joined()
      lines.append(
        "(\(header.dtype), \(ElementLayout.text(of: header.shape)), \"\(hex)\")")
    }
    func layout(_ kind: String) throws -> ElementLayout {
      let scalars = Array(kind.unicodeScalars)
      let byteCount = try #require(Int(kind.dropFirst(2)))
      return ElementLayout(
        .scalar(ElementLayout.Scalar(kind: scalars[1], byteCount: byteCount)), byteCount: byteCount)
    }
    for scalar in Self.scalars {
      for shape in Self.shapes { try add(layout(scalar), shape) }
    }
    for name in Self.names {
      let field = ElementLayout.Field(name: name, offset: 0, layout: try layout("<f8"))
      try add(ElementLayout(.record([field]), byteCount: 8), [3])
    }
    // Every length of a name, so that the padding takes every length as well.
    for length in 1...200 {
      let name = String(repeating: "x", count: length)
      let field = ElementLayout.Field(name: name, offset: 0, layout: try layout("|u1"))
      try add(ElementLayout(.record([field]), byteCount: 1), [3, 4])
      let other = ElementLayout.Field(name: "名" + name, offset: 0, layout: try layout("|u1"))
      try add(ElementLayout(.record([other]), byteCount: 1), [3, 4])
    }
    for type in ArrayTypes.all { try add(Self.layout(type), [5]) }

    let result = try await #require(Python.withNumpy).run(
      """
      import io, sys, warnings, numpy
      from numpy.lib import format
      warnings.simplefilter("ignore")
      # Where the function is that writes the version which is needed.
      implementation = getattr(numpy.lib, "_format_impl", format)
      write = implementation._write_array_header
      count = 0
      for line in sys.stdin.readlines():
        descr, shape, expected = eval(line)
        file = io.BytesIO()
        dtype = format.descr_to_dtype(descr)
        array = {"descr": format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        write(file, array)
        if file.getvalue() != bytes.fromhex(expected):
          sys.exit(f"{file.getvalue()} {bytes.fromhex(expected)}")
        count += 1
      print(count)
      """, input: lines.joined(separator: "\n"))
    #expect(result.errors == "")
    #expect(result.output == "\(lines.count)\n")
    #expect(lines.count > 400)
  }

  @Test("A written header can be read")
  func roundTrip() throws {
    for type in ArrayTypes.all {
      for shape in Self.shapes where shape.count < 30 && shape != [1_000_000_000_000] {
        let layout = Self.layout(type)
        let (header, bytes) = try NpyHeader.make(of: layout, shape: shape, name: nil)
        let data = Array(repeating: UInt8(0), count: header.dataByteCount)
        #expect(try NpyHeader(reading: (bytes + data).span.bytes) == header)
      }
    }
  }

  @Test(
    "An impossible shape is an error",
    arguments: [
      [-1], [3, -1], [Int.max], [1 << 32, 1 << 32], [0, Int.max, 2], [Int.max / 8],
      Array(repeating: 1, count: 33),
    ])
  func invalidShape(shape: [Int]) throws {
    let error = #expect(throws: InterprocessError.self) {
      _ = try NpyHeader.make(of: ElementLayout(of: Double.self), shape: shape, name: "x")
    }
    #expect(error?.code == .invalidSize)
    #expect(error?.name == "x")
  }

  private static func layout(_ type: any Shareable.Type) -> ElementLayout {
    func open<Element: Shareable>(_ type: Element.Type) -> ElementLayout {
      ElementLayout(of: type)
    }
    return open(type)
  }
}
