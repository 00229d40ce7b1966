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
import Interprocess
import Subprocess
import TestSupport
import Testing

@testable import shm

/// Names are bytes, even if Swift considers two names equal or a terminal cannot show them.
@Suite("Names as bytes", .timeLimit(.minutes(10)))
struct NameTests {
  @Test(
    "A name is read as it is shown",
    arguments: [
      ("plain", Array("plain".utf8)), (#"a\\b"#, Array(#"a\b"#.utf8)),
      (#"a\nb\r\t"#, Array("a\nb\r\t".utf8)), (#"\x1b[31m"#, Array("\u{1B}[31m".utf8)),
      (#"\u{009b}2J\u{202e}"#, Array("\u{9B}2J\u{202E}".utf8)),
      (#"caf\xe9"#, Array("caf".utf8) + [0xE9]), (#"\xf0\x9f"#, [0xF0, 0x9F]),
      ("größe", Array("größe".utf8)), ("e\u{301}", [0x65, 0xCC, 0x81]), ("\u{E9}", [0xC3, 0xA9]),
    ] as [(String, [UInt8])])
  func spelling(text: String, bytes: [UInt8]) throws {
    #expect(bytes.escapedName.utf8.elementsEqual(text.utf8))
    #expect(try Name(text).bytes == bytes)
  }

  @Test("The shown form of any name leads back to its bytes")
  func everyName() throws {
    var generator = SeededGenerator(seed: 3)
    let special = Array(#"\xnrtu{}e"'"#.utf8) + [0, 1, 0x1B, 0x7F, 0x80, 0xC3, 0xA9, 0xE2, 0xFF]
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 1...8, using: &generator)).map { _ in
        Bool.random(using: &generator)
          ? special.randomElement(using: &generator)! : .random(in: 0...255, using: &generator)
      }
      guard bytes.first != UInt8(ascii: "/") else { continue }
      let shown = bytes.escapedName
      if try Name(shown).bytes != bytes { Issue.record("\(bytes) is shown as \(shown)") }
      #expect(shown.unicodeScalars.allSatisfy { $0.isPrintable })
    }
  }

  @Test(
    "A backslash that begins no escape is refused, and reaches no other name",
    arguments: [
      #"a\"#, #"\q"#, #"\x"#, #"\x4"#, #"\xg0"#, #"\x+1"#, #"\x-1"#, #"\u41"#, #"\u{}"#, #"\u{41"#,
      #"\u{d800}"#, #"\u{110000}"#, #"\u{+41}"#, #"\u{-41}"#, #"\N"#, "\\\u{FFFD}",
    ])
  func badEscapes(text: String) {
    #expect(throws: (any Error).self) { try Name(text) }
  }

  @Test("Two names that Swift considers equal lead to two segments, in every command")
  func normalForms() async throws {
    let base = uniqueName("form")
    let (short, long) = (base + "\u{E9}", base + "e\u{301}")
    #expect(short == long)
    defer { for name in [short, long] { try? SharedMemory.unlink(name) } }
    #expect(try await shm("create", long, "--bytes", "1") == .success())
    for arguments in [["info"], ["read"], ["dump"], ["remove"], ["save", "-"]] {
      let outcome = try await shm([arguments[0], short] + arguments.dropFirst())
      #expect(outcome.status == .exited(1), "\(arguments)")
      #expect(outcome.output == "")
    }
    #expect(try await shm("write", short, "1").status == .exited(1))
    #expect(try await shm("load", short, "-", input: "ab") == .success())
    #expect(try await shm("info", short).output.contains("size       2 bytes"))
    #expect(try await shm("info", long).output.contains("size       1 bytes"))
    // The longer one begins with an e, which comes before its accented form.
    let list = try await shm("list").output.split(separator: "\n").filter { $0.contains(base) }
    #expect(list.count == 2)
    #expect(list.first.map { $0.utf8.starts(with: long.utf8) } == true)
    #expect(try await shm("remove", long) == .success())
    #expect(try SharedMemory.attach(short).byteCount == 2)
  }

  @Test("Memory whose name is not UTF-8 is shown, read and removed, by the raw or the shown name")
  func notUTF8() async throws {
    let outcome = try await runWithOwnSharedMemory(
      "size=1m",
      #"""
      raw=$'caf\xe9'; printf 'AB' > /dev/shm/$raw; cp /dev/shm/$raw $'/dev/shm/caf\xef\xbf\xbd'
      rm $'/dev/shm/caf\xef\xbf\xbd'
      "$SHM" list | sed -E 's/ +(SIZE|[0-9]).*//'
      "$SHM" list --json | grep -ao '"name".*"argument": "[^"]*"'
      for name in "$raw" 'caf\xe9'; do
        "$SHM" info "$name" | head -2; "$SHM" read "$name"; "$SHM" dump "$name" | head -1
        "$SHM" save "$name" -; echo
        "$SHM" write "$name" 1; "$SHM" create "$name" --bytes 1; echo x | "$SHM" load "$name" -
      done
      # None of these is its name.
      for name in 'caf\\xe9' $'caf\xef\xbf\xbd' $'caf\\\xe9' cafe; do "$SHM" remove "$name"; done 2>&1 |
        grep -c 'No shared memory\|is invalid'
      "$SHM" sweep --dry-run; "$SHM" remove "$raw"; ls /dev/shm
      "$SHM" save "$raw" $'/tmp/\xe9' 2>&1 | head -1
      """#)
    let look = #"""
      name       caf\xe9
      kind       bytes
      65 66
      00000000  41 42                                             |AB|
      AB

      """#
    let refused = #"""
      shm: Cannot write to "caf\xe9": this needs a name in UTF-8. Choose another name.
      shm: Cannot create "caf\xe9": this needs a name in UTF-8. Choose another name.
      shm: Cannot create "caf\xe9": this needs a name in UTF-8. Choose another name.

      """#
    #expect(
      outcome.output == #"""
        NAME     KIND
        caf\xe9  bytes
        "name": "caf�", "argument": "caf\\xe9"

        """# + look + look + #"""
          4
          Error: The value '/tmp/\xe9' is invalid for '<file>': it is not UTF-8. Give - instead, and redirect the file to it.

          """#)
    #expect(outcome.errors == refused + refused)
  }

  @Test("Escape sequences for the terminal in a name or command are harmless in every output")
  func terminal() async throws {
    let outcome = try await runWithOwnSharedMemory(
      "size=1m",
      #"""
      name=$'\e]0;x\a\x9b2J\xc2\x9b\e[31m'; printf 1 > "/dev/shm/$name"
      { "$SHM" list; "$SHM" list --json; "$SHM" info "$name"; "$SHM" info "$name" --json
        "$SHM" write "$name" 1; "$SHM" remove "$name" "$name" "x$name"; "$SHM" $'bogus\e'
        "$SHM" create $'a/\e' --bytes 1; "$SHM" load ok $'/no/\e\x9b'; } > /tmp/$1 2>&1
      LC_ALL=C grep -c $'[\x01-\x08\x0b-\x1f\x7f\x9b]' /tmp/$1; wc -l < /tmp/$1; rm /tmp/$1
      """#, uniqueName("output"))
    #expect(outcome.output.hasPrefix("0\n"), "\(outcome)")
    #expect(Int(outcome.output.dropFirst(2).trimmingCharacters(in: .newlines)) ?? 0 > 20)
  }
}
