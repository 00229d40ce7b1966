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

@Suite("Counter", .timeLimit(.minutes(5)))
struct CounterTests {
  private func counter(_ options: String...) async throws -> ProcessOutcome {
    try await run(Places.product("counter"), options)
  }

  @Test(
    "The total is repaired and right, whichever process repairs it", arguments: [2, 4, 16],
    [2, 3, 20_000])
  func total(processes: Int, count: Int) async throws {
    try await withName { name in
      let outcome = try await counter(
        "--name", name, "--processes", "\(processes)", "--count", "\(count)")
      #expect(outcome.status == .exited(0))
      #expect(outcome.errors == "")
      let lines = outcome.output.split(separator: "\n").map(String.init)
      let shares = Array(repeating: "\(count)", count: processes).joined(separator: " + ")
      #expect(
        lines.filter { !$0.contains("repaired") } == [
          "Created \"\(name)\"",
          "Started \(processes) processes, each of which adds 1 \(count) times",
          "Process \(processes) holds the lock, and has done half of addition \(count / 2)",
          "Killed process \(processes)",
          "Started process \(processes) again, to add the rest",
          "Total: \(processes * count) = \(shares)",
        ])
      let repairs = lines.filter { $0.contains("repaired") }
      let match = repairs.first?.wholeMatch(
        of: /Process (\d+) repaired the total, which was 1 too small/)
      #expect(repairs.count == 1)
      #expect(match.map { 1...processes ~= Int($0.1)! } == true, "\(repairs)")
      await expectGone(name)
    }
  }

  @Test("A signal to the first process ends all, and the name goes", arguments: [SIGINT, SIGTERM])
  func signal(signal: CInt) async throws {
    try await withName { name in
      let (status, _) = try await withChildProcess(
        Places.product("counter"), ["--name", name, "--count", "1000000000"]
      ) { child async throws in
        #expect(try await child.nextLine() == "Created \"\(name)\"")
        #expect(try await child.nextLine()?.hasPrefix("Started 4 processes") == true)
        #expect(kill(child.processID, signal) == 0)
        #expect(try await child.nextLine() == nil)
      }
      #expect(status == .exited(128 + signal))
      await expectGone(name)
    }
  }

  @Test("A signal ends the processes that add, and the first one with them")
  func earlyEnd() async throws {
    try await withName { name in
      let (status, _) = try await withChildProcess(
        Places.product("counter"), ["--name", name, "--count", "1000000000"]
      ) { child async throws in
        var workers: [Int32] = []
        while workers.count < 4 {
          try await Task.sleep(for: .milliseconds(5))
          let info = try SharedMemory.segments().first { $0.name == name }
          workers = (info?.processes ?? []).map(\.processID).filter { $0 != child.processID }
        }
        for worker in workers { #expect(kill(worker, SIGTERM) == 0) }
        while try await child.nextLine() != nil {}
      }
      #expect(status == .exited(1))
      await expectGone(name)
    }
  }

  @Test("Existing memory of that name is left alone")
  func takenName() async throws {
    try await expectNameLeftAlone { try await counter("--name", $0) }
  }

  @Test(
    "Invalid numbers are refused",
    arguments: [
      ["--processes", "1"], ["--processes", "17"], ["--processes", "four"], ["--count", "1"],
      ["--count", "1000000001"], ["--count=-1"], ["--nonsense"],
    ])
  func badOptions(options: [String]) async throws {
    try await withName { name in
      let outcome = try await run(Places.product("counter"), ["--name", name] + options)
      #expect(outcome.status == .exited(64))
      #expect(outcome.output == "")
      #expect(outcome.errors.lowercased().contains("usage: counter"))
      #expect(!exists(name))
    }
  }
}
