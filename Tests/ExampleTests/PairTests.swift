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

@Suite("Pairs of examples")
struct PairTests {
  @Test("There is a Python to pair with")
  func python() throws {
    try #require(!Python.all.isEmpty)
  }

  @Test(
    "Two programs see each other's values", .timeLimit(.minutes(5)),
    arguments: Pair.all, Kind.allCases)
  func exchange(pair: Pair, kind: Kind) async throws {
    try await withName { name in
      let program = Program(number: 1, kind: kind, language: pair.first)
      // The program stops waiting as soon as the values are there.
      async let first = program.run("--name", name, "--wait", "300")
      try await waitForMemory(name)
      let second = try await Program(number: 2, kind: kind, language: pair.second)
        .run("--name", name)
      // The first program waits for the values that the second has not written, unless the test
      // ends.
      try #require(second == .success(kind.secondOutput(name)))
      #expect(try await first == .success(kind.firstOutput(name, values: kind.complete)))
      #expect(!exists(name))
    }
  }

  @Test(
    "Two programs that start at the same time find each other", .timeLimit(.minutes(5)),
    arguments: Pair.some)
  func simultaneousStart(pair: Pair) async throws {
    for round in 0..<extent(whole: 20, short: 4) {
      let kind = Kind.allCases[round % 2]
      try await withName { name in
        let program = Program(number: 1, kind: kind, language: pair.first)
        async let first = program.run("--name", name, "--wait", "300")
        var second: ProcessOutcome
        repeat {
          try Task.checkCancellation()
          second = try await Program(number: 2, kind: kind, language: pair.second)
            .run("--name", name)
          // A program that comes too early says so and changes nothing.
          if second.status != .exited(0) {
            try #require(second.status == .exited(1))
            #expect(second.output == "")
            #expect(second.errors.hasPrefix("Error: "))
          }
        } while second.status == .exited(1)
        try #require(second == .success(kind.secondOutput(name)))
        #expect(try await first == .success(kind.firstOutput(name, values: kind.complete)))
        #expect(!exists(name))
      }
    }
  }
}
