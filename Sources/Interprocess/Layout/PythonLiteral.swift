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

/// A value written as a literal of Python, as in the header of a `.npy` file.
enum PythonLiteral: Hashable, Sendable {
  case string(String)
  case integer(Int)
  case boolean(Bool)
  case none
  case tuple([PythonLiteral])
  case list([PythonLiteral])
  case dictionary([Entry])
  case set([PythonLiteral])
  /// A fraction, a complex number, bytes or `...`, as written; no header needs it.
  case other(String)

  struct Entry: Hashable, Sendable {
    var key: String
    var value: PythonLiteral
  }

  /// How the characters of a text are stored.
  enum Encoding {
    case latin1, utf8
  }

  /// Why a text is not understood, as the end of a sentence that begins with "its header".
  struct Failure: Error {
    var reason: String
    /// Whether Python may nevertheless understand it.
    var isPerhapsPython = false
  }

  /// Reads a text that consists of one value, with blanks and comments around it.
  ///
  /// It accepts what Python's `ast.literal_eval` accepts, in every spelling, except for sums, names
  /// of characters and halves of surrogate pairs: Python may read those, and the failure says so.
  ///
  /// - Parameter allowsLongSuffix: Whether integers may end in `L`, as in Python 2.
  /// - Complexity: O(*n*) in the length of the text. Values can be nested at most 200 deep, as in
  ///   Python.
  init(_ text: [UInt8], encoding: Encoding, allowsLongSuffix: Bool = false) throws(Failure) {
    var utf8 = text
    if encoding == .latin1, text.contains(where: { $0 >= 0x80 }) {
      utf8 = []
      for byte in text { utf8 += byte < 0x80 ? [byte] : [0xC0 | byte >> 6, 0x80 | byte & 0x3F] }
    }
    guard String(validating: utf8, as: UTF8.self) != nil else {
      throw Failure(reason: "is not in UTF-8")
    }
    var parser = PythonParser(utf8, allowsLongSuffix: allowsLongSuffix)
    self = try parser.value()
    try parser.finish()
  }
}

struct PythonParser {
  typealias Failure = PythonLiteral.Failure

  /// How many brackets may be open at once.
  static let maximumDepth = 200

  let bytes: [UInt8]
  let allowsLongSuffix: Bool
  var position = 0
  private var depth = 0

  init(_ bytes: [UInt8], allowsLongSuffix: Bool) {
    self.bytes = bytes
    self.allowsLongSuffix = allowsLongSuffix
  }

  // MARK: - Values

  mutating func value() throws(Failure) -> PythonLiteral {
    skipBlanks()
    guard let byte = next else { throw tooShort }
    switch byte {
    case UInt8(ascii: "("):
      let (values, hasComma) = try sequence(until: UInt8(ascii: ")"))
      // Parentheses alone do not make a tuple.
      return values.count == 1 && !hasComma ? values[0] : .tuple(values)
    case UInt8(ascii: "["):
      return .list(try sequence(until: UInt8(ascii: "]")).values)
    case UInt8(ascii: "{"):
      return try entries()
    case UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      return try number()
    default:
      return if let prefix = stringPrefix { try strings(prefix) } else { try word() }
    }
  }

  mutating func finish() throws(Failure) {
    skipBlanks()
    if position < bytes.count { throw unexpected }
  }

  private mutating func sequence(
    until end: UInt8
  ) throws(Failure) -> (values: [PythonLiteral], hasComma: Bool) {
    try open()
    return try rest(of: [], until: end)
  }

  /// The rest of a sequence, after its first values.
  private mutating func rest(
    of first: [PythonLiteral], until end: UInt8
  ) throws(Failure) -> (values: [PythonLiteral], hasComma: Bool) {
    var values = first
    var hasComma = !first.isEmpty && skip(UInt8(ascii: ","))
    while try !closes(with: end, after: values.isEmpty || hasComma) {
      values.append(try value())
      hasComma = skip(UInt8(ascii: ","))
    }
    return (values, hasComma)
  }

  /// A dictionary, or a set, which has no colon after its first value.
  private mutating func entries() throws(Failure) -> PythonLiteral {
    try open()
    var entries: [PythonLiteral.Entry] = []
    var hasComma = false
    while try !closes(with: UInt8(ascii: "}"), after: entries.isEmpty || hasComma) {
      let key = try value()
      guard skip(UInt8(ascii: ":")) else {
        if next == nil { throw tooShort }
        guard entries.isEmpty else { throw unexpected }
        return .set(try rest(of: [key], until: UInt8(ascii: "}")).values)
      }
      guard case .string(let key) = key else {
        throw Failure(reason: "has a key that is not a string, before byte \(position)")
      }
      entries.append(PythonLiteral.Entry(key: key, value: try value()))
      hasComma = skip(UInt8(ascii: ","))
    }
    return .dictionary(entries)
  }

  /// Takes an opening bracket.
  private mutating func open() throws(Failure) {
    guard depth < Self.maximumDepth else {
      throw Failure(reason: "has more than \(Self.maximumDepth) brackets open at once")
    }
    depth += 1
    position += 1
  }

  /// Takes the closing bracket if it comes next; otherwise a value must follow, which is allowed at
  /// the beginning and after a comma.
  private mutating func closes(with end: UInt8, after comma: Bool) throws(Failure) -> Bool {
    if skip(end) {
      depth -= 1
      return true
    }
    if next == nil { throw tooShort }
    // A comma with nothing before it, or a value that follows another one without a comma.
    if next == UInt8(ascii: ",") || !comma { throw unexpected }
    return false
  }

  private mutating func word() throws(Failure) -> PythonLiteral {
    let words: [(StaticString, PythonLiteral)] = [
      ("True", .boolean(true)), ("False", .boolean(false)), ("None", .none),
    ]
    for (word, value) in words where bytes[position...].starts(with: word.description.utf8) {
      position += word.utf8CodeUnitCount
      return value
    }
    throw unexpected
  }

  // MARK: - Bytes

  /// The next byte; `nil` at the end.
  var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  func byte(ahead count: Int) -> UInt8? {
    count < bytes.count - position ? bytes[position + count] : nil
  }

  /// Skips blanks, comments, and line breaks, including those after a backslash.
  mutating func skipBlanks() {
    while let byte = next {
      switch byte {
      case 0x20, 0x09, 0x0A, 0x0C, 0x0D: position += 1
      case UInt8(ascii: "\\") where [0x0A, 0x0D].contains(self.byte(ahead: 1)): position += 2
      case UInt8(ascii: "#"):
        while let byte = next, byte != 0x0A, byte != 0x0D, byte != 0 { position += 1 }
      default: return
      }
    }
  }

  /// Takes a byte, and the blanks before it, if it comes next.
  private mutating func skip(_ byte: UInt8) -> Bool {
    skipBlanks()
    guard next == byte else { return false }
    position += 1
    return true
  }

  var tooShort: Failure { Failure(reason: "ends in the middle of a value") }
  var unexpected: Failure { Failure(reason: "is not understood from byte \(position) on") }
}
