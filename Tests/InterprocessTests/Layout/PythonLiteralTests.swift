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
    (#"'\141\0\q\é'"#, .string("a\0\\q\\é")), ("'a\\\nb'", .string("ab")),
    ("u'a' R\"\\n\" # more\n 'b'", .string("a\\nb")), (#""""a'"b""""#, .string("a'\"b")),
    ("b'a' b\"b\"", .other("b'a' b\"b\"")), ("1.5", .other("1.5")), ("-1e-5", .other("-1e-5")),
    ("2j", .other("2j")), (".5_0", .other(".5_0")), ("...", .other("...")),
    ("0x1F", .integer(31)), ("0B1_1", .integer(3)), ("0o_17", .integer(15)),
    ("1_000", .integer(1000)), ("00", .integer(0)), ("+1", .integer(1)), ("- 1", .integer(-1)),
    ("1 # one", .integer(1)), ("\\\n1", .integer(1)),
    ("0", .integer(0)), ("-12", .integer(-12)), ("9223372036854775807", .integer(.max)),
    ("-9223372036854775808", .integer(.min)),
    ("True", .boolean(true)), ("False", .boolean(false)), ("None", .none),
    ("()", .tuple([])), ("(1,)", .tuple([.integer(1)])), ("(1)", .integer(1)),
    ("( 1 , 2 )", .tuple([.integer(1), .integer(2)])),
    ("(1,2,)", .tuple([.integer(1), .integer(2)])),
    ("[]", .list([])), ("[1]", .list([.integer(1)])),
    ("[1,\n 2 ,]", .list([.integer(1), .integer(2)])),
    ("{}", .dictionary([])), ("{1}", .set([.integer(1)])),
    ("{'a', 2,}", .set([.string("a"), .integer(2)])),
    (
      "{'a':1,\"b\" : [('c',)] , }",
      .dictionary([
        PythonLiteral.Entry(key: "a", value: .integer(1)),
        PythonLiteral.Entry(key: "b", value: .list([.tuple([.string("c")])])),
      ])
    ),
    (String(repeating: "[", count: 200) + String(repeating: "]", count: 200), nested(200)),
  ]

  /// Nested lists.
  private static func nested(_ depth: Int) -> PythonLiteral {
    (1..<depth).reduce(.list([])) { inner, _ in .list([inner]) }
  }

  @Test("The output of repr is understood, and so are other spellings of it", arguments: understood)
  func value(text: String, value: PythonLiteral) throws {
    #expect(try PythonLiteral(Array(text.utf8), encoding: .utf8) == value)
  }

  static let refused: [(String, String)] = [
    ("", "ends in the middle of a value"), ("  ", "ends in the middle of a value"),
    ("'a", "has a string without an end"), ("'a\nb'", "has a string without an end"),
    ("'a\\", "ends in the middle of a value"), (#"'\x4"#, "ends in the middle of a value"),
    (#"'\N{DIGIT ONE}'"#, "has the name of a character, at byte 1"),
    (#"'\xzz'"#, "is not understood from byte 3 on"),
    (#"'\ud800'"#, "has an escape that is not a character"),
    (#"'\U00110000'"#, "has an escape that is not a character"),
    ("007", "is not understood from byte 0 on"), ("-", "is not understood from byte 0 on"),
    ("-a", "is not understood from byte 0 on"), ("--1", "is not understood from byte 0 on"),
    ("9223372036854775808", "has a number that is too large, at byte 0"),
    ("1.5.5", "is not understood from byte 0 on"), ("1e", "is not understood from byte 0 on"),
    ("1__0", "is not understood from byte 0 on"), ("0x", "is not understood from byte 0 on"),
    ("1_", "is not understood from byte 0 on"), ("0b2", "is not understood from byte 0 on"),
    ("10L", "is not understood from byte 0 on"), (".", "is not understood from byte 0 on"),
    ("true", "is not understood from byte 0 on"), ("Tru", "is not understood from byte 0 on"),
    ("Truex", "is not understood from byte 4 on"), ("a", "is not understood from byte 0 on"),
    ("f'a'", "is not understood from byte 0 on"), ("ur'a'", "is not understood from byte 0 on"),
    ("'a' b'b'", "is not understood from byte 4 on"),
    ("'''a''", "has a string without an end"), ("b'é'", "is not understood from byte"),
    ("'a\0'", "has a string without an end"),
    ("1 2", "is not understood from byte 2 on"), ("1+2", "is not understood from byte 1 on"),
    ("f()", "is not understood from byte 0 on"),
    ("(", "ends in the middle of a value"), ("(1", "ends in the middle of a value"),
    ("(1,", "ends in the middle of a value"), ("(,)", "is not understood from byte 1 on"),
    ("(1,,)", "is not understood from byte 3 on"), ("(1 2)", "is not understood from byte 3 on"),
    ("(1]", "is not understood from byte 2 on"), (")", "is not understood from byte 0 on"),
    ("{1: 2}", "has a key that is not a string, before byte 3"),
    ("{'a' 1}", "is not understood from byte 5 on"), ("{'a'", "ends in the middle of a value"),
    ("{'a', 'b': 1}", "is not understood from byte 9 on"),
    ("{'a', 'b'", "ends in the middle of a value"),
    ("{'a':}", "is not understood from byte 5 on"), ("{'a': 1", "ends in the middle of a value"),
    ("{'a': 1 'b': 2}", "is not understood from byte 8 on"),
    ("{'a': 1, 'b'}", "is not understood from byte 12 on"),
    ("'\0", "has a string without an end"), ("\0", "is not understood from byte 0 on"),
    (String(repeating: "[", count: 201), "has more than 200 brackets open at once"),
    (String(repeating: "{'a':(", count: 101), "has more than 200 brackets open at once"),
  ]

  @Test("All other texts are refused, with the place", arguments: refused)
  func refusal(text: String, reason: String) throws {
    let failure = #expect(throws: PythonLiteral.Failure.self) {
      try PythonLiteral(Array(text.utf8), encoding: .utf8)
    }
    #expect(failure?.reason.hasPrefix(reason) == true, "\(failure?.reason ?? "")")
    let isPerhapsPython = reason.hasPrefix("has the name") || text.contains("ud800")
    #expect(failure?.isPerhapsPython == isPerhapsPython)
  }

  @Test("Integers may end in L where that is allowed")
  func longSuffix() throws {
    func read(_ text: String) throws -> PythonLiteral {
      try PythonLiteral(Array(text.utf8), encoding: .latin1, allowsLongSuffix: true)
    }
    #expect(try read("(2L, 3 L, -4L, 0x5L)") == .tuple([2, 3, -4, 5].map { .integer($0) }))
    #expect(try read("'2L'") == .string("2L"))
    for text in ["2l", "2LL", "L", "2 L L", "2 L3", "02L"] {
      #expect(throws: PythonLiteral.Failure.self) { _ = try read(text) }
    }
  }

  @Test("Brackets one after the other do not count as nested")
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
