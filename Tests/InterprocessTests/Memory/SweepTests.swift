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
import Subprocess
import SystemPackage
import TestSupport
import Testing

@testable import Interprocess

/// What a sweep leaves, and how it reports that.
@Suite("What a sweep leaves", .timeLimit(.minutes(5)))
struct SweepTests {
  private static let tryAgain = InterprocessError.Code.system(.resourceTemporarilyUnavailable)

  @Test(
    "A file that no process may remove is left and named, and does not stop the sweep",
    .enabled(if: geteuid() == 0, "needs root, to set an attribute of a file"))
  func immutable() async throws {
    try await withPrivateSharedMemory { place in
      for name in ["a", "fixed", "z"] { try await place.leaveStale(name) }
      #expect(try await run("chattr", ["+i", place.path("fixed")]).status == .exited(0))
      try await place.withHelper { helper in
        try await helper.expect(
          "left",
          """
          ok a z | permissionDenied fixed: Cannot sweep shared memory "fixed": Operation not \
          permitted. Check whether this user may write to /dev/shm, and whether an attribute \
          protects the file (`lsattr`).
          """)
        try place.expectNames(["fixed"])
        #expect(try await run("chattr", ["-i", place.path("fixed")]).status == .exited(0))
        try await helper.expect("left", "ok fixed")
      }
    }
  }

  @Test(
    "If the directory cannot be written, the error tells its owner so",
    .enabled(if: geteuid() == 0, "needs root, to be another user"))
  func closedDirectory() async throws {
    try await withPrivateSharedMemory { place in
      let (status, _) = try await place.withChildProcess(Places.helper) { helper in
        try await helper.expect("becomeUser 65534", "ok 0 0")
        try await helper.expect("create m 16 temporary", "ok m")
        try helper.kill()
      }
      #expect(status == .signaled(9))
      #expect(chmod(place.directory, 0o755) == 0)
      try await place.withHelper { helper in
        try await helper.expect("becomeUser 65534", "ok 0 0")
        let left = try #require(try await helper.ask("left"))
        #expect(
          left.hasPrefix(
            """
            ok  | permissionDenied m: Cannot sweep shared memory "m": Permission denied. Check \
            whether this user may write to /dev/shm
            """), "\(left)")
      }
      try place.expectNames(["m"])
    }
  }

  @Test(
    "In a directory that is mounted read-only, each segment gives an error",
    .enabled(if: geteuid() == 0, "needs root, to mount"))
  func readOnly() async throws {
    try await withPrivateSharedMemory { place in
      for name in ["b", "a"] { try await place.leaveStale(name) }
      let script = "mount -o remount,ro /dev/shm && exec \"$0\""
      _ = try await place.withChildProcess("sh", ["-c", script, Places.helper]) { helper in
        let code = InterprocessError.Code.system(.readOnlyFileSystem)
        let told = ["a", "b"].map { name in
          """
           | \(code) \(name): Cannot sweep shared memory "\(name)": Read-only file system. Mount \
          /dev/shm for writing (`mount -o remount,rw /dev/shm`).
          """
        }.joined()
        try await helper.expect("left", "ok \(told)")
      }
    }
  }

  @Test("Memory that another process has claimed and does not remove is left and named")
  func claimed() async throws {
    try await withPrivateSharedMemory { place in
      try await place.leaveStale("m")
      try await place.withHelper { remover in
        try await remover.expect("stopAt removeClaimed", "ok ")
        try await remover.expectStop("sweep", at: .removeClaimed)
        try await place.withHelper { helper in
          for command in ["left trial", "left"] {
            try await helper.expect(
              command,
              """
              ok  | \(Self.tryAgain) m: Shared memory "m" was not swept. Another process has been \
              about to remove it for a while (see `lslocks`). Let it continue, or end it, and sweep \
              again.
              """)
          }
        }
        try await remover.expectAfterStop("ok m")
      }
    }
  }

  @Test("A sweep waits for memory that another process is removing, and does not report it")
  func claimedForAMoment() async throws {
    try await withPrivateSharedMemory { place in
      var answers: [String] = []
      // On a busy machine the removal may take longer than a sweep waits.
      while answers.count < 5 && answers.last != "ok " {
        try await place.leaveStale("m")
        try await place.withHelper { remover in
          try await remover.expect("stopAt removeClaimed", "ok ")
          try await remover.expectStop("sweep", at: .removeClaimed)
          try await place.withHelper { helper in
            try await helper.send("left")
            try await Task.sleep(for: .milliseconds(50))
            try remover.send(signal: .resume)
            answers.append(try #require(try await helper.nextLine()))
          }
          try await remover.expectNext("ok m")
        }
        try place.expectNames([])
      }
      #expect(answers.last == "ok ", "\(answers)")
    }
  }

  @Test("Simultaneous sweeps remove everything, and report nothing")
  func together() async throws {
    try await withPrivateSharedMemory { place in
      let names = (0..<24).map { "m\($0)" }
      for round in 0..<4 {
        for name in names { try await place.leaveStale(name) }
        try await place.withHelper { first in
          try await place.withHelper { second in
            let sweepers = [first, second]
            for sweeper in sweepers { try await sweeper.send("left") }
            var removed: [Substring] = []
            for sweeper in sweepers {
              let answer = try #require(try await sweeper.nextLine())
              removed += answer.dropFirst("ok ".count).split(separator: " ")
            }
            #expect(removed.sorted() == names.sorted().map { $0[...] }, "in round \(round)")
          }
        }
        try place.expectNames([])
      }
    }
  }

  @Test("A locked hidden name of a killed process is named, and removed once it is unlocked")
  func hidden() async throws {
    let python = try #require(Python.all.last)
    try await withPrivateSharedMemory { place in
      let draft = ".swift-new.0.0."
      try place.makeForeign(draft)
      try await place.withHelper { helper in
        try await python.withLock(ForeignLock(.exclusive), on: "/dev/shm/\(draft)", in: place) {
          locker in
          for command in ["left trial", "left"] {
            let left = try #require(try await helper.ask(command))
            #expect(left.contains("Cannot sweep shared memory \"\(draft)\": process "), "\(left)")
            #expect(left.contains(" \(locker.processID) holds"), "\(left)")
          }
          try place.expectNames([draft])
        }
        try await helper.expect("left trial", "ok ")
        try place.expectNames([draft])
        try await helper.expect("left", "ok ")
        try place.expectNames([])
      }
    }
  }
}
