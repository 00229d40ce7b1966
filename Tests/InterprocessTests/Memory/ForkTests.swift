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

/// Children forked without `exec`, with all that their parent has open and mapped.
@Suite("Fork", .timeLimit(.minutes(2)))
struct ForkTests {
  @Test(
    "A child takes no name from its parent, however it ends",
    arguments: ["child close", "child exit", "child _exit"], ["temporary", "lasting"])
  func childEnds(command: String, lifetime: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { parent in
        try await parent.expect("create m 4096 \(lifetime)", "ok m")
        try await fork(parent)
        try await parent.expect(command, command == "child close" ? "ok ok " : "ok ended 0")
        try place.expectNames(["m"])
        try await place.withHelper { other in
          try await other.expect("sweep", "ok ")
          try await other.expect("attach m", "ok 4096")
          try await parent.expect("set 1 2", "ok ")
          try await other.expect("get 1", "ok 2")
          try await other.expect("close", "ok ")
        }
        try place.expectNames(["m"])
        try await parent.expect("close", "ok ")
        try place.expectNames(lifetime == "temporary" ? [] : ["m"])
      }
    }
  }

  @Test("A child and its parent continue with the same bytes")
  func sameBytes() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { parent in
        try await parent.expect("create m 8192 temporary", "ok m")
        try await parent.expect("set 5000 1", "ok ")
        try await fork(parent)
        try await parent.expect("child get 5000", "ok ok 1")
        try await parent.expect("child set 5000 2", "ok ok ")
        try await parent.expect("get 5000", "ok 2")
        try await parent.expect("set 5001 3", "ok ")
        try await parent.expect("child get 5001", "ok ok 3")
        // Changes by others under that name concern the same memory.
        try await place.withHelper { other in
          try await other.expect("attach m", "ok 8192")
          try await other.expect("set 5002 4", "ok ")
          try await parent.expect("child get 5002", "ok ok 4")
        }
        try await parent.expect("child attach m", "ok ok 8192")
        try await parent.expect("child get 5002", "ok ok 4")
      }
    }
  }

  @Test("A child of a process that only reads can continue reading")
  func readOnly() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { holder in
        try await holder.expect("create m 4096 temporary", "ok m")
        try await place.withHelper { parent in
          try await parent.expect("attach m readOnly", "ok 4096")
          let child = try await fork(parent)
          // By then the child is ready.
          try await parent.expect("child get 0", "ok ok 0")
          let file = try #require(FileNumber(at: place.path("m")))
          let use = try FileUse(of: file, in: child)
          #expect(use.descriptors == [.init(isWritable: false, isLeased: false)])
          #expect(use.mappings == ["r--s"])
          try await holder.expect("set 0 9", "ok ")
          try await parent.expect("child get 0", "ok ok 9")
          try await holder.expect("close", "ok ")
          try place.expectNames(["m"])
          try await parent.expect("close", "ok ")
          try place.expectNames([])
          try await parent.expect("child get 0", "ok ok 9")
        }
      }
    }
  }

  @Test("The last orderly close of the parent removes the name, although its child lives")
  func parentCloses() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { parent in
        try await parent.expect("create m 4096 temporary", "ok m")
        try await parent.expect("set 0 8", "ok ")
        try await fork(parent)
        try await parent.expect("close", "ok ")
        try place.expectNames([])
        try await parent.expect("child get 0", "ok ok 8")
        // The child must not take the successor's name either.
        try await parent.expect("create m 100 temporary", "ok m")
        try await parent.expect("child close", "ok ok ")
        try place.expectNames(["m"])
      }
      try place.expectNames([])
    }
  }

  @Test(
    "A killed parent leaves a stale name, which stays only while its child has the memory mapped",
    arguments: ["readWrite", "readOnly"])
  func parentKilled(access: String) async throws {
    try await withPrivateSharedMemory { place in
      let (status, child) = try await place.withChildProcess(Places.helper) { parent in
        try await parent.expect("create m 4096 temporary", "ok m")
        // Memory that has grown may lie elsewhere, and all of it belongs to the child as well.
        try await parent.expect("grow \(5 << 20)", "ok \(5 << 20)")
        try await parent.expect("set \(5 << 19) 6", "ok ")
        if access == "readOnly" { try await parent.expect("attach m readOnly", "ok \(5 << 20)") }
        let child = try await fork(parent, "outliving")
        try await parent.expect("child get \(5 << 19)", "ok ok 6")
        try parent.kill()
        return child
      }
      #expect(status == .signaled(9))
      defer { kill(child, SIGKILL) }
      try await place.withHelper { other in
        #expect(["R", "S"].contains(processState(child)))
        try await other.expect("attach m", "error notFound")
        try await other.expect("sweep", "ok ")
        try await other.expect("create m 100 temporary", "error alreadyExists")
        try place.expectNames(["m"])

        kill(child, SIGKILL)
        while let state = processState(child), state != "Z" {
          try await Task.sleep(for: .milliseconds(1))
        }
        try await other.expect("sweep", "ok m")
        try place.expectNames([])
      }
    }
  }

  @Test("A child has each file once, closed on exec and without a lease")
  func descriptors() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { parent in
        let names = ["a", "b", "c", "d"]
        for name in names {
          try await parent.expect("create \(name) 4096 temporary", "ok \(name)")
          try await parent.expect("keep", "ok ")
        }
        // From the middle and the ends of the list of files.
        for index in [1, 0, 1] { try await parent.expect("drop \(index)", "ok ") }
        try place.expectNames(["c"])
        try await parent.expect("create e 4096 temporary", "ok e")
        let child = try await fork(parent)
        try await parent.expect("child get 0", "ok ok 0")
        for name in ["c", "e"] {
          let file = try #require(FileNumber(at: place.path(name)))
          let use = try FileUse(of: file, in: parent.processID)
          #expect(use.descriptors == [.init()])
          let childsUse = try FileUse(of: file, in: child)
          #expect(childsUse.descriptors == [.init(isLeased: false)])
          #expect(childsUse.mappings == ["rw-s"])
        }
        // A child can open files and fork again.
        try await parent.expect("child create f 16 temporary", "ok ok f")
        #expect(try await parent.ask("child fork")?.hasPrefix("ok ok ") == true)
        try await parent.expect("child child get 0", "ok ok ok 0")
        try await parent.expect("child _exit", "ok ended 0")
        try await parent.expect("close", "ok ")
        try await parent.expect("drop 0", "ok ")
        #expect(try !place.names().contains("c"))
      }
    }
  }

  @Test("A fork while another thread creates memory gives the child no lease either")
  func whileMaking() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { parent in
        try await parent.expect("forkStorm \(extent(whole: 2000, short: 200))", "ok 0 0")
      }
      try place.expectNames([])
    }
  }

  /// Forks a child of a helper, and returns its number.
  @discardableResult
  func fork(_ parent: ChildProcess, _ mode: String = "") async throws -> pid_t {
    let answer = try #require(try await parent.ask("fork \(mode)"))
    return try #require(pid_t(answer.dropFirst("ok ".count)))
  }
}

extension FileUse {
  init(descriptors: [Descriptor], mappings: [String]) {
    self.descriptors = descriptors
    self.mappings = mappings
  }
}
