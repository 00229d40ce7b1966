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

@testable import Interprocess

/// A system that refuses open file description locks, as gVisor and old kernels do.
@Suite("Refused locks", .timeLimit(.minutes(5)))
struct RefusedLockTests {
  @Test(
    "Memory that needs no locks works without them, and the rest says what it needs",
    arguments: ["EPERM", "ENOSYS", "EINVAL", "ENOLCK", "EACCES", "EOPNOTSUPP"])
  func refused(_ errno: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.leaveStale("stale")
      try await place.withHelper { helper in
        try await helper.expect("create before 64 temporary", "ok before")
        try await helper.expect("keep", "ok ")
        try await helper.expect("deny ofd \(errno)", "ok ")

        // Lasting memory.
        try await helper.expect("create lasting 4096", "ok lasting")
        try await helper.expect("set 0 7", "ok ")
        try await helper.expect("keep", "ok ")
        try await helper.expect("attach lasting", "ok 4096")
        try await helper.expect("get 0", "ok 7")
        try await helper.expect("attach lasting readOnly wait=1", "ok 4096")
        try await helper.expect("attachOrCreate lasting 64", "ok attached")
        // Growers take turns by such a lock.
        let grown = try #require(try await helper.ask("explain grow 8192"))
        #expect(grown.contains("refuses OFD locks"), "\(grown)")
        try await helper.expect("attachOrCreate other 64", "ok created")
        try await helper.expect("unlink", "ok ")
        try await helper.expect("anonymous 64", "ok 64")
        try await helper.expect("stale", "ok stale")
        try await helper.expect("create lasting 64", "error alreadyExists")
        try await helper.expect("attach lasting", "ok 4096")
        try await helper.expect("unlink", "ok ")

        // Temporary memory.
        let refusal = "This system refuses OFD locks (fcntl F_OFD_SETLK), which "
        for command in [
          "create new 64 temporary", "attachOrCreate new 64 temporary", "attach before",
          "attach stale",
        ] {
          let message = try #require(try await helper.ask("explain \(command)"))
          #expect(message.hasPrefix("ok \(refusal)temporary memory needs: "), "\(message)")
        }
        // Objects with handle numbers.
        let message = try #require(try await helper.ask("explain mutex mutex"))
        #expect(
          message.hasPrefix("ok \(refusal)locks, permits, queues and topics need: "), "\(message)")
        try await helper.expect("unlinkName mutex", "ok ")
        // Memory that may be stale.
        for command in ["left trial", "left"] {
          let left = try #require(try await helper.ask(command))
          #expect(left.hasPrefix("ok  | "), "\(left)")
          for name in ["before", "stale"] {
            #expect(left.contains(" \(name): \(refusal)a sweep needs: "), "\(left)")
          }
        }
        try place.expectNames(["before", "stale"])
      }
    }
  }

  @Test("A program runs under refusals")
  func program() async throws {
    let outcome = try await run(
      Places.helper,
      ["deny", "memfd_create", "ENOSYS", "--", ForeignLockTests.python.path, "-c", memoryProgram])
    #expect(outcome.output == "38\n")
  }

  private let memoryProgram = """
    import os
    try:
        os.memfd_create("name")
    except OSError as error:
        print(error.errno)
    """
}
