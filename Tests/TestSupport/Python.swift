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

/// A Python interpreter on this machine.
package struct Python: Sendable, Hashable, CustomStringConvertible {
  package var path: String
  package var minorVersion: Int

  package var description: String { "python3.\(minorVersion)" }

  /// Runs a program text, with `arguments` in `sys.argv[1:]`.
  package func run(
    _ program: String, _ arguments: [String] = [], input: String = ""
  ) async throws -> ProcessOutcome {
    try await TestSupport.run(path, ["-c", program] + arguments, input: input)
  }

  /// Every CPython from 3.9 to 3.13 on this machine, one of each minor version: in `PATH` or under
  /// pyenv.
  package static let all: [Python] = (9...13).compactMap { minor in
    candidates(minor).first { works($0, minor) }.map { Python(path: $0, minorVersion: minor) }
  }

  /// A Python with numpy: the system's `python3`, or the one in the package's virtual environment,
  /// which `scripts/test` creates if the system's has no numpy.
  package static let withNumpy: Python? = {
    let environment = Places.package + "/.venv/bin/python3"
    let candidates = [environment] + pathCandidates("python3")
    for path in candidates where output(path, "import numpy; print(1)") == "1" {
      guard let minor = output(path, "import sys; print(sys.version_info[1])").flatMap({ Int($0) })
      else { continue }
      return Python(path: path, minorVersion: minor)
    }
    return nil
  }()

  private static func candidates(_ minor: Int) -> [String] {
    let home = ProcessInfo.processInfo.environment["HOME"] ?? "/root"
    let roots = [ProcessInfo.processInfo.environment["PYENV_ROOT"], "\(home)/.pyenv"]
    let versions = roots.compactMap { $0 }.flatMap { root in
      ((try? FileManager.default.contentsOfDirectory(atPath: "\(root)/versions")) ?? [])
        .filter { $0.hasPrefix("3.\(minor).") }.sorted()
        .map { "\(root)/versions/\($0)/bin/python3" }
    }
    return versions + pathCandidates("python3.\(minor)") + pathCandidates("python3")
  }

  private static func pathCandidates(_ name: String) -> [String] {
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map {
      "\($0)/\(name)"
    }
    .filter { FileManager.default.isExecutableFile(atPath: $0) }
  }

  private static func works(_ path: String, _ minor: Int) -> Bool {
    output(path, "import sys, _posixshmem; print(sys.version_info[1])") == String(minor)
  }

  private static func output(_ path: String, _ program: String) -> String? {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(filePath: path)
    process.arguments = ["-c", program]
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { return nil }
    return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
