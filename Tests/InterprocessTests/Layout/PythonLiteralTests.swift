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

@Suite("Python literals")
struct PythonLiteralTests {
  static let understood: [(String, PythonLiteral)] = [
    ("'a'", .string("a")), (" \t\n\r\u{C}\"it's\" \n", .string("it's")), ("''", .string("")),
    (#"'\\ \' \" \a\b\f\n\r\t\v'"#, .string("\\ ' \" \u{7}\u{8}\u{C}\n\r\t\u{B}")),
    (#"'\x41\xe9\u540d\U0001F600'"#, .string("A\u{E9}\u{540D}\u{1F600}")),
    ("0", .integer(0)), ("-12", .integer(-12)), ("9223372036854775807", .integer(.max)),
    ("-9223372036854775808", .integer(.min)),
    ("True", .boolean(true)), ("False", .boolean(false)), ("None", .none),
    ("()", .tuple([])), ("(1,)", .tuple([.integer(1)])), ("(1)", .integer(1)),
    ("( 1 , 2 )", .tuple([.integer(1), .integer(2)])),
    ("(1,2,)", .tuple([.integer(1), .integer(2)])),
    ("[]", .list([])), ("[1]", .list([.integer(1)])),
    ("[1,\n 2 ,]", .list([.integer(1), .integer(2)])),
    ("{}", .dictionary([])),
    (
      "{'a':1,\"b\" : [('c',)] , }",
      .dictionary([
        PythonLiteral.Entry(key: "a", value: .integer(1)),
        PythonLiteral.Entry(key: "b", value: .list([.tuple([.string("c")])])),
      ])
    ),
    (String(repeating: "[", count: 64) + String(repeating: "]", count: 64), nested(64)),
  ]

  /// Lists in each other.
  private static func nested(_ depth: Int) -> PythonLiteral {
    (1..<depth).reduce(.list([])) { inner, _ in .list([inner]) }
  }

  @Test("What repr writes is understood, and other spellings of it", arguments: understood)
  func value(text: String, value: PythonLiteral) throws {
    #expect(try PythonLiteral(Array(text.utf8), encoding: .utf8) == value)
  }

  static let refused: [(String, String)] = [
    ("", "ends in the middle of a value"), ("  ", "ends in the middle of a value"),
    ("'a", "has a string without an end"), ("'a\nb'", "has a string without an end"),
    ("'a\\", "ends in the middle of a value"), (#"'\x4"#, "ends in the middle of a value"),
    (#"'\q'"#, "has an escape that is not understood, at byte 1"),
    (#"'\xzz'"#, "is not understood from byte 3 on"),
    (#"'\ud800'"#, "has an escape that is no character"),
    (#"'\U00110000'"#, "has an escape that is no character"),
    ("007", "is not understood from byte 0 on"), ("-", "is not understood from byte 0 on"),
    ("-a", "is not understood from byte 0 on"), ("00", "is not understood from byte 0 on"),
    ("9223372036854775808", "has a number that is too large, at byte 0"),
    ("1.5", "is not understood from byte 1 on"), ("1e5", "is not understood from byte 1 on"),
    ("1_0", "is not understood from byte 1 on"), ("0x10", "is not understood from byte 1 on"),
    ("10L", "is not understood from byte 2 on"), ("+1", "is not understood from byte 0 on"),
    ("true", "is not understood from byte 0 on"), ("Tru", "is not understood from byte 0 on"),
    ("Truex", "is not understood from byte 4 on"), ("a", "is not understood from byte 0 on"),
    ("u'a'", "is not understood from byte 0 on"), ("b'a'", "is not understood from byte 0 on"),
    ("'a' 'b'", "is not understood from byte 4 on"),
    ("'''a'''", "is not understood from byte 2 on"),
    ("1 2", "is not understood from byte 2 on"), ("1+2", "is not understood from byte 1 on"),
    ("1 # one", "is not understood from byte 2 on"), ("f()", "is not understood from byte 0 on"),
    ("(", "ends in the middle of a value"), ("(1", "ends in the middle of a value"),
    ("(1,", "ends in the middle of a value"), ("(,)", "is not understood from byte 1 on"),
    ("(1,,)", "is not understood from byte 3 on"), ("(1 2)", "is not understood from byte 3 on"),
    ("(1]", "is not understood from byte 2 on"), (")", "is not understood from byte 0 on"),
    ("{1: 2}", "has a key that is no string, before byte 2"),
    ("{'a'}", "is not understood from byte 4 on"), ("{'a'", "ends in the middle of a value"),
    ("{'a':}", "is not understood from byte 5 on"), ("{'a': 1", "ends in the middle of a value"),
    ("{'a': 1 'b': 2}", "is not understood from byte 8 on"),
    ("{'a', 'b'}", "is not understood from byte 4 on"),
    ("'\0", "has a string without an end"), ("\0", "is not understood from byte 0 on"),
    (String(repeating: "[", count: 65), "has more than 64 brackets open at once"),
    (String(repeating: "{'a':(", count: 33), "has more than 64 brackets open at once"),
  ]

  @Test("Everything else is refused, with the place", arguments: refused)
  func refusal(text: String, reason: String) throws {
    let failure = #expect(throws: PythonLiteral.Failure.self) {
      try PythonLiteral(Array(text.utf8), encoding: .utf8)
    }
    #expect(failure?.reason.hasPrefix(reason) == true, "\(failure?.reason ?? "")")
  }

  @Test("Brackets one after the other are not deep")
  func wide() throws {
    let text = "(" + String(repeating: "[],", count: 100) + ")"
    #expect(
      try PythonLiteral(Array(text.utf8), encoding: .utf8)
        == .tuple(Array(repeating: .list([]), count: 100)))
  }

  @Test("The same bytes are other characters in another encoding")
  func encodings() throws {
    let bytes: [UInt8] = [0x27, 0xC3, 0xA9, 0x27]
    #expect(try PythonLiteral(bytes, encoding: .utf8) == .string("\u{E9}"))
    #expect(try PythonLiteral(bytes, encoding: .latin1) == .string("\u{C3}\u{A9}"))
    #expect(try PythonLiteral([0x27, 0xFF, 0x27], encoding: .latin1) == .string("\u{FF}"))
    let failure = #expect(throws: PythonLiteral.Failure.self) {
      try PythonLiteral([0x27, 0xFF, 0x27], encoding: .utf8)
    }
    #expect(failure?.reason == "is not in UTF-8")
  }
}
