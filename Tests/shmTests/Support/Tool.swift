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

/// Runs the tool to its end.
func shm(_ arguments: [String], input: String = "") async throws -> ProcessOutcome {
  try await run(Tool.path, arguments, environment: Tool.environment, input: input)
}

func shm(_ arguments: String..., input: String = "") async throws -> ProcessOutcome {
  try await shm(arguments, input: input)
}

/// Runs a script in which `$SHM` is the tool, and `$1` and the following are the arguments.
func bash(_ script: String, _ arguments: String..., input: String = "") async throws
  -> ProcessOutcome
{
  try await run(
    "bash", ["-c", script, "bash"] + arguments, environment: Tool.environment, input: input)
}

enum Tool {
  static let path = Places.product("shm")

  /// The name of the tool in its hints: `swift run shm`, or its path.
  static let command =
    path.hasPrefix(FileManager.default.currentDirectoryPath + "/.build/") ? "swift run shm" : path

  /// Formats help for a terminal of this width, whatever terminal the tests run in.
  static let environment = ["COLUMNS": "80", "SHM": path]
}

extension ProcessOutcome {
  /// The outcome of a tool that failed.
  static func failure(_ message: String, output: String = "") -> ProcessOutcome {
    ProcessOutcome(status: .exited(1), output: output, errors: "shm: \(message)\n")
  }
}

/// Runs a body with a name that no other process uses, and removes the memory at the end.
func withName<Result>(
  _ label: String = "tool", _ body: (String) async throws -> Result
) async throws -> Result {
  let name = uniqueName(label)
  defer { try? SharedMemory.unlink(name) }
  return try await body(name)
}

/// Whether there is shared memory of this name.
func exists(_ name: String) -> Bool {
  FileManager.default.fileExists(atPath: "/dev/shm/\(name)")
}

/// The rows of `shm info` beyond those of every segment.
func infoDetails(_ name: String) async throws -> [String] {
  let common = ["name", "size", "resident", "owner", "mode", "age", "lifetime", "handles"]
  let outcome = try await shm("info", name)
  #expect(outcome.status == .exited(0))
  return outcome.output.split(separator: "\n").map(String.init).filter { line in
    !common.contains { line.hasPrefix($0) } && !line.hasPrefix("processes")
  }.map { $0.replacing(/[ ]{2,}/, with: " ") }
}

/// The members of `shm info --json` beyond those of every segment.
func infoJSON(_ name: String) async throws -> NSDictionary {
  let outcome = try await shm("info", name, "--json")
  let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
  return try #require(object as? NSDictionary)
}

/// The kind, in both forms of the list.
func listedKind(_ name: String) async throws -> String? {
  let list = try await shm("list").output
  let row = list.split(separator: "\n").first { $0.hasPrefix(name + " ") }
  let all = try JSONSerialization.jsonObject(
    with: Data(try await shm("list", "--json").output.utf8))
  let object = (all as? [NSDictionary])?.first { $0["name"] as? String == name }
  let kind = row?.split(separator: " ").dropFirst().first.map(String.init)
  #expect(object?["kind"] as? String == kind)
  return kind
}

/// The bytes of shared memory, read as a file.
func content(_ name: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(filePath: "/dev/shm/\(name)")))
}

/// The size of shared memory, the number of 512-byte blocks it has taken, and its mode in octal.
func facts(_ name: String) async throws -> String {
  try await run("stat", ["-c", "%s %b %a", "/dev/shm/\(name)"]).output
    .trimmingCharacters(in: .newlines)
}

/// Runs a body with an empty directory, which is removed at the end.
func withTemporaryDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result
{
  let path = FileManager.default.temporaryDirectory.appending(path: uniqueName("directory")).path
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  defer { try? FileManager.default.removeItem(atPath: path) }
  return try await body(path)
}

/// Bytes that look random, but are the same in every run.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return UInt8(truncatingIfNeeded: state >> 56)
  }
}
