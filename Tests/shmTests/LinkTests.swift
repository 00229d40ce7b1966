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

@Suite("What the tool is made of", .timeLimit(.minutes(10)))
struct LinkTests {
  /// The argument parser links the essential part of Foundation; nothing else may link any of it.
  @Test("The tool links only the part of Foundation that the argument parser brings")
  func libraries() async throws {
    let outcome = try await run("readelf", ["--dynamic", "--wide", Tool.path])
    #expect(outcome.status == .exited(0))
    let libraries = outcome.output.matches(of: /\(NEEDED\).*\[(.*)\]/).map { String($0.1) }
    // The list was read at all.
    #expect(libraries.contains("libc.so.6"))
    let foundation = libraries.filter { $0.contains("Foundation") }
    #expect(Set(foundation).isSubset(of: ["libFoundationEssentials.so"]))
  }

  @Test("Neither the library nor the tool imports Foundation", arguments: ["Interprocess", "shm"])
  func imports(module: String) throws {
    let directory = "\(Places.package)/Sources/\(module)"
    let files = try FileManager.default.subpathsOfDirectory(atPath: directory)
      .filter { $0.hasSuffix(".swift") }
    var modules: Set<String> = []
    for file in files {
      let text = try String(contentsOfFile: "\(directory)/\(file)", encoding: .utf8)
      for line in text.split(separator: "\n") where line.contains("import") {
        if let match = line.wholeMatch(
          of: /\s*(?:\S+\s+)*?import\s+(?:\w+\s+)?(\w+)[.\w]*\s*/)
        {
          modules.insert(String(match.1))
        }
      }
    }
    #expect(modules.contains("Glibc"))
    let allowed: Set = [
      "ArgumentParser", "CInterprocess", "Glibc", "Interprocess", "Swift", "Synchronization",
      "SystemPackage",
    ]
    #expect(modules.subtracting(allowed).isEmpty)
  }
}
