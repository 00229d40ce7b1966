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

@Suite("Systems that refuse calls", .timeLimit(.minutes(2)))
struct RefusalTests {
  /// Calls that containers, gVisor and older kernels refuse, and that the library can do without.
  static let bearable = [
    "tmpfile EOPNOTSUPP", "tmpfile EISDIR", "tmpfile EINVAL", "tmpfile ENOSYS", "tmpfile EPERM",
    "renameat2 ENOSYS", "renameat2 EPERM", "renameat2 EINVAL",
    "linkat ENOSYS", "linkat EPERM",
    "tmpfile ENOSYS renameat2 ENOSYS", "linkat EPERM tmpfile EPERM",
    "statx ENOSYS", "statx EPERM", "inotify_init1 ENOSYS", "inotify_init1 EMFILE",
    "membarrier ENOSYS", "membarrier EPERM", "getrandom ENOSYS",
    "fallocate ENOSYS", "fallocate EPERM", "fallocate EOPNOTSUPP",
  ]

  @Test(
    "Lifetimes are the same where the system refuses dispensable calls",
    arguments: bearable)
  func life(refused: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { helper in
        try await place.withHelper { other in
          try await helper.expect("deny \(refused)", "ok ")
          try await helper.expect("create m 4096 temporary", "ok m")
          try place.expectNames(["m"])
          try await other.expect("create m 10", "error alreadyExists")
          try await helper.expect("set 1 7", "ok ")
          try await other.expect("attach m", "ok 4096")
          try await other.expect("get 1", "ok 7")
          try await helper.expect("protect", "ok ")
          try place.remove("m")
          try await helper.expect("relink", "ok ")
          try await helper.expect("create lasting 16", "ok lasting")
          try await other.expect("close", "ok ")
          // The last handle, of either process, removed both names.
          try place.expectNames(["lasting"])
          try await helper.expect("unlink", "ok ")
          try place.expectNames([])

          try await place.leaveStale("m")
          try await helper.expect("create m 4096 temporary", "ok m")
          try await helper.expect("close", "ok ")
          try await place.leaveStale("m")
          try await helper.expect("sweep", "ok m")
          try place.expectNames([])
        }
      }
    }
  }

  @Test(
    "A creator killed at any step leaves only what a sweep removes",
    arguments: [Checkpoint.createOpened, .createSized, .createLeased, .createInitialized])
  func killed(step: Checkpoint) async throws {
    try await withPrivateSharedMemory { place in
      let (status, _) = try await place.withChildProcess(Places.helper) { helper in
        try await helper.expect("deny tmpfile ENOSYS", "ok ")
        try await helper.expect("dieAt \(step.description)", "ok ")
        #expect(try await helper.ask("create m 4096") == nil)
      }
      #expect(status == .signaled(9))
      #expect(try place.names().count == 1)
      #expect(try !place.names().contains("m"))
      try await place.withHelper { other in
        try await other.expect("sweep", "ok ")
        try place.expectNames([])
      }
    }
  }

  @Test(
    "A sweep leaves memory that is being created",
    arguments: [Checkpoint.createOpened, .createSized, .createLeased, .createInitialized])
  func sweptMeanwhile(step: Checkpoint) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { creator in
        try await place.withHelper { sweeper in
          try await creator.expect("deny tmpfile ENOSYS", "ok ")
          try await creator.expect("stopAt \(step.description)", "ok ")
          try await creator.expectStop("create m 4096 temporary", at: step)
          try await sweeper.expect("sweep", "ok ")
          try await creator.expectAfterStop("ok m")
          try place.expectNames(["m"])
        }
      }
    }
  }

  @Test("Memory is created without /proc and without permission to link a descriptor")
  func noProc() async throws {
    try await withPrivateSharedMemory { place in
      _ = try await place.withChildProcess(
        "unshare",
        ["--mount", "sh", "-c", "mount -t tmpfs tmpfs /proc && exec \"$0\"", Places.helper]
      ) { helper in
        if geteuid() == 0 { try await helper.expect("becomeUser 65534", "ok 0 0") }
        try await helper.expect("create m 4096", "ok m")
        try await helper.expect("attach m", "ok 4096")
        try await helper.expect("unlink", "ok ")
        try place.expectNames([])
      }
    }
  }

  /// Calls that the library needs, and a word of the error message.
  static let unbearable = [
    ("fsetxattr EPERM", "fsetxattr"), ("fsetxattr ENOSYS", "fsetxattr"),
    ("fallocate EPERM pwrite64 EPERM", "fallocate and pwrite64"),
    ("fallocate ENOSYS pwrite64 ENOSYS", "fallocate and pwrite64"),
    ("fallocate EOPNOTSUPP pwrite64 EOPNOTSUPP", "fallocate and pwrite64"),
    ("linkat EPERM link EPERM renameat2 ENOSYS", "renameat2"),
    ("tmpfile EPERM linkat EPERM link EPERM renameat2 EPERM", "renameat2"),
  ]

  @Test("An error names what the system refuses, and nothing is left", arguments: unbearable)
  func refused(calls: String, word: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { helper in
        try await helper.expect("deny \(calls)", "ok ")
        let answer = try await helper.ask("create m 4096 temporary")
        #expect(answer?.hasPrefix("error system") == true, "\(answer ?? "nothing")")
        let message = try await helper.ask("message") ?? ""
        #expect(message.contains(word), "\(message)")
        try place.expectNames([])
      }
    }
  }

  // MARK: - Reservation

  /// The ways in which `fallocate` is refused altogether.
  static let refusals = ["ENOSYS", "EPERM", "EOPNOTSUPP"]

  private func byteCounts(_ path: String) throws -> [Int] {
    var status = stat()
    try #require(stat(path, &status) == 0)
    return [Int(status.st_size), Int(status.st_blocks) * 512]
  }

  @Test("Without fallocate, pages are taken all the same, at creation and by growing")
  func reserved() async throws {
    for errno in Self.refusals {
      try await withPrivateSharedMemory { place in
        try await place.withHelper { helper in
          try await helper.expect("deny fallocate \(errno)", "ok ")
          for byteCount in [1, 4096, 4097, 3 << 20, 10_000_001] {
            try await helper.expect("create m \(byteCount)", "ok m")
            #expect(
              try byteCounts(place.path("m")) == [byteCount, (byteCount + 4095) / 4096 * 4096])
            try await helper.expect("sum", "ok 0")
            try await helper.expect("set 0 3", "ok ")
            try await helper.expect("grow 20000001", "ok 20000001")
            #expect(try byteCounts(place.path("m")) == [20_000_001, 20_000_768])
            try await helper.expect("sum", "ok 3")
            try await helper.expect("unlink", "ok ")
          }
          try await helper.expect("anonymous 9000000", "ok 9000000")
          try await helper.expect("sum", "ok 0")
          try await helper.expect("grow 9000001", "error permissionDenied")
        }
      }
    }
  }

  @Test("Without fallocate, a lack of room is the same error, and leaves nothing")
  func noRoom() async throws {
    for errno in Self.refusals {
      try await withPrivateSharedMemory("size=1m") { place in
        try await place.withHelper { helper in
          try await helper.expect("deny fallocate \(errno)", "ok ")
          try await helper.expect(
            "create m 2000000", "error outOfMemory(needed: 2000000, available: 1048576)")
          try place.expectNames([])
          try await helper.expect("create m 100", "ok m")
          try await helper.expect(
            "grow 2000000", "error outOfMemory(needed: 1995904, available: 1044480)")
          #expect(try byteCounts(place.path("m")) == [100, 4096])
        }
      }
    }
  }

  @Test("Without fallocate, holes get pages, and keep what others write there meanwhile")
  func holes() async throws {
    for errno in Self.refusals {
      try await withPrivateSharedMemory { place in
        try await place.withHelper { helper in
          try await helper.expect("deny fallocate \(errno)", "ok ")
          try await helper.expect("create m 10000001 onDemand", "ok m")
          try await helper.expect("set 9000000 5", "ok ")
          try await helper.expect("attachReserved m", "ok 10000001")
          #expect(try byteCounts(place.path("m")) == [10_000_001, 10_002_432])
          try await helper.expect("sum", "ok 5")
        }
      }
      // A lack of room, also where the file system does not report it beforehand.
      for calls in ["fallocate \(errno)", "fallocate \(errno) fstatfs ENOSYS"] {
        try await withPrivateSharedMemory("size=1m") { place in
          try await place.withHelper { helper in
            try await helper.expect("deny \(calls)", "ok ")
            try await helper.expect("create m 2000000 onDemand", "ok m")
            try await helper.expect("set 5 5", "ok ")
            let answer = try #require(try await helper.ask("attachReserved m"))
            #expect(answer.hasPrefix("error outOfMemory(needed: 1998848, available: "), "\(answer)")
            try await helper.expect("get 5", "ok 5")
          }
        }
      }
    }
  }

  @Test("Where no call takes pages, the error names those that would, and the memory is unchanged")
  func nothingReserves() async throws {
    for errno in Self.refusals {
      try await withPrivateSharedMemory { place in
        try await place.withHelper { helper in
          try await helper.expect("create m 4096", "ok m")
          try await helper.expect("create holes 8192 onDemand", "ok holes")
          try await helper.expect(
            "deny fallocate \(errno) pwrite64 \(errno) madvise \(errno)", "ok ")
          for (command, word) in [
            ("attachReserved holes", "refuses fallocate and madvise (MADV_POPULATE_WRITE), which"),
            ("anonymous 4096", "fallocate and pwrite64"),
          ] {
            let message = try await helper.ask("explain \(command)") ?? ""
            #expect(message.contains(word), "\(message)")
          }
          try await helper.expect("attach m", "ok 4096")
          let message = try await helper.ask("explain grow 8192") ?? ""
          #expect(message.contains("refuses fallocate and pwrite64, which"), "\(message)")
          #expect(try byteCounts(place.path("m")) == [4096, 4096])
          #expect(try byteCounts(place.path("holes")) == [8192, 0])
        }
      }
    }
  }
}
