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

/// Stores each number that it reads in all words of a segment, or in the one whose index follows,
/// and wakes their sleepers.
struct WakeWords: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "wake-words")

  @Argument var name: String
  /// How many bytes lie from one word to the next.
  @Argument var stride: Int

  func run() throws {
    let memory = try SharedMemory.attach(name)
    let words = 0..<memory.byteCount / stride
    Helper.answer("ready")
    while let line = readLine() {
      let numbers = line.split(separator: " ").compactMap { Int($0) }
      for index in numbers.count == 1 ? words : numbers[1]..<numbers[1] + 1 {
        memory[atomic: UInt32.self, at: stride * index].store(
          UInt32(numbers[0]), ordering: .releasing)
        memory.wake(at: stride * index)
      }
      Helper.answer("woken")
    }
  }
}
