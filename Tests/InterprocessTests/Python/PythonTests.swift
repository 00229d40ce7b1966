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

@Suite("Python", .timeLimit(.minutes(5)))
struct PythonTests {
  static let sizes = [1, 10, 4096, 4097, 64 << 20]

  @Test("There is a Python to test with, and one with numpy")
  func thereIsPython() {
    #expect(!Python.all.isEmpty, "no CPython from 3.9 to 3.13 was found")
    #expect(Python.withNumpy != nil, "numpy was not found; ./scripts/test installs it")
  }

  @Test("Python attaches to memory that Swift created", arguments: Python.all, sizes)
  func swiftCreates(python: Python, byteCount: Int) async throws {
    let name = uniqueName()
    let last = byteCount - 1
    try await python.withSession { session in
      var memory = try SharedMemory.create(name, byteCount: byteCount)
      memory[last] = 201
      try await session.expect("attach \(name)", "ok \(byteCount)")
      try await session.expect("get \(last)", "ok 201")
      try await session.expect("set \(last) 202", "ok ")
      let value = memory[last]
      #expect(value == 202)

      // A process on either side that is attached keeps the memory when the name goes.
      try memory.unlink()
      try await session.expect("set \(last) 203", "ok ")
      let after = memory[last]
      #expect(after == 203)
      try await session.expect("attach \(name)", "error notFound")
    }
  }

  @Test("Swift attaches to memory that Python created", arguments: Python.all, sizes)
  func pythonCreates(python: Python, byteCount: Int) async throws {
    let name = uniqueName()
    let last = byteCount - 1
    try await python.withSession { session in
      try await session.expect("create \(name) \(byteCount)", "ok \(byteCount)")
      try await session.expect("set \(last) 101", "ok ")
      var memory = try SharedMemory.attach(name)
      let (found, value) = (memory.byteCount, memory[last])
      #expect(found == byteCount)
      #expect(value == 101)
      memory[last] = 102
      try await session.expect("get \(last)", "ok 102")

      try await session.expect("close", "ok ")
      try await session.expect("unlink", "ok ")
      #expect(!exists(name))
      memory[last] = 103
      let error = try #require(throws: InterprocessError.self) {
        _ = try SharedMemory.attach(name)
      }
      #expect(error.code == .notFound)
    }
  }

  @Test("Either side removes the name of memory that the other created", arguments: Python.all)
  func unlinkingTheOthers(python: Python) async throws {
    let (swiftName, pythonName) = (uniqueName("swift"), uniqueName("python"))
    try await python.withSession { session in
      let memory = try SharedMemory.create(swiftName, byteCount: 16)
      try await session.expect("attach \(swiftName)", "ok 16")
      try await session.expect("unlink", "ok ")
      #expect(!exists(swiftName))
      let error = #expect(throws: InterprocessError.self) { try memory.unlink() }
      #expect(error?.code == .notFound)

      try await session.expect("create \(pythonName) 16", "ok 16")
      try SharedMemory.unlink(pythonName)
      try await session.expect("unlink", "error notFound")
    }
  }

  @Test("A name in use on one side is in use on the other", arguments: Python.all)
  func takenNames(python: Python) async throws {
    let (swiftName, pythonName) = (uniqueName("swift"), uniqueName("python"))
    try await python.withSession { session in
      let memory = try SharedMemory.create(swiftName, byteCount: 16)
      try await session.expect("create \(swiftName) 16", "error alreadyExists")
      try await session.expect("create \(pythonName) 16", "ok 16")
      let error = try #require(throws: InterprocessError.self) {
        _ = try SharedMemory.create(pythonName, byteCount: 16)
      }
      #expect(error.code == .alreadyExists)
      let other = try SharedMemory.attachOrCreate(pythonName, byteCount: 16)
      let isCreator = other.isCreator
      #expect(!isCreator)
      try memory.unlink()
      try other.unlink()
      // The name is free for both sides again, and leads to new memory.
      try await session.expect("set 0 1", "ok ")
      let again = try SharedMemory.create(pythonName, byteCount: 8)
      let value = again[0]
      #expect(value == 0)
      try again.unlink()
    }
  }

  @Test("float64 values cross in both directions, unaligned ones too", arguments: Python.all)
  func doubles(python: Python) async throws {
    let name = uniqueName()
    try await python.withSession { session in
      var memory = try SharedMemory.create(name, byteCount: 64)
      try await session.expect("attach \(name)", "ok 64")
      for (offset, value) in [(0, 1.5), (8, -2.25), (17, 0.1), (56, 1e300)] {
        memory.storeBytes(of: value, toByteOffset: offset, as: Double.self)
        try await session.expect("getDouble \(offset)", "ok \(value)")
        try await session.expect("setDouble \(offset) \(-value)", "ok ")
        let found = memory.load(fromByteOffset: offset, as: Double.self)
        #expect(found == -value)
      }
      try memory.unlink()
    }
  }

  @Test("Names mean the same on both sides", arguments: Python.all)
  func names(python: Python) async throws {
    let name = uniqueName()
    let longest = name + String(repeating: "x", count: 255 - name.utf8.count)
    try await python.withSession { session in
      for name in [longest, "/" + name, name + ".with.dots", name + "é"] {
        let memory = try SharedMemory.create(name, byteCount: 16)
        // Python's tracker cannot write a non-ASCII name, though the memory is there.
        if name.utf8.allSatisfy({ $0 < 128 }) {
          try await session.expect("attach \(name)", "ok 16")
        }
        try memory.unlink()
      }
      for name in [longest + "x", "."] {
        let answer = try await session.ask("attach \(name)")
        #expect(answer?.hasPrefix("error") == true, "\(name)")
      }
    }
  }

  @Test("numpy sees the same float64s in place, in both directions")
  func numpy() async throws {
    let python = try #require(Python.withNumpy)
    let name = uniqueName()
    try await python.withSession { session in
      var memory = try SharedMemory.create(name, byteCount: 8000)
      memory.withMutableSpan(of: Double.self) { doubles in
        for index in doubles.indices { doubles[index] = Double(index) * 0.5 }
      }
      try await session.expect("attach \(name)", "ok 8000")
      let array = "import numpy; a = numpy.ndarray((1000,), 'float64', shm.buf);"
      try await session.expect("exec \(array) result = a.sum()", "ok 249750.0")
      try await session.expect("exec \(array) a *= 2", "ok ")
      let isDoubled = memory.withSpan(of: Double.self) { doubles in
        doubles.indices.allSatisfy { doubles[$0] == Double($0) }
      }
      #expect(isDoubled)
      try memory.unlink()
    }
  }

  @Test("By default, a Python that ends removes the name of the memory it shared")
  func defaultTracker() async throws {
    let python = try #require(Python.all.last)
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 16)
    let outcome = try await python.run(
      """
      import sys
      from multiprocessing import shared_memory
      shm = shared_memory.SharedMemory(sys.argv[1])
      shm.buf[0] = 1
      shm.close()
      """, [name])
    #expect(outcome.status == .exited(0))
    try await expectRemoval(of: name)
    // CPython does this, and therefore the documentation asks for `track=False`; the memory is not
    // harmed.
    let error = #expect(throws: InterprocessError.self) { try memory.unlink() }
    #expect(error?.code == .notFound)
    let value = memory[0]
    #expect(value == 1)
  }
}
