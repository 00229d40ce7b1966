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

      // Growing to less than others have made of it takes what they have made.
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

  @Test("Growing above the process's file size limit is an error, and no signal")
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

  @Test("Memory that someone has shrunk is reported")
  func shrunk() throws {
    let name = uniqueName()
    var memory = try SharedMemory.create(name, byteCount: 8192)
    #expect(truncate(path(name), 10) == 0)
    let error = #expect(throws: InterprocessError.self) { try memory.refresh() }
    #expect(error?.code == .invalidSize)
    #expect(error?.description.contains("from 8192 to 10 bytes") == true)
    try memory.unlink()
  }

  @Test("No room is an error, and the memory stays as it was")
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
