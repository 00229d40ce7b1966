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

/// The examples that pass messages.
@Suite("Messages", .timeLimit(.minutes(5)))
struct MessageTests {
  // MARK: - Camera

  @Test("Each viewer of the camera gets or misses each frame, and none of these is torn")
  func camera() async throws {
    try await withName { name in
      let outcome = try await run(
        Places.product("camera"),
        ["--name", name, "--frames", "25", "--interval", "5", "--pause", "1000"])
      #expect(outcome.status == .exited(0))
      #expect(outcome.errors == "")
      let lines = outcome.output.split(separator: "\n").map(String.init)
      #expect(
        Array(lines.prefix(3)) == [
          "Created \"\(name)\" for 7 frames of 1920 x 1080 pixels",
          "Started a fast viewer and a slow one", "Published 25 frames, which are not waited for",
        ])
      var missedCounts: [Int] = []
      for (speed, line) in zip(["fast", "slow"], lines.dropFirst(3)) {
        let match = try #require(
          line.wholeMatch(of: /The (\w+) viewer received (\d+) frames, missed (\d+)/))
        #expect(match.1 == speed && Int(match.2)! + Int(match.3)! == 25, "\(line)")
        missedCounts.append(Int(match.3)!)
      }
      // The camera draws many frames while the slow viewer looks at one.
      #expect(missedCounts.count == 2 && missedCounts[1] > 0)
      #expect(!exists(name))
    }
  }

  // MARK: - Workers

  @Test(
    "All jobs are done, including the one that the killed worker had",
    arguments: [(2, 1), (2, 2), (3, 200), (16, 1000)])
  func workers(workers: Int, jobs: Int) async throws {
    try await withName { name in
      let outcome = try await run(
        Places.product("worker-pool"),
        ["--name", name, "--workers", "\(workers)", "--jobs", "\(jobs)"])
      #expect(outcome.status == .exited(0))
      #expect(outcome.errors == "")
      let lines = outcome.output.split(separator: "\n").map(String.init)
      #expect(
        Array(lines.dropLast()) == [
          "Created \"\(name)\"", "Worker \(workers) has job 1 in its hands",
          "Started \(workers) workers for \(jobs) jobs", "Killed worker \(workers)",
          "Job 1 was in the hands of worker \(workers), and is handed out again",
          "Started worker \(workers) again",
        ])
      let last = try #require(lines.last)
      #expect(last.hasPrefix("Done: \(jobs) jobs = "))
      let counts = last.split(separator: "=")[1].split(separator: "+")
        .map { Int($0.trimmingCharacters(in: .whitespaces)) ?? 0 }
      #expect(counts.count == workers && counts.reduce(0, +) == jobs)
      for suffix in ["", ".in-flight", ".outcomes"] { await expectGone(name + suffix) }
    }
  }

  @Test("Killing workers from outside loses no job")
  func killedWorkers() async throws {
    try await withName { name in
      let (status, _) = try await withChildProcess(
        Places.product("worker-pool"), ["--name", name, "--workers", "4", "--jobs", "3000"]
      ) { child async throws in
        for _ in 0..<20 {
          try await Task.sleep(for: .milliseconds(30))
          let info = try SharedMemory.segments().first { $0.name == name }
          let workers = (info?.processes ?? []).map(\.processID).filter { $0 != child.processID }
          if let worker = workers.randomElement() { _ = kill(worker, SIGKILL) }
        }
        var last: String?
        while let line = try await child.nextLine() { last = line }
        #expect(last?.hasPrefix("Done: 3000 jobs = ") == true)
      }
      #expect(status == .exited(0))
    }
  }

  // MARK: - Encoded messages

  @Test("An order arrives unchanged, as JSON and packed")
  func encodedMessages() async throws {
    try await withName { name in
      let (status, _) = try await withChildProcess(
        Places.product("encoded-messages"), ["send", "--name", name]
      ) { child async throws in
        #expect(try await child.nextLine() == "Created \"\(name)\"")
        let outcome = try await run(
          Places.product("encoded-messages"), ["receive", "--name", name])
        #expect(outcome.status == .exited(0))
        #expect(
          outcome.output == """
            Attached to "\(name)"
            Received SWFT x 100 at 63.5 (JSON)
            Received SWFT x 100 at 63.5 (packed)
            Received PY x 7 at 3.14 (JSON)
            Received PY x 7 at 3.14 (packed)
            The queue is finished

            """)
        var lines: [String] = []
        while let line = try await child.nextLine() { lines.append(line) }
        #expect(lines.count == 5 && lines.last == "All have been received", "\(lines)")
        #expect(lines[1] == "Sent SWFT packed, 17 bytes")
      }
      #expect(status == .exited(0))
      #expect(!exists(name))
    }
  }

  @Test("A message of unknown form, and a missing queue, are errors")
  func badMessage() async throws {
    try await withName { name in
      let queue = try SharedByteQueue.create(
        name, byteCapacity: 64, maximumByteCount: 16, options: .whileAttached)
      #expect(try queue.trySend(byteCount: 3) { $0.storeBytes(of: 9, as: UInt8.self) })
      var outcome = try await run(Places.product("encoded-messages"), ["receive", "--name", name])
      #expect(outcome.status == .exited(1))
      #expect(outcome.errors.hasPrefix("Error: A message begins with 9."))
      outcome = try await run(
        Places.product("encoded-messages"), ["receive", "--name", "\(name)_none", "--wait", "0"])
      #expect(outcome.status == .exited(1))
      #expect(outcome.errors.hasPrefix("Error: No shared memory named \"\(name)_none\""))
    }
  }

  // MARK: - All of them

  private static let programs = [
    ("camera", [String]()), ("worker-pool", []), ("encoded-messages", ["send"]),
  ]

  @Test("A signal ends all processes, and the name goes", arguments: programs, [SIGINT, SIGTERM])
  func signal(program: (name: String, arguments: [String]), signal: CInt) async throws {
    try await withName { name in
      let many = ["camera": ["--frames", "1000000"], "worker-pool": ["--jobs", "50000"]]
      let (status, _) = try await withChildProcess(
        Places.product(program.name),
        program.arguments + ["--name", name] + (many[program.name] ?? [])
      ) { child async throws in
        #expect(try await child.nextLine()?.hasPrefix("Created \"\(name)\"") == true)
        try await Task.sleep(for: .milliseconds(50))
        #expect(kill(child.processID, signal) == 0)
        while try await child.nextLine() != nil {}
      }
      #expect(status == .exited(128 + signal))
      await expectGone(name)
    }
  }

  @Test("Existing memory of that name is left alone", arguments: programs)
  func takenName(program: (name: String, arguments: [String])) async throws {
    try await expectNameLeftAlone { name in
      try await run(Places.product(program.name), program.arguments + ["--name", name])
    }
  }

  @Test(
    "Invalid numbers are refused",
    arguments: [
      ["camera", "--frames", "0"], ["camera", "--interval", "1001"], ["camera", "--pause=-1"],
      ["camera", "--nonsense"],
      ["worker-pool", "--workers", "1"], ["worker-pool", "--workers", "17"],
      ["worker-pool", "--jobs", "0"], ["worker-pool", "--jobs", "50001"],
      ["encoded-messages", "send", "--wait=-1"], ["encoded-messages", "forward"],
    ])
  func badOptions(words: [String]) async throws {
    try await withName { name in
      let outcome = try await run(Places.product(words[0]), Array(words.dropFirst()))
      #expect(outcome.status == .exited(64))
      #expect(outcome.output == "")
      #expect(outcome.errors.lowercased().contains("usage: \(words[0])"))
      #expect(!exists(name))
    }
  }
}
