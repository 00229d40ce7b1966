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

/// The second names of protected memory, where no other process sweeps.
@Suite("Second names and sweeps", .timeLimit(.minutes(2)))
struct SecondNameTests {
  /// Names with dots, which must be distinguished from the parts before them.
  static let names = ["m", "a.b.c", ".1.2"]

  /// Leaves protected memory behind by killing its only holder.
  ///
  /// - Returns: The second name, with the token 0.
  private func leaveProtected(
    _ name: String, _ lifetime: String, in place: PrivateSharedMemory
  ) async throws -> String {
    let (status, _) = try await place.withChildProcess(Places.helper) { helper in
      try await helper.expect("create \(name) 4096 \(lifetime)", "ok \(name)")
      try await helper.expect("protect", "ok ")
      try helper.kill()
    }
    #expect(status == .signaled(9))
    let second = place.second(name, inode: try place.inode(name))
    try place.expectNames([second, name].sorted())
    return second
  }

  @Test(
    "A sweep removes both names of stale memory, and reports one", arguments: names)
  func stale(name: String) async throws {
    try await withPrivateSharedMemory { place in
      _ = try await leaveProtected(name, "temporary", in: place)
      try await place.withHelper { helper in
        try await helper.expect("left trial", "ok \(name)")
        try await helper.expect("sweep", "ok \(name)")
        try place.expectNames([])
      }
    }
  }

  @Test("The next creator of the name removes both", arguments: ["create", "attachOrCreate"])
  func replaced(command: String) async throws {
    try await withPrivateSharedMemory { place in
      _ = try await leaveProtected("m", "temporary", in: place)
      try await place.withHelper { helper in
        let answer = command == "create" ? "ok m" : "ok created"
        try await helper.expect("\(command) m 100 temporary", answer)
        try place.expectNames(["m"])
      }
    }
  }

  @Test("A sweep leaves lasting memory both names, and its name can be restored")
  func lasting() async throws {
    try await withPrivateSharedMemory { place in
      let second = try await leaveProtected("m", "lasting", in: place)
      try await place.withHelper { helper in
        try await helper.expect("sweep", "ok ")
        try place.expectNames([second, "m"])
        try await helper.expect("attach m", "ok 4096")
        try place.remove("m")
        try await helper.expect("relink", "ok ")
        try place.expectNames([second, "m"])
        try await helper.expect("unlink", "ok ")
        try place.expectNames([])
      }
    }
  }

  @Test(
    "A sweep removes the second name of memory that has lost its first, once no process has it",
    arguments: names, ["temporary", "lasting"])
  func firstRemoved(name: String, lifetime: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { other in
        let (_, second) = try await place.withChildProcess(Places.helper) { holder in
          try await holder.expect("create \(name) 4096 \(lifetime)", "ok \(name)")
          try await holder.expect("protect", "ok ")
          let second = place.second(name, inode: try place.inode(name))
          try place.remove(name)
          try await other.expect("sweep", "ok ")
          try place.expectNames([second])
          try await holder.expect("relink", "ok ")
          try place.remove(name)
          try holder.kill()
          return second
        }
        try place.expectNames([second])
        // The removal does not concern other memory of the first name.
        try await other.expect("create \(name) 16", "ok \(name)")
        try await other.expect("sweep", "ok ")
        try place.expectNames([name])
      }
    }
  }

  @Test("The second name of temporary memory goes with the last handle, even without the first")
  func lastClose() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { helper in
        try await helper.expect("create m 4096 temporary", "ok m")
        try await helper.expect("protect", "ok ")
        try place.remove("m")
        #expect(try place.names().count == 1)
        try await helper.expect("close", "ok ")
        try place.expectNames([])
      }
    }
  }

  @Test("Stale memory of a name with dots that lies aside is swept", arguments: names)
  func aside(name: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.leaveStale(name)
      let aside = place.aside(name, inode: try place.inode(name))
      let (status, _) = try await place.withChildProcess(Places.helper) { sweeper in
        try await sweeper.expect("dieAt removeMoved", "ok ")
        #expect(try await sweeper.ask("sweep") == nil)
      }
      #expect(status == .signaled(9))
      try place.expectNames([aside])
      try await place.withHelper { helper in
        try await helper.expect("left trial", "ok \(name)")
        try await helper.expect("sweep", "ok \(name)")
        try place.expectNames([])
      }
    }
  }

  @Test("A name that cannot be extended is not protected, and removed all the same")
  func longName() async throws {
    try await withPrivateSharedMemory { place in
      let name = String(repeating: "n", count: 250)
      try await place.withHelper { helper in
        try await helper.expect("create \(name) 4096 temporary", "ok \(name)")
        try await helper.expect("protect", "error invalidName")
        try place.expectNames([name])
        try await helper.expect("close", "ok ")
        try place.expectNames([])
        try await place.leaveStale(name)
        try await helper.expect("sweep", "ok \(name)")
        try place.expectNames([])
      }
    }
  }

  @Test("A file that only looks like a second name stays", arguments: ["close", "unlink", "sweep"])
  func otherFile(command: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { helper in
        try await helper.expect("create m 4096 temporary", "ok m")
        let inode = try place.inode("m")
        // Memory of another program, which a process has.
        let other = place.second("m", inode: inode)
        try await place.withHelper { holder in
          try await holder.expect("create \(other) 16", "ok \(other)")
          let names = [other, ".swift-guard.m", ".swift-guard.x.1.m", ".swift-guard.1.m"]
          for name in names where name != other { try place.makeForeign(name) }
          try await helper.expect(command, "ok ")
          try place.expectNames(names + (command == "sweep" ? ["m"] : []))
        }
      }
    }
  }

  @Test(
    "A segment that a sweep may not remove does not keep it from the rest",
    .enabled(if: geteuid() == 0, "needs root, to become another user"),
    arguments: [0o600, 0o666])
  func notRemovable(mode: Int) async throws {
    try await withPrivateSharedMemory { place in
      // Root's files, in a directory where only the owner removes a file: two second names without
      // a first, one with an unremovable file beside it, and stale memory.
      let second = try await leaveProtected("b", "temporary", in: place)
      let lonely = [".swift-guard.0.1.a", ".swift-guard.0.2.z"]
      let aside = place.aside("c", inode: 1 << 40)
      for name in lonely + [aside] { try place.makeForeign(name, isTemporary: true) }
      let roots = lonely + [second, "b", aside]
      for name in roots {
        #expect(chmod(place.path(try place.found(name)), mode_t(mode | 0o1000)) == 0)
      }

      try await place.withHelper { helper in
        try await helper.expect("becomeUser 65534", "ok 0 0")
        // The order of names in a directory is arbitrary: of this many, some come first.
        let own = (0..<8).map { "own\($0)" }
        for name in own {
          let (status, _) = try await place.withChildProcess(Places.helper) { holder in
            try await holder.expect("becomeUser 65534", "ok 0 0")
            try await holder.expect("create \(name) 16 temporary", "ok \(name)")
            try await holder.expect("protect", "ok ")
            if name == "own3" { try place.remove(name) }
            try holder.kill()
          }
          #expect(status == .signaled(9))
        }
        let swept = own.filter { $0 != "own3" }
        // Whether a process has a file that this user may not open cannot be known, except for stale
        // memory. That is called stale or perhaps stale, as other processes that may open it have it.
        let left = mode == 0o600 ? ["b", "c"] : ["a", "b", "c", "z"]
        let told = left.map { name in
          """
           | foreignOwner \(name): Shared memory "\(name)" was not swept. It is stale memory of \
          user 0, on which no handle is open. Only that user and root can remove it: with `shm \
          sweep`, or `shm remove`.
          """
        }.joined()
        for (command, removed) in [("left trial", swept), ("left", swept), ("left", [])] {
          let answer = try #require(try await helper.ask(command))
          #expect(
            answer.replacing("is perhaps stale", with: "is stale")
              == "ok \(removed.joined(separator: " "))\(told)")
          if removed.isEmpty { try place.expectNames(roots) }
        }
      }
      // The sweep keeps no claim either.
      try await place.withHelper { root in
        try await root.expect("sweep", "ok b c")
        try place.expectNames([])
      }
    }
  }
}
