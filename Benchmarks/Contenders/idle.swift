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

// contender: name="Interprocess, idle" group=idle

import Foundation
import Harness
import Interprocess

/// What it costs a process that its threads and tasks sleep, while nothing happens.
@main
struct Idle {
  static func main() throws {
    Harness.begin()
    guard Harness.allowFiles(2 * taskCount + 100) else {
      return Case("Interprocess SharedQueue", test: "idle").skip(
        "a process may not open \(2 * taskCount) files")
    }
    try measure("Interprocess SharedQueue", "a thread asleep") {
      let queue = try makeQueue()
      Thread.detachNewThread { _ = try? queue.receive() }
    }
    try measure("Interprocess SharedQueue", "2,000 tasks asleep at one") {
      let queue = try makeQueue()
      for _ in 0..<taskCount { Task.detached { try await queue.receive() } }
    }
    try measure("Interprocess SharedQueue", "2,000 tasks asleep at one each") {
      for _ in 0..<taskCount {
        let queue = try makeQueue()
        Task.detached { try await queue.receive() }
      }
    }
    try measure("Interprocess WaitSet", "a thread asleep at 2,000 queues") {
      var sources = WaitSet<Int>()
      for index in 0..<taskCount { sources.insert(try makeQueue(), as: index) }
      Thread.detachNewThread { [sources] in
        var sources = sources
        _ = try? sources.wait()
      }
    }
  }

  static let taskCount = 2000

  static func makeQueue() throws -> SharedQueue<Int> {
    try SharedQueue.create(capacity: 2, options: .whileAttached)
  }

  /// Measures a process that has fallen asleep.
  static func measure(_ contender: String, _ name: String, _ fallAsleep: () throws -> Void) rethrows
  {
    try Harness.inChild {
      try fallAsleep()
      // By then, the sleepers look once a second.
      Thread.sleep(forTimeInterval: 2)
      let usage = Harness.usage { Thread.sleep(forTimeInterval: 1) }
      Case(contender, test: "idle", name, wait: .sleeping, unit: .percent, note: "of a processor")
        .report(usage.percent)
      Case(contender, test: "idle", name, wait: .sleeping, unit: .perSecond, note: "wake-ups")
        .report(usage.wakeUpsPerSecond)
    }
  }
}
