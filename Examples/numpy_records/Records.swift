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

// Structures that numpy opens as a structured dtype: Swift makes particles, Python moves them, and
// Swift sees where they are.
//
//   one terminal:   swift run numpy_records
//   another one:    python3 Examples/python/numpy_records.py

import ArgumentParser
import ExampleSupport
import Glibc
import Interprocess

/// In numpy the fields are `<u4`, `<f8`, two of `<f4`, and `|u1`, with four bytes of padding behind
/// the first one and seven at the end.
struct Particle: Shareable {
  var id: UInt32
  var mass: Double
  var position: InlineArray<2, Float>
  var moved: UInt8
}

@main
struct Records: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "numpy_records",
    abstract: "Creates particles that numpy opens, and waits until they have moved.")

  @Option(help: "The name of the array.") var name = "MyParticles"
  @OptionGroup var waiting: WaitOption

  func run() throws {
    printLinesAtOnce()
    let interruption = Interruption()

    let particles = try SharedArray.create(
      name,
      copying: (1...3).map { id in
        Particle(id: UInt32(id), mass: Double(id) / 2, position: [Float(id), 0], moved: 0)
      })
    let stride = MemoryLayout<Particle>.stride
    print("Created \"\(name)\" with \(particles.count) particles of \(stride) bytes")
    printAll(particles)

    print("Waiting for numpy_records.py")
    let deadline = waiting.deadline
    while particles[2].moved == 0, .now < deadline, interruption.signal == nil { usleep(1_000) }
    printAll(particles)

    try particles.unlink()
    print("Removed \"\(name)\"")

    if let signal = interruption.signal { throw ExitCode(128 + signal) }
  }

  func printAll(_ particles: borrowing SharedArray<Particle>) {
    for index in 0..<particles.count {
      let particle = particles[index]
      print(
        "Particle \(particle.id): mass \(particle.mass),",
        "at (\(particle.position[0]), \(particle.position[1]))")
    }
  }
}
