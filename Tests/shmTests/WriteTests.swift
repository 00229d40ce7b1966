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

/// Writing never overwrites the description of a segment.
@Suite("Writing into structured memory", .timeLimit(.minutes(10)))
struct WriteTests {
  private func expectRefused(
    _ arguments: [String], _ name: String, _ message: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let before = try content(name)
    let outcome = try await shm(["write", name] + arguments)
    #expect(outcome == .failure(message), sourceLocation: sourceLocation)
    #expect(try content(name) == before, sourceLocation: sourceLocation)
  }

  @Test("Nothing is written into a structured segment or a list, at any offset")
  func structured() async throws {
    typealias Maker = (String) throws -> Any
    let makers: [(String, Maker)] = [
      ("value", { try SharedValue.create($0, initialValue: 1).close() }),
      ("mutex", { try SharedMutex.create($0, initialValue: 1) }),
      ("read-write-lock", { try SharedReadWriteLock.create($0, initialValue: 1) }),
      ("semaphore", { try SharedSemaphore.create($0, permitCount: 2) }),
      ("event", { try SharedEvent.create($0) }),
      ("barrier", { try SharedBarrier.create($0, partyCount: 2) }),
      ("atomic", { try SharedAtomic.create($0, initialValue: 1) }),
      ("queue", { try SharedQueue<Int>.create($0, capacity: 8) }),
      ("byte-queue", { try SharedByteQueue.create($0, byteCapacity: 1024, maximumByteCount: 64) }),
      ("topic", { try SharedTopic<Int>.create($0) }),
      ("list", { try ShareableList.create($0, [1, "two"]).close() }),
    ]
    for (kind, make) in makers {
      try await withName { name in
        let made = try make(name)
        let message = """
          "\(name)" is not plain memory (its kind is \(kind)), and writing into it would break it \
          for the processes that use it. Change it through the type that created it; or, if no \
          process uses it, remove it and create it as bytes.
          """
        for arguments in [["1", "2", "3"], ["--offset", "30", "--as", "int8", "-1"]] {
          try await expectRefused(arguments, name, message)
        }
        withExtendedLifetime(made) {}
      }
    }
  }

  @Test("Values of an array's type go into its elements, and none into its header")
  func array() async throws {
    try await withName { name in
      try SharedArray<Double>.create(name, shape: [2, 2]).close()
      #expect(try await shm("write", name, "1.5", "-2") == .success())
      #expect(try await shm("write", name, "--as", "float64", "2.5") == .success())
      #expect(try await shm("read", name) == .success("2.5 -2.0\n0.0 0.0\n"))
      #expect(
        try await shm("write", name, "--offset", "144", "--as", "float64", "7") == .success())
      #expect(try await shm("read", name) == .success("2.5 -2.0\n7.0 0.0\n"))
      for offset in ["0", "127"] {
        try await expectRefused(
          ["--offset", offset, "1"], name,
          """
          Offset \(offset) lies in the header of the array "\(name)", which holds its type and \
          shape. Its elements begin at offset 128.
          """)
      }
      try await expectRefused(
        ["--as", "int64", "1"], name,
        """
        The elements of the array "\(name)" are '<f8', not int64. To write other values over \
        them, say where: --offset 128 is the first element.
        """)
      try await expectRefused(
        ["1", "2", "3", "4", "5"], name,
        "Shared memory \"\(name)\" has 160 bytes, too few for 5 float64 at offset 128.")
      let wrong = try await shm("write", name, "x")
      #expect(wrong.status == .exited(64))
      #expect(wrong.errors.contains("not a value of type float64"))
    }
  }

  @Test("Each type of array takes its own values", arguments: ElementTypeCase.all)
  func types(type: ElementTypeCase) async throws {
    try await withName { name in
      let made = try await shm("create", name, "--dtype", type.name, "--shape", "2")
      #expect(made == .success())
      #expect(try await shm("write", name, type.value) == .success())
      #expect(try await shm("read", name) == .success("\(type.value) \(type.zero)\n"))
    }
  }

  @Test("An array of structures, or one that cannot be read, is not written into by accident")
  func otherArrays() async throws {
    try await withName { name in
      try SharedArray<Reading>.create(name, count: 2).close()
      let outcome = try await shm("write", name, "1")
      #expect(outcome.status == .exited(1))
      #expect(try content(name).prefix(6) == [0x93] + Array("NUMPY".utf8))
      #expect(try content(name).suffix(16) == [UInt8](repeating: 0, count: 16))
    }
    try await withName { name in
      var memory = try SharedMemory.create(name, byteCount: 200)
      for (offset, byte) in ([0x93] + Array("NUMPY".utf8) + [9, 9]).enumerated() {
        memory[offset] = byte
      }
      memory.close()
      let before = try content(name)
      #expect(try await shm("write", name, "1").status == .exited(1))
      #expect(try content(name) == before)
    }
  }

  @Test("Creating and loading leave existing memory as it is", arguments: [0, 1])
  func taken(index: Int) async throws {
    try await withName { name in
      let queue = try SharedQueue<Int>.create(name, capacity: 4)
      let before = try content(name)
      let command = [["create", name, "--bytes", "8"], ["load", name, "/etc/hostname"]][index]
      let outcome = try await shm(command)
      #expect(
        outcome
          == .failure(
            """
            Shared memory "\(name)" exists already, and is left as it is. Choose another name, \
            or, if no process uses it, remove it first: \(Tool.command) remove NAME.
            """))
      #expect(try content(name) == before)
      withExtendedLifetime(queue) {}
    }
  }
}

private struct Reading: Shareable {
  var time: Float
  var value: Int32
}

struct ElementTypeCase: Sendable, CustomTestStringConvertible {
  var name: String
  var value: String
  var zero: String
  var testDescription: String { name }

  static let all =
    ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"].map {
      ElementTypeCase(name: $0, value: "100", zero: "0")
    }
    + ["float16", "float32", "float64"].map {
      ElementTypeCase(name: $0, value: "1.5", zero: "0.0")
    }
}
