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
import TestSupport
import Testing

// Memory that several users have had.
extension HiddenProcessTests {
  @Test("Another user learns whose stale memory it is", arguments: ["600", "640", "660"])
  func otherUser(mode: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.leaveStale("m", mode: mode)
      for user in [
        "\(User.stranger) \(User.stranger)", "\(User.member) \(User.member) \(User.owner)",
      ] {
        // Other users' processes, which it cannot look into, may have the memory.
        try await place.withUser(user, isAlone: true) { other in
          try await other.expect("info m", "ok stale 0 [] []")
          try await other.expect(
            "explain create m 4096",
            """
            ok Shared memory "m" exists already. It is stale memory of user \(User.owner), on which \
            no handle is open. Only that user and root can remove it: with `shm sweep`, or `shm \
            remove`.
            """)
          for command in ["left trial", "left"] {
            try await other.expect(
              command,
              """
              ok  | foreignOwner m: Shared memory "m" was not swept. It is stale memory of user \
              \(User.owner), on which no handle is open. Only that user and root can remove it: with \
              `shm sweep`, or `shm remove`.
              """)
          }
        }
      }
      try await place.withUser { try await $0.expect("explain create m 4096", "ok m") }
    }
  }

  @Test("Live memory of another user is not called stale")
  func otherUserLive() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withUser { owner in
        try await owner.expect("create m 4096 temporary", "ok m")
        try await place.withUser("\(User.stranger) \(User.stranger)") { other in
          try await other.expect("info m", "ok used 1 [] []")
          let answer = try #require(try await other.ask("explain create m 4096"))
          #expect(!answer.contains("stale"), "\(answer)")
        }
        // The owner's processes may have the memory without holding a lease on it.
        try await place.leaveStale("n", mode: "600")
        try await place.withUser("\(User.stranger) \(User.stranger)") { other in
          let answer = try #require(try await other.ask("explain create n 4096"))
          #expect(answer.contains("It is perhaps stale memory of user \(User.owner)"), "\(answer)")
        }
      }
    }
  }

  @Test("The owner replaces and sweeps memory that a member of the group closed last")
  func closedByMember() async throws {
    try await withPrivateSharedMemory { place in
      for command in ["sweep", "explain create m 4096"] {
        try await place.withUser("\(User.member) \(User.member) \(User.owner)") { member in
          try await place.withUser { owner in
            try await owner.expect("create m 4096 temporary permissions=640", "ok m")
            try await member.expect("attach m readOnly anyone", "ok 4096")
          }
          try await member.expect("close", "ok ")
        }
        try place.expectNames(["m"])
        try await place.withUser { try await $0.expect(command, "ok m") }
      }
    }
  }

  @Test(
    "The owner's last close of a read-only handle removes the name, whatever the mode",
    arguments: ["400", "440", "600"])
  func closedByReader(mode: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withUser { reader in
        try await place.withUser { owner in
          try await owner.expect("create m 4096 temporary permissions=\(mode)", "ok m")
          try await reader.expect("attach m readOnly", "ok 4096")
          try await owner.expect("close", "ok ")
          // The mode stayed as narrow as it was.
          let attributes = try FileManager.default.attributesOfItem(atPath: place.path("m"))
          #expect(attributes[.posixPermissions] as? Int == Int(mode, radix: 8)! | 0o1000)
        }
        try place.expectNames(["m"])
        try await reader.expect("close", "ok ")
        try place.expectNames([])
      }
    }
  }

  @Test("A mode widened for a claim is restored if the memory is kept")
  func restored() async throws {
    let python = try #require(Python.all.last)
    try await withPrivateSharedMemory { place in
      try await place.leaveStale("m", mode: "440")
      try await python.withSession(in: place) { child in
        try await child.hold("m", as: (User.owner, []), isDumpable: true)
        try await place.withUser { owner in
          try await owner.expect("sweep", "ok ")
        }
        let attributes = try FileManager.default.attributesOfItem(atPath: place.path("m"))
        #expect(attributes[.posixPermissions] as? Int == 0o1440)
      }
    }
  }
}
