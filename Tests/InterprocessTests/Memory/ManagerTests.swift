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
import Synchronization
import TestSupport
import Testing

@Suite("Manager")
struct ManagerTests {
  private struct Failure: Error {}

  @Test("Blocks are there for the whole scope and gone after it")
  func scope() throws {
    let names = try withSharedMemoryManager { manager in
      var names: [String] = []
      for byteCount in [1, 4096] {
        var memory = try manager.create(byteCount: byteCount)
        memory[0] = 4
        let name = memory.name
        names.append(name)
        memory.close()
        let other = try SharedMemory.attach(name)
        let (found, value) = (other.byteCount, other[0])
        #expect(found == byteCount)
        #expect(value == 4)
      }
      #expect(try SharedMemory.sweep().allSatisfy { !names.contains($0) })
      return names
    }
    #expect(names.count == 2)
    for name in names { #expect(!exists(name)) }
  }

  @Test("They are gone also after a body that throws, and one that is asynchronous")
  func throwing() async throws {
    let name = Mutex("")
    await #expect(throws: Failure.self) {
      try await withSharedMemoryManager { manager in
        let memory = try manager.create(byteCount: 16)
        let blockName = memory.name
        name.withLock { $0 = blockName }
        await Task.yield()
        #expect(exists(blockName))
        throw Failure()
      }
    }
    #expect(name.withLock { $0 } != "")
    #expect(!exists(name.withLock { $0 }))
  }

  @Test("A handle that leaves the scope keeps its memory, without a name")
  func leaving() throws {
    var memory = try withSharedMemoryManager { manager in try manager.create(byteCount: 16) }
    memory[0] = 1
    let isLinked = memory.isLinked
    #expect(!isLinked)
  }
}
