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

import ArgumentParser
import Glibc
import Interprocess
import SystemPackage

/// The type of the values that the demo shares.
enum DemoExample: String, CaseIterable, ExpressibleByArgument {
  case uint8, float64
}

/// One of the two processes of the demo; its standard input is a socket to the other.
struct DemoProcess: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo-process",
    abstract: "Be one of the two processes of the demo.",
    shouldDisplay: false)

  /// The exit status of a process whose partner has ended, for a reason that the demo reports.
  static let leftAlone = ExitCode(3)

  @Argument var number: Int
  @Argument var example: DemoExample
  @Argument var name: String

  func run() throws {
    switch example {
    case .uint8: try run([1, 2, 3, 4] as [UInt8])
    case .float64: try run([1.5, 2.5, 3.5, 4.5] as [Double])
    }
  }

  private func run<Value: Element>(_ values: [Value]) throws {
    if number == 1 { try create(values) } else { try attach(values) }
  }

  private func create<Value: Element>(_ values: [Value]) throws {
    var memory = try SharedMemory.create(name, byteCount: 1024)
    memory.storeBytes(of: values[0], as: Value.self)
    try tell("created the memory and wrote the first value", values, in: memory)
    try passTurn()
    try awaitTurn()
    try tell("sees what process 2 wrote", values, in: memory)
    memory.close()
    try SharedMemory.unlink(name)
  }

  private func attach<Value: Element>(_ values: [Value]) throws {
    var memory = try SharedMemory.attach(name, waitingUpTo: .seconds(10))
    try awaitTurn()
    try tell("attached and sees what process 1 wrote", values, in: memory)
    for index in 1..<values.count {
      memory.storeBytes(
        of: values[index], toByteOffset: index * MemoryLayout<Value>.stride, as: Value.self)
    }
    try tell("wrote the other three values", values, in: memory)
    memory.close()
    try passTurn()
  }

  /// Prints what this process sees.
  private func tell<Value: Element>(
    _ event: String, _ values: [Value], in memory: borrowing SharedMemory
  ) throws {
    var seen: [String] = []
    for index in values.indices {
      let offset = index * MemoryLayout<Value>.stride
      seen.append(memory.load(fromByteOffset: offset, as: Value.self).description)
    }
    try Output.write { output in
      try output.writeLine(
        "process \(number) (pid \(getpid())) \(event): \(seen.joined(separator: " "))")
    }
  }

  // MARK: - Turns

  /// Passes the turn to the other process.
  private func passTurn() throws {
    do {
      try FileDescriptor.standardInput.writeAll([1])
    } catch {
      throw Self.leftAlone
    }
  }

  /// Waits until the other process passes the turn.
  private func awaitTurn() throws {
    var byte: UInt8 = 0
    // SAFETY: the buffer is used only within the closure.
    let count = try? unsafe withUnsafeMutableBytes(of: &byte) {
      try unsafe FileDescriptor.standardInput.read(into: $0)
    }
    if count != 1 { throw Self.leftAlone }
  }
}
