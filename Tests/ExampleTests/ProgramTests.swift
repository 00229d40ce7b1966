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
import Subprocess
import TestSupport
import Testing

@Suite("Examples, one by one")
struct ProgramTests {
  @Test(
    "Alone, the first program prints zeros for the missing values", .timeLimit(.minutes(5)),
    arguments: Language.all, Kind.allCases)
  func firstAlone(language: Language, kind: Kind) async throws {
    let program = Program(number: 1, kind: kind, language: language)
    for wait in ["0", "0.05"] {
      try await withName { name in
        let outcome = try await program.run("--name", name, "--wait", wait)
        #expect(outcome == .success(kind.firstOutput(name, values: kind.incomplete)))
        #expect(!exists(name))
      }
    }
  }

  @Test(
    "The first program waits for all three values", .timeLimit(.minutes(5)),
    arguments: Language.all, Kind.allCases)
  func allThree(language: Language, kind: Kind) async throws {
    let program = Program(number: 1, kind: kind, language: language)
    let values = kind.values
    for last in 1...3 {
      try await withName { name in
        async let outcome = program.run("--name", name, "--wait", "300")
        try await waitForMemory(name)
        for index in 1...3 where index != last {
          try write(values[index], at: index * values[index].count, name)
        }
        // Long enough to end the wait of a program that looks at too few values.
        try await Task.sleep(for: .milliseconds(300))
        try write(values[last], at: last * values[last].count, name)
        #expect(try await outcome == .success(kind.firstOutput(name, values: kind.complete)))
        #expect(!exists(name))
      }
    }
  }

  @Test(
    "The second program leaves the memory to its creator", .timeLimit(.minutes(5)),
    arguments: Language.all, Kind.allCases)
  func secondAlone(language: Language, kind: Kind) async throws {
    try await withName { name in
      try make(name, kind.values[0] + Array(repeating: 0, count: 1024 - kind.values[0].count))
      let outcome = try await Program(number: 2, kind: kind, language: language)
        .run("--name", name)
      #expect(outcome == .success(kind.secondOutput(name)))
      let written = kind.values.flatMap { $0 }
      #expect(try bytes(name) == written + Array(repeating: 0, count: 1024 - written.count))
    }
  }

  @Test(
    "The second program waits for the first value", .timeLimit(.minutes(5)),
    arguments: Language.all, Kind.allCases)
  func lateFirstValue(language: Language, kind: Kind) async throws {
    try await withName { name in
      try make(name, Array(repeating: 0, count: 1024))
      async let outcome = Program(number: 2, kind: kind, language: language).run("--name", name)
      let last = kind.values[3]
      while try Array(bytes(name)[(3 * last.count)..<(4 * last.count)]) != last {
        try await Task.sleep(for: .milliseconds(5))
      }
      // Long enough for a program that does not wait to print a zero.
      try await Task.sleep(for: .milliseconds(300))
      try write(kind.values[0], at: 0, name)
      #expect(try await outcome == .success(kind.secondOutput(name)))
    }
  }

  @Test(
    "The second program, started first, says what to start", .timeLimit(.minutes(5)),
    arguments: Language.all, Kind.allCases)
  func secondFirst(language: Language, kind: Kind) async throws {
    try await withName { name in
      let outcome = try await Program(number: 2, kind: kind, language: language)
        .run("--name", name)
      let message = "No shared memory named \"\(name)\". Start process1_\(kind.rawValue) first."
      #expect(outcome == .failure(message))
      #expect(!exists(name))
    }
  }

  @Test(
    "The second program refuses memory of another size, and leaves it as it is",
    .timeLimit(.minutes(5)), arguments: Language.all, Kind.allCases)
  func otherSize(language: Language, kind: Kind) async throws {
    let program = Program(number: 2, kind: kind, language: language)
    try await withName { name in
      try make(name, [7, 7])
      let message = "Shared memory \"\(name)\" has 2 bytes, not 1024."
      #expect(try await program.run("--name", name) == .failure(message))
      #expect(try bytes(name) == [7, 7])

      try make(name, [])
      let outcome = try await program.run("--name", name)
      #expect(outcome.status == .exited(1))
      #expect(outcome.output == "")
      #expect(outcome.errors.hasPrefix("Error: Shared memory \"\(name)\" is still empty"))
      #expect(try bytes(name) == [])
    }
  }

  @Test(
    "The first program leaves existing memory of its name alone", .timeLimit(.minutes(5)),
    arguments: Language.all, Kind.allCases)
  func takenName(language: Language, kind: Kind) async throws {
    try await withName { name in
      let content = Array(repeating: UInt8(7), count: 100)
      try make(name, content)
      let outcome = try await Program(number: 1, kind: kind, language: language)
        .run("--name", name)
      let message = """
        Shared memory "\(name)" exists already. \
        Attach to it, or remove it first if nobody uses it.
        """
      #expect(outcome == .failure(message))
      #expect(try bytes(name) == content)
    }
  }

  @Test(
    "A signal ends the wait, and the name goes", .timeLimit(.minutes(5)), arguments: Language.all,
    [SIGINT, SIGTERM])
  func signals(language: Language, signal: CInt) async throws {
    for kind in Kind.allCases {
      try await withName { name in
        let program = Program(number: 1, kind: kind, language: language)
        let status = try await program.start("--name", name, "--wait", "300") {
          child async throws in
          // Each line arrives as it is printed, while the program still runs.
          let lines = kind.firstOutput(name, values: kind.incomplete).split(separator: "\n")
          for line in lines.prefix(3) { #expect(try await child.nextLine() == String(line)) }
          #expect(exists(name))
          #expect(kill(child.processID, signal) == 0)
          for line in lines.dropFirst(3) { #expect(try await child.nextLine() == String(line)) }
          #expect(try await child.nextLine() == nil)
        }
        #expect(status == .exited(128 + signal))
        #expect(!exists(name))
      }
    }
  }

  @Test(
    "The default name is MyMemory", .timeLimit(.minutes(5)), arguments: Language.all,
    Kind.allCases)
  func defaultName(language: Language, kind: Kind) async throws {
    // The name is free here, whatever else runs on this machine.
    let first = try await Program(number: 1, kind: kind, language: language)
      .runAlone("--wait", "0")
    #expect(first == .success(kind.firstOutput("MyMemory", values: kind.incomplete)))
    let second = try await Program(number: 2, kind: kind, language: language).runAlone()
    #expect(second.status == .exited(1))
    #expect(second.errors.hasPrefix("Error: No shared memory named \"MyMemory\"."))
  }

  @Test(
    "The help describes the options and the default wait", .timeLimit(.minutes(5)),
    arguments: Language.all, Kind.allCases)
  func help(language: Language, kind: Kind) async throws {
    let first = try await Program(number: 1, kind: kind, language: language).run("--help")
    #expect(first.status == .exited(0))
    #expect(first.output.contains("--wait"))
    #expect(first.output.contains("(default: 10.0)"))
    let second = try await Program(number: 2, kind: kind, language: language).run("--help")
    #expect(second.status == .exited(0))
    #expect(second.output.contains("--name"))
    #expect(!second.output.contains("--wait"))
  }

  @Test(
    "Invalid options are refused", .timeLimit(.minutes(5)), arguments: Language.all,
    Kind.allCases)
  func badOptions(language: Language, kind: Kind) async throws {
    let status: CInt = language == .swift ? 64 : 2
    let first = Program(number: 1, kind: kind, language: language)
    let second = Program(number: 2, kind: kind, language: language)
    try await withName { name in
      for options in [
        ["--wait", "soon"], ["--wait", "-1"], ["--wait=-1"], ["--wait", "nan"], ["--wait"],
        ["--nonsense"], ["something"],
      ] {
        try await expectRefusal(first, ["--name", name] + options, status)
        #expect(!exists(name))
      }
      try await expectRefusal(first, ["--name"], status)

      try make(name, Array(repeating: 0, count: 1024))
      for options in [["--wait", "1"], ["--nonsense"], ["something"]] {
        try await expectRefusal(second, ["--name", name] + options, status)
      }
      #expect(try bytes(name) == Array(repeating: 0, count: 1024))
    }
  }

  private func expectRefusal(
    _ program: Program, _ options: [String], _ status: CInt
  ) async throws {
    let outcome = try await program.run(options)
    #expect(outcome.status == .exited(status), "\(options)")
    #expect(outcome.output == "", "\(options)")
    #expect(outcome.errors.lowercased().contains("usage: \(program.name)"), "\(options)")
  }

  /// Makes a file like that of a segment.
  private func make(_ name: String, _ bytes: [UInt8]) throws {
    try Data(bytes).write(to: URL(filePath: path(name)))
  }
}
