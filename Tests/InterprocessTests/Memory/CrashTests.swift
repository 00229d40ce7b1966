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
import Subprocess
import SystemPackage
import TestSupport
import Testing

@Suite("Crashes", .timeLimit(.minutes(5)))
struct CrashTests {
  static let createSteps: [Checkpoint] = [
    .createOpened, .createSized, .createLeased, .createInitialized,
  ]

  @Test("A creator killed at a step before the last leaves nothing", arguments: createSteps)
  func killedBeforeLink(step: Checkpoint) async throws {
    let name = uniqueName()
    try await kill(at: step, "create \(name) 4096")
    #expect(!exists(name))
    let memory = try SharedMemory.create(name, byteCount: 16)
    try memory.unlink()
  }

  @Test("A creator killed at the last step leaves complete memory")
  func killedAfterLink() async throws {
    let name = uniqueName()
    try await kill(at: .createLinked, "create \(name) 4096")
    let memory = try SharedMemory.attach(name)
    let byteCount = memory.byteCount
    #expect(byteCount == 4096)
    #expect(try info(name).residentByteCount == 4096)
    try memory.unlink()
  }

  @Test(
    "An attacher killed at any step harms no process",
    arguments: [Checkpoint.attachOpened, .attachLeased])
  func killedAttacher(step: Checkpoint) async throws {
    let name = uniqueName()
    var memory = try SharedMemory.create(name, byteCount: 16)
    memory[0] = 8
    try await kill(at: step, "attach \(name)")
    let other = try SharedMemory.attach(name)
    let value = other[0]
    #expect(value == 8)
    try memory.unlink()
  }

  private func kill(at step: Checkpoint, _ command: String) async throws {
    let (status, answer) = try await withChildProcess(Places.helper) { helper in
      try await helper.expect("dieAt \(step.description)", "ok ")
      return try await helper.ask(command)
    }
    #expect(answer == nil)
    #expect(status == .signaled(9))
  }

  @Test("Kills at random moments leave complete memory or nothing, and no stray name or page")
  func randomKills() async throws {
    let count = extent(whole: 300, short: 100)
    let outcome = try await runWithPrivateSharedMemory(
      "size=16m", Places.helper, ["create-campaign", "\(count)"])
    #expect(outcome.status == .exited(0), "\(outcome.errors)")
    let match = try #require(
      outcome.output.wholeMatch(
        of: /\d+ kills: (\d+) left complete memory, (\d+) left nothing\n/))
    // Kills that all come at one kind of moment would prove little.
    let (complete, nothing) = try (#require(Int(match.1)), #require(Int(match.2)))
    #expect(complete + nothing == count)
    #expect(min(complete, nothing) >= 5, "\(match.0)")
  }

  @Test("Killing processes that share memory takes nothing from the others, and leaks nothing")
  func lifetimes() async throws {
    let count = extent(whole: 2000, short: 150)
    // The whole campaign would take the processors from tests with time limits.
    let outcome = try await runWithPrivateSharedMemory(
      "size=64m", "nice", ["-n", "5", Places.helper, "lifetimes-campaign", "\(count)"])
    #expect(outcome.status == .exited(0), "\(outcome.errors)")
    let match = try #require(outcome.output.firstMatch(of: /seed \d+: kills (\d+),/))
    #expect(try #require(Int(match.1)) >= count)
  }
}
