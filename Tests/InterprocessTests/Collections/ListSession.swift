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

import Subprocess
import TestSupport
import Testing

/// A Python process that uses `ShareableList`.
struct ListSession {
  private let process: ChildProcess

  /// Performs all commands in one go, and returns their results.
  ///
  /// - Parameter commands: `create NAME ELEMENTS`, `attach NAME`, `read NAME`, `get NAME INDEX`,
  ///   `set NAME INDEX ELEMENT`, `eval NAME EXPRESSION` with the list as `sl`, and `unlink NAME`.
  func callAsFunction(
    _ commands: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> [String] {
    let answer = try await process.ask(commands.joined(separator: "|"))
    let results = try #require(answer, sourceLocation: sourceLocation)
      .split(separator: "|", omittingEmptySubsequences: false).map { String($0) }
    try #require(results.count == commands.count, "\(results)", sourceLocation: sourceLocation)
    return results
  }

  func callAsFunction(
    _ command: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    try await self([command], sourceLocation: sourceLocation)[0]
  }

  static func with<Result: Sendable>(
    _ python: Python, _ body: (ListSession) async throws -> Result
  ) async throws -> Result {
    let (status, result) = try await withChildProcess(python.path, ["-u", "-c", program]) {
      try await body(ListSession(process: $0))
    }
    #expect(status == .exited(0))
    return result
  }

  private static let program = """
    import pickle, struct, sys, time
    from multiprocessing import resource_tracker, shared_memory
    from multiprocessing.shared_memory import ShareableList

    # A ShareableList cannot be told to leave names alone.
    resource_tracker.register = resource_tracker.unregister = lambda *arguments: None

    def word(value):
        if value is None: return "n"
        if value is True or value is False: return "b%d" % value
        if type(value) is int: return "i%d" % value
        if type(value) is float: return "d" + struct.pack(">d", value).hex()
        if type(value) is str: return "s" + value.encode().hex()
        if type(value) is bytes: return "y" + value.hex()
        raise TypeError(type(value))

    def element(word):
        kind, text = word[0], word[1:]
        if kind == "n": return None
        if kind == "b": return text == "1"
        if kind == "i": return int(text)
        if kind == "d": return struct.unpack(">d", bytes.fromhex(text))[0]
        if kind == "s": return bytes.fromhex(text).decode()
        if kind == "y": return bytes.fromhex(text)
        raise ValueError(word)

    lists = {}

    def get(sl, index):
        try:
            return word(sl[index])
        except UnicodeDecodeError:
            return "?"

    def perform(command, name, *words):
        if command == "create":
            lists[name] = ShareableList([element(word) for word in words], name=name)
            return len(lists[name])
        if command == "attach":
            lists[name] = ShareableList(name=name)
            return len(lists[name])
        sl = lists[name]
        if command == "read":
            return " ".join(get(sl, index) for index in range(len(sl)))
        if command == "get":
            return get(sl, int(words[0]))
        if command == "set":
            sl[int(words[0])] = element(words[1])
            return ""
        if command == "eval":
            return eval(" ".join(words), {**globals(), "sl": sl})
        if command == "unlink":
            del lists[name]
            sl.shm.close()
            sl.shm.unlink()
            return ""
        raise NotImplementedError(command)

    def result(text):
        try:
            return str(perform(*text.split()))
        except Exception as error:
            return "error " + type(error).__name__

    for line in sys.stdin:
        print("|".join(result(text) for text in line.rstrip("\\n").split("|")))
    """
}
