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
import SystemPackage
import TestSupport
import Testing

@testable import Interprocess

/// Locks that other programs hold on the file of the memory.
@Suite("Foreign locks", .timeLimit(.minutes(5)))
struct ForeignLockTests {
  static let python = Python.all.first!
  static let wholeFile = [ForeignLock(.shared), ForeignLock(.exclusive)]
  private static let tryAgain = InterprocessError.Code.system(.resourceTemporarilyUnavailable)

  // MARK: - Lasting memory

  @Test(
    "Lasting memory can be attached to and read, whatever other programs lock",
    arguments: wholeFile + [
      ForeignLock(.exclusive, isOfDescription: true),
      ForeignLock(.exclusive, start: Lease.byteOffset, count: 1, isOfDescription: true),
      ForeignLock(.exclusive, start: 0, count: 4096),
    ])
  func lasting(_ lock: ForeignLock) async throws {
    let name = uniqueName()
    var memory = try SharedMemory.create(name, byteCount: 4096)
    memory[0] = 7
    memory.close()
    try await Self.python.withLock(lock, on: path(name)) { locker in
      let attached = try SharedMemory.attach(name)
      #expect(attached[0] == 7)
      let waiting = try await SharedMemory.attach(
        name, access: .readOnly, waitingUpTo: .seconds(60))
      #expect(waiting[0] == 7)
      let either = try SharedMemory.attachOrCreate(name, byteCount: 4096)
      let isCreator = either.isCreator
      #expect(!isCreator)
      #expect(throws: InterprocessError.self) { _ = try SharedMemory.create(name, byteCount: 1) }
      #expect(try info(name).lifetime == .untilUnlinked)
    }
    #expect(exists(name))
    let last = try SharedMemory.attach(name)
    #expect(try info(name).handleCount == 1)
    try last.unlink()
  }

  @Test("A name is protected only with a lease, and not past a lock of another program")
  func protection() async throws {
    let name = uniqueName()
    try SharedMemory.create(name, byteCount: 64).close()
    defer { try? SharedMemory.unlink(name) }
    try await Self.python.withLock(ForeignLock(.exclusive), on: path(name)) { locker in
      let memory = try SharedMemory.attach(name)
      #expect(try info(name).handleCount == 0)
      #expect { try memory.protectName() } throws: { error in
        (error as? InterprocessError)?.code == Self.tryAgain
          && "\(error)".contains("process \(locker.processID)")
      }
      #expect(try await locker.ask("unlock") == "unlocked")
      try memory.protectName()
      #expect(try info(name).handleCount == 1)
      try memory.unlink()
    }
  }

  // MARK: - Temporary memory

  @Test("The error names a lock that prevents replacing stale memory", arguments: wholeFile)
  func stale(_ lock: ForeignLock) async throws {
    try await withPrivateSharedMemory { place in
      try await place.leaveStale("stale")
      try await place.withHelper { helper in
        try await Self.python.withLock(lock, on: "/dev/shm/stale", in: place) { locker in
          let reason = """
            process \(locker.processID) holds \(lock.kind == .shared ? "a shared" : "an exclusive") \
            lockf or fcntl lock on the whole file
            """
          for command in ["create stale 64 temporary", "attachOrCreate stale 64 temporary"] {
            let message = try #require(try await helper.ask("explain \(command)"))
            #expect(message.contains(reason), "\(message)")
            try await helper.expect(command, "error \(Self.tryAgain)")
          }
          let wait = try #require(try await helper.ask("explain attach stale wait=0.1"))
          #expect(wait.contains(reason) == (lock.kind == .exclusive), "\(wait)")
          try await helper.expect("attach stale wait=0.1", "error timedOut")
          // The memory is unused all the same: a shared lock is not a lease.
          let code = lock.kind == .shared ? "notFound" : "\(Self.tryAgain)"
          try await helper.expect("attach stale", "error \(code)")
          // The program that has locked the file has it open, which keeps the memory.
          try await helper.expect("stale", "ok ")
          for command in ["left trial", "left"] {
            let left = try #require(try await helper.ask(command))
            #expect(
              left.hasPrefix(
                "ok  | \(Self.tryAgain) stale: Cannot sweep shared memory \"stale\": \(reason)"),
              "\(left)")
          }
          try place.expectNames(["stale"])
          #expect(try await locker.ask("unlock") == "unlocked")
        }
        try await helper.expect("attachOrCreate stale 64 temporary", "ok created")
        try await helper.expect("close", "ok ")
        try place.expectNames([])
      }
    }
  }

  @Test("A shared lock hides no lease: a user of the memory is found behind it")
  func hidden() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { user in
        // The lock comes before the first lease, so that the kernel reports it first.
        try await user.expect("create memory 4096", "ok memory")
        try await user.expect("close", "ok ")
        try await Self.python.withLock(ForeignLock(.shared), on: "/dev/shm/memory", in: place) {
          locker in
          // The mark makes the memory temporary.
          try place.makeTemporary("memory")
          try await user.expect("attach memory", "error notFound")
          #expect(chmod(place.path("memory"), 0o600) == 0)
          try await user.expect("attach memory", "ok 4096")
          #expect(chmod(place.path("memory"), 0o1600) == 0)
          try await place.withHelper { other in
            try await other.expect("attach memory", "ok 4096")
            try await other.expect("create memory 64", "error alreadyExists")
            try await other.expect("sweep", "ok ")
            // The last close of temporary memory leaves its name to a sweep.
            try await user.expect("close", "ok ")
            try await other.expect("close", "ok ")
            try place.expectNames(["memory"])
            #expect(try await locker.ask("unlock") == "unlocked")
            // The locker still has the file open.
            try await other.expect("sweep", "ok ")
          }
        }
        try await user.expect("sweep", "ok memory")
        try place.expectNames([])
      }
    }
  }

  /// Starts the helper where `/proc` does not list the locks on files.
  private static func withHelperThatListsNoLocks(
    in place: PrivateSharedMemory, _ body: (ChildProcess) async throws -> Void
  ) async throws {
    let hiding = "mount -t proc -o subset=pid proc /proc && exec \"$0\""
    _ = try await place.withChildProcess(
      "unshare", ["--mount", "sh", "-c", hiding, Places.helper], body)
  }

  @Test(
    "Where locks cannot be listed, memory that a lock may hide is left alone",
    .enabled(if: isRoot, "needs root, to mount another /proc"))
  func unlisted() async throws {
    try await withPrivateSharedMemory { place in
      try await place.leaveStale("stale")
      try await place.leaveStale("free")
      try await Self.python.withLock(ForeignLock(.shared), on: "/dev/shm/stale", in: place) {
        locker in
        try await Self.withHelperThatListsNoLocks(in: place) { helper in
          try await helper.expect("attach free", "error notFound")
          try await helper.expect("attach stale", "error \(Self.tryAgain)")
          try await helper.expect("create stale 64", "error \(Self.tryAgain)")
          // Once the lock is gone, nothing is hidden.
          try await helper.send("attach stale wait=0.2")
          #expect(try await locker.ask("unlock") == "unlocked")
          try await helper.expectNext("error timedOut")
          try await helper.expect("attach stale", "error notFound")
        }
      }
    }
  }

  @Test(
    "A wait ends soon after the lock in its way is gone",
    .enabled(if: isRoot, "needs root, to be another user"))
  func waits() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { user in
        try await user.expect("create memory 4096", "ok memory")
        try await user.expect("close", "ok ")
        try await Self.python.withLock(ForeignLock(.shared), on: "/dev/shm/memory", in: place) {
          locker in
          try await user.expect("attach memory", "ok 4096")
          try place.makeTemporary("memory")
          try await Self.withHelperThatListsNoLocks(in: place) { helper in
            try await helper.expect("attach memory", "error \(Self.tryAgain)")
            let begin = SuspendingClock.now
            try await helper.send("attach memory wait=60")
            try await Task.sleep(for: .milliseconds(100))
            #expect(try await locker.ask("unlock") == "unlocked")
            try await helper.expectNext("ok 4096")
            #expect(SuspendingClock.now - begin < .seconds(30))
          }
        }
      }
    }
  }

  @Test("A lock on a file without a name yet is an error, except for lasting memory")
  func nameless() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { helper in
        for (command, answer) in [
          ("create memory 64 temporary", "error \(Self.tryAgain)"),
          ("create memory 64", "ok memory"),
        ] {
          try await helper.expect("stopAt createOpened", "ok ")
          try await helper.expectStop(command, at: .createOpened)
          let directory = "/proc/\(helper.processID)/fd"
          let number = try #require(
            try FileManager.default.contentsOfDirectory(atPath: directory).first { number in
              let file = try? FileManager.default.destinationOfSymbolicLink(
                atPath: "\(directory)/\(number)")
              return file?.hasPrefix("/dev/shm/") == true
            })
          try await Self.python.withLock(
            ForeignLock(.exclusive), on: "\(directory)/\(number)"
          ) { _ in
            try await helper.expectAfterStop(answer)
          }
        }
        try await helper.expect("unlink", "ok ")
      }
    }
  }

  @Test(
    "A creator gives up a name that becomes stale memory again and again",
    arguments: ["create", "attachOrCreate"])
  func restlessName(_ command: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.leaveStale("stale")
      try await place.withHelper { helper in
        try await helper.expect("remakeStale stale", "ok ")
        try await helper.expect("\(command) stale 64 temporary", "error alreadyExists")
      }
    }
  }

  @Test("Other locks of the file are not in the way, and do not count as leases")
  func elsewhere() async throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 4096)
    defer { try? SharedMemory.unlink(name) }
    try await Self.python.withLock(
      ForeignLock(.exclusive, start: 0, count: 4096), on: path(name)
    ) { _ in
      let handleCount = try info(name).handleCount
      #expect(handleCount == 1)
    }
    // A description lock that begins where the leases lie, and covers more bytes.
    try await Self.python.withLock(
      ForeignLock(.shared, start: Lease.byteOffset, count: 100, isOfDescription: true),
      on: path(name)
    ) { _ in
      let handleCount = try info(name).handleCount
      #expect(handleCount == 1)
    }
    memory.close()
  }
}

private let isRoot = geteuid() == 0
