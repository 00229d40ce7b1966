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

/// The moments at which two processes meet, each forced by stopping at a checkpoint.
@Suite("Races of lifetimes", .timeLimit(.minutes(1)))
struct LifetimeRaceTests {
  // MARK: - Close and attach

  @Test("An attacher between the drop and the claim of the last close keeps the name")
  func attachBeforeClaim() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { last in
        try await place.withHelper { attacher in
          try await last.expect("create m 4096 temporary", "ok m")
          try await last.expect("set 0 5", "ok ")
          try await attacher.expect("stopAt attachSeen", "ok ")
          try await attacher.expectStop("attach m", at: .attachSeen)
          try await last.expect("stopAt closeDropped", "ok ")
          try await last.expectStop("close", at: .closeDropped)

          try await attacher.expectAfterStop("ok 4096")
          try await last.expectAfterStop("ok ")
          try place.expectNames(["m"])
          try await attacher.expect("get 0", "ok 5")
          try await last.expect("sweep", "ok ")
          try await last.expect("attach m", "ok 4096")
          try await last.expect("stopAt closeDropped", "ok ")
          try await last.expectStop("close", at: .closeDropped)
          try await last.expectAfterStop("ok ")
          try place.expectNames(["m"])
          try await attacher.expect("close", "ok ")
          try place.expectNames([])
        }
      }
    }
  }

  @Test("An attacher that comes when no lease is left finds nothing, and the name goes")
  func attachWithoutLease() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { last in
        try await place.withHelper { attacher in
          try await last.expect("create m 4096 temporary", "ok m")
          try await last.expect("stopAt closeDropped", "ok ")
          try await last.expectStop("close", at: .closeDropped)
          try await attacher.expect("attach m", "error notFound")
          try await last.expectAfterStop("ok ")
          try place.expectNames([])
        }
      }
    }
  }

  @Test(
    "An attacher after the claim of the last close finds nothing",
    arguments: [Checkpoint.closeClaimed, .removeSeen, .removeMoved, .removeDone])
  func attachAfterClaim(step: Checkpoint) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { last in
        try await place.withHelper { early in
          try await place.withHelper { late in
            try await last.expect("create m 4096 temporary", "ok m")
            try await early.expect("stopAt attachSeen", "ok ")
            try await early.expectStop("attach m", at: .attachSeen)
            try await last.expect("stopAt \(step.description)", "ok ")
            try await last.expectStop("close", at: step)

            try await late.expect("attach m", "error notFound")
            try await early.expectAfterStop("error notFound")
            try await last.expectAfterStop("ok ")
            try place.expectNames([])
          }
        }
      }
    }
  }

  @Test(
    "An attacher that gets its lease when the name is gone and the claim given up finds nothing")
  func attachAfterRemoval() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { last in
        try await place.withHelper { attacher in
          try await last.expect("create m 4096 temporary", "ok m")
          try await attacher.expect("stopAt attachSeen", "ok ")
          try await attacher.expectStop("attach m", at: .attachSeen)
          try await last.expect("close", "ok ")
          try place.expectNames([])
          try await attacher.expectAfterStop("error notFound")
        }
      }
    }
  }

  @Test("An attacher does not revive what a killed remover has left aside")
  func attachAside() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { attacher in
        let (status, _) = try await place.withChildProcess(Places.helper) { last in
          try await last.expect("create m 4096 temporary", "ok m")
          try await attacher.expect("stopAt attachSeen", "ok ")
          try await attacher.expectStop("attach m", at: .attachSeen)
          try await last.expect("dieAt removeMoved", "ok ")
          #expect(try await last.ask("close") == nil)
        }
        #expect(status == .signaled(9))
        #expect(try place.names().count == 1)
        try await attacher.expectAfterStop("error notFound")
        try await attacher.expect("sweep", "ok m")
        try place.expectNames([])
      }
    }
  }

  @Test("Of two holders that close at once one removes the name", arguments: [true, false])
  func twoClose(inOrder: Bool) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { one in
        try await place.withHelper { other in
          try await one.expect("create m 4096 temporary", "ok m")
          try await other.expect("attach m", "ok 4096")
          for helper in [one, other] {
            try await helper.expect("stopAt closeDropped", "ok ")
            try await helper.expectStop("close", at: .closeDropped)
          }
          for helper in inOrder ? [one, other] : [other, one] {
            try await helper.expectAfterStop("ok ")
          }
          try place.expectNames([])
        }
      }
    }
  }

  @Test("A holder that closes while another has claimed the name leaves it to the other")
  func closeDuringClaim() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { one in
        try await place.withHelper { other in
          try await one.expect("create m 4096 temporary", "ok m")
          try await other.expect("attach m readOnly", "ok 4096")
          try await other.expect("stopAt closeDropped", "ok ")
          try await other.expectStop("close", at: .closeDropped)
          try await one.expect("stopAt closeClaimed", "ok ")
          try await one.expectStop("close", at: .closeClaimed)
          try await other.expectAfterStop("ok ")
          try place.expectNames(["m"])
          try await one.expectAfterStop("ok ")
          try place.expectNames([])
        }
      }
    }
  }

  // MARK: - Sweep and create

  @Test(
    "A creator waits for a sweep that has claimed the name it needs",
    arguments: [Checkpoint.removeClaimed, .removeSeen])
  func createDuringSweep(step: Checkpoint) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withStale("m", stopping: "sweep", at: step) { sweeper, creator in
        try await creator.send("create m 100 temporary")
        try await sweeper.expectAfterStop("ok m")
        try await creator.expectNext("ok m")
        try place.expectNames(["m"])
        try await creator.expect("get 0", "ok 0")
        try await sweeper.expect("attach m", "ok 100")
      }
    }
  }

  @Test(
    "A creator takes the name as soon as a sweep has freed it, and keeps it",
    arguments: [Checkpoint.removeMoved, .removeDone], ["temporary", ""])
  func createAfterMove(step: Checkpoint, lifetime: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withStale("m", stopping: "sweep", at: step) { sweeper, creator in
        try await creator.expect("create m 100 \(lifetime)", "ok m")
        try await sweeper.expectAfterStop("ok m")
        try place.expectNames(["m"])
        try await sweeper.expect("attach m", "ok 100")
      }
    }
  }

  @Test(
    "A sweep leaves a name to the creator that has claimed it",
    arguments: [Checkpoint.removeClaimed, .removeSeen, .removeMoved, .removeDone])
  func sweepDuringCreate(step: Checkpoint) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withStale("m", stopping: "create m 100 temporary", at: step) {
        creator, sweeper in
        try await sweeper.expect("sweep", "ok ")
        try await creator.expectAfterStop("ok m")
        try place.expectNames(["m"])
        try await sweeper.expect("attach m", "ok 100")
      }
    }
  }

  @Test(
    "Of two creators that need a stale name one gets it, and the other learns that it is in use",
    arguments: [Checkpoint.removeClaimed, .removeSeen, .removeMoved, .removeDone])
  func twoReplace(step: Checkpoint) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withStale("m", stopping: "create m 100 temporary", at: step) {
        first, second in
        try await second.send("create m 200 temporary")
        if step == .removeMoved || step == .removeDone {
          // The name is free.
          try await second.expectNext("ok m")
        }
        try first.send(signal: .resume)
        let firstAnswer = try await first.nextLine()
        let isSecond = firstAnswer != "ok m"
        if step == .removeMoved || step == .removeDone {
          #expect(isSecond)
        } else {
          try await second.expectNext(isSecond ? "ok m" : "error alreadyExists")
        }
        #expect(!isSecond || firstAnswer == "error alreadyExists")
        try place.expectNames(["m"])
        try await (isSecond ? first : second).expect("attach m", isSecond ? "ok 200" : "ok 100")
      }
    }
  }

  @Test("A creator does not wait forever for a sweep that has been stopped")
  func createDuringStop() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withStale("m", stopping: "sweep", at: .removeClaimed) { sweeper, creator in
        try await creator.expect("create m 100 temporary", "error alreadyExists")
        try await creator.expect("attachOrCreate m 100 temporary", "error alreadyExists")
        try await sweeper.expectAfterStop("ok m")
        try await creator.expect("attachOrCreate m 100 temporary", "ok created")
      }
    }
  }

  @Test(
    "Of two sweeps one removes a name and reports it",
    arguments: [Checkpoint.removeClaimed, .removeSeen, .removeMoved, .removeDone])
  func twoSweeps(step: Checkpoint) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withStale("m", stopping: "sweep", at: step) { first, second in
        try await second.expect("sweep", "ok ")
        try await first.expectAfterStop("ok m")
        try place.expectNames([])
      }
    }
  }

  @Test("A killed sweep's claim is not a holder, and makes no other process one")
  func attachDuringClaim() async throws {
    try await withPrivateSharedMemory { place in
      try await place.leaveStale("m")
      try await place.withHelper { attacher in
        try await place.withHelper { sweeper in
          try await sweeper.expect("stopAt removeClaimed", "ok ")
          try await sweeper.expectStop("sweep", at: .removeClaimed)
          // An attacher that took the claim for a lease would stop here, and find the memory free.
          try await attacher.expect("stopAt attachSeen", "ok ")
          try await attacher.expect("attach m", "error notFound")
          try sweeper.kill()
        }
        try await attacher.expect("attach m", "error notFound")
        try await attacher.expect("sweep", "ok m")
        try place.expectNames([])
      }
    }
  }
}
