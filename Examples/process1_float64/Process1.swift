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

// Numbers, first program of two: creates the memory, writes the first float64, waits for more.
//
//   one terminal:   swift run process1_float64
//   another one:    swift run process2_float64    or    python3 Examples/python/process2_float64.py

import ArgumentParser
import ExampleSupport
import Glibc
import Interprocess

@main
struct Process1: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "process1_float64", abstract: "Creates shared memory, writes one float64.")

  @Option(help: "The name of the shared memory.") var name = "MyMemory"
  @OptionGroup var waiting: WaitOption

  func run() throws {
    printLinesAtOnce()
    let interruption = Interruption()

    var memory = try SharedMemory.create(name, byteCount: 1024)
    print("Created \"\(name)\" with \(memory.byteCount) bytes")

    memory.storeBytes(of: 1.5, toByteOffset: 0, as: Double.self)
    print("Wrote 1.5 at offset 0")

    // The three numbers may come in any order, so it takes all of them to be sure.
    print("Waiting for process2_float64")
    let deadline = waiting.deadline
    while memory.load(fromByteOffset: 8, as: Double.self) != 2.5
      || memory.load(fromByteOffset: 16, as: Double.self) != 3.5
      || memory.load(fromByteOffset: 24, as: Double.self) != 4.5,
      .now < deadline, interruption.signal == nil
    {
      usleep(1_000)
    }
    memory.withSpan(of: Double.self) { values in
      print("The first four values: \(values[0]) \(values[1]) \(values[2]) \(values[3])")
    }

    memory.close()
    print("Closed \"\(name)\"")
    try SharedMemory.unlink(name)
    print("Removed \"\(name)\"")

    if let signal = interruption.signal { throw ExitCode(128 + signal) }
  }
}
