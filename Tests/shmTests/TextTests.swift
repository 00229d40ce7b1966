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

import ArgumentParser
import Testing

@testable import shm

@Suite("Text for people and for programs")
struct TextTests {
  @Test(
    "A size is in the largest unit that divides it",
    arguments: [
      (0, "0"), (1, "1"), (1023, "1023"), (1024, "1KiB"), (1500, "1500"), (1536, "1536"),
      (65536, "64KiB"), (10 << 20, "10MiB"), ((10 << 20) + 1024, "10241KiB"), (3 << 30, "3GiB"),
      (5 << 40, "5TiB"), (2048 << 40, "2048TiB"),
    ])
  func sizes(byteCount: Int, text: String) throws {
    #expect(sizeText(byteCount) == text)
    // The tool accepts its own output.
    #expect(try ByteCount.parse(text) == byteCount)
  }

  @Test(
    "An age is in its largest whole unit",
    arguments: [
      (0, "0s"), (59, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h"), (86399, "23h"),
      (86400, "1d"), (400 * 86400, "400d"),
    ])
  func ages(seconds: Int, text: String) {
    #expect(ageText(.seconds(seconds) + .milliseconds(999)) == text)
  }

  @Test(
    "Text that is not a number of bytes is refused",
    arguments: [
      "", "KiB", "-1", "+1", "1.5", " 1", "1 ", "1KB", "1kib", "0x10", "١", "9223372036854775808",
      "8388608TiB", "9007199254740992KiB", "99999999999999999999",
    ])
  func badByteCounts(text: String) {
    #expect(throws: ValidationError.self) { try ByteCount.parse(text) }
  }

  @Test("The largest number of bytes is accepted")
  func largestByteCount() throws {
    #expect(try ByteCount.parse("9223372036854775807") == .max)
    #expect(try ByteCount.parse("8388607TiB") == 8_388_607 << 40)
  }

  @Test(
    "Nothing in a name acts on a terminal",
    arguments: [
      ("plain name.raw", "plain name.raw", #""plain name.raw""#),
      ("größe 日本", "größe 日本", #""größe 日本""#),
      ("a\nb\r\tc", #"a\nb\r\tc"#, #""a\nb\r\tc""#),
      ("\u{1B}[31mred", #"\x1b[31mred"#, #""\u001b[31mred""#),
      (#"back\slash "quoted""#, #"back\\slash "quoted""#, #""back\\slash \"quoted\"""#),
      ("\u{1}\u{7F}", #"\x01\x7f"#, #""\u0001\u007f""#),
      ("\u{85}\u{9B}2J", #"\u{0085}\u{009b}2J"#, #""\u0085\u009b2J""#),
      ("\u{202E}gpj", #"\u{202e}gpj"#, #""\u202egpj""#),
      ("\u{E0041}", #"\u{e0041}"#, #""\udb40\udc41""#),
      ("\u{FFFD}", "\u{FFFD}", "\"\u{FFFD}\""),
    ])
  func escapes(name: String, text: String, json: String) {
    #expect(name.escaped == text)
    #expect(JSON.string(name).text == json)
  }

  @Test("Columns are aligned, without spaces at the ends of lines")
  func table() {
    let lines = tableLines(
      [["NAME", "SIZE", "LAST"], ["a", "1", ""], ["größer", "12345", "x"]], rightAligned: [1])
    #expect(lines == ["NAME     SIZE  LAST", "a           1", "größer  12345  x"])
  }
}
