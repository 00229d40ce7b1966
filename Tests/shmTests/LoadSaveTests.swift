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

@Suite("Loading and saving", .timeLimit(.minutes(10)))
struct LoadSaveTests {
  static let sizes = [1, 4096, 4097, 10 << 20]

  @Test("A file comes back byte for byte", arguments: sizes)
  func files(byteCount: Int) async throws {
    try await withTemporaryDirectory { directory in
      try await withName { name in
        let bytes = noise(byteCount)
        try Data(bytes).write(to: URL(filePath: "\(directory)/in"))
        #expect(try await shm("load", name, "\(directory)/in") == .success())
        #expect(try content(name) == bytes)
        #expect(try await shm("save", name, "\(directory)/out") == .success())
        #expect(try [UInt8](Data(contentsOf: URL(filePath: "\(directory)/out"))) == bytes)
        let blockCount = (byteCount + 4095) / 4096 * 8
        #expect(try await facts(name) == "\(byteCount) \(blockCount) 600")
      }
    }
  }

  @Test("A pipe comes back byte for byte", arguments: sizes)
  func pipes(byteCount: Int) async throws {
    try await withTemporaryDirectory { directory in
      try await withName { name in
        let bytes = noise(byteCount, seed: 2)
        try Data(bytes).write(to: URL(filePath: "\(directory)/in"))
        let outcome = try await bash(
          """
          cat "$2/in" | "$SHM" load "$1" - && "$SHM" save "$1" - | cat > "$2/out"
          """, name, directory)
        #expect(outcome == .success())
        #expect(try content(name) == bytes)
        #expect(try [UInt8](Data(contentsOf: URL(filePath: "\(directory)/out"))) == bytes)
      }
    }
  }

  // MARK: - Progress

  /// Input that takes more than a second: the second part comes long after the first was read.
  private static let slowly = "{ head -c 1048576 /dev/zero; sleep 3; head -c 1048576 /dev/zero; }"

  @Test("A terminal shows the progress of a long load, and is clean at its end")
  func progress() async throws {
    try await withName { name in
      let outcome = try await run(
        "script", ["-qec", "\(Self.slowly) | \"$SHM\" load \(name) -", "/dev/null"],
        environment: Tool.environment)
      #expect(outcome.status == .exited(0))
      #expect(outcome.output.wholeMatch(of: /(\r[12] MiB read\x1B\[K)+\r\x1B\[K/) != nil)
      #expect(try content(name).count == 2 << 20)
    }
  }

  @Test("A short load shows nothing on a terminal")
  func noProgress() async throws {
    try await withName { name in
      let outcome = try await run(
        "script", ["-qec", "head -c 9 /dev/zero | \"$SHM\" load \(name) -", "/dev/null"],
        environment: Tool.environment)
      #expect(outcome == .success())
      #expect(try content(name).count == 9)
    }
  }

  @Test("Without a terminal nothing is shown")
  func noTerminal() async throws {
    try await withName { name in
      let outcome = try await bash("\(Self.slowly) | \"$SHM\" load \"$1\" -", name)
      #expect(outcome == .success())
      #expect(try content(name).count == 2 << 20)
    }
  }
}
