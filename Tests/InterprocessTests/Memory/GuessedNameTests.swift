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

@Suite("Names and marks that others create", .timeLimit(.minutes(2)))
struct GuessedNameTests {
  /// Plants a name where the library might put one of its own.
  private func plant(_ name: String, in place: PrivateSharedMemory) throws -> [String] {
    let inode = try place.inode(name)
    let planted = ["removing", "guard"].flatMap { purpose in
      ["\(inode)", "0.\(inode)", "1.\(inode)"].map { ".swift-\(purpose).\($0).\(name)" }
    }
    for name in planted { try place.makeForeign(name) }
    return planted
  }

  @Test(
    "Planted names prevent no removal",
    arguments: ["close", "sweep", "create", "unlink"])
  func planted(command: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { helper in
        if command == "sweep" || command == "create" {
          try await place.leaveStale("m")
        } else {
          try await helper.expect("create m 4096 temporary", "ok m")
        }
        let planted = try plant("m", in: place)
        switch command {
        case "sweep":
          try await helper.expect("sweep", "ok m")
        case "create":
          try await helper.expect("create m 100", "ok m")
          try await helper.expect("unlink", "ok ")
        default:
          try await helper.expect(command, "ok ")
        }
        // A sweep takes a name of its own form for the remains of a killed process.
        let left = command == "sweep" ? try place.names() : planted
        #expect(!left.contains("m"))
        try place.expectNames(left)
      }
    }
  }

  @Test("A planted second name protects nothing, and does not count as protection")
  func plantedGuard() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { helper in
        try await helper.expect("create m 4096", "ok m")
        let planted = try plant("m", in: place)
        try await helper.expect("protect", "ok ")
        #expect(try place.names().count == planted.count + 2)
        try place.remove("m")
        try await helper.expect("relink", "ok ")
        try await helper.expect("attach m", "ok 4096")
        try await helper.expect("unlink", "ok ")
        try place.expectNames(planted)
      }
    }
  }

  @Test(
    "A handle unlinks no successor that is created in the same moment",
    arguments: ["temporary", "lasting", "foreign"], ["", "temporary"])
  func successorDuringUnlink(successor: String, lifetime: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { remover in
        try await place.withHelper { other in
          try await remover.expect("create m 4096 \(lifetime)", "ok m")
          try await remover.expect("stopAt removeSeen", "ok ")
          try await remover.expectStop("unlink", at: .removeSeen)
          try place.remove("m")
          switch successor {
          case "foreign": try place.makeForeign("m")
          default: try await other.expect("create m 100 \(successor)", "ok m")
          }
          let inode = try place.inode("m")
          try await remover.expectAfterStop("error notFound")
          try place.expectNames(["m"])
          #expect(try place.inode("m") == inode)
        }
      }
    }
  }

  @Test(
    "A sweep completes the unlinking of lasting memory whose remover was killed",
    arguments: [1, 240])
  func killedUnlink(nameLength: Int) async throws {
    let name = String(repeating: "n", count: nameLength)
    try await withPrivateSharedMemory { place in
      try await place.withHelper { holder in
        let (status, _) = try await place.withChildProcess(Places.helper) { remover in
          try await remover.expect("create \(name) 4096", "ok \(name)")
          try await holder.expect("attach \(name)", "ok 4096")
          try await remover.expect("dieAt removeMoved", "ok ")
          #expect(try await remover.ask("unlink") == nil)
        }
        #expect(status == .signaled(9))
        #expect(try place.names().count == 1)
        #expect(try !place.names().contains(name))
        try await holder.expect("sweep", "ok ")
        try place.expectNames([])
        try await holder.expect("get 0", "ok 0")
      }
    }
  }

  @Test("A copy of temporary memory is not temporary", arguments: [true, false])
  func copy(isHeld: Bool) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { helper in
        if isHeld {
          try await helper.expect("create m 4096 temporary", "ok m")
        } else {
          try await place.leaveStale("m")
        }
        let outcome = try await run(
          "cp", ["--archive", place.path("m"), place.path("copy")])
        #expect(outcome.status.isSuccess)
        let attributes = try FileManager.default.attributesOfItem(atPath: place.path("copy"))
        #expect(attributes[.posixPermissions] as? Int == 0o1600, "the copy has the bit")
        try await helper.expect("sweep", "ok \(isHeld ? "" : "m")")
        try place.expectNames(isHeld ? ["copy", "m"] : ["copy"])
        // Nor does a handle of it remove its name.
        try await helper.expect("attach copy", "ok 4096")
        try await helper.expect("close", "ok ")
        try place.expectNames(["copy"])
      }
    }
  }

  @Test("A sweep leaves memory whose bit was set by accident")
  func changedModes() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { helper in
        try await helper.expect("create lasting 4096", "ok lasting")
        try await helper.expect("close", "ok ")
        try place.makeForeign("foreign")
        try await place.leaveStale("stale")
        let paths = try place.names().map { place.path($0) }
        for path in paths { #expect(chmod(path, 0o1777) == 0) }
        try await helper.expect("sweep", "ok stale")
        try place.expectNames(["foreign", "lasting"])
      }
    }
  }
}
