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
import Synchronization
import SystemPackage
import TestFork
import TestSupport
import Testing

@Suite("Manager", .timeLimit(.minutes(1)))
struct ManagerTests {
  private struct Failure: Error {}

  @Test("Blocks exist for the whole scope and are gone after it")
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

  @Test("Permissions and reservation are as requested")
  func options() throws {
    try withSharedMemoryManager { manager in
      let memory = try manager.create(
        byteCount: 100_000,
        options: SegmentOptions(permissions: [.ownerReadWrite, .groupRead], reservation: .onDemand))
      let name = memory.name
      let sparse = try info(name)
      #expect(sparse.permissions == [.ownerReadWrite, .groupRead])
      #expect(sparse.residentByteCount == 0)
      #expect(sparse.handleCount == 2)
      let full = try manager.create(byteCount: 100_000)
      let fullName = full.name
      #expect(try info(fullName).permissions == .ownerReadWrite)
      #expect(try info(fullName).residentByteCount >= 100_000)
    }
  }

  @Test("A name that is already gone does not hold up the others")
  func goneBefore() throws {
    // The handles live on, so that only the manager removes names.
    final class Handle {
      let memory: SharedMemory
      init(_ memory: consuming SharedMemory) { self.memory = memory }
    }
    let handles = try withSharedMemoryManager { manager in
      let handles = try (0..<3).map { _ in Handle(try manager.create(byteCount: 16)) }
      try handles[0].memory.unlink()
      return handles
    }
    for handle in handles {
      let isLinked = handle.memory.isLinked
      #expect(!isLinked)
    }
  }

  @Test("A kill inside the scope leaves only what a sweep removes")
  func killed() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { other in
        let (status, names) = try await place.withChildProcess(Places.helper) { manager in
          let answer = try #require(try await manager.ask("manage 3"))
          let names = answer.split(separator: " ").dropFirst().map { String($0) }.sorted()
          #expect(names.count == 3)
          try place.expectNames(names)
          try await other.expect("sweep", "ok ")
          try await other.expect("attach \(names[0])", "ok 4096")
          try manager.kill()
          return names
        }
        #expect(status == .signaled(9))
        try place.expectNames(names)
        try await other.expect("sweep", "ok \(names[1]) \(names[2])")
        try place.expectNames([names[0]])
        try await other.expect("close", "ok ")
        try place.expectNames([])
      }
    }
  }

  @Test("A scope that ends in an orderly way leaves nothing")
  func ended() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { manager in
        let answer = try #require(try await manager.ask("manage 3"))
        try place.expectNames(answer.split(separator: " ").dropFirst().map { String($0) }.sorted())
        try await manager.expect("leave", "ok left")
        try place.expectNames([])
      }
    }
  }

  @Test("A child that leaves its parent's scope leaves the parent's blocks alone")
  func forkedChild() async {
    await #expect(processExitsWith: .success) {
      let parent = getpid()
      try withSharedMemoryManager { manager in
        let memory = try manager.create(byteCount: 4096)
        try withSharedMemoryManager { inner in
          let other = try inner.create(byteCount: 4096)
          let child = ipctest_fork()
          if child == 0 { return }
          var status: CInt = -1
          waitpid(child, &status, 0)
          let areLinked = memory.isLinked && other.isLinked
          precondition(status == 0 && areLinked, "the child has removed a name")
        }
        if getpid() != parent { _exit(0) }
      }
    }
  }

  @Test("A handle that leaves the scope keeps its memory, without a name")
  func leaving() throws {
    var memory = try withSharedMemoryManager { manager in try manager.create(byteCount: 16) }
    memory[0] = 1
    let isLinked = memory.isLinked
    #expect(!isLinked)
  }

  @Test("A handle that leaves an asynchronous scope keeps its memory, too")
  func leavingAsynchronously() async throws {
    let memory = try await withSharedMemoryManager { manager in
      await Task.yield()
      return try manager.create(byteCount: 16)
    }
    let isLinked = memory.isLinked
    #expect(!isLinked)
  }
}
