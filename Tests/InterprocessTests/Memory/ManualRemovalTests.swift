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

/// The moments at which a user removes a name while a sweep or a close removes it, each forced by
/// stopping at a checkpoint.
@Suite("Removal by hand", .timeLimit(.minutes(1)))
struct ManualRemovalTests {
  enum Successor: String, CaseIterable {
    case temporary, lasting, foreign
  }

  @Test(
    "A successor created between a sweep's look and its removal keeps its name",
    arguments: [Checkpoint.removeClaimed, .removeSeen], Successor.allCases)
  func successor(step: Checkpoint, successor: Successor) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withStale("m", stopping: "sweep", at: step) { sweeper, other in
        let inode = try await replaceByHand("m", with: successor, in: place, other)

        try await sweeper.expectAfterStop("ok ")
        try place.expectNames(["m"])
        #expect(try place.inode("m") == inode)
        try await sweeper.expect("attach m", "ok 4096")
      }
    }
  }

  @Test("A successor created between the look and the removal of the last close keeps its name")
  func successorDuringClose() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { last in
        try await place.withHelper { other in
          try await last.expect("create m 4096 temporary", "ok m")
          try await last.expect("stopAt removeSeen", "ok ")
          try await last.expectStop("close", at: .removeSeen)
          let inode = try await replaceByHand("m", with: .temporary, in: place, other)
          try await last.expectAfterStop("ok ")
          try place.expectNames(["m"])
          #expect(try place.inode("m") == inode)
          try await other.expect("close", "ok ")
          try place.expectNames([])
        }
      }
    }
  }

  @Test(
    "The next sweep gives a successor that a killed sweep has moved aside its name again",
    arguments: Successor.allCases)
  func killedWithSuccessorAside(successor: Successor) async throws {
    try await withPrivateSharedMemory { place in
      try await place.leaveStale("m")
      let stale = try place.inode("m")
      try await place.withHelper { other in
        var inode: UInt64 = 0
        try await place.withHelper { sweeper in
          try await sweeper.expect("stopAt removeSeen removeMoved", "ok ")
          try await sweeper.expectStop("sweep", at: .removeSeen)
          inode = try await replaceByHand("m", with: successor, in: place, other)
          try sweeper.send(signal: .resume)
          try await sweeper.expectStop(at: .removeMoved)
          try place.expectNames([place.aside("m", inode: stale)])
          try sweeper.kill()
        }
        try await other.expect("sweep", "ok ")
        try place.expectNames(["m"])
        #expect(try place.inode("m") == inode)
      }
    }
  }

  @Test("Memory aside whose name is in use again stays while it is held, and is swept afterwards")
  func nameTakenMeanwhile() async throws {
    try await withPrivateSharedMemory { place in
      try await place.leaveStale("m")
      let aside = place.aside("m", inode: try place.inode("m"))
      try await place.withHelper { sweeper in
        try await place.withHelper { older in
          try await place.withHelper { newer in
            try await sweeper.expect("stopAt removeSeen removeMoved", "ok ")
            try await sweeper.expectStop("sweep", at: .removeSeen)
            _ = try await replaceByHand("m", with: .temporary, in: place, older)
            try sweeper.send(signal: .resume)
            try await sweeper.expectStop(at: .removeMoved)
            try await newer.expect("create m 200 temporary", "ok m")
            try await sweeper.expectAfterStop("ok ")

            try place.expectNames([aside, "m"])
            try await newer.expect("sweep", "ok ")
            try place.expectNames([aside, "m"])
            try await older.expect("set 0 3", "ok ")
            try await older.expect("close", "ok ")
            try await newer.expect("sweep", "ok m")
            try place.expectNames(["m"])
            try await older.expect("attach m", "ok 200")
          }
        }
      }
    }
  }

  @Test("A sweep puts back lasting memory that lies aside by mistake, and removes stale memory")
  func forgedAside() async throws {
    try await withPrivateSharedMemory { place in
      // No file has this number.
      try place.makeForeign(place.aside("lasting", inode: 1 << 40))
      try place.makeForeign(place.aside("stale", inode: 1 << 40), isTemporary: true)
      try await place.withHelper { helper in
        try await helper.expect("sweep", "ok stale")
        try place.expectNames(["lasting"])
        try await helper.expect("attach lasting", "ok 4096")
      }
    }
  }

  /// Removes a name as `rm` does, and creates other memory of that name.
  ///
  /// - Returns: The inode of the new file.
  private func replaceByHand(
    _ name: String, with successor: Successor, in place: PrivateSharedMemory,
    _ helper: ChildProcess
  ) async throws -> UInt64 {
    try place.remove(name)
    switch successor {
    case .temporary: try await helper.expect("create \(name) 4096 temporary", "ok \(name)")
    case .lasting: try await helper.expect("create \(name) 4096", "ok \(name)")
    case .foreign: try place.makeForeign(name)
    }
    return try place.inode(name)
  }
}
