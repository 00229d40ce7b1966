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

// Bytes, first program of two: creates the memory, writes the first byte, waits for more.
//
//   one terminal:   swift run process1_uint8
//   another one:    swift run process2_uint8    or    python3 Examples/python/process2_uint8.py

import ArgumentParser
import ExampleSupport
import Glibc
import Interprocess

@main
struct Process1: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "process1_uint8", abstract: "Creates shared memory, writes one byte.")

  @Option(help: "The name of the shared memory.") var name = "MyMemory"
  @OptionGroup var waiting: WaitOption

  func run() throws {
    printLinesAtOnce()
    let interruption = Interruption()

    var memory = try SharedMemory.create(name, byteCount: 1024)
    print("Created \"\(name)\" with \(memory.byteCount) bytes")

    memory[0] = 1
    print("Wrote 1 at offset 0")

    // The three bytes may come in any order, so it takes all of them to be sure.
    print("Waiting for process2_uint8")
    let deadline = waiting.deadline
    while memory[1] != 2 || memory[2] != 3 || memory[3] != 4,
      .now < deadline, interruption.signal == nil
    {
      usleep(1_000)
    }
    print("The first four values: \(memory[0]) \(memory[1]) \(memory[2]) \(memory[3])")

    memory.close()
    print("Closed \"\(name)\"")
    try SharedMemory.unlink(name)
    print("Removed \"\(name)\"")

    if let signal = interruption.signal { throw ExitCode(128 + signal) }
  }
}
