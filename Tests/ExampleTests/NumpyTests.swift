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

@Suite("Examples with numpy", .timeLimit(.minutes(5)))
struct NumpyTests {
  enum Example: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case image = "numpy_image"
    case records = "numpy_records"

    var testDescription: String { rawValue }

    /// The output of the first program, with the values that it finds at the end.
    func firstOutput(_ name: String, isChanged: Bool) -> String {
      switch self {
      case .image:
        """
        Created "\(name)" with 480 x 640 float64
        Filled it: min 0.0, mean 559.0, max 1118.0
        Waiting for numpy_image.py
        The image now: \(isChanged ? "min 0.0, mean 1118.0, max 2236.0" : "min 0.0, mean 559.0, max 1118.0")
        Removed "\(name)"

        """
      case .records:
        """
        Created "\(name)" with 3 particles of 32 bytes
        \(particles(isChanged: false))
        Waiting for numpy_records.py
        \(particles(isChanged: isChanged))
        Removed "\(name)"

        """
      }
    }

    private func particles(isChanged: Bool) -> String {
      isChanged
        ? """
        Particle 1: mass 1.0, at (11.0, 20.0)
        Particle 2: mass 2.0, at (12.0, 20.0)
        Particle 3: mass 3.0, at (13.0, 20.0)
        """
        : """
        Particle 1: mass 0.5, at (1.0, 0.0)
        Particle 2: mass 1.0, at (2.0, 0.0)
        Particle 3: mass 1.5, at (3.0, 0.0)
        """
    }

    func secondOutput(_ name: String) -> String {
      switch self {
      case .image:
        """
        Opened "\(name)" with 480 x 640 float64
        The image: min 0.0, mean 559.0, max 1118.0
        Doubled it: min 0.0, mean 1118.0, max 2236.0

        """
      case .records:
        """
        Opened "\(name)" with 3 particles of 32 bytes
        Fields: id mass position moved
        Total mass: 3.0
        Moved them by 10 and 20, and doubled their mass

        """
      }
    }

    func runFirst(_ options: String...) async throws -> ProcessOutcome {
      try await run(Places.product(rawValue), options)
    }

    func runSecond(_ options: String...) async throws -> ProcessOutcome {
      try await run(
        #require(Python.withNumpy).path,
        ["\(Places.package)/Examples/python/\(rawValue).py"] + options)
    }
  }

  private func waitForName(_ name: String) async throws {
    while !exists(name) { try await Task.sleep(for: .milliseconds(5)) }
  }

  @Test("Swift sees what Python has changed", arguments: Example.allCases)
  func exchange(example: Example) async throws {
    try await withName { name in
      async let first = example.runFirst("--name", name, "--wait", "300")
      try await waitForName(name)
      let second = try await example.runSecond("--name", name)
      try #require(second == .success(example.secondOutput(name)))
      let outcome = try await first
      #expect(outcome == .success(example.firstOutput(name, isChanged: true)))
      #expect(!exists(name))
    }
  }

  @Test("Alone, the first program ends after its wait", arguments: Example.allCases)
  func firstAlone(example: Example) async throws {
    for wait in ["0", "0.05"] {
      try await withName { name in
        let outcome = try await example.runFirst("--name", name, "--wait", wait)
        #expect(outcome == .success(example.firstOutput(name, isChanged: false)))
        #expect(!exists(name))
      }
    }
  }

  @Test("The first program leaves existing memory of its name alone", arguments: Example.allCases)
  func takenName(example: Example) async throws {
    try await expectNameLeftAlone { try await example.runFirst("--name", $0) }
  }

  @Test("The second program says what to do if there is no array", arguments: Example.allCases)
  func secondAlone(example: Example) async throws {
    try await withName { name in
      let message = "No shared memory named \"\(name)\". Start \(example.rawValue) first."
      let outcome = try await example.runSecond("--name", name)
      #expect(outcome == .failure(message))
    }
  }

  @Test("A signal ends the wait, and the name goes", arguments: Example.allCases)
  func signal(example: Example) async throws {
    try await withName { name in
      let output = example.firstOutput(name, isChanged: false).split(separator: "\n")
      let waiting = try #require(output.firstIndex { $0.hasPrefix("Waiting") })
      let status = try await withChildProcess(
        Places.product(example.rawValue), ["--name", name, "--wait", "300"]
      ) { child async throws in
        for line in output[...waiting] {
          let printed = try await child.nextLine()
          #expect(printed == String(line))
        }
        #expect(exists(name))
        #expect(kill(child.processID, SIGINT) == 0)
        for line in output[(waiting + 1)...] {
          let printed = try await child.nextLine()
          #expect(printed == String(line))
        }
      }.status
      #expect(status == .exited(128 + SIGINT))
      #expect(!exists(name))
    }
  }

  @Test("The help describes the options", arguments: Example.allCases)
  func help(example: Example) async throws {
    let first = try await example.runFirst("--help")
    #expect(first.status == .exited(0))
    for text in ["--name", "--wait", "(default: 10.0)", "usage: \(example.rawValue)"] {
      #expect(first.output.lowercased().contains(text))
    }
    let second = try await example.runSecond("--help")
    #expect(second.status == .exited(0))
    #expect(second.output.contains("--name"))
    let statuses = [
      try await example.runFirst("--wait", "soon").status,
      try await example.runSecond("--nonsense").status,
    ]
    #expect(statuses == [.exited(64), .exited(2)])
  }
}
