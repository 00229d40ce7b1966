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

@Suite("Help", .timeLimit(.minutes(10)))
struct HelpTests {
  @Test("The whole help of every command", arguments: HelpText.all)
  func help(expected: HelpText) async throws {
    #expect(try await shm(["help"] + expected.command) == .success(expected.text))
    #expect(try await shm(expected.command + ["--help"]) == .success(expected.text))
    #expect(try await shm(expected.command + ["-h"]) == .success(expected.text))
  }

  @Test("Without a command, the tool shows what there is")
  func noCommand() async throws {
    let overview = try #require(HelpText.all.first { $0.command.isEmpty })
    #expect(try await shm() == .success(overview.text))
  }

  @Test("There is a text for every command that is shown")
  func complete() throws {
    let overview = try #require(HelpText.all.first { $0.command.isEmpty })
    let commands = overview.text.matches(of: /(?m)^ {2}([a-z]+) {2,}/).map { String($0.1) }
    #expect(commands == HelpText.all.flatMap(\.command))
  }
}
