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

/// The values that a pair of programs exchanges.
enum Kind: String, Sendable, CaseIterable, CustomTestStringConvertible {
  case uint8, float64

  var testDescription: String { rawValue }

  /// The four bytes or numbers that a pair leaves in the memory, one by one.
  var values: [[UInt8]] {
    switch self {
    case .uint8: [[1], [2], [3], [4]]
    case .float64:
      [1.5, 2.5, 3.5, 4.5].map { (value: Double) in
        unsafe withUnsafeBytes(of: value) { unsafe Array($0) }
      }
    }
  }

  /// The end of the line with a pair's result.
  var complete: String {
    switch self {
    case .uint8: "1 2 3 4"
    case .float64: "1.5 2.5 3.5 4.5"
    }
  }

  /// The end of that line if only the creator has written.
  var incomplete: String {
    switch self {
    case .uint8: "1 0 0 0"
    case .float64: "1.5 0.0 0.0 0.0"
    }
  }

  /// The whole output of the first program.
  func firstOutput(_ name: String, values: String) -> String {
    """
    Created "\(name)" with 1024 bytes
    Wrote \(self == .uint8 ? "1" : "1.5") at offset 0
    Waiting for process2_\(rawValue)
    The first four values: \(values)
    Closed "\(name)"
    Removed "\(name)"

    """
  }

  /// The whole output of the second program.
  func secondOutput(_ name: String) -> String {
    """
    Attached to "\(name)" with 1024 bytes
    Wrote \(self == .uint8 ? "2 3 4 at offsets 1 2 3" : "2.5 3.5 4.5 at offsets 8 16 24")
    The first four values: \(complete)
    Closed "\(name)"

    """
  }
}

/// The language of a program, and the interpreter that runs it.
enum Language: Sendable, Hashable, CustomTestStringConvertible {
  case swift
  case python(Python)

  static let all = [swift] + Python.all.map(python)

  var testDescription: String {
    switch self {
    case .swift: "Swift"
    case .python(let python): python.description
    }
  }
}

/// The languages of the first and the second program.
struct Pair: Sendable, CustomTestStringConvertible {
  var first: Language
  var second: Language

  var testDescription: String { "\(first.testDescription), \(second.testDescription)" }

  /// Swift with itself and with every Python in both orders, and every Python with itself.
  static let all =
    [Pair(first: .swift, second: .swift)]
    + Python.all.map(Language.python).flatMap { python in
      [
        Pair(first: .swift, second: python), Pair(first: python, second: .swift),
        Pair(first: python, second: python),
      ]
    }
}

extension Pair {
  /// Each of the four pairings of languages once.
  static let some =
    [Pair(first: .swift, second: .swift)]
    + Python.all.suffix(1).map(Language.python).flatMap { python in
      [Pair(first: .swift, second: python), Pair(first: python, second: .swift)]
    }
    + Python.all.prefix(1).map { Pair(first: .python($0), second: .python($0)) }
}

/// One of the programs.
struct Program: Sendable {
  var number: Int
  var kind: Kind
  var language: Language

  /// The executable to run.
  var executable: String {
    switch language {
    case .swift: Places.product(name)
    case .python(let python): python.path
    }
  }

  /// Its arguments.
  ///
  /// Python runs without packages and variables that this machine may happen to have.
  var arguments: [String] {
    switch language {
    case .swift: []
    case .python: ["-I", "-S", "\(Places.package)/Examples/python/\(name).py"]
    }
  }

  var name: String { "process\(number)_\(kind.rawValue)" }

  func run(_ options: String...) async throws -> ProcessOutcome {
    try await run(options)
  }

  func run(_ options: [String]) async throws -> ProcessOutcome {
    guard case .python = language else {
      return try await TestSupport.run(executable, arguments + options)
    }
    // Python's resource tracker, a separate process, prints warnings and removes names after the
    // program has ended. It shares the program's standard error, which the shell reads to its end.
    let script = """
      exec 3>&1
      errors=$("$0" "$@" 2>&1 >&3 3>&-)
      status=$?
      test -z "$errors" || printf '%s\\n' "$errors" >&2
      exit $status
      """
    return try await TestSupport.run("sh", ["-c", script, executable] + arguments + options)
  }

  /// Runs the program with an empty `/dev/shm` of its own.
  func runAlone(_ options: String...) async throws -> ProcessOutcome {
    try await runWithPrivateSharedMemory("size=1m", executable, arguments + options)
  }

  /// Starts the program, with its standard error in its output, and talks to it.
  func start(
    _ options: String..., body: (ChildProcess) async throws -> Void
  ) async throws -> TerminationStatus {
    let script = "exec \"$0\" \"$@\" 2>&1"
    return try await withChildProcess(
      "sh", ["-c", script, executable] + arguments + options, body
    ).status
  }
}

extension ProcessOutcome {
  /// The outcome of a program that failed.
  static func failure(_ message: String) -> ProcessOutcome {
    ProcessOutcome(status: .exited(1), output: "", errors: "Error: \(message)\n")
  }
}

/// Runs a test with a name for shared memory, and removes the memory that a failed test left there.
func withName(_ body: (String) async throws -> Void) async throws {
  let name = uniqueName("example")
  defer { try? FileManager.default.removeItem(atPath: path(name)) }
  try await body(name)
}

/// Expects a program to leave existing memory of its name alone, and to say that it exists.
func expectNameLeftAlone(
  by run: (_ name: String) async throws -> ProcessOutcome
) async throws {
  try await withName { name in
    try Data([7, 7]).write(to: URL(filePath: path(name)))
    let outcome = try await run(name)
    #expect(outcome.status == .exited(1))
    #expect(outcome.output == "")
    #expect(outcome.errors.hasPrefix("Error: Shared memory \"\(name)\" exists already."))
    #expect(try bytes(name) == [7, 7])
  }
}

/// The file of a segment.
func path(_ name: String) -> String { "/dev/shm/\(name)" }

func exists(_ name: String) -> Bool {
  FileManager.default.fileExists(atPath: path(name))
}

/// Expects that nobody holds the segment of a name, after processes that held it were killed.
///
/// A dead process seems to hold it for a moment, if another process reads its `/proc`. What the last
/// close then leaves is stale, and can be replaced; what a process that survived holds cannot.
func expectGone(_ name: String) async {
  let deadline = ContinuousClock.now + .seconds(10)
  while exists(name) && .now < deadline {
    try? SharedMemory.create(name, byteCount: 1).unlink()
    try? await Task.sleep(for: .milliseconds(10))
  }
  #expect(!exists(name))
}

/// The bytes of a segment.
func bytes(_ name: String) throws -> [UInt8] {
  try Array(Data(contentsOf: URL(filePath: path(name))))
}

/// Writes bytes into an existing segment, at an offset.
func write(_ bytes: [UInt8], at offset: Int, _ name: String) throws {
  let file = try FileHandle(forWritingTo: URL(filePath: path(name)))
  try file.seek(toOffset: UInt64(offset))
  try file.write(contentsOf: bytes)
  try file.close()
}

/// Waits until a first program has made its memory, or the test's time limit ends the wait.
func waitForMemory(_ name: String) async throws {
  // Python gives the memory its name a moment before its size.
  while try !exists(name) || bytes(name).count < 1024 {
    try await Task.sleep(for: .milliseconds(5))
  }
}
