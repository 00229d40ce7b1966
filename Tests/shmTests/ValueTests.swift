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

/// Values of one type, in the forms of the tool and of Python's `struct`.
struct TypedValues: Sendable, CustomTestStringConvertible {
  var type: String
  /// The format character of `struct`.
  var format: String
  /// The output of the tool.
  var values: [String]

  var testDescription: String { type }

  static let all = [
    TypedValues(type: "uint8", format: "B", values: ["0", "1", "127", "255"]),
    TypedValues(type: "int8", format: "b", values: ["-128", "-5", "0", "127"]),
    TypedValues(type: "int16", format: "h", values: ["-32768", "-1", "32767"]),
    TypedValues(type: "uint16", format: "H", values: ["0", "258", "65535"]),
    TypedValues(type: "int32", format: "i", values: ["-2147483648", "16909060", "2147483647"]),
    TypedValues(type: "uint32", format: "I", values: ["0", "4294967295"]),
    TypedValues(
      type: "int64", format: "q", values: ["-9223372036854775808", "9223372036854775807"]),
    TypedValues(type: "uint64", format: "Q", values: ["0", "18446744073709551615"]),
    TypedValues(type: "float32", format: "f", values: ["-1.5", "2.0", "inf", "1e-45"]),
    TypedValues(
      type: "float64", format: "d", values: ["1.5", "-0.0", "0.1", "-inf", "nan", "5e-324"]),
  ]
}

/// A Python program that uses `memory`, and does not remove it when it ends, as Python before 3.13
/// does by default.
private func attached(_ body: String) -> String {
  """
  import struct, sys
  from multiprocessing import resource_tracker, shared_memory
  memory = shared_memory.SharedMemory(sys.argv[1])
  resource_tracker.unregister(memory._name, "shared_memory")
  \(body)
  memory.close()
  """
}

@Suite("Reading and writing values", .timeLimit(.minutes(10)))
struct ValueTests {
  @Test("There are Pythons to test with")
  func pythons() {
    #expect(!Python.all.isEmpty)
  }

  @Test("The tool creates and writes, and Python reads", arguments: Python.all, TypedValues.all)
  func pythonReads(python: Python, values: TypedValues) async throws {
    try await withName { name in
      #expect(try await shm("create", name, "--bytes", "1024") == .success())
      // An odd offset, as values need no alignment.
      let arguments = ["write", name, "--as", values.type, "--offset", "3"] + values.values
      #expect(try await shm(arguments) == .success())
      let program = attached(
        """
        format = "=" + sys.argv[2] * \(values.values.count)
        assert memory.size == 1024
        assert bytes(memory.buf[:3]) == bytes(3)
        end = 3 + struct.calcsize(format)
        assert bytes(memory.buf[end:]) == bytes(1024 - end)
        expected = struct.pack(format, *[\(values.type.contains("float") ? "float" : "int")(x) \
        for x in sys.argv[3:]])
        assert bytes(memory.buf[3:end]) == expected
        print("same")
        """)
      let outcome = try await python.run(program, [name, values.format] + values.values)
      #expect(outcome == .success("same\n"))
    }
  }

  @Test(
    "The tool creates, Python writes, and the tool reads", arguments: Python.all, TypedValues.all)
  func pythonWrites(python: Python, values: TypedValues) async throws {
    try await withName { name in
      #expect(try await shm("create", name, "--bytes", "1024") == .success())
      let program = attached(
        """
        format = "=" + sys.argv[2] * \(values.values.count)
        struct.pack_into(format, memory.buf, 5, \
        *[\(values.type.contains("float") ? "float" : "int")(x) for x in sys.argv[3:]])
        """)
      let outcome = try await python.run(program, [name, values.format] + values.values)
      #expect(outcome == .success())
      #expect(
        try await shm(
          "read", name, "--as", values.type, "--offset", "5", "--count", "\(values.values.count)")
          == .success(values.values.joined(separator: " ") + "\n"))
    }
  }

  @Test("Python creates, the tool reads and writes, and Python sees it", arguments: Python.all)
  func pythonCreates(python: Python) async throws {
    let name = uniqueName("python")
    let program = """
      import sys
      from multiprocessing import shared_memory
      memory = shared_memory.SharedMemory(sys.argv[1], create=True, size=16)
      memory.buf[:4] = b"\\x01\\x02\\x03\\x04"
      print("ready", flush=True)
      sys.stdin.readline()
      print(list(memory.buf[:6]), flush=True)
      memory.close()
      memory.unlink()
      """
    let outcome = try await withChildProcess(python.path, ["-c", program, name]) { child in
      #expect(try await child.nextLine() == "ready")
      #expect(
        try await shm("read", name) == .success("1 2 3 4 0 0 0 0 0 0 0 0 0 0 0 0\n"))
      #expect(try await shm("write", name, "--offset", "1", "20", "30", "40", "50") == .success())
      try await child.send("")
      #expect(try await child.nextLine() == "[1, 20, 30, 40, 50, 0]")
    }
    #expect(outcome.status == .exited(0))
    #expect(!exists(name))
  }

  @Test("Without a count, all whole values up to the end are read")
  func all() async throws {
    try await withName { name in
      _ = try SharedMemory.create(name, byteCount: 15) { bytes in
        for index in 0..<15 {
          bytes.storeBytes(of: UInt8(index), toByteOffset: index, as: UInt8.self)
        }
      }
      #expect(
        try await shm("read", name) == .success("0 1 2 3 4 5 6 7 8 9 10 11 12 13 14\n"))
      #expect(try await shm("read", name, "--offset", "13") == .success("13 14\n"))
      #expect(
        try await shm("read", name, "--as", "uint32") == .success("50462976 117835012 185207048\n"))
      #expect(
        try await shm("read", name, "--as", "uint64", "--offset", "7")
          == .success("1012478732780767239\n"))
      #expect(try await shm("read", name, "--count", "0") == .success("\n"))
      #expect(try await shm("read", name, "--count", "0", "--offset", "15") == .success("\n"))
    }
  }

  @Test(
    "A negative value needs no --, but may have one",
    arguments: [
      ["-5", "6"], ["--", "-5", "6"], ["-5", "--", "6"], ["--as", "int8", "--", "-5", "6"],
    ])
  func negative(arguments: [String]) async throws {
    try await withName { name in
      _ = try SharedMemory.create(name, byteCount: 2)
      let type = arguments.contains("--as") ? [] : ["--as", "int8"]
      #expect(try await shm(["write", name] + type + arguments) == .success())
      #expect(try content(name) == [251, 6])
    }
  }

  @Test("Options may follow negative values")
  func optionsBehindValues() async throws {
    try await withName { name in
      _ = try SharedMemory.create(name, byteCount: 24)
      #expect(
        try await shm("write", name, "-1.5e3", "-inf", "--as", "float64", "--offset", "8")
          == .success())
      #expect(
        try await shm("read", name, "--as", "float64") == .success("0.0 -1500.0 -inf\n"))
    }
  }

  /// Every list has a valid value that fits: even that must not be written.
  @Test(
    "If one value is wrong, none is written",
    arguments: [
      ["--as", "uint8", "1", "256"], ["--as", "uint8", "1", "-1"], ["--as", "int8", "1", "-129"],
      ["--as", "float32", "1", "1e39"], ["--as", "float64", "1", "-1e309"], ["1", "x"],
      ["1", ""], ["1", "--bogus"], ["1", " 2"], ["1", "2.0"],
    ])
  func wrongValue(arguments: [String]) async throws {
    try await checkNothingIsWritten(arguments, status: 64)
  }

  @Test(
    "If the values do not all fit, none is written",
    arguments: [
      ["--as", "int64", "1", "2", "3"], ["--offset", "15", "1", "2"],
      ["--as", "int64", "--offset", "9", "1"], ["--offset", "9223372036854775807", "1"],
    ])
  func noRoom(arguments: [String]) async throws {
    try await checkNothingIsWritten(arguments, status: 1)
  }

  private func checkNothingIsWritten(_ arguments: [String], status: Int32) async throws {
    try await withName { name in
      _ = try SharedMemory.create(name, byteCount: 16)
      let outcome = try await shm(["write", name] + arguments)
      #expect(outcome.status == .exited(status))
      #expect(outcome.output == "")
      #expect(try content(name) == [UInt8](repeating: 0, count: 16))
    }
  }
}
