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
import TestSupport
import Testing

/// A kill at each step, with temporary memory.
@Suite("Crashes and lifetimes", .timeLimit(.minutes(5)))
struct LifetimeCrashTests {
  /// What a process does when it is killed.
  enum Deed {
    case create, attach, close, sweep
    /// Creates memory under the name of stale memory.
    case replace
  }

  /// The deeds that reach a step.
  static func deeds(at step: Checkpoint) -> [Deed] {
    switch step {
    case .createOpened, .createSized, .createLeased, .createInitialized,
      .createLinked:
      [.create]
    case .attachOpened, .attachSeen, .attachLeased:
      [.attach]
    case .closeDropped, .closeClaimed:
      [.close]
    case .removeClaimed:
      [.sweep, .replace]
    case .removeSeen, .removeMoved, .removeDone:
      [.close, .sweep, .replace]
    case .growSeen, .growMapped, .growTaken, .growSized:
      // Independent of the lifetime; see `GrowingTests`.
      []
    default:
      preconditionFailure("No deed comes to \(step)")
    }
  }

  static let cases = Checkpoint.ofMemory.flatMap { step in
    deeds(at: step).map { (step, $0) }
  }

  @Test(
    "A sweep or the next creator repairs what a kill leaves at any step", arguments: cases)
  func killed(step: Checkpoint, deed: Deed) async throws {
    try await withPrivateSharedMemory { place in
      switch deed {
      case .create:
        try await kill(at: step, "create m 4096 temporary", in: place)
        try await expectRepair(remaining: step == .createLinked ? ["m"] : [], in: place)
      case .attach:
        try await place.withHelper { holder in
          try await holder.expect("create m 4096 temporary", "ok m")
          try await holder.expect("set 9 9", "ok ")
          try await kill(at: step, "attach m", in: place)
          try await place.withHelper { other in
            try await other.expect("sweep", "ok ")
            try await other.expect("attach m", "ok 4096")
            try await holder.expect("close", "ok ")
            try await other.expect("get 9", "ok 9")
            try place.expectNames(["m"])
          }
          // That helper has closed its memory at its end.
          try await expectRepair(remaining: [], in: place)
        }
      case .close:
        var inode: UInt64 = 0
        let (status, answer) = try await place.withChildProcess(Places.helper) { helper in
          try await helper.expect("create m 4096 temporary", "ok m")
          inode = try place.inode("m")
          try await helper.expect("dieAt \(step.description)", "ok ")
          return try await helper.ask("close")
        }
        #expect(answer == nil)
        #expect(status == .signaled(9))
        try await expectRepair(remaining: left(at: step, inode, in: place), in: place)
      case .sweep:
        try await place.leaveStale("m")
        let inode = try place.inode("m")
        try await kill(at: step, "sweep", in: place)
        try await expectRepair(remaining: left(at: step, inode, in: place), in: place)
      case .replace:
        try await place.leaveStale("m")
        let left = left(at: step, try place.inode("m"), in: place)
        try await kill(at: step, "create m 100 temporary", in: place)
        try place.expectNames(left)
        try await place.withHelper { creator in
          try await creator.expect("create m 200 temporary", "ok m")
          try await creator.expect("get 0", "ok 0")
          // Memory that lies aside is not in the way.
          try await creator.expect("sweep", step == .removeMoved ? "ok m" : "ok ")
          try place.expectNames(["m"])
          try await creator.expect("close", "ok ")
          try place.expectNames([])
        }
      }
    }
  }

  /// The names that are left when a process is killed while it removes a name.
  private func left(
    at step: Checkpoint, _ inode: UInt64, in place: PrivateSharedMemory
  ) -> [String] {
    switch step {
    case .removeMoved: [place.aside("m", inode: inode)]
    case .removeDone: []
    default: ["m"]
    }
  }

  private func kill(at step: Checkpoint, _ command: String, in place: PrivateSharedMemory)
    async throws
  {
    let (status, answer) = try await place.withChildProcess(Places.helper) { helper in
      try await helper.expect("dieAt \(step.description)", "ok ")
      return try await helper.ask(command)
    }
    #expect(answer == nil)
    #expect(status == .signaled(9))
  }

  /// Expects that no process can attach to what is left, that one sweep removes it, and that the
  /// next one finds nothing.
  private func expectRepair(remaining: [String], in place: PrivateSharedMemory) async throws {
    try place.expectNames(remaining)
    try await place.withHelper { helper in
      try await helper.expect("attach m", "error notFound")
      try await helper.expect("sweep", remaining.isEmpty ? "ok " : "ok m")
      try place.expectNames([])
      try await helper.expect("sweep", "ok ")
      try await helper.expect("create m 16 temporary", "ok m")
      try await helper.expect("close", "ok ")
      try place.expectNames([])
    }
  }

  @Test("Many cycles leave no name, no descriptor and no mapping")
  func cycles() async throws {
    try await withPrivateSharedMemory { place in
      // The whole campaign would take a processor from tests with time limits.
      let (status, _) = try await place.withChildProcess(
        "nice", ["-n", "5", Places.helper]
      ) { helper in
        let count = extent(whole: 100_000, short: 5000)
        try await helper.expect("cycles m \(count)", "ok 0 0 0")
        try place.expectNames([])
      }
      #expect(status == .exited(0))
    }
  }
}
