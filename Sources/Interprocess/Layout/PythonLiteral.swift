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

/// A value that is written as a literal of Python, as the header of a `.npy` file is.
enum PythonLiteral: Hashable, Sendable {
  case string(String)
  case integer(Int)
  case boolean(Bool)
  case none
  case tuple([PythonLiteral])
  case list([PythonLiteral])
  case dictionary([Entry])

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
  }

  /// Reads a text that consists of one value, and blanks around it.
  ///
  /// It takes what `repr` writes for these kinds of values, and other spellings of them as far as
  /// Python allows them: either quote, blanks and line breaks, a trailing comma, and parentheses
  /// around a value. Names, expressions, prefixes, comments, concatenated strings and numbers other
  /// than decimal integers are refused.
  ///
  /// - Complexity: O(*n*) in the length of the text. Values lie in each other at most 64 deep.
  init(_ text: [UInt8], encoding: Encoding) throws(Failure) {
    var parser = PythonParser(text, encoding: encoding)
    self = try parser.value()
    try parser.finish()
  }
}

private struct PythonParser {
  typealias Failure = PythonLiteral.Failure

  /// How many brackets may be open at once.
  static let maximumDepth = 64

  private let bytes: [UInt8]
  private let encoding: PythonLiteral.Encoding
  private var position = 0
  private var depth = 0

  init(_ bytes: [UInt8], encoding: PythonLiteral.Encoding) {
    self.bytes = bytes
    self.encoding = encoding
  }

  // MARK: - Values

  mutating func value() throws(Failure) -> PythonLiteral {
    skipBlanks()
    guard let byte = next else { throw tooShort }
    switch byte {
    case UInt8(ascii: "("):
      let (values, hasComma) = try sequence(until: UInt8(ascii: ")"))
      // Parentheses alone make no tuple.
      return values.count == 1 && !hasComma ? values[0] : .tuple(values)
    case UInt8(ascii: "["):
      return .list(try sequence(until: UInt8(ascii: "]")).values)
    case UInt8(ascii: "{"):
      return .dictionary(try entries())
    case UInt8(ascii: "'"), UInt8(ascii: "\""):
      return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      return .integer(try integer())
    default:
      return try word()
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
    var values: [PythonLiteral] = []
    var hasComma = false
    while try !closes(with: end, after: values.isEmpty || hasComma) {
      values.append(try value())
      hasComma = skip(UInt8(ascii: ","))
    }
    return (values, hasComma)
  }

  private mutating func entries() throws(Failure) -> [PythonLiteral.Entry] {
    try open()
    var entries: [PythonLiteral.Entry] = []
    var hasComma = false
    while try !closes(with: UInt8(ascii: "}"), after: entries.isEmpty || hasComma) {
      guard case .string(let key) = try value() else {
        throw Failure(reason: "has a key that is no string, before byte \(position)")
      }
      guard skip(UInt8(ascii: ":")) else { throw next == nil ? tooShort : unexpected }
      entries.append(PythonLiteral.Entry(key: key, value: try value()))
      hasComma = skip(UInt8(ascii: ","))
    }
    return entries
  }

  /// Takes an opening bracket.
  private mutating func open() throws(Failure) {
    guard depth < Self.maximumDepth else {
      throw Failure(reason: "has more than \(Self.maximumDepth) brackets open at once")
    }
    depth += 1
    position += 1
  }

  /// Takes the closing bracket if it comes next; otherwise a value has to follow, which is allowed
  /// at the beginning and after a comma.
  private mutating func closes(with end: UInt8, after comma: Bool) throws(Failure) -> Bool {
    if skip(end) {
      depth -= 1
      return true
    }
    if next == nil { throw tooShort }
    // A comma with nothing before it, or a value that follows another one.
    if next == UInt8(ascii: ",") || !comma { throw unexpected }
    return false
  }

  private mutating func integer() throws(Failure) -> Int {
    let start = position
    if next == UInt8(ascii: "-") { position += 1 }
    let firstDigit = position
    while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    // Python has no number such as 007.
    guard position > firstDigit,
      bytes[firstDigit] != UInt8(ascii: "0") || position == firstDigit + 1
    else {
      position = start
      throw unexpected
    }
    guard let number = Int(String(decoding: bytes[start..<position], as: UTF8.self)) else {
      throw Failure(reason: "has a number that is too large, at byte \(start)")
    }
    return number
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

  // MARK: - Strings

  private mutating func string() throws(Failure) -> String {
    let quote = bytes[position]
    position += 1
    var text: [UInt8] = []
    while let byte = next, byte != UInt8(ascii: "\n") {
      position += 1
      switch byte {
      case quote:
        guard let string = String(validating: text, as: UTF8.self) else {
          throw Failure(reason: "is not in UTF-8")
        }
        return string
      case UInt8(ascii: "\\"):
        text += String(try escape()).utf8
      case 0x80... where encoding == .latin1:
        text += String(Unicode.Scalar(byte)).utf8
      default:
        text.append(byte)
      }
    }
    throw Failure(reason: "has a string without an end, at byte \(position)")
  }

  /// The character that stands behind a backslash.
  private mutating func escape() throws(Failure) -> Unicode.Scalar {
    guard let byte = next else { throw tooShort }
    position += 1
    switch byte {
    case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): return Unicode.Scalar(byte)
    case UInt8(ascii: "a"): return "\u{7}"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "v"): return "\u{B}"
    case UInt8(ascii: "x"): return try escape(digits: 2)
    case UInt8(ascii: "u"): return try escape(digits: 4)
    case UInt8(ascii: "U"): return try escape(digits: 8)
    default:
      throw Failure(reason: "has an escape that is not understood, at byte \(position - 2)")
    }
  }

  private mutating func escape(digits: Int) throws(Failure) -> Unicode.Scalar {
    let text = bytes[position...].prefix(digits)
    var value: UInt32 = 0
    for byte in text {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { throw unexpected }
      value = value << 4 | UInt32(digit)
    }
    guard text.count == digits else { throw tooShort }
    guard let scalar = Unicode.Scalar(value) else {
      throw Failure(reason: "has an escape that is no character, at byte \(position)")
    }
    position += digits
    return scalar
  }

  // MARK: - Bytes

  /// The next byte; `nil` at the end.
  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipBlanks() {
    while let byte = next, byte == 0x20 || byte == 0x0C || (0x09...0x0D ~= byte && byte != 0x0B) {
      position += 1
    }
  }

  /// Takes a byte, and blanks before it, if it comes next.
  private mutating func skip(_ byte: UInt8) -> Bool {
    skipBlanks()
    guard next == byte else { return false }
    position += 1
    return true
  }

  private var tooShort: Failure { Failure(reason: "ends in the middle of a value") }
  private var unexpected: Failure {
    Failure(reason: "is not understood from byte \(position) on")
  }
}
