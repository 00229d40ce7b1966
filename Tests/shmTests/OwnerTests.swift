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
import TestSupport
import Testing

@Suite(
  "Memory of another user", .timeLimit(.minutes(10)),
  .enabled(if: geteuid() == 0, "Needs root, to give a file to another user."))
struct OwnerTests {
  /// Runs a body with a segment of four bytes that belongs to a user without a name.
  private func withForeignMemory(_ body: (String) async throws -> Void) async throws {
    try await withName("foreign") { name in
      try Data("abcd".utf8).write(to: URL(filePath: "/dev/shm/\(name)"))
      try FileManager.default.setAttributes(
        [.ownerAccountID: 65534], ofItemAtPath: "/dev/shm/\(name)")
      try await body(name)
    }
  }

  @Test(
    "Every command that attaches refuses foreign memory",
    arguments: [["read"], ["write", "1"], ["dump"], ["save", "-"]])
  func refused(arguments: [String]) async throws {
    try await withForeignMemory { (name: String) async throws in
      #expect(
        try await shm([arguments[0], name] + arguments.dropFirst())
          == .failure(
            """
            Shared memory "\(name)" belongs to another user. Add --any-owner if you trust that user.
            """))
      #expect(try content(name) == Array("abcd".utf8))
    }
  }

  @Test("With --any-owner every command accepts it")
  func accepted() async throws {
    try await withForeignMemory { (name: String) async throws in
      #expect(try await shm("read", name, "--any-owner") == .success("97 98 99 100\n"))
      #expect(try await shm("save", "--any-owner", name, "-") == .success("abcd"))
      #expect(try await shm("write", name, "--any-owner", "--offset", "1", "66") == .success())
      #expect(
        try await shm("dump", name, "--any-owner")
          == .success(
            """
            00000000  61 42 63 64                                       |aBcd|
            00000004

            """))
    }
  }

  @Test("The list shows its owner, and root can remove it")
  func shown() async throws {
    try await withForeignMemory { (name: String) async throws in
      let info = try await shm("info", name)
      #expect(info.output.contains("\nowner      nobody\nmode       0644\n"))
      #expect(try await shm("remove", name) == .success())
      #expect(!exists(name))
    }
  }
}
