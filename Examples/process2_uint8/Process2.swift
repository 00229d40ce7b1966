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

// Bytes, second program of two: attaches to the memory and writes the second to fourth byte.
//
//   one terminal:   swift run process1_uint8    or    python3 Examples/python/process1_uint8.py
//   another one:    swift run process2_uint8

import ArgumentParser
import ExampleSupport
import Glibc
import Interprocess

@main
struct Process2: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "process2_uint8", abstract: "Attaches to shared memory, writes three bytes.")

  @Option(help: "The name of the shared memory.") var name = "MyMemory"

  func run() throws {
    printLinesAtOnce()

    var memory = try attach()
    print("Attached to \"\(name)\" with \(memory.byteCount) bytes")

    memory[1] = 2
    memory[2] = 3
    memory[3] = 4
    print("Wrote 2 3 4 at offsets 1 2 3")

    // This program may attach a moment before the creator has written the first byte.
    let deadline = ContinuousClock.now + .seconds(10)
    while memory[0] == 0, .now < deadline { usleep(1_000) }
    print("The first four values: \(memory[0]) \(memory[1]) \(memory[2]) \(memory[3])")

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
      throw Failure("No shared memory named \"\(name)\". Start process1_uint8 first.")
    }
  }
}
