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

// What the values of a header's dictionary mean.
extension NpyHeader {
  /// The numbers of a shape, as it is written for an array and for a field of a structure.
  static func shape(of literal: PythonLiteral) throws(Problem) -> [Int] {
    guard case .tuple(let values) = literal else {
      throw .corrupted("a shape is no tuple, such as (3,)")
    }
    var shape: [Int] = []
    for value in values {
      guard case .integer(let extent) = value, extent >= 0 else {
        throw .corrupted("a shape has something else than numbers from 0 on")
      }
      shape.append(extent)
    }
    guard shape.count <= maximumDimensionCount else {
      throw .corrupted("a shape has \(shape.count) dimensions, and numpy has at most 64")
    }
    return shape
  }

  /// The layout of an array's elements.
  static func layout(ofArray descr: PythonLiteral) throws(Problem) -> ElementLayout {
    let layout = try layout(of: descr)
    // numpy would add the dimensions of such a type to those of the array.
    if case .array = layout.form {
      throw unsupported("elements that are arrays", "Make them dimensions of the array.")
    }
    return layout
  }

  private static func layout(of descr: PythonLiteral) throws(Problem) -> ElementLayout {
    switch descr {
    case .string(let text):
      return try scalar(text)
    case .tuple(let parts):
      guard parts.count == 2 else { throw .corrupted("a type is a tuple of \(parts.count)") }
      return try array(of: layout(of: parts[0]), shape: shape(of: parts[1]))
    case .list(let fields):
      return try record(fields)
    case .dictionary:
      throw unsupported(
        "a type that is written as a dictionary", "Save it with `numpy.save`.")
    default:
      throw .corrupted("a type is neither a string nor a list of fields")
    }
  }

  private static func array(
    of element: ElementLayout, shape: [Int]
  ) throws(Problem) -> ElementLayout {
    guard !shape.contains(0) else {
      throw .corrupted("a field has no elements")
    }
    var layout = element
    for count in shape.reversed() {
      let (byteCount, overflow) = layout.byteCount.multipliedReportingOverflow(by: count)
      guard !overflow else { throw .corrupted("a field is larger than any memory") }
      layout = ElementLayout(.array(count: count, layout), byteCount: byteCount)
    }
    return layout
  }

  private static func record(_ parts: [PythonLiteral]) throws(Problem) -> ElementLayout {
    var fields: [ElementLayout.Field] = []
    var names: Set<[Unicode.Scalar]> = []
    var offset = 0
    for part in parts {
      guard case .tuple(let values) = part, values.count == 2 || values.count == 3 else {
        throw .corrupted("a field is no tuple of a name, a type, and perhaps a shape")
      }
      guard case .string(let name) = values[0] else {
        if case .tuple = values[0] {
          throw unsupported("fields that have titles", "Give each field a name alone.")
        }
        throw .corrupted("the name of a field is no string")
      }
      var layout = try layout(of: values[1])
      if values.count == 3 { layout = try array(of: layout, shape: shape(of: values[2])) }
      let (end, overflow) = offset.addingReportingOverflow(layout.byteCount)
      guard !overflow else { throw .corrupted("its elements are larger than any memory") }
      if !name.isEmpty {
        guard names.insert(Array(name.unicodeScalars)).inserted else {
          throw .corrupted("two fields have the name \(quoted(name))")
        }
        fields.append(ElementLayout.Field(name: name, offset: offset, layout: layout))
      } else if !layout.isPadding {
        throw unsupported("fields that have no names", "Give each field a name.")
      }
      offset = end
    }
    guard !fields.isEmpty else { throw .corrupted("its elements have no fields") }
    return ElementLayout(.record(fields), byteCount: offset)
  }

  /// The type of a number, or of what else numpy has a letter for: `<f8`.
  private static func scalar(_ text: String) throws(Problem) -> ElementLayout {
    let scalars = Array(text.unicodeScalars)
    guard let order = scalars.first, scalars.count >= 2 else { throw notUnderstood(text) }
    let kind = scalars[1]
    let rest = String(String.UnicodeScalarView(scalars[2...]))
    if kind == "O" {
      throw unsupported(
        "Python objects (\(quoted(text)))",
        "They make sense to one process alone; convert them with `array.astype`.")
    }
    let digits = rest.prefix { $0 != "[" }
    guard let size = Int(digits), String(size) == digits, sizes(of: kind).contains(size) else {
      throw notUnderstood(text)
    }
    // The unit of a moment or of a span of time, such as `[ns]` or `[25s]`.
    let unit = String(rest.dropFirst(digits.count))
    guard unit.isEmpty || (kind == "M" || kind == "m") && isUnit(unit) else {
      throw notUnderstood(text)
    }
    // Characters have four bytes each.
    let (byteCount, overflow) = size.multipliedReportingOverflow(by: kind == "U" ? 4 : 1)
    guard !overflow else { throw .corrupted("its elements are larger than any memory") }
    let scalar = ElementLayout.Scalar(kind: kind, byteCount: byteCount, unit: unit)
    switch order {
    case ">" where scalar.hasByteOrder:
      throw .unsupported(
        expected: "little-endian numbers", found: "big-endian numbers (\(quoted(text)))",
        remedy: "Save it with `array.astype(array.dtype.newbyteorder('<'))`.")
    case "<", ">": break
    case "|" where !scalar.hasByteOrder: break
    default: throw notUnderstood(text)
    }
    return ElementLayout(.scalar(scalar), byteCount: byteCount)
  }

  private static func isUnit(_ text: String) -> Bool {
    text.hasPrefix("[") && text.hasSuffix("]") && text.count > 2
      && text.dropFirst().dropLast().allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
  }

  /// The numbers that can stand behind a letter.
  private static func sizes(of kind: Unicode.Scalar) -> [ClosedRange<Int>] {
    switch kind {
    case "b": [1...1]
    case "i", "u": [1...1, 2...2, 4...4, 8...8]
    case "f": [2...2, 4...4, 8...8, 16...16]
    case "c": [8...8, 16...16, 32...32]
    case "M", "m": [8...8]
    case "S", "U", "V": [1...Int.max]
    default: []
    }
  }

  private static func notUnderstood(_ text: String) -> Problem {
    unsupported("the type \(quoted(text))", "Save it with a type such as '<f8'.")
  }

  private static func unsupported(_ found: String, _ remedy: String) -> Problem {
    .unsupported(
      expected: "numbers, and structures and arrays of numbers", found: found, remedy: remedy)
  }
}

extension [ClosedRange<Int>] {
  fileprivate func contains(_ number: Int) -> Bool { contains { $0.contains(number) } }
}

extension ElementLayout {
  /// Whether nothing is said about the bytes.
  fileprivate var isPadding: Bool {
    if case .scalar(let scalar) = flattened.element.form { scalar.kind == "V" } else { false }
  }
}
