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

/// The README's snippets do what their comments say when pasted as they are.
@Suite("README", .timeLimit(.minutes(5)))
struct ReadmeTests {
  struct Snippet: Sendable {
    var language: String
    var text: String

    /// The output that the comments behind `print` promise.
    var printed: [String] {
      let comment = language == "python" ? "# " : "// "
      return text.split(separator: "\n").compactMap { line in
        guard line.hasPrefix("print("), let range = line.range(of: comment) else { return nil }
        return String(line[range.upperBound...])
      }
    }
  }

  static func snippets(of file: String) throws -> [Snippet] {
    let text = try String(contentsOfFile: "\(Places.package)/\(file)", encoding: .utf8)
    return text.matches(of: /```([a-z]*)\n((?s).*?)```/).map {
      Snippet(language: String($0.1), text: String($0.2))
    }
  }

  static func readme() throws -> (swift: [Snippet], python: [Snippet], other: [Snippet]) {
    let snippets = try snippets(of: "README.md")
    return (
      snippets.filter { $0.language == "swift" }, snippets.filter { $0.language == "python" },
      snippets.filter { $0.language != "swift" && $0.language != "python" }
    )
  }

  @Test("The README has exactly the snippets that are tested here")
  func known() throws {
    let (swift, python, other) = try Self.readme()
    #expect(swift.count == 4)
    #expect(python.count == 1)
    // These two have tests of their own, or start the tests.
    let commands = other.map { $0.text.split(separator: "\n").map { $0.split(separator: "  ")[0] } }
    #expect(commands == [["swift run shm demo", "./scripts/test"]])
  }

  @Test("Two programs, each in a terminal of its own, share memory")
  func terminals() async throws {
    let (swift, _, _) = try Self.readme()
    try await withDirectory { directory in
      let first = try await compile(swift[0].text, as: "first", in: directory)
      let second = try await compile(swift[1].text, as: "second", in: directory)
      let outcome = try await runWithPrivateSharedMemory(
        "size=8m", "sh",
        [
          "-c",
          """
          cd "$1" && mkfifo return
          "$2" <return >output & exec 3>return
          "$3" && echo >&3 && wait $! && cat output && ls -A /dev/shm
          """, "sh", directory, first, second,
        ])
      #expect(outcome.errors == "")
      #expect(outcome.status == .exited(0))
      let prompt = ["Start the other program, then press Return"]
      // The name is gone at the end.
      #expect(
        outcome.output.split(separator: "\n").map(String.init)
          == swift[1].printed + prompt + swift[0].printed)
      #expect(swift[1].printed == ["1 1.5"] && swift[0].printed == ["1 2"])
    }
  }

  @Test("Swift and numpy share an array, and Swift attaches to one that numpy has saved")
  func numpy() async throws {
    let (swift, python, _) = try Self.readme()
    let interpreter = try #require(Python.withNumpy)
    try await withDirectory { directory in
      let first = try await compile(swift[2].text, as: "image", in: directory)
      let attach = try #require(python[0].text.firstMatch(of: /# (SharedArray.*)\n/)).1
      let other = try await compile(
        "import Interprocess\nlet other = try \(attach)\nprint(other[3, 4])", as: "other",
        in: directory)
      try python[0].text.write(toFile: "\(directory)/image.py", atomically: true, encoding: .utf8)
      let outcome = try await runWithPrivateSharedMemory(
        "size=16m", "sh",
        [
          "-c",
          """
          cd "$1" && mkfifo return
          "$2" <return >output & exec 3>return
          for i in $(seq 600); do test -e /dev/shm/image && break; sleep 0.1; done
          "$3" image.py && echo >&3 && wait $! && cat output && "$4" && ls -A /dev/shm
          """, "sh", directory, first, interpreter.path, other,
        ])
      #expect(outcome.errors == "")
      #expect(outcome.status == .exited(0))
      let printed = swift[2].printed
      #expect(printed == ["[480, 640] 2.5", "5.0"])
      #expect(python[0].printed == ["(480, 640) float64 2.5"])
      #expect(
        outcome.output.split(separator: "\n").map(String.init)
          == python[0].printed + [printed[0], "Start Python, then press Return", printed[1]]
          + ["5.0", "other.npy"])
    }
  }

  @Test("The lines for a manifest form a valid one")
  func manifest() async throws {
    let (swift, _, _) = try Self.readme()
    let parts = swift[3].text.split(separator: "// and for the target:\n").map(String.init)
    try #require(parts.count == 2)
    try await withDirectory { directory in
      let text = """
        // swift-tools-version: 6.2
        import PackageDescription
        let package = Package(
          name: "Pasted",
          dependencies: [
            \(parts[0])
          ],
          targets: [.executableTarget(name: "Pasted", dependencies: [
            \(parts[1])
          ])])
        """
      try text.write(toFile: "\(directory)/Package.swift", atomically: true, encoding: .utf8)
      let outcome = try await TestSupport.run(
        "swift", ["package", "--package-path", directory, "dump-package"])
      #expect(outcome.status == .exited(0), "\(outcome.errors)")
      #expect(outcome.output.contains("swift-interprocess"))
      #expect(outcome.output.contains("\"Interprocess\""))
    }
  }

  @Test("No text saves an array directly under a name that other processes may have mapped")
  func saving() throws {
    let articles = try FileManager.default.contentsOfDirectory(
      atPath: "\(Places.package)/Sources/Interprocess/Interprocess.docc"
    ).filter { $0.hasSuffix(".md") }.map { "Sources/Interprocess/Interprocess.docc/\($0)" }
    var count = 0
    for file in ["README.md"] + articles {
      for snippet in try Self.snippets(of: file) {
        for match in snippet.text.matches(of: /numpy\.save\("\/dev\/shm\/([^"]*)"/) {
          #expect(match.1.hasPrefix("."), "\(file)")
          #expect(snippet.text.contains("os.replace(\"/dev/shm/\(match.1)\""), "\(file)")
          count += 1
        }
      }
    }
    #expect(count == 2)
  }

  // MARK: - Compiling

  /// Compiles a program against the library that was built for the tests.
  private func compile(
    _ text: String, as name: String, in directory: String
  ) async throws -> String {
    let source = "\(directory)/\(name)/main.swift"
    try FileManager.default.createDirectory(
      atPath: "\(directory)/\(name)", withIntermediateDirectories: true)
    try text.write(toFile: source, atomically: true, encoding: .utf8)
    let modules = ["Interprocess", "SystemPackage", "CInterprocess", "CSystem"]
    let objects = try modules.flatMap { module in
      let folder = Places.product("\(module).build")
      // The folder also holds objects of deleted sources. C modules have no such list.
      let sources = try? String(contentsOfFile: "\(folder)/sources", encoding: .utf8)
      return try FileManager.default.subpathsOfDirectory(atPath: folder)
        .filter { $0.hasSuffix(".o") && sources?.contains("/\($0.dropLast(2))\n") != false }
        .map { "\(folder)/\($0)" }
    }
    let product = "\(directory)/\(name)/\(name)"
    let outcome = try await TestSupport.run(
      "swiftc",
      [
        "-swift-version", "6", "-warnings-as-errors", "-o", product, source,
        "-I", Places.product("Modules"), "-Xcc",
        "-fmodule-map-file=\(Places.product("CInterprocess.build/module.modulemap"))",
        "-I", Places.product("../../checkouts/swift-system/Sources/CSystem/include"),
      ] + objects)
    try #require(outcome.status == .exited(0), "\(outcome.errors)")
    return product
  }

  private func withDirectory(_ body: (String) async throws -> Void) async throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: uniqueName("readme"))
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    try await body(directory.path)
  }
}
