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

@Suite("Huge pages", .timeLimit(.minutes(3)))
struct HugePageTests {
  private static let mebibyte = 1 << 20

  /// Sizes and options, and how many bytes are in huge pages.
  static let cases: [(byteCount: Int, pages: SharedMemory.Pages, huge: Int)] = [
    (16 * mebibyte, .automatic, 16 * mebibyte),
    (16 * mebibyte - 1, .automatic, 0),
    (16 * mebibyte + 1, .automatic, 16 * mebibyte),
    (35 * mebibyte + 4097, .automatic, 34 * mebibyte),
    (18 * mebibyte, .small, 0),
    (18 * mebibyte, .huge, 18 * mebibyte),
    (2 * mebibyte, .huge, 2 * mebibyte),
    (2 * mebibyte + 1, .huge, 2 * mebibyte),
    (2 * mebibyte - 1, .huge, 0),
    (1, .huge, 0),
  ]

  private func rounded(_ byteCount: Int) -> Int { (byteCount + 4095) / 4096 * 4096 }

  /// Checks everything but the size of the pages.
  private func expectWhole(_ memory: borrowing SharedMemory, _ byteCount: Int) throws {
    #expect(try fileByteCount(memory.name) == byteCount)
    #expect(try info(memory.name).residentByteCount == rounded(byteCount))
    let isZero = memory.withBytes { bytes in
      bytes.withUnsafeBytes { bytes in
        bytes[0] == 0
          && memcmp(bytes.baseAddress!, bytes.baseAddress! + 1, bytes.count - 1) == 0
      }
    }
    #expect(isZero)
  }

  @Test(
    "New memory has huge pages where they are worth it or wanted, in each process that maps it",
    .enabled(if: HugePage.canBeHad, "\(HugePage.need)"), arguments: cases)
  func huge(byteCount: Int, pages: SharedMemory.Pages, huge: Int) async throws {
    let memory = try SharedMemory.create(
      byteCount: byteCount, options: SegmentOptions(lifetime: .whileAttached, pages: pages))
    let file = path(memory.name)
    try expectWhole(memory, byteCount)
    try memory.prefault()
    #expect(try MappedPages(of: file).hugeByteCount == huge)
    _ = try await withChildProcess(Places.helper) { helper in
      try await helper.expect("attach \(memory.name)", "ok \(byteCount)")
      try await helper.expect("prefault", "ok ")
      #expect(try MappedPages(of: file, in: helper.processID).hugeByteCount == huge)
    }
  }

  @Test("Whatever the pages, the size is exact and the bytes are zero", arguments: cases)
  func whole(byteCount: Int, pages: SharedMemory.Pages, huge: Int) throws {
    let memory = try SharedMemory.create(
      byteCount: byteCount, options: SegmentOptions(lifetime: .whileAttached, pages: pages))
    try expectWhole(memory, byteCount)
  }

  @Test("Python sees the exact size of large memory, and its bytes", arguments: Python.all)
  func python(python: Python) async throws {
    try await python.withSession { session in
      let byteCount = 16 * Self.mebibyte + 3
      var memory = try SharedMemory.create(byteCount: byteCount)
      defer { try? memory.unlink() }
      memory[byteCount - 1] = 7
      try await session.expect("attach \(memory.name)", "ok \(byteCount)")
      try await session.expect("get \(byteCount - 1)", "ok 7")
      try await session.expect("set 0 9", "ok ")
      let first = memory[0]
      #expect(first == 9)
    }
  }

  @Test(
    "Anonymous memory has huge pages from the same size on",
    .enabled(if: HugePage.canBeHad, "\(HugePage.need)"))
  func anonymous() async throws {
    _ = try await withChildProcess(Places.helper) { helper in
      for (byteCount, huge) in [(16 * Self.mebibyte + 1, 16 * Self.mebibyte), (1 << 23, 0)] {
        try await helper.expect("anonymous \(byteCount)", "ok \(byteCount)")
        try await helper.expect("sum", "ok 0")
        let number = try #require(
          FileManager.default.contentsOfDirectory(atPath: "/proc/\(helper.processID)/fd").first {
            let file = "/proc/\(helper.processID)/fd/\($0)"
            return try FileManager.default.destinationOfSymbolicLink(atPath: file)
              .hasPrefix("/memfd:")
          })
        let file = "/proc/\(helper.processID)/fd/\(number)"
        #expect(try MappedPages(of: file, in: helper.processID).hugeByteCount == huge)
      }
    }
  }

  @Test(
    "Memory that moves because it grows keeps its huge pages, and gets small ones",
    .enabled(if: HugePage.canBeHad, "\(HugePage.need)"))
  func growing() throws {
    var memory = try SharedMemory.create(byteCount: 16 << 20, options: .whileAttached)
    memory[0] = 5
    // There are no addresses to grow in place.
    let end = memory.withBytes { bytes in
      bytes.withUnsafeBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress! + $0.count) }
    }
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | 0x10_0000  // `MAP_FIXED_NOREPLACE`
    let obstacle = mmap(end, 4096, PROT_NONE, flags, -1, 0)
    defer { if obstacle != MAP_FAILED { munmap(obstacle, 4096) } }
    try memory.grow(to: 33 << 20)
    try memory.prefault()
    let pages = try MappedPages(of: path(memory.name))
    #expect(pages.hugeByteCount == 16 << 20)
    #expect(pages.residentByteCount == 33 << 20)
    let value = memory[0]
    #expect(value == 5)
  }

  // MARK: - Where there are none

  @Test(
    "If the system refuses a call for huge pages, the memory has small ones, and is whole",
    arguments: ["madvise EPERM", "madvise ENOSYS", "madvise EINVAL", "ftruncate EPERM"])
  func refused(calls: String) async throws {
    let byteCount = 33 * Self.mebibyte + 1
    try await withPrivateSharedMemory { place in
      try await place.withHelper { helper in
        try await helper.expect("deny \(calls)", "ok ")
        try await helper.expect("create m \(byteCount) huge", "ok m")
        #expect(try byteCounts(place.path("m")) == [byteCount, rounded(byteCount)])
        try await helper.expect("sum", "ok 0")
        let pages = try MappedPages(of: place.path("m"), in: helper.processID)
        #expect(pages.residentByteCount == rounded(byteCount) && pages.hugeByteCount == 0)
      }
    }
  }

  @Test("Without fallocate, large memory is whole too")
  func withoutFallocate() async throws {
    let byteCount = 33 * Self.mebibyte + 1
    try await withPrivateSharedMemory { place in
      try await place.withHelper { helper in
        try await helper.expect("deny fallocate EPERM", "ok ")
        try await helper.expect("create m \(byteCount)", "ok m")
        #expect(try byteCounts(place.path("m")) == [byteCount, rounded(byteCount)])
        try await helper.expect("sum", "ok 0")
      }
    }
  }

  @Test("Memory fits into a file system to the last byte, and what does not fit leaves nothing")
  func room() async throws {
    try await withPrivateSharedMemory("size=18m") { place in
      try await place.withHelper { helper in
        try await helper.expect(
          "create m 18874369", "error outOfMemory(needed: 18874369, available: 18874368)")
        try await helper.expect("create m 18874368", "ok m")
        try await helper.expect(
          "create n 16777216", "error outOfMemory(needed: 16777216, available: 0)")
        try place.expectNames(["m"])
      }
    }
  }

  @Test("If room runs out on the way, the error is the same, and the room is free again")
  func roomOnTheWay() async throws {
    try await withPrivateSharedMemory("size=21m") { place in
      try await place.withHelper { helper in
        let free = try freeByteCount(place)
        // The room cannot be seen beforehand.
        try await helper.expect("deny fstatfs ENOSYS", "ok ")
        for _ in 0..<3 {
          let answer = try #require(try await helper.ask("create m 31457280"))
          #expect(answer.hasPrefix("error outOfMemory(needed: 31457280, available: "), "\(answer)")
          try place.expectNames([])
          #expect(try freeByteCount(place) == free)
        }
        try await helper.expect("create m 20971520", "ok m")
      }
    }
  }

  @Test(
    "Memory as large as a control group allows is created, and no process is ended",
    .enabled(if: ControlGroup.canBeMade, "needs root, to make a control group"))
  func controlGroup() async throws {
    try await ControlGroup.with(byteCount: 64 << 20) { group in
      try await withPrivateSharedMemory("size=1g") { place in
        let (status, _) = try await place.withChildProcess(Places.helper) { helper in
          try group.add(helper.processID)
          let answer = try #require(try await helper.ask("create m 100000000"))
          let match = try #require(
            answer.firstMatch(of: /outOfMemory\(needed: 100000000, available: (\d+)\)/))
          let available = try #require(Int(match.1))
          #expect(available > 32 << 20)
          // Reading the answer has taken some.
          let byteCount = available - (1 << 20)
          try await helper.expect("create m \(byteCount)", "ok m")
          try await helper.expect("sum", "ok 0")
        }
        #expect(status == .exited(0))
      }
    }
  }

  // MARK: - Ends and forks

  @Test(
    "A creator of large memory killed at any step leaves neither a name nor a page",
    arguments: [
      Checkpoint.createOpened, .createHuge, .createSized, .createLeased, .createInitialized,
    ])
  func killed(step: Checkpoint) async throws {
    try await withPrivateSharedMemory("size=32m") { place in
      let free = try freeByteCount(place)
      let (status, _) = try await place.withChildProcess(Places.helper) { helper in
        try await helper.expect("dieAt \(step.description)", "ok ")
        #expect(try await helper.ask("create m 16777217") == nil)
      }
      #expect(status == .signaled(9))
      try place.expectNames([])
      #expect(try freeByteCount(place) == free)
    }
  }

  @Test("A child forked while huge pages are taken does not keep them")
  func forkedMeanwhile() async throws {
    let name = uniqueName()
    _ = try await withChildProcess(Places.helper) { helper in
      try await helper.expect("forkWhileHuge \(name) 16777216", "ok 1 0")
      try await helper.expect("sum", "ok 0")
      try await helper.expect("unlink", "ok ")
    }
  }

  @Test("A forked child and its parent continue with the same huge pages")
  func forked() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { parent in
        try await parent.expect("create m 16777217 temporary", "ok m")
        try await parent.expect("set 16777215 1", "ok ")
        try await parent.send("fork")
        _ = try await parent.nextLine()
        try await parent.expect("child get 16777215", "ok ok 1")
        try await parent.expect("child set 16777216 2", "ok ok ")
        try await parent.expect("get 16777216", "ok 2")
        try await parent.expect("close", "ok ")
        try await parent.expect("child sum", "ok ok 3")
      }
    }
  }

  @Test("Huge pages that are taken on demand are a failed precondition")
  func onDemand() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = try SharedMemory.create(
        byteCount: 16,
        options: SegmentOptions(lifetime: .whileAttached, reservation: .onDemand, pages: .huge))
    }
    #expect(result.says("Huge pages are taken at creation, for reserved memory"))
  }

  // MARK: - Files

  /// The size of a file, and how many bytes it takes.
  private func byteCounts(_ path: String) throws -> [Int] {
    var status = stat()
    try #require(stat(path, &status) == 0)
    return [Int(status.st_size), Int(status.st_blocks) * 512]
  }

  private func freeByteCount(_ place: PrivateSharedMemory) throws -> Int {
    var status = statvfs()
    try #require(statvfs(place.directory, &status) == 0)
    return Int(status.f_bavail) * Int(status.f_frsize)
  }
}
