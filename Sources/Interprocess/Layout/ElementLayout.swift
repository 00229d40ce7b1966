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

/// How the values of a type lie in memory, in the terms of a NumPy dtype.
package struct ElementLayout: Hashable, Sendable {
  package indirect enum Form: Hashable, Sendable {
    case scalar(Scalar)
    /// The given number of consecutive elements.
    case array(count: Int, ElementLayout)
    /// Fields at increasing offsets, which do not overlap, perhaps with padding in between.
    case record([Field])
  }

  /// A number, or another type for which numpy has a letter.
  package struct Scalar: Hashable, Sendable {
    /// NumPy's letter: `i`, `u` and `f` are signed, unsigned and floating-point numbers.
    package var kind: Unicode.Scalar
    package var byteCount: Int
    /// What a moment or a time span (`M`, `m`) counts, such as `[ns]`.
    package var unit: String
    /// Whether the most significant byte comes first.
    package var isBigEndian: Bool

    package init(
      kind: Unicode.Scalar, byteCount: Int, unit: String = "", isBigEndian: Bool = false
    ) {
      self.kind = kind
      self.byteCount = byteCount
      self.unit = unit
      self.isBigEndian = isBigEndian
    }

    /// Whether the bytes have an order, as numpy writes it.
    var hasByteOrder: Bool {
      switch kind {
      case "S", "V", "O": false
      case "U": true
      default: byteCount > 1
      }
    }
  }

  package struct Field: Hashable, Sendable {
    package var name: String
    /// A second name that numpy lets a field have, in the syntax of Python.
    package var title: String?
    package var offset: Int
    package var layout: ElementLayout

    package init(name: String, title: String? = nil, offset: Int, layout: ElementLayout) {
      self.name = name
      self.title = title
      self.offset = offset
      self.layout = layout
    }
  }

  package var form: Form
  /// The size of one value; in an array the next value follows immediately.
  package var byteCount: Int

  package init(_ form: Form, byteCount: Int) {
    self.form = form
    self.byteCount = byteCount
  }

  /// The type of the elements, and how many there are in each dimension: none if this is not an
  /// array.
  package var flattened: (shape: [Int], element: ElementLayout) {
    guard case .array(let count, let layout) = form else { return ([], self) }
    let (shape, element) = layout.flattened
    return ([count] + shape, element)
  }

  // MARK: - Description

  /// The layout as NumPy's `numpy.lib.format.dtype_to_descr` writes it, in the syntax of Python.
  ///
  /// Padding is written as unnamed fields, so that the offsets follow from the text. An array is
  /// written with its shape after it, as in a field, since it has no dtype of its own.
  package var description: String {
    switch form {
    case .scalar(let scalar):
      let order = scalar.isBigEndian ? ">" : scalar.hasByteOrder ? "<" : "|"
      let size =
        switch scalar.kind {
        // The number of characters, which have four bytes each.
        case "U": String(scalar.byteCount / 4)
        case "O": ""
        default: String(scalar.byteCount)
        }
      return "'\(order)\(scalar.kind)\(size)\(scalar.unit)'"
    case .array:
      let (shape, element) = flattened
      return "(\(element.description), \(Self.text(of: shape)))"
    case .record(let fields):
      var parts: [String] = []
      var offset = 0
      func pad(to end: Int) {
        if end > offset { parts.append("('', '|V\(end - offset)')") }
      }
      for field in fields {
        pad(to: field.offset)
        let (shape, element) = field.layout.flattened
        let suffix = shape.isEmpty ? "" : ", \(Self.text(of: shape))"
        let name = Self.quoted(field.name)
        let names = field.title.map { "(\($0), \(name))" } ?? name
        parts.append("(\(names), \(element.description)\(suffix))")
        offset = field.offset + field.layout.byteCount
      }
      pad(to: byteCount)
      return "[\(parts.joined(separator: ", "))]"
    }
  }

  /// A tuple in Python syntax.
  package static func text(of shape: [Int]) -> String {
    shape.count == 1
      ? "(\(shape[0]),)" : "(\(shape.map { String($0) }.joined(separator: ", ")))"
  }

  /// A string literal, as Python's `repr` writes it.
  static func quoted(_ text: String) -> String {
    let scalars = text.unicodeScalars
    let quote: Unicode.Scalar = scalars.contains("'") && !scalars.contains("\"") ? "\"" : "'"
    var quoted = String(quote)
    for scalar in scalars {
      switch scalar {
      case quote, "\\": quoted += "\\\(scalar)"
      case "\t": quoted += "\\t"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      case _ where scalar.isPrintable: quoted.unicodeScalars.append(scalar)
      case ..<"\u{100}": quoted += "\\x\(scalar.hexadecimal(digits: 2))"
      case ..<"\u{10000}": quoted += "\\u\(scalar.hexadecimal(digits: 4))"
      default: quoted += "\\U\(scalar.hexadecimal(digits: 8))"
      }
    }
    return quoted + String(quote)
  }

  /// A number that two layouts share only if they are the same: names, order, types and offsets of
  /// all fields.
  ///
  /// It is the 64-bit FNV-1a hash of the description in UTF-8: simple to compute in any language.
  /// It guards against mistakes, not against deliberate collisions.
  package var fingerprint: UInt64 { Self.fingerprint(ofDescription: description.utf8) }

  /// The fingerprint of the layout that a text in UTF-8 describes.
  static func fingerprint(ofDescription bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.reduce(0xCBF2_9CE4_8422_2325) { hash, byte in
      (hash ^ UInt64(byte)) &* 0x100_0000_01B3
    }
  }
}

extension Unicode.Scalar {
  /// The result of Python's `str.isprintable` for this character.
  fileprivate var isPrintable: Bool {
    switch properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator:
      false
    case .spaceSeparator: self == " "
    default: true
    }
  }

  fileprivate func hexadecimal(digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: digits - text.utf8.count) + text
  }
}
