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

import CInterprocess
import Foundation
import Interprocess
import Subprocess
import TestSupport
import Testing

@Suite("Room", .timeLimit(.minutes(3)))
struct RoomTests {
  // MARK: - The file system

  @Test("A file system without free inodes is out of memory, and the error says so")
  func inodes() async throws {
    try await withPrivateSharedMemory("size=1m,nr_inodes=4") { place in
      try await place.withHelper { helper in
        // The directory takes one inode.
        for number in 1...3 {
          try await helper.expect("create m\(number) 4096", "ok m\(number)")
        }
        try await helper.expect(
          "create m4 4096", "error outOfMemory(needed: 4096, available: 0)")
        try await helper.expect(
          "explain create m4 4096",
          """
          ok No room in /dev/shm for shared memory "m4": all its 4 files (inodes) are in use, \
          however many bytes are free. Remove what is not in use, or mount /dev/shm with a greater \
          `nr_inodes`.
          """)
        try await helper.expect("unlinkName m1", "ok ")
        try await helper.expect("create m4 4096", "ok m4")
      }
    }
  }

  @Test("A file system of Docker's default size says how to get more", arguments: [1, 64])
  func docker(mebibyteCount: Int) async throws {
    try await withPrivateSharedMemory("size=\(mebibyteCount)m") { place in
      try await place.withHelper { helper in
        let remedy = """
           Its 64 MiB are what Docker gives a container: start it with `--shm-size=1g`, in Compose \
          with `shm_size: 1g`; in Kubernetes, mount an `emptyDir` volume of `medium: Memory` there.
          """
        try await helper.expect(
          "explain create m 67108865",
          """
          ok No room in /dev/shm for shared memory "m": 67108865 bytes are needed and \
          \(mebibyteCount << 20) are free. Remove what is not in use, or enlarge \
          /dev/shm.\(mebibyteCount == 64 ? remedy : "")
          """)
        try await helper.expect("create m 4096", "ok m")
        try await helper.send("explain grow 67108865")
        let message = try await helper.nextLine()
        #expect(message?.contains("--shm-size") == (mebibyteCount == 64))
        #expect(message?.contains("67104769 bytes are needed") == true)
      }
    }
  }

  @Test("A missing /dev/shm is reported as missing", arguments: ["rmdir", "file"])
  func missing(kind: String) async throws {
    // A `/dev` of its own, without its usual contents.
    let change = kind == "file" ? "touch /dev/shm" : "true"
    let outcome = try await run(
      "unshare",
      (geteuid() == 0 ? ["--mount"] : ["--map-root-user", "--mount"]) + [
        "sh", "-c",
        "mount -t tmpfs tmpfs /dev && \(change) && exec \"$0\"", Places.helper,
      ],
      input: """
        explain create m 4096
        explain attach m
        attach m
        explain list
        """)
    let missing = """
      /dev/shm does not exist, or is not a directory; mount a tmpfs there \
      (`mount -t tmpfs tmpfs /dev/shm`).
      """
    #expect(
      outcome.output.split(separator: "\n") == [
        "ok Cannot create shared memory \"m\": \(missing)",
        "ok No shared memory named \"m\". \(missing)",
        "error notFound",
        "ok Cannot list /dev/shm: \(missing)",
      ])
  }

  @Test("If the system refuses memory though it has some, the error still has its own code")
  func refused() async throws {
    let name = uniqueName()
    _ = try await withChildProcess(Places.helper) { helper in
      try await helper.expect("deny fallocate ENOMEM", "ok ")
      for command in ["create \(name) 4096", "anonymous 4096"] {
        try await helper.send("explain \(command)")
        let message = try #require(try await helper.nextLine())
        #expect(message.hasPrefix("ok The system gives no memory for "), "\(message)")
        #expect(message.contains("4096 bytes are needed"))
        let code = try #require(try await helper.ask(command))
        #expect(code.hasPrefix("error outOfMemory(needed: 4096, available: "), "\(code)")
      }
    }
  }

  // MARK: - Control groups

  @Test(
    "Going beyond the control group's limit is an error that names it, and ends no process",
    .enabled(if: ControlGroup.canBeMade, "needs root, to make a control group"))
  func controlGroup() async throws {
    try await ControlGroup.with(byteCount: 64 << 20) { group in
      try await withPrivateSharedMemory("size=1g") { place in
        let (status, _) = try await place.withChildProcess(Places.helper) { helper in
          try group.add(helper.processID)
          for command in [
            "create m 100000000", "attachOrCreate m 100000000", "anonymous 100000000",
          ] {
            try await helper.send("explain \(command)")
            let message = try #require(try await helper.nextLine())
            #expect(
              message.contains("the control group \(group.directory) "), "\(command): \(message)")
            #expect(message.contains("100000000 bytes are needed"))
            #expect(message.contains("its memory limit of \(64 << 20) bytes"))
          }
          try await helper.expect("create m 20000000", "ok m")
          try await helper.send("grow 100000000")
          let grown = try #require(try await helper.nextLine())
          #expect(grown.hasPrefix("error outOfMemory(needed: 79999232, available: "), "\(grown)")
          try await helper.expect("grow 40000000", "ok 40000000")
          try await helper.expect("unlink", "ok ")
          try await helper.expect("create m 100000000 onDemand", "ok m")
          try await helper.send("attachReserved m")
          let reserved = try #require(try await helper.nextLine())
          #expect(
            reserved.hasPrefix("error outOfMemory(needed: 100003840, available: "), "\(reserved)")
          try await helper.expect("unlink", "ok ")
        }
        #expect(status == .exited(0))
      }
    }
  }

  @Test(
    "Many small pieces do not exceed the limit either",
    .enabled(if: ControlGroup.canBeMade, "needs root, to make a control group"),
    arguments: [16384, 65536])
  func manySmall(byteCount: Int) async throws {
    try await ControlGroup.with(byteCount: 48 << 20) { group in
      try await withPrivateSharedMemory("size=1g") { place in
        let (status, _) = try await place.withChildProcess(Places.helper) { helper in
          // Each piece has a descriptor.
          try await helper.expect("raiseDescriptorLimit", "ok 0")
          try group.add(helper.processID)
          let count = (48 << 20) / byteCount + 1
          try await helper.send("fill \(byteCount) \(count)")
          let answer = try #require(try await helper.nextLine())
          #expect(answer.hasPrefix("error outOfMemory(needed: \(byteCount)"), "\(answer)")
        }
        #expect(status == .exited(0))
      }
    }
  }

  // MARK: - Holes

  @Test("Attaching takes the pages that a block of Python lacks", arguments: Python.all)
  func pythonHoles(python: Python) async throws {
    try await withPrivateSharedMemory("size=8m") { place in
      try await python.withSession(in: place) { session in
        try await session.expect("create m 6000000", "ok 6000000")
        try await session.expect("set 5999999 9", "ok ")
        try await place.withHelper { helper in
          try await helper.expect("attach m", "ok 6000000")
          #expect(try resident(place.path("m")) == 4096)
          try await helper.expect("attachReserved m", "ok 6000000")
          #expect(try resident(place.path("m")) == 6_000_640)
          try await helper.expect("sum", "ok 9")
          try await session.expect("set 0 1", "ok ")
          try await helper.expect("sum", "ok 10")
          // There is nothing left to take, and nothing is needed.
          try await helper.expect("create full 2387968", "ok full")
          try await helper.expect("attachReserved m", "ok 6000000")
          try await session.expect("unlink", "ok ")
        }
      }
    }
  }

  @Test("If there is no room for them, that is an error, and no signal later")
  func noRoomForHoles() async throws {
    try await withPrivateSharedMemory("size=1m") { place in
      try await place.withHelper { helper in
        try await helper.expect("create m 2000000 onDemand", "ok m")
        try await helper.expect("set 5 5", "ok ")
        try await helper.expect(
          "attachReserved m", "error outOfMemory(needed: 1998848, available: 1044480)")
        // The memory stays attached.
        try await helper.expect("get 5", "ok 5")
        #expect(try resident(place.path("m")) == 4096)
      }
    }
  }

  @Test("No hole is filled if there is no room for all of them")
  func noRoomForAllHoles() async throws {
    try await withPrivateSharedMemory("size=10m") { place in
      try await place.withHelper { helper in
        try await helper.expect("create m \(8 << 20)", "ok m")
        let file = open(place.path("m"), O_RDWR)
        defer { close(file) }
        // Two holes of 2 MiB, far enough apart that no single call fills both.
        for offset in [0, 4 << 20] {
          try #require(ipc_discard_pages(file, Int64(offset), 2 << 20) == 0)
        }
        try await helper.expect("create other \(3 << 20)", "ok other")
        try await helper.expect(
          "attachReserved m", "error outOfMemory(needed: \(4 << 20), available: \(3 << 20))")
        #expect(try resident(place.path("m")) == 4 << 20)
      }
    }
  }

  @Test("Attaching takes the pages that an array of numpy lacks")
  func arrayHoles() async throws {
    let python = try #require(Python.withNumpy)
    let name = uniqueName()
    let outcome = try await python.run(
      """
      import sys
      from numpy.lib.format import open_memmap
      open_memmap(sys.argv[1], mode="w+", dtype="float64", shape=(100000,))[50000] = 2.5
      """, [path(name)])
    #expect(outcome.status == .exited(0))
    let before = try resident(path(name))
    #expect(before < 100_000)
    let array = try SharedArray<Double>.attach(name, reservation: .reserved)
    #expect(try resident(path(name)) >= 800_000)
    let value = array[50_000]
    #expect(value == 2.5)
    try array.unlink()
  }

  @Test("Reserving memory that is attached read-only is a failed precondition")
  func readOnly() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let memory = try SharedMemory.create(byteCount: 16, options: .whileAttached)
      try memory.unlink()
      _ = try SharedMemory.attach("any", access: .readOnly, reservation: .reserved)
    }
    #expect(result.says("To reserve shared memory, attach to it for writing"))
  }

  /// The bytes that a file takes.
  private func resident(_ path: String) throws -> Int {
    var status = stat()
    try #require(stat(path, &status) == 0)
    return Int(status.st_blocks) * 512
  }
}
