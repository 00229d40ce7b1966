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

import Interprocess
import TestSupport
import Testing

@Suite("Names")
struct NameTests {
  static let invalid = [
    "", "/", ".", "..", "/.", "/..", "a/b", "a/", "//a", "a\0b", "\0", "../etc/passwd",
    String(repeating: "x", count: 256), String(repeating: "é", count: 128),
  ]

  @Test("Every function refuses an invalid name", arguments: invalid)
  func refused(name: String) throws {
    let operations: [() throws -> Void] = [
      { _ = try SharedMemory.create(name, byteCount: 16) },
      { _ = try SharedMemory.attach(name) },
      { _ = try SharedMemory.attach(name, waitingUpTo: .seconds(60)) },
      { _ = try SharedMemory.attachOrCreate(name, byteCount: 16) },
      { try SharedMemory.unlink(name) },
    ]
    for operation in operations {
      let error = try #require(throws: InterprocessError.self) { try operation() }
      #expect(error.code == .invalidName)
      #expect(error.name == name)
    }
  }

  @Test(
    "Any other text is a name",
    arguments: [
      String(repeating: "x", count: 200), "with space", "...", ".hidden", "a:b", "line\nbreak",
      "naïve", "日本", "-rf", "\u{301}combining",
    ])
  func accepted(name: String) throws {
    let name = uniqueName() + name
    let memory = try SharedMemory.create(name, byteCount: 16)
    let other = try SharedMemory.attach(name)
    let names = [memory.name, other.name]
    #expect(names == [name, name])
    try memory.unlink()
  }

  @Test("255 bytes are a name")
  func longest() throws {
    let prefix = uniqueName()
    let name = prefix + String(repeating: "x", count: 255 - prefix.utf8.count)
    let memory = try SharedMemory.create(name, byteCount: 16)
    #expect(exists(name))
    try memory.unlink()
  }

  @Test("One leading slash is dropped", arguments: ["", "\u{301}"])
  func leadingSlash(start: String) throws {
    let name = start + uniqueName()
    let memory = try SharedMemory.create("/" + name, byteCount: 16)
    let found = memory.name
    // Compared as bytes: a slash and a combining accent are one character.
    #expect(Array(found.utf8) == Array(name.utf8))
    let error = try #require(throws: InterprocessError.self) {
      _ = try SharedMemory.create(name, byteCount: 16)
    }
    #expect(error.code == .alreadyExists)
    try SharedMemory.unlink("/" + name)
    #expect(!exists(name))
  }
}
