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

@Suite("Bad input", .timeLimit(.minutes(10)))
struct BadInputTests {
  /// The usage at the end of a complaint, for each command, from the command's own help.
  ///
  /// No command stands for the tool itself.
  private static let usages = Task {
    var usages: [[String]: String] = [:]
    for command in HelpText.all.map(\.command) {
      let help = try await run(
        Tool.path, command + ["--help"], environment: ["COLUMNS": "1000"]
      ).output
      let usage = try #require(help.firstMatch(of: /(?m)^USAGE: (.*)$/)).1
      usages[command] = """
        Usage: \(usage)
          See '\((["shm"] + command + ["--help"]).joined(separator: " "))' for more information.
        """
    }
    return usages
  }

  @Test("A wrong command line is reported with the usage", arguments: BadInput.usage)
  func usage(input: BadInput) async throws {
    try await withName { name in
      let outcome = try await shm(input.arguments.map { $0 == "NAME" ? name : $0 })
      let usages = try await Self.usages.value
      let usage = try #require(usages[[input.arguments[0]]] ?? usages[[]])
      #expect(
        outcome
          == ProcessOutcome(
            status: .exited(64), output: "", errors: "\(input.errors)\n\(usage)\n"))
      #expect(!exists(name))
    }
  }

  @Test("A command that fails says why in a sentence", arguments: BadInput.failures)
  func failures(input: BadInput) async throws {
    try await withName { name in
      _ = try SharedMemory.create(name, byteCount: 16)
      let outcome = try await shm(input.arguments.map { $0 == "NAME" ? name : $0 })
      #expect(
        outcome
          == .failure(
            input.errors.replacing("NAME", with: name)
              .replacing("`shm list`", with: "`\(Tool.command) list`")))
      #expect(try content(name) == [UInt8](repeating: 0, count: 16))
    }
  }

  @Test("A file that is not shared memory is reported", arguments: BadInput.otherKinds)
  func otherKinds(input: BadInput) async throws {
    let name = uniqueName("kind")
    let path = "/dev/shm/\(name)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let make = input.arguments[0].replacing("NAME", with: path)
    let made = try await bash(make)
    #expect(made == .success())
    let outcome = try await shm("read", name)
    #expect(outcome == .failure(input.errors.replacing("NAME", with: name)))
  }
}

/// A command line, and what the tool writes to standard error, apart from what it always adds.
struct BadInput: Sendable, CustomTestStringConvertible {
  var arguments: [String]
  var errors: String

  init(_ arguments: String..., errors: String) {
    self.arguments = arguments
    self.errors = errors
  }

  var testDescription: String { arguments.joined(separator: " ") }
}
