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

// The meaning of the values in a header's dictionary.
extension NpyHeader {
  /// The numbers of a shape, as written for an array and for a field of a structure.
  static func shape(of literal: PythonLiteral) throws(Problem) -> [Int] {
    guard case .tuple(let values) = literal else {
      throw .corrupted("a shape is not a tuple such as (3,)")
    }
    var shape: [Int] = []
    for value in values {
      guard case .integer(let extent) = value, extent >= 0 else {
        throw .corrupted("a shape contains something other than numbers from 0 up")
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
      // numpy ignores everything after the shape.
      guard parts.count >= 2 else { throw .corrupted("a type is a tuple of \(parts.count)") }
      return try array(of: layout(of: parts[0]), shape: parts[1])
    case .list(let fields):
      return try record(fields)
    case .dictionary:
      throw unsupported(
        "a type that is written as a dictionary", "Save it with `numpy.save`.")
    case .set:
      throw unsupported("a type that is written as a set", "Save it with `numpy.save`.")
    default:
      throw .corrupted("a type is neither a string nor a list of fields")
    }
  }

  /// - Parameter literal: A shape, which here may also be a list, or a single number.
  private static func array(
    of element: ElementLayout, shape literal: PythonLiteral
  ) throws(Problem) -> ElementLayout {
    let shape: [Int]
    switch literal {
    case .integer: shape = try self.shape(of: .tuple([literal]))
    case .list(let extents): shape = try self.shape(of: .tuple(extents))
    default: shape = try self.shape(of: literal)
    }
    guard element.flattened.shape.count + shape.count <= maximumDimensionCount else {
      throw unsupported(
        "fields of more than \(maximumDimensionCount) dimensions", "Use fewer dimensions.")
    }
    var layout = element
    for count in shape.reversed() {
      let (byteCount, overflow) = layout.byteCount.multipliedReportingOverflow(by: count)
      guard !overflow, max(byteCount, count) <= maximumElementByteCount else {
        throw .corrupted("a field exceeds the limit of numpy")
      }
      layout = ElementLayout(.array(count: count, layout), byteCount: byteCount)
    }
    return layout
  }

  private static func record(_ parts: [PythonLiteral]) throws(Problem) -> ElementLayout {
    var fields: [ElementLayout.Field] = []
    var names: Set<[Unicode.Scalar]> = []
    var offset = 0
    for part in parts {
      let values: [PythonLiteral]
      switch part {
      case .tuple(let parts), .list(let parts): values = parts
      case .string:
        throw unsupported("fields that are written as strings", "Save it with `numpy.save`.")
      default: values = []
      }
      guard values.count == 2 || values.count == 3 else {
        throw .corrupted("a field is not a tuple of a name, a type, and perhaps a shape")
      }
      let (name, title) = try self.names(values[0])
      var layout = try layout(of: values[1])
      if values.count == 3 { layout = try array(of: layout, shape: values[2]) }
      let end = offset + layout.byteCount
      guard end <= maximumElementByteCount else { throw tooLarge }
      if !name.isEmpty || title != nil || !layout.isPadding {
        var own = [name]
        if case .string(let title) = title { own.append(title) }
        for name in own where !names.insert(Array(name.unicodeScalars)).inserted {
          throw .corrupted("two fields have the name \(quoted(name))")
        }
        fields.append(
          ElementLayout.Field(name: name, title: title?.text, offset: offset, layout: layout))
      }
      offset = end
    }
    return ElementLayout(.record(fields), byteCount: offset)
  }

  /// The name of a field, and its title, which precedes the name and can be of any type.
  private static func names(
    _ literal: PythonLiteral
  ) throws(Problem) -> (name: String, title: PythonLiteral?) {
    switch literal {
    case .string(let name):
      return (name, nil)
    case .tuple(let parts):
      guard parts.count == 2, case .string(let name) = parts[1] else { break }
      return (name, parts[0] == .none ? nil : parts[0])
    default: break
    }
    throw .corrupted("the name of a field is not a string")
  }

  // MARK: - Scalars

  /// The type of a number, or of another scalar for which numpy has a letter: `<f8`.
  private static func scalar(_ text: String) throws(Problem) -> ElementLayout {
    var rest = text.unicodeScalars[...]
    var order: Unicode.Scalar = "="
    if let first = rest.first, "<>=|".unicodeScalars.contains(first) {
      order = first
      rest.removeFirst()
    }
    let code = String(rest.prefix { $0 != "[" })
    let unit = String(rest.dropFirst(code.unicodeScalars.count))
    guard let (kind, size) = kindAndSize(code) else { throw notUnderstood(text) }
    let isTime = kind == "M" || kind == "m"
    guard unit.isEmpty || isTime && isUnit(unit) else { throw notUnderstood(text) }
    // Characters have four bytes each.
    let (byteCount, overflow) = size.multipliedReportingOverflow(by: kind == "U" ? 4 : 1)
    guard !overflow, byteCount <= maximumElementByteCount else { throw tooLarge }
    var scalar = ElementLayout.Scalar(
      kind: kind, byteCount: byteCount, unit: unit == "[generic]" ? "" : unit)
    scalar.isBigEndian = order == ">" && scalar.hasByteOrder
    return ElementLayout(.scalar(scalar), byteCount: byteCount)
  }

  /// The meaning of a letter with a number, or of a letter alone.
  private static func kindAndSize(_ code: String) -> (kind: Unicode.Scalar, size: Int)? {
    guard let kind = code.unicodeScalars.first else { return nil }
    if code.unicodeScalars.count == 1 { return letters[kind] }
    let digits = code.unicodeScalars.dropFirst()
    guard let size = Int(String(digits)), String(size) == String(digits) else { return nil }
    // Python 2 wrote the size of a reference.
    if kind == "O" { return size == 4 || size == 8 ? ("O", 8) : nil }
    return sizes(of: kind).contains { $0.contains(size) } ? (kind, size) : nil
  }

  private static let letters: [Unicode.Scalar: (kind: Unicode.Scalar, size: Int)] = [
    "?": ("b", 1), "b": ("i", 1), "B": ("u", 1), "h": ("i", 2), "H": ("u", 2), "i": ("i", 4),
    "I": ("u", 4), "l": ("i", 8), "L": ("u", 8), "q": ("i", 8), "Q": ("u", 8), "e": ("f", 2),
    "f": ("f", 4), "d": ("f", 8), "g": ("f", 16), "F": ("c", 8), "D": ("c", 16), "G": ("c", 32),
    "M": ("M", 8), "m": ("m", 8), "S": ("S", 0), "U": ("U", 0), "V": ("V", 0), "O": ("O", 8),
  ]

  /// The unit of a moment or a time span, as numpy writes it, such as `[ns]` or `[25s]`.
  private static func isUnit(_ text: String) -> Bool {
    guard text.hasPrefix("["), text.hasSuffix("]") else { return false }
    let inside = text.dropFirst().dropLast()
    let digits = inside.prefix { $0.isASCII && $0.isNumber }
    let units = [
      "Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as", "generic",
    ]
    return units.contains(String(inside.dropFirst(digits.count)))
      && (digits.isEmpty || Int32(digits).map { String($0) == digits } == true)
  }

  /// The numbers that may follow a letter.
  private static func sizes(of kind: Unicode.Scalar) -> [ClosedRange<Int>] {
    switch kind {
    case "b": [1...1]
    case "i", "u": [1...1, 2...2, 4...4, 8...8]
    case "f": [2...2, 4...4, 8...8, 16...16]
    case "c": [8...8, 16...16, 32...32]
    case "M", "m": [8...8]
    case "S", "U", "V": [0...Int.max]
    default: []
    }
  }

  private static func notUnderstood(_ text: String) -> Problem {
    unsupported("the type \(quoted(text))", "Save it with a type such as '<f8'.")
  }

  private static var tooLarge: Problem { .corrupted("its elements exceed the limit of numpy") }
}

extension PythonLiteral {
  /// A value as Python writes it; a collection without its contents.
  fileprivate var text: String {
    switch self {
    case .string(let text): ElementLayout.quoted(text)
    case .integer(let number): String(number)
    case .boolean(let isTrue): isTrue ? "True" : "False"
    case .none: "None"
    case .other(let text): text
    case .tuple: "(...)"
    case .list: "[...]"
    case .dictionary, .set: "{...}"
    }
  }
}

extension ElementLayout {
  /// Whether the type of a field without a name says nothing about its bytes.
  fileprivate var isPadding: Bool {
    switch form {
    case .scalar(let scalar): scalar.kind == "V"
    // numpy treats arrays as padding, whatever their elements are.
    case .array: true
    case .record: false
    }
  }
}
