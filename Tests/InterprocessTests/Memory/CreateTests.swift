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

import Interprocess
import SystemPackage
import Subprocess
import TestSupport
import Testing

@Suite("Create")
struct CreateTests {
  @Test("New memory is zeroed and has exactly the requested size", arguments: [1, 10, 4096, 4097])
  func zeroed(byteCount: Int) throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: byteCount)
    let (isCreator, access, foundName, found) = (
      memory.isCreator, memory.access, memory.name, memory.byteCount
    )
    #expect(isCreator)
    #expect(access == .readWrite)
    #expect(foundName == name)
    #expect(found == byteCount)
    let isZero = memory.withBytes { bytes in
      bytes.byteOffsets.allSatisfy { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) == 0 }
    }
    #expect(isZero)
    #expect(try fileByteCount(name) == byteCount)
    try memory.unlink()
  }

  @Test("A name in use is refused, and its memory is left alone")
  func takenName() throws {
    let name = uniqueName()
    var memory = try SharedMemory.create(name, byteCount: 16)
    memory[3] = 7
    let error = try #require(throws: InterprocessError.self) {
      _ = try SharedMemory.create(name, byteCount: 32)
    }
    #expect(error.code == .alreadyExists)
    #expect(error.name == name)
    #expect(error.errno == .fileExists)
    #expect(error.description.contains("\"\(name)\" exists already"))
    let (value, byteCount) = (memory[3], memory.byteCount)
    #expect(value == 7)
    #expect(byteCount == 16)
    #expect(try fileByteCount(name) == 16)
    try memory.unlink()
  }

  @Test("Memory has at least one byte", arguments: [0, -1, Int.min])
  func invalidSize(byteCount: Int) throws {
    let name = uniqueName()
    let created = try #require(throws: InterprocessError.self) {
      _ = try SharedMemory.create(name, byteCount: byteCount)
    }
    #expect(created.code == .invalidSize)
    #expect(created.name == name)
    let found = try #require(throws: InterprocessError.self) {
      _ = try SharedMemory.attachOrCreate(name, byteCount: byteCount)
    }
    #expect(found.code == .invalidSize)
    #expect(!exists(name))
  }

  @Test("A size beyond all memory is refused with the needed and the available bytes")
  func beyondAllMemory() throws {
    let name = uniqueName()
    let error = try #require(throws: InterprocessError.self) {
      _ = try SharedMemory.create(name, byteCount: .max)
    }
    guard case .outOfMemory = error.code, let (needed, available) = error.code.room else {
      Issue.record("\(error.code)")
      return
    }
    #expect(needed == .max)
    #expect(available > 0 && available < .max)
    #expect(error.description.contains("\(needed) bytes are needed and \(available) are free"))
    #expect(!exists(name))
  }

  @Test("A size beyond the address space is an error, even if no page is taken")
  func beyondAddressSpace() throws {
    let name = uniqueName()
    let error = try #require(throws: InterprocessError.self) {
      _ = try SharedMemory.create(
        name, byteCount: 1 << 60, options: SegmentOptions(reservation: .onDemand))
    }
    #expect(error.code == .system(.noMemory))
    #expect(!exists(name))
  }

  @Test("Reserved memory takes its pages at creation, memory on demand when they are touched")
  func reservation() throws {
    let (reservedName, onDemandName) = (uniqueName(), uniqueName())
    let reserved = try SharedMemory.create(reservedName, byteCount: 1 << 20)
    var onDemand = try SharedMemory.create(
      onDemandName, byteCount: 1 << 20, options: SegmentOptions(reservation: .onDemand))
    #expect(try info(reservedName).residentByteCount == 1 << 20)
    #expect(try info(onDemandName).residentByteCount == 0)
    onDemand[1 << 19] = 1
    #expect(try info(onDemandName).residentByteCount == 4096)
    try reserved.unlink()
    try onDemand.unlink()
  }

  @Test("A random name is 22 characters long, and different each time")
  func randomName() throws {
    let first = try SharedMemory.create(byteCount: 16)
    let second = try SharedMemory.create(byteCount: 16)
    let names = [first.name, second.name]
    for name in names {
      #expect(name.utf8.count == 22)
      #expect(name.hasPrefix("swift_"))
      #expect(exists(name))
    }
    #expect(names[0] != names[1])
    try first.unlink()
    try second.unlink()
  }

  @Test("The closure fills the memory before it has a name")
  func initializing() throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 16) { bytes in
      #expect(!exists(name))
      bytes.storeBytes(of: 42, toByteOffset: 15, as: UInt8.self)
    }
    let value = memory[15]
    #expect(value == 42)
    try memory.unlink()
  }

  @Test("A closure that throws leaves nothing behind")
  func initializingFails() throws {
    let name = uniqueName()
    let reason = InterprocessError(code: .invalidSize, name: name, message: "No.")
    let error = #expect(throws: InterprocessError.self) {
      _ = try SharedMemory.create(name, byteCount: 16) { _ throws(InterprocessError) in throw reason
      }
    }
    #expect(error == reason)
    #expect(!exists(name))
  }

  @Test(
    "The mode is exact under any umask",
    arguments: ["600", "660", "666", "400", "000", "777"], ["0", "022", "077", "777"])
  func mode(permissions: String, mask: String) async throws {
    let name = uniqueName()
    let (status, _) = try await withChildProcess(Places.helper) { helper in
      try await helper.expect("umask \(mask)", "ok ")
      try await helper.expect("create \(name) 16 permissions=\(permissions)", "ok \(name)")
      #expect(try info(name).permissions.rawValue == UInt32(permissions, radix: 8))
      try await helper.expect("unlink", "ok ")
    }
    #expect(status == .exited(0))
  }

  @Test("A size above the process's file size limit is an error, not a signal")
  func fileSizeLimit() async throws {
    let name = uniqueName()
    let (status, _) = try await withChildProcess(Places.helper) { helper in
      try await helper.expect("limitFileSize 8192", "ok 0")
      try await helper.expect("create \(name) 8193", "error invalidSize")
      #expect(!exists(name))
      try await helper.expect("create \(name) 8192", "ok \(name)")
      try await helper.expect("unlink", "ok ")
    }
    #expect(status == .exited(0))
  }

  @Test("A full /dev/shm is an error with both numbers, and takes nothing")
  func full() async throws {
    let outcome = try await runWithPrivateSharedMemory(
      "size=1m", Places.helper, [],
      input: """
        create first 524288
        create second 1048576
        create third 524289
        create fourth 524288
        unlinkName fourth
        unlinkName first
        close
        create fifth 1048576
        """)
    #expect(outcome.status == .exited(0))
    #expect(
      outcome.output.split(separator: "\n") == [
        "ok first",
        "error outOfMemory(needed: 1048576, available: 524288)",
        "error outOfMemory(needed: 524289, available: 524288)",
        "ok fourth",
        "ok ",
        "ok ",
        "ok ",
        "ok fifth",
      ])
  }

  @Test("Permissions contain only the nine permission bits")
  func otherModeBits() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = try SharedMemory.create(
        byteCount: 16, options: SegmentOptions(permissions: .init(rawValue: 0o1600)))
    }
    #expect(result.says("only the nine permission bits"))
  }
}
