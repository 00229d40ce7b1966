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

import Interprocess
import TestSupport
import Testing

/// The smallest and the largest time-outs, for every wait.
@Suite("Extreme time-outs", .timeLimit(.minutes(2)))
struct ExtremeTimeoutTests {
  /// The smallest and the largest duration, which have no description, and those of whole seconds.
  enum Extreme: Sendable {
    case least, leastSeconds, greatest, greatestSeconds

    var timeout: Duration {
      switch self {
      case .least: Duration(attoseconds: .min)
      case .leastSeconds: Duration(secondsComponent: .min, attosecondsComponent: 0)
      case .greatest: Duration(attoseconds: .max)
      case .greatestSeconds: Duration(secondsComponent: .max, attosecondsComponent: 0)
      }
    }
  }

  @Test(
    "With the smallest time-out no call waits", arguments: Blocked.allCases,
    [Extreme.least, .leastSeconds])
  func least(_ blocked: Blocked, extreme: Extreme) async throws {
    let timeout = extreme.timeout
    let wait = try blocked.make()
    defer { wait.cleanUp() }
    #expect(errorCode { try wait.run(timeout) } == .timedOut)
    try inThisThread { try wait.unblock() }
    let other = try blocked.make()
    defer { other.cleanUp() }
    guard let runAsTask = other.runAsTask else { return }
    do {
      try await runAsTask(timeout)
      Issue.record("It had what it waits for")
    } catch {
      #expect((error as? InterprocessError)?.code == .timedOut, "\(error)")
    }
    try inThisThread { try other.unblock() }
  }

  @Test(
    "With the largest time-out a call waits for as long as it takes", arguments: Blocked.allCases,
    [Extreme.greatest, .greatestSeconds])
  func greatest(_ blocked: Blocked, extreme: Extreme) async throws {
    let timeout = extreme.timeout
    let wait = try blocked.make()
    defer { wait.cleanUp() }
    let isOver = Flag()
    let waiter = inThread {
      defer { isOver.set() }
      try wait.run(timeout)
    }
    try await Task.sleep(for: .milliseconds(30))
    #expect(!isOver.isSet)
    try inThisThread { try wait.unblock() }
    try await waiter.value
    let other = try blocked.make()
    defer { other.cleanUp() }
    guard let runAsTask = other.runAsTask else { return }
    let task = Task { try await runAsTask(timeout) }
    try await Task.sleep(for: .milliseconds(30))
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    try inThisThread { try other.unblock() }
  }
}
