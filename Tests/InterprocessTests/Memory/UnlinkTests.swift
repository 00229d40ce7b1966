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
import Subprocess
import TestSupport
import Testing

@Suite("Close and unlink")
struct UnlinkTests {
  @Test("Unlinked memory stays with the processes that have it, and its name is free at once")
  func unlinkedMemoryStays() async throws {
    let name = uniqueName()
    var first = try SharedMemory.create(name, byteCount: 16)
    let (status, _) = try await withChildProcess(Places.helper) { helper in
      try await helper.expect("attach \(name)", "ok 16")
      try first.unlink()
      #expect(!exists(name))

      var second = try SharedMemory.create(name, byteCount: 32)
      second[0] = 2
      first[0] = 1
      try await helper.expect("get 0", "ok 1")
      try await helper.expect("set 1 11", "ok ")
      let values = [first[1], second[1]]
      #expect(values == [11, 0])
      // The name now belongs to another process.
      try await helper.expect("unlink", "error notFound")
      #expect(exists(name))
      try await helper.expect("attach \(name)", "ok 32")
      try await helper.expect("get 0", "ok 2")
      try second.unlink()
    }
    #expect(status == .exited(0))
  }

  @Test("A second unlink reports that there is no such name")
  func secondUnlink() throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 16)
    try memory.unlink()
    let error = try #require(throws: InterprocessError.self) { try SharedMemory.unlink(name) }
    #expect(error.code == .notFound)
    let again = #expect(throws: InterprocessError.self) { try memory.unlink() }
    #expect(again?.code == .notFound)
  }

  @Test("The name of a directory is not removed")
  func directory() throws {
    let name = uniqueName()
    try AttachTests.OddFile.directory.make(name)
    defer { AttachTests.OddFile.directory.remove(name) }
    let error = try #require(throws: InterprocessError.self) { try SharedMemory.unlink(name) }
    #expect(error.code == .wrongKind(expected: "shared memory", found: "a directory"))
  }

  @Test("Closing unmaps the memory and closes every descriptor")
  func closing() throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 16)
    let other = try SharedMemory.attach(name)
    try expectMappingsAndDescriptors(of: name, [2, 2])
    other.close()
    try expectMappingsAndDescriptors(of: name, [1, 1])
    memory.close()
    try expectMappingsAndDescriptors(of: name, [0, 0])
    #expect(exists(name))
    try SharedMemory.unlink(name)
  }

  @Test("A failed create or attach leaves no mapping and no descriptor")
  func failures() throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 16)
    for _ in 0..<100 {
      #expect(throws: InterprocessError.self) { _ = try SharedMemory.create(name, byteCount: 16) }
      #expect(throws: InterprocessError.self) {
        _ = try SharedMemory.attachOrCreate(name, byteCount: 17)
      }
    }
    try expectMappingsAndDescriptors(of: name, [1, 1])
    try memory.unlink()
  }
}
