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
import Subprocess
import TestSupport
import Testing

/// What the tool shows of arrays that numpy uses, but not Swift.
@Suite("Arrays of numpy", .timeLimit(.minutes(3)))
struct NumpyKindTests {
  /// An array from numpy, the rows that `info` shows, and what `read` calls it.
  static let arrays: [(array: String, rows: [String], words: String)] = [
    (
      "numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3))",
      ["dtype '<f8'", "shape 2x3", "order Fortran"], "Fortran order"
    ),
    ("numpy.zeros((2, 3), '>i4')", ["dtype '>i4'", "shape 2x3"], "big-endian numbers ('>i4')"),
    (
      "numpy.zeros((2, 3), '>i4').T", ["dtype '>i4'", "shape 3x2", "order Fortran"],
      "Fortran order"
    ),
    ("numpy.array(['größe', 'b'])", ["dtype '<U5'", "shape 2"], "text ('<U5')"),
    ("numpy.array(['a'], '>U1')", ["dtype '>U1'", "shape 1"], "big-endian numbers ('>U1')"),
    (
      "numpy.zeros(2, [(('a title', 'a'), 'f8')])",
      ["dtype [(('a title', 'a'), '<f8')]", "shape 2"], "fields that have titles"
    ),
    ("numpy.array([None, {}])", ["dtype '|O'", "shape 2"], "Python objects ('|O')"),
    ("numpy.zeros(3, 'V0')", ["dtype '|V0'", "shape 3"], "elements without bytes ('|V0')"),
  ]

  @Test(
    "The tool shows their type, shape and order, and read says what they are", arguments: arrays)
  func told(array: String, rows: [String], words: String) async throws {
    try await withName { name in
      let python = try #require(Python.withNumpy)
      let made = try await python.run(
        "import numpy, sys; numpy.save(open('/dev/shm/' + sys.argv[1], 'wb'), \(array))", [name])
      try #require(made.status == .exited(0), "\(made.errors)")
      #expect(try await listedKind(name) == "array")
      #expect(try await infoDetails(name) == ["kind array"] + rows)
      let json = try await infoJSON(name)
      #expect(json["dtype"] as? String == String(rows[0].dropFirst("dtype ".count)))
      #expect(json["isFortranOrder"] as? Bool == rows.contains("order Fortran"))
      let outcome = try await shm("read", name)
      #expect(outcome.status == .exited(1))
      #expect(outcome.output == "")
      #expect(outcome.errors.contains("is a NumPy array with \(words)"), "\(outcome.errors)")
      #expect(!outcome.errors.contains("broken"))
      // They can still be read as bytes.
      #expect(try await shm("read", name, "--as", "uint8", "--count", "1") == .success("147\n"))
    }
  }
}
