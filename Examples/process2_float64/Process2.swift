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

// Numbers, second program of two: attaches to the memory and writes the second to fourth float64.
//
//   one terminal:   swift run process1_float64    or    python3 Examples/python/process1_float64.py
//   another one:    swift run process2_float64

import ArgumentParser
import ExampleSupport
import Glibc
import Interprocess

@main
struct Process2: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "process2_float64", abstract: "Attaches to shared memory, writes three numbers.")

  @Option(help: "The name of the shared memory.") var name = "MyMemory"

  func run() throws {
    printLinesAtOnce()

    var memory = try attach()
    print("Attached to \"\(name)\" with \(memory.byteCount) bytes")

    memory.storeBytes(of: 2.5, toByteOffset: 8, as: Double.self)
    memory.storeBytes(of: 3.5, toByteOffset: 16, as: Double.self)
    memory.storeBytes(of: 4.5, toByteOffset: 24, as: Double.self)
    print("Wrote 2.5 3.5 4.5 at offsets 8 16 24")

    // This program may attach a moment before the creator has written the first number.
    let deadline = ContinuousClock.now + .seconds(10)
    while memory.load(fromByteOffset: 0, as: Double.self) == 0, .now < deadline { usleep(1_000) }
    memory.withSpan(of: Double.self) { values in
      print("The first four values: \(values[0]) \(values[1]) \(values[2]) \(values[3])")
    }

    memory.close()
    print("Closed \"\(name)\"")
  }

  /// Attaches to the memory, or throws an error that says what to do.
  func attach() throws -> SharedMemory {
    do {
      let memory = try SharedMemory.attach(name)
      if memory.byteCount >= 1024 { return memory }
      throw Failure("Shared memory \"\(name)\" has \(memory.byteCount) bytes, not 1024.")
    } catch let error as InterprocessError where error.code == .notFound {
      throw Failure("No shared memory named \"\(name)\". Start process1_float64 first.")
    }
  }
}
