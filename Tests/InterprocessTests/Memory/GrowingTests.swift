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

@Suite("Growing", .timeLimit(.minutes(2)))
struct GrowingTests {
  @Test(
    "Memory grows, and others see it when they refresh", arguments: [17, 4096, 10_000, 5 << 20])
  func growing(byteCount: Int) async throws {
    let name = uniqueName()
    var memory = try SharedMemory.create(name, byteCount: 16)
    memory[15] = 15
    _ = try await withChildProcess(Places.helper) { helper in
      try await helper.expect("attach \(name)", "ok 16")
      try memory.grow(to: byteCount)
      let (found, kept, new) = (memory.byteCount, memory[15], memory[byteCount - 1])
      #expect(found == byteCount)
      #expect(kept == 15)
      #expect(new == 0)
      #expect(try info(name).byteCount == byteCount)
      #expect(try info(name).residentByteCount >= byteCount)

      try await helper.expect("get 15", "ok 15")
      try await helper.expect("refresh", "ok \(byteCount)")
      try await helper.expect("set \(byteCount - 1) 7", "ok ")
      let value = memory[byteCount - 1]
      #expect(value == 7)

      // Growing to less than the size that others have reached adopts that size.
      try await helper.expect("grow \(byteCount + 10)", "ok \(byteCount + 10)")
      try memory.grow(to: byteCount + 5)
      let again = memory.byteCount
      #expect(again == byteCount + 10)
    }
    try memory.unlink()
  }

  @Test("Memory never shrinks", arguments: [15, 1, 0, -1])
  func shrinking(byteCount: Int) throws {
    let name = uniqueName()
    var memory = try SharedMemory.create(name, byteCount: 16)
    let error = #expect(throws: InterprocessError.self) { try memory.grow(to: byteCount) }
    #expect(error?.code == .invalidSize)
    try memory.grow(to: 16)
    let found = memory.byteCount
    #expect(found == 16)
    try memory.unlink()
  }

  @Test("Growing above the process's file size limit is an error, not a signal")
  func fileSizeLimit() async throws {
    let name = uniqueName()
    let (status, _) = try await withChildProcess(Places.helper) { helper in
      try await helper.expect("create \(name) 4096", "ok \(name)")
      try await helper.expect("limitFileSize 8192", "ok 0")
      try await helper.expect("grow 8193", "error invalidSize")
      try await helper.expect("refresh", "ok 4096")
      try await helper.expect("grow 8192", "ok 8192")
      try await helper.expect("unlink", "ok ")
    }
    #expect(status == .exited(0))
  }

  @Test("Memory that another process has shrunk is reported")
  func shrunk() throws {
    let name = uniqueName()
    var memory = try SharedMemory.create(name, byteCount: 8192)
    #expect(truncate(path(name), 10) == 0)
    let error = #expect(throws: InterprocessError.self) { try memory.refresh() }
    #expect(error?.code == .invalidSize)
    #expect(error?.description.contains("from 8192 to 10 bytes") == true)
    try memory.unlink()
  }

  @Test("A lack of room is an error, and the memory stays as it was")
  func noRoom() async throws {
    let outcome = try await runWithPrivateSharedMemory(
      "size=1m", Places.helper, [],
      input: """
        create memory 524288
        grow 1048577
        refresh
        grow 1048576
        """)
    #expect(
      outcome.output.split(separator: "\n") == [
        "ok memory",
        "error outOfMemory(needed: 524289, available: 524288)",
        "ok 524288",
        "ok 1048576",
      ])
  }

  @Test(
    "Python keeps the size that it attached with, and sees the new one when it attaches again",
    arguments: Python.all)
  func python(python: Python) async throws {
    let name = uniqueName()
    try await python.withSession { session in
      var memory = try SharedMemory.create(name, byteCount: 16)
      try await session.expect("attach \(name)", "ok 16")
      try memory.grow(to: 10_000)
      memory[3] = 33
      memory[9999] = 99
      try await session.expect("get 3", "ok 33")
      try await session.expect("get 9999", "error IndexError")
      try await session.expect("attach \(name)", "ok 10000")
      try await session.expect("get 9999", "ok 99")
      try memory.unlink()
    }
  }

  // MARK: - Failing late

  @Test(
    "A grower without free addresses leaves size, bytes and pages as they were, and grows later")
  func noAddresses() async throws {
    let name = uniqueName()
    _ = try await withChildProcess(Places.helper) { helper in
      try await helper.expect("create \(name) 4096", "ok \(name)")
      try await helper.expect("set 4095 5", "ok ")
      try await helper.expect("limitAddressSpace 16777216", "ok 0")
      try await helper.expect("grow 67108864", "error system(Cannot allocate memory)")
      #expect(try info(name).byteCount == 4096)
      #expect(try info(name).residentByteCount == 4096)
      try await helper.expect("refresh", "ok 4096")
      try await helper.expect("get 4095", "ok 5")
      try await helper.expect("grow 8192", "ok 8192")
      try await helper.expect("get 8191", "ok 0")
      try await helper.expect("unlink", "ok ")
    }
  }

  @Test("If pages run out on the way, they are given back, and so are the addresses")
  func noPages() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { helper in
        try await helper.expect("create m 4096", "ok m")
        try await helper.expect("stopAt growMapped", "ok ")
        try await helper.expectStop("grow 33554432", at: .growMapped)
        // The last check of the room comes before this; half of the room goes now.
        try FileManager.default.createDirectory(
          atPath: place.path("d"), withIntermediateDirectories: false)
        let file = open(place.path("d/f"), O_CREAT | O_RDWR, 0o600)
        defer { close(file) }
        try #require(posix_fallocate(file, 0, 40 << 20) == 0)
        try await helper.expectAfterStop(
          "error outOfMemory(needed: 33550336, available: \((24 << 20) - 4096))")
        #expect(try use(of: place.path("m")) == [4096, 4096])
        try await helper.expect("refresh", "ok 4096")
        try await helper.expect("grow 16777216", "ok 16777216")
        try await helper.expect("get 16777215", "ok 0")
      }
      try place.remove("m")
      try FileManager.default.removeItem(atPath: place.path("d"))
    }
  }

  @Test(
    "A grower killed at any step leaves memory of the old size or of the new one",
    arguments: [Checkpoint.growSeen, .growMapped, .growTaken, .growSized])
  func killed(step: Checkpoint) async throws {
    try await withPrivateSharedMemory { place in
      let (status, _) = try await place.withChildProcess(Places.helper) { helper in
        try await helper.expect("create m 100", "ok m")
        try await helper.expect("set 99 9", "ok ")
        try await helper.expect("dieAt \(step.description)", "ok ")
        try await helper.send("grow 33554432")
        #expect(try await helper.nextLine() == nil)
      }
      #expect(status == .signaled(9))
      let hasGrown = step == .growSized
      #expect(try use(of: place.path("m"))[0] == (hasGrown ? 32 << 20 : 100))
      try await place.withHelper { helper in
        try await helper.expect("attach m", "ok \(hasGrown ? 32 << 20 : 100)")
        // Of 64 MiB only 32 are left if the killed grower's pages stay taken.
        try await helper.expect("grow 67108864", "ok 67108864")
        try await helper.expect("get 99", "ok 9")
        try await helper.expect("sum", "ok 9")
      }
      try place.remove("m")
    }
  }

  @Test("A dead grower is not in the way, and a stopped one is reported")
  func turns() async throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 100)
    _ = try await withChildProcess(Places.helper) { other in
      try await other.expect("attach \(name)", "ok 100")
      _ = try await withChildProcess(Places.helper) { helper in
        try await helper.expect("attach \(name)", "ok 100")
        try await helper.expect("stopAt growTaken", "ok ")
        try await helper.expectStop("grow 8192", at: .growTaken)
        try await other.expect("grow 5000", "error timedOut")
        try await other.expect("explain grow 5000", "ok \(Self.standing)")
        #expect(try fileByteCount(name) == 100)
        try await helper.expectAfterStop("ok 8192")
        try await other.expect("grow 5000", "ok 8192")
        try await helper.expect("stopAt growTaken", "ok ")
        try await helper.expectStop("grow 10000", at: .growTaken)
        try helper.kill()
      }
      try await other.expect("grow 9000", "ok 9000")
    }
    try memory.unlink()
  }

  private static let standing =
    "Cannot enlarge shared memory: another process is growing it, but makes no progress."

  @Test("Many processes that grow at once lose no byte, and the largest size counts")
  func growersAtOnce() async throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 4)
    let written = try await withThrowingTaskGroup { group in
      for number in 0..<4 {
        group.addTask { try await grow(name, writing: number) }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    let grown = try SharedMemory.attach(name)
    let byteCount = grown.byteCount
    let last = written.flatMap(\.offsets).max()
    #expect(byteCount - 1 == last)
    for (number, offsets) in written {
      for offset in offsets {
        let value = grown[offset]
        #expect(value == UInt8(number + 1), "\(offset)")
      }
    }
    let sum = grown.withBytes { bytes in
      bytes.byteOffsets.reduce(0) {
        $0 + Int(bytes.unsafeLoad(fromByteOffset: $1, as: UInt8.self))
      }
    }
    #expect(sum == written.reduce(0) { $0 + $1.offsets.count * ($1.number + 1) })
    try memory.unlink()
  }

  /// Makes a process grow memory again and again, and write to the last byte that it asked for.
  ///
  /// - Parameter number: The remainder of the offsets divided by 4, by which each process has its
  ///   own.
  private func grow(
    _ name: String, writing number: Int
  ) async throws -> (number: Int, offsets: [Int]) {
    try await withChildProcess(Places.helper) { helper in
      // Others may have begun already.
      #expect(try await helper.ask("attach \(name)")?.hasPrefix("ok ") == true)
      let answer = try #require(try await helper.ask("growOften \(number) 400"))
      let offsets = answer.split(separator: " ").dropFirst().compactMap { Int($0) }
      #expect(offsets.count == 400, "\(answer)")
      return (number, offsets)
    }.result
  }

  @Test("A file that others have made as large as possible is an error", arguments: [0, 1, 4095])
  func greatest(less: Int) throws {
    var memory = try SharedMemory.create(uniqueName(), byteCount: 16)
    #expect(truncate(path(memory.name), off_t.max - off_t(less)) == 0)
    #expect(throws: InterprocessError.self) { try memory.grow(to: .max) }
    #expect(throws: InterprocessError.self) { try memory.refresh() }
    let byteCount = memory.byteCount
    #expect(byteCount == 16)
    try memory.unlink()
  }

  // MARK: - New bytes

  @Test(
    "Bytes written behind the end are gone when the memory has grown",
    arguments: ["size=8m", "size=8m,huge=always"], [100, 4096])
  func behindTheEnd(mountOptions: String, byteCount: Int) async throws {
    try await withPrivateSharedMemory(mountOptions) { place in
      try await place.withHelper { helper in
        try await helper.expect("create m \(byteCount)", "ok m")
        try await helper.expect("set \(byteCount - 1) 1", "ok ")
        let written = try scribble(behind: byteCount, in: place.path("m"))
        #expect(byteCount % 4096 == 0 || !written.isEmpty)
        try await helper.expect("grow 2097152", "ok 2097152")
        try await helper.expect("sum", "ok 1")
        try await place.withHelper { other in
          try await other.expect("attach m", "ok 2097152")
          try await other.expect("sum", "ok 1")
        }
      }
      try place.remove("m")
    }
  }

  @Test(
    "Bytes behind the end never show, even where the system makes no holes",
    arguments: RefusalTests.refusals)
  func withoutHoles(errno: String) async throws {
    let name = uniqueName()
    _ = try await withChildProcess(Places.helper) { helper in
      try await helper.expect("deny fallocate \(errno)", "ok ")
      try await helper.expect("create \(name) 100", "ok \(name)")
      try await helper.expect("set 99 1", "ok ")
      #expect(try scribble(behind: 100, in: path(name)).contains(200))
      // Within the page, and beyond it.
      try await helper.expect("grow 150", "ok 150")
      try await helper.expect("sum", "ok 1")
      try await helper.expect("grow 20000", "ok 20000")
      try await helper.expect("sum", "ok 1")
      #expect(try info(name).residentByteCount == 20480)
      try await helper.expect("unlink", "ok ")
    }
  }

  /// Writes as far behind the end of a file as its pages reach, through a mapping of its own.
  ///
  /// - Returns: The offsets that it has written to.
  private func scribble(behind byteCount: Int, in path: String) throws -> [Int] {
    let file = open(path, O_RDWR)
    defer { close(file) }
    let length = 2 << 20
    let mapping = try #require(
      mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0))
    try #require(mapping != MAP_FAILED)
    defer { munmap(mapping, length) }
    // The first touch maps a huge page as a whole; it has to be inside the file.
    mapping.storeBytes(
      of: mapping.load(fromByteOffset: byteCount - 1, as: UInt8.self),
      toByteOffset: byteCount - 1, as: UInt8.self)
    var resident = [UInt8](repeating: 0, count: length / 4096)
    let hasHugePage = try use(of: path)[1] >= length
    #expect(mincore(mapping, length, &resident) == 0)
    let end = hasHugePage ? length : (byteCount + 4095) / 4096 * 4096
    let offsets = Array(stride(from: byteCount, to: end, by: 100))
    for offset in offsets { mapping.storeBytes(of: 7, toByteOffset: offset, as: UInt8.self) }
    return offsets
  }

  /// The size of a file and the bytes that it takes.
  private func use(of path: String) throws -> [Int] {
    var status = stat()
    try #require(stat(path, &status) == 0)
    return [Int(status.st_size), Int(status.st_blocks) * 512]
  }

  // MARK: - Signals

  /// Expects a helper to take much memory in every way after a command.
  private func expectLongCalls(after command: String, _ answer: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { helper in
        try await helper.expect(command, answer)
        try await helper.expect("create m 20000000", "ok m")
        try await helper.expect("grow 40000000", "ok 40000000")
        try await helper.expect("attachReserved m", "ok 40000000")
        try await helper.expect("anonymous 9000000", "ok 9000000")
      }
      try place.remove("m")
    }
  }

  @Test("A signal every 100 us does not keep memory from being created, grown and reserved")
  func fastTimer() async throws {
    // Newer kernels let no signal interrupt the taking of pages in a tmpfs, so this proves
    // something on older ones only; `interrupted` does everywhere.
    try await expectLongCalls(after: "timer 100", "ok 0")
  }

  @Test("If each long call is interrupted, the library makes shorter ones")
  func interrupted() async throws {
    try await expectLongCalls(after: "deny long-fallocate EINTR", "ok ")
  }

  @Test("Growing read-only memory is a failed precondition")
  func readOnly() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let memory = try SharedMemory.create(byteCount: 16)
      var reader = try SharedMemory.attach(memory.name, access: .readOnly)
      try memory.unlink()
      try reader.grow(to: 32)
    }
    #expect(result.says("This shared memory is attached read-only"))
  }
}
