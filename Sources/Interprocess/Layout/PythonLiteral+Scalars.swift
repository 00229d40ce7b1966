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

// MARK: - Numbers

extension PythonParser {
  mutating func number() throws(Failure) -> PythonLiteral {
    let start = position
    var sign = ""
    if next == UInt8(ascii: "-") || next == UInt8(ascii: "+") {
      sign = next == UInt8(ascii: "-") ? "-" : ""
      position += 1
      skipBlanks()
    }
    let first = position
    while let byte = next, byte.isOfNumber || isSignOfExponent(since: first) { position += 1 }
    var text = String(decoding: bytes[first..<position], as: UTF8.self)
    if allowsLongSuffix {
      if text.hasSuffix("L") {
        text.removeLast()
      } else {
        let end = position
        skipBlanks()
        let isSuffix = next == UInt8(ascii: "L") && byte(ahead: 1)?.isOfNumber != true
        position = isSuffix ? position + 1 : end
      }
    }
    if let (digits, radix) = Self.integer(text) {
      guard let number = Int(sign + digits, radix: radix) else {
        throw Failure(reason: "has a number that is too large, at byte \(start)")
      }
      return .integer(number)
    }
    guard text == "..." && first == start || Self.isFraction(text) else {
      position = start
      throw unexpected
    }
    return .other(sign + text)
  }

  /// Whether the next byte is the sign of an exponent, as in `1e-5`.
  private func isSignOfExponent(since first: Int) -> Bool {
    guard next == UInt8(ascii: "-") || next == UInt8(ascii: "+"), position > first + 1,
      bytes[position - 1] | 0x20 == UInt8(ascii: "e")
    else { return false }
    return bytes[first] != UInt8(ascii: "0") || bytes[first + 1] | 0x20 != UInt8(ascii: "x")
  }

  /// The digits of an integer without the underscores between them; `nil` for anything else.
  private static func integer(_ text: String) -> (digits: String, radix: Int)? {
    let prefixes = ["0x": 16, "0o": 8, "0b": 2]
    let radix = prefixes[text.prefix(2).lowercased()]
    // One underscore may also follow the prefix.
    let digits = radix == nil ? text[...] : text.dropFirst(text.dropFirst(2).first == "_" ? 3 : 2)
    let parts = digits.split(separator: "_", omittingEmptySubsequences: false)
    let plain = parts.joined()
    guard parts.allSatisfy({ !$0.isEmpty }),
      plain.utf8.allSatisfy({ $0.value(inRadix: radix ?? 10) != nil })
    else { return nil }
    // Python has no numbers such as 007.
    if radix == nil, plain.hasPrefix("0"), plain.utf8.contains(where: { $0 != UInt8(ascii: "0") }) {
      return nil
    }
    return (plain, radix ?? 10)
  }

  /// Whether the text is a number with a point, an exponent or a `j`.
  private static func isFraction(_ text: String) -> Bool {
    let number = text.last.map { "jJ".contains($0) } == true ? text.dropLast() : text[...]
    let halves = number.split(
      maxSplits: 1, omittingEmptySubsequences: false, whereSeparator: { "eE".contains($0) })
    let mantissa = halves[0].split(separator: ".", omittingEmptySubsequences: false)
    func areDigits(_ text: Substring) -> Bool {
      text.split(separator: "_", omittingEmptySubsequences: false).allSatisfy { part in
        !part.isEmpty && part.utf8.allSatisfy { $0.value(inRadix: 10) != nil }
      }
    }
    guard text.contains(where: { ".eEjJ".contains($0) }), mantissa.count <= 2,
      mantissa.contains(where: { !$0.isEmpty }),
      mantissa.allSatisfy({ $0.isEmpty || areDigits($0) })
    else { return false }
    guard halves.count == 2 else { return true }
    let exponent = halves[1].first.map { "+-".contains($0) } == true ? 1 : 0
    return areDigits(halves[1].dropFirst(exponent))
  }
}

extension UInt8 {
  /// Whether it can be part of a number, or continues a word.
  fileprivate var isOfNumber: Bool {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  /// Its value as a digit.
  fileprivate func value(inRadix radix: Int) -> UInt32? {
    let value: UInt8
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): value = self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): value = self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): value = self - UInt8(ascii: "A") + 10
    default: return nil
    }
    return value < radix ? UInt32(value) : nil
  }
}

// MARK: - Strings

extension PythonParser {
  /// The letters before a quote.
  struct StringPrefix {
    var byteCount = 0
    var isRaw = false
    var isBytes = false
  }

  /// The prefix of a string, if one comes next.
  var stringPrefix: StringPrefix? {
    var prefix = StringPrefix()
    var letters: [UInt8] = []
    while let byte = byte(ahead: prefix.byteCount) {
      if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
        prefix.isRaw = letters.contains(UInt8(ascii: "r"))
        prefix.isBytes = letters.contains(UInt8(ascii: "b"))
        return prefix
      }
      let letter = byte | 0x20
      let isAllowed =
        switch letter {
        case UInt8(ascii: "u"): letters.isEmpty
        case UInt8(ascii: "r"), UInt8(ascii: "b"):
          !letters.contains(letter) && !letters.contains(UInt8(ascii: "u"))
        default: false
        }
      guard isAllowed else { return nil }
      letters.append(letter)
      prefix.byteCount += 1
    }
    return nil
  }

  /// A string, together with the strings that follow it and are joined to it.
  mutating func strings(_ first: StringPrefix) throws(Failure) -> PythonLiteral {
    let start = position
    var end = position
    var text = ""
    var prefix: StringPrefix? = first
    while let current = prefix {
      guard current.isBytes == first.isBytes else { throw unexpected }
      position += current.byteCount
      try text.append(string(isRaw: current.isRaw || current.isBytes))
      end = position
      skipBlanks()
      prefix = stringPrefix
    }
    guard first.isBytes else { return .string(text) }
    let source = bytes[start..<end]
    guard source.allSatisfy({ $0 < 0x80 }) else { throw unexpected }
    return .other(String(decoding: source, as: UTF8.self))
  }

  private mutating func string(isRaw: Bool) throws(Failure) -> String {
    let quote = bytes[position]
    let isLong = byte(ahead: 1) == quote && byte(ahead: 2) == quote
    position += isLong ? 3 : 1
    var text: [UInt8] = []
    while let byte = next, byte != 0, isLong || byte != 0x0A && byte != 0x0D {
      if byte == quote, !isLong || self.byte(ahead: 1) == quote && self.byte(ahead: 2) == quote {
        position += isLong ? 3 : 1
        return String(decoding: text, as: UTF8.self)
      }
      position += 1
      if byte != UInt8(ascii: "\\") {
        text.append(byte)
      } else if !isRaw {
        try text += escape().utf8
      } else {
        // A byte after a backslash does not end the string.
        guard let next, next != 0 else { throw tooShort }
        text += [byte, next]
        position += 1
      }
    }
    throw Failure(reason: "has a string without an end, at byte \(position)")
  }

  /// The character that an escape stands for.
  private mutating func escape() throws(Failure) -> String {
    guard let byte = next else { throw tooShort }
    position += 1
    switch byte {
    case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""):
      return String(Unicode.Scalar(byte))
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
    case UInt8(ascii: "N"):
      throw Failure(
        reason: "has the name of a character, at byte \(position - 2)", isPerhapsPython: true)
    case UInt8(ascii: "0")...UInt8(ascii: "7"):
      position -= 1
      let digits = bytes[position...].prefix(3).prefix { $0.value(inRadix: 8) != nil }
      position += digits.count
      let value = digits.reduce(UInt32(0)) { $0 << 3 | UInt32($1 - UInt8(ascii: "0")) }
      return try character(value)
    case 0x0A: return ""
    case 0x0D:
      if next == 0x0A { position += 1 }
      return ""
    default:
      // Python keeps unknown escapes unchanged.
      position -= 1
      return "\\"
    }
  }

  private mutating func escape(digits: Int) throws(Failure) -> String {
    let text = bytes[position...].prefix(digits)
    var value: UInt32 = 0
    for byte in text {
      guard let digit = byte.value(inRadix: 16) else { throw unexpected }
      value = value << 4 | digit
    }
    guard text.count == digits else { throw tooShort }
    position += digits
    return try character(value)
  }

  private func character(_ value: UInt32) throws(Failure) -> String {
    guard let scalar = Unicode.Scalar(value) else {
      // Python strings may contain half a surrogate pair.
      throw Failure(
        reason: "has an escape that is not a character, before byte \(position)",
        isPerhapsPython: value < 0x110000)
    }
    return String(scalar)
  }
}
