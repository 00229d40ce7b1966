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

/// What the tool shows of arrays, lists and values.
@Suite("Kinds", .timeLimit(.minutes(3)))
struct KindTests {
  struct Particle: Shareable {
    var position: SIMD2<Float>
    var charge: Int8
    var weight: Double
  }

  @Test("The tool shows the dtype and shape of an array from Swift, and reads it by its type")
  func array() async throws {
    try await withName { name in
      var array = try SharedArray<Double>.create(name, shape: [2, 3])
      for index in 0..<2 {
        for other in 0..<3 { array[index, other] = Double(index * 3 + other) / 2 }
      }
      #expect(try await listedKind(name) == "array")
      #expect(try await infoDetails(name) == ["kind array", "dtype '<f8'", "shape 2x3"])
      let json = try await infoJSON(name)
      #expect(json["dtype"] as? String == "'<f8'")
      #expect(json["shape"] as? [Int] == [2, 3])
      #expect(try await shm("read", name) == .success("0.0 0.5 1.0\n1.5 2.0 2.5\n"))
      #expect(try await shm("read", name, "--count", "4") == .success("0.0 0.5 1.0\n1.5\n"))
      #expect(try await shm("read", name, "--count", "0") == .success(""))
      #expect(
        try await shm("read", name, "--count", "7")
          == .failure("\"\(name)\" has 6 elements, fewer than 7."))
      // With a type given, the array is plain bytes.
      #expect(try await shm("read", name, "--as", "int8", "--count", "2") == .success("-109 78\n"))
      #expect(try await shm("read", name, "--offset", "1", "--count", "2") == .success("78 85\n"))
      array.close()
    }
  }

  @Test("Each structure is read on a line of its own")
  func records() async throws {
    try await withName { name in
      let particles = [
        Particle(position: [1, -2.5], charge: -1, weight: 0.5),
        Particle(position: [0, .infinity], charge: 127, weight: 1e300),
      ]
      try SharedArray<Particle>.create(name, copying: particles).close()
      #expect(
        try await infoDetails(name) == [
          "kind array",
          "dtype [('position', '<f4', (2,)), ('charge', '|i1'), ('', '|V7'), ('weight', '<f8')]",
          "shape 2",
        ])
      #expect(
        try await shm("read", name)
          == .success("((1.0, -2.5), -1, 0.5)\n((0.0, inf), 127, 1e+300)\n"))
    }
  }

  @Test("Arrays of numpy are read, whatever their elements are")
  func numpy() async throws {
    try await withName { name in
      let python = try #require(Python.withNumpy)
      let cases = [
        ("numpy.array([1, -2], 'i1')", "1 -2\n"), ("numpy.array([1, 2], 'u1')", "1 2\n"),
        ("numpy.array([-300], 'i2')", "-300\n"), ("numpy.array([60000], 'u2')", "60000\n"),
        ("numpy.array([-70000], 'i4')", "-70000\n"),
        ("numpy.array([2**32-1], 'u4')", "4294967295\n"),
        ("numpy.array([-2**63])", "-9223372036854775808\n"),
        ("numpy.array([2**64-1], 'u8')", "18446744073709551615\n"),
        ("numpy.array([1.5, -0.25], 'f2')", "1.5 -0.25\n"), ("numpy.array([0.1], 'f4')", "0.1\n"),
        ("numpy.array([True, False])", "true false\n"),
        ("numpy.array([1+2j], 'c8')", "0x0000803f00000040\n"),
        ("numpy.array(b'ab')", "0x6162\n"),
        ("numpy.array(2.5)", "2.5\n"), ("numpy.zeros((0, 3))", ""), ("numpy.zeros((3, 0))", ""),
        ("numpy.arange(8).reshape(2, 2, 2)", "0 1\n2 3\n4 5\n6 7\n"),
      ]
      for (array, text) in cases {
        let made = try await python.run(
          "import numpy, sys; numpy.save(open('/dev/shm/' + sys.argv[1], 'wb'), \(array))", [name])
        #expect(made.status == .exited(0), "\(made.errors)")
        #expect(try await shm("read", name) == .success(text), "\(array)")
        #expect(try await listedKind(name) == "array")
      }
      #expect(try await infoDetails(name).last == "shape 2x2x2")
    }
  }

  @Test("For an array that cannot be used, the tool shows the reason")
  func unusable() async throws {
    try await withName { name in
      let python = try #require(Python.withNumpy)
      _ = try await python.run(
        """
        import numpy, sys
        numpy.save(open('/dev/shm/' + sys.argv[1], 'wb'), numpy.zeros(3, '>f8'))
        """, [name])
      #expect(try await listedKind(name) == "array")
      let problem = """
        Shared memory "\(name)" is a NumPy array with big-endian numbers ('>f8'), and this library \
        reads little-endian numbers. Save it with `array.astype(array.dtype.newbyteorder('<'))`.
        """
      #expect(try await infoDetails(name) == ["kind array", "dtype '>f8'", "shape 3"])
      #expect(try await shm("read", name) == .failure(problem))
      #expect(try await shm("read", name, "--as", "uint8", "--count", "1") == .success("147\n"))
    }
  }

  @Test("The tool shows the items of a list, and reads each on a line")
  func list() async throws {
    try await withName { name in
      let list = try ShareableList.create(
        name, [1, -2.5, true, nil, "three \"3\"\n", [0x61, 0xFF], .double(.nan)])
      #expect(try await listedKind(name) == "list")
      let items = ["1", "-2.5", "true", "nil", #""three \"3\"\n""#, "[0x61, 0xff]", "nan"]
      #expect(
        try await infoDetails(name)
          == ["kind list", "items 7"] + items.enumerated().map { "[\($0)] \($1)" })
      #expect(try await shm("read", name) == .success(items.map { $0 + "\n" }.joined()))
      #expect(try await shm("read", name, "--count", "2") == .success("1\n-2.5\n"))
      #expect(
        try await shm("read", name, "--count", "8")
          == .failure("\"\(name)\" has 7 items, fewer than 8."))
      let json = try await infoJSON(name)["items"] as? NSArray
      #expect(
        json == [1, -2.5, true, NSNull(), "three \"3\"\n", [0x61, 0xFF], "nan"] as NSArray)
      list.close()
    }
  }

  @Test("Of a long list the tool shows the first items")
  func longList() async throws {
    try await withName { name in
      try ShareableList.create(name, (0..<21).map { .int($0) }).close()
      let details = try await infoDetails(name)
      #expect(details.count == 23)
      #expect(details[1...2] == ["items 21", "[0] 0"])
      #expect(details[21...] == ["[19] 19", "..."])
    }
  }

  @Test("Lists of every Python are shown as lists")
  func pythonLists() async throws {
    for python in Python.all {
      try await withName { name in
        let made = try await python.run(
          """
          import sys
          from multiprocessing import resource_tracker, shared_memory
          list = shared_memory.ShareableList([1, "two", 3.0, None], name=sys.argv[1])
          resource_tracker.unregister(list.shm._name, "shared_memory")
          list.shm.close()
          """, [name])
        #expect(made.status == .exited(0), "\(made.errors)")
        #expect(try await listedKind(name) == "list")
        #expect(try await shm("read", name) == .success("1\n\"two\"\n3.0\nnil\n"))
      }
    }
  }

  @Test("The tool shows the dtype and version of a value")
  func value() async throws {
    try await withName { name in
      let value = try SharedValue.create(name, initialValue: SIMD4<Float>(1, 2, 3, 4))
      try value.store([5, 6, 7, 8])
      #expect(try await listedKind(name) == "value")
      #expect(try await infoDetails(name) == ["kind value", "dtype ('<f4', (4,))", "version 2"])
      #expect(try await infoJSON(name)["version"] as? Int == 2)
      value.close()
    }
  }

  @Test("The tool says that a structured segment is damaged, or of another kind")
  func otherStructures() async throws {
    try await withName { name in
      try SharedValue.create(name, initialValue: 1).close()
      var memory = try SharedMemory.attach(name)
      memory.storeBytes(of: 77, toByteOffset: 12, as: UInt32.self)
      #expect(try await listedKind(name) == "unknown")
      #expect(try await infoDetails(name) == ["kind unknown", "number 77"])
      // This version does not know what the number means.
      memory.storeBytes(of: 1, toByteOffset: 12, as: UInt32.self)
      memory.storeBytes(of: 2, toByteOffset: 8, as: UInt32.self)
      #expect(try await listedKind(name) == "unknown")
      #expect(try await infoDetails(name).last?.contains("has version 2 of the layout") == true)
      memory.close()
    }
  }

  @Test("Zeros, text and other numbers are bytes", arguments: [1, 8, 16, 25, 4096])
  func bytes(byteCount: Int) async throws {
    try await withName { name in
      var memory = try SharedMemory.create(
        name, byteCount: byteCount, options: SegmentOptions(reservation: .onDemand))
      #expect(try await listedKind(name) == "bytes")
      // Looking takes no page.
      #expect(try await facts(name) == "\(byteCount) 0 600")
      for first: UInt8 in [1, 0x93, UInt8(ascii: "S")] {
        memory[0] = first
        #expect(try await listedKind(name) == "bytes")
        #expect(try await infoDetails(name) == ["kind bytes"])
      }
      memory.close()
    }
  }

  @Test("Zeros are read as bytes, and so is a list in memory of another size")
  func almostLists() async throws {
    try await withName { name in
      let zeros = try SharedMemory.create(name, byteCount: 16)
      #expect(
        try await shm("read", name) == .success("0" + String(repeating: " 0", count: 15) + "\n"))
      try zeros.unlink()
      try ShareableList.create(name, [7]).close()
      #expect(try await listedKind(name) == "list")
      var memory = try SharedMemory.attach(name)
      let byteCount = memory.byteCount
      try memory.grow(to: byteCount + 1)
      #expect(try await listedKind(name) == "bytes")
      memory.close()
    }
  }

  @Test("Looking at temporary memory neither keeps nor removes it")
  func temporary() async throws {
    try await withName { name in
      let array = try SharedArray<UInt8>.create(name, count: 3, options: .whileAttached)
      #expect(try await listedKind(name) == "array")
      #expect(try await infoDetails(name).last == "shape 3")
      #expect(exists(name))
      array.close()
      #expect(!exists(name))
    }
    // Stale memory can be looked at, too.
    let outcome = try await runWithOwnSharedMemory(
      "size=1m",
      #"""
      mkfifo /dev/shm/fifo
      "$SHM" create stale --dtype int16 --shape 2x2 --hold > /dev/shm/fifo & read < /dev/shm/fifo
      { kill -KILL $!; wait $!; } 2> /dev/null
      "$SHM" info stale | grep -E '^(kind|lifetime|dtype|shape)'
      "$SHM" sweep
      """#)
    #expect(
      outcome
        == .success(
          "kind       array\nlifetime   STALE\ndtype      '<i2'\nshape      2x2\nstale\n"))
  }

  @Test(
    "The tool shows all but the kind of memory that this user may not read",
    .enabled(if: geteuid() == 0, "needs root, to act as another user"))
  func forbidden() async throws {
    try await withName { name in
      try SharedArray<UInt8>.create(name, count: 3).close()
      let outcome = try await run(
        "setpriv", ["--reuid=65534", "--clear-groups", Tool.path, "info", name])
      #expect(outcome.status == .exited(0))
      #expect(outcome.output.contains("kind       ?\nsize       131 bytes\n"))
      let problem = "The permissions of shared memory \"\(name)\" do not let this user read it."
      #expect(outcome.output.hasSuffix("\nproblem    \(problem)\n"))
      let list = try await run(
        "setpriv", ["--reuid=65534", "--clear-groups", Tool.path, "list", "--json"])
      #expect(list.status == .exited(0))
      #expect(list.errors == "")
      #expect(list.output.contains("\"error\": \"\(problem.replacing("\"", with: "\\\""))\""))
    }
  }

  // MARK: - Creating

  @Test("Numpy and Swift open an array that the tool creates")
  func create() async throws {
    try await withName { name in
      #expect(
        try await shm("create", name, "--dtype", "float64", "--shape", "480x640", "--mode", "0640")
          == .success())
      #expect(try await facts(name) == "2457728 4808 640")
      let python = try #require(Python.withNumpy)
      let result = try await python.run(
        """
        import numpy, sys
        array = numpy.load("/dev/shm/" + sys.argv[1], mmap_mode="r+")
        print(array.dtype, array.shape, array.any())
        array[479, 639] = 2.5
        """, [name])
      #expect(result.output == "float64 (480, 640) False\n")
      let array = try SharedArray<Double>.attach(name)
      let (last, shape) = (array[479, 639], array.shape)
      #expect(last == 2.5)
      #expect(shape == [480, 640])
    }
  }

  @Test("The tool creates every element type, and on demand takes no page for the elements")
  func types() async throws {
    for (type, dtype) in [
      ("uint8", "|u1"), ("int8", "|i1"), ("int16", "<i2"), ("uint16", "<u2"), ("int32", "<i4"),
      ("uint32", "<u4"), ("int64", "<i8"), ("uint64", "<u8"), ("float16", "<f2"),
      ("float32", "<f4"), ("float64", "<f8"),
    ] {
      try await withName { name in
        #expect(
          try await shm("create", name, "--dtype", type, "--shape", "100000", "--on-demand")
            == .success())
        #expect(try await infoDetails(name) == ["kind array", "dtype '\(dtype)'", "shape 100000"])
        let blocks = try await facts(name).split(separator: " ")[1]
        #expect(blocks == "8")
      }
    }
  }

  @Test("A shape that does not fit into any memory is an error")
  func tooLarge() async throws {
    try await withName { name in
      let outcome = try await shm(
        "create", name, "--dtype", "int8", "--shape", "4611686018427387904x4611686018427387904")
      #expect(outcome.status == .exited(1))
      #expect(outcome.errors.hasPrefix("shm: "))
      #expect(!exists(name))
    }
  }
}
