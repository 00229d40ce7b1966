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

internal import ArgumentParser
internal import Interprocess
internal import Synchronization

/// Stores each number that it reads in all words of a segment, and wakes their sleepers.
struct WakeWords: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "wake-words")

  @Argument var name: String
  /// How many bytes lie from one word to the next.
  @Argument var stride: Int

  func run() throws {
    let memory = try SharedMemory.attach(name)
    Helper.answer("ready")
    while let number = readLine().flatMap({ UInt32($0) }) {
      for offset in Swift.stride(from: 0, to: memory.byteCount, by: stride) {
        memory[atomic: UInt32.self, at: offset].store(number, ordering: .releasing)
        memory.wake(at: offset)
      }
      Helper.answer("woken")
    }
  }
}
