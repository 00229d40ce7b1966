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

@Suite("Crashes among locks and signals", .timeLimit(.minutes(5)))
struct SyncCrashTests {
  /// The short form of `scripts/crash-test synchronization`.
  @Test("No process hangs when others are killed while they use locks and signals")
  func campaign() async throws {
    let outcome = try await runWithPrivateSharedMemory(
      "size=64m", Places.helper, ["sync-campaign", "\(extent(whole: 10, short: 1))"])
    #expect(outcome.status == .exited(0), "\(outcome.errors)\(outcome.output)")
    for primitive in [
      "mutex", "condition", "readWriteLock", "readWriteCondition", "semaphore", "event", "barrier",
      "atomic",
    ] {
      let line = try #require(
        outcome.output.split(separator: "\n").first { $0.hasPrefix("\(primitive): kills ") })
      let match = try #require(line.firstMatch(of: /kills (\d+), .* operations (\d+)$/))
      #expect(try #require(Int(match.1)) >= 5, "\(line)")
      #expect(try #require(Int(match.2)) >= 10, "\(line)")
    }
  }
}
