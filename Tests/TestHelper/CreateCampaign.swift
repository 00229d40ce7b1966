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
internal import Glibc
internal import Interprocess
internal import TestSupport

/// Kills a process that creates shared memory, at random moments, and checks what it leaves.
///
/// Runs where no other process uses `/dev/shm`, so that it can count the pages.
struct CreateCampaign: AsyncParsableCommand {
  static let byteCount = 512 << 10
  /// The distance of the words that are written and checked: several on each page.
  static let stepByteCount = 1 << 10

  @Argument var rounds: Int

  func run() async throws {
    let freeAtStart = try FreeSpace.now().blockCount
    var completeCount = 0
    var emptyCount = 0
    for round in 1...rounds {
      let seed = UInt64(round) << 32 | UInt64.random(in: 1...UInt64(UInt32.max))
      _ = try await withChildProcess(Places.helper, ["create-loop", "\(seed)"]) { child in
        guard try await child.nextLine() == "ready" else { fatalError("The child did not start") }
        try await Task.sleep(for: .microseconds(Int.random(in: 0...6000)))
        try child.kill()
      }
      let segments = try SharedMemory.segments()
      for segment in segments {
        try check(segment.name, seed: seed)
        try SharedMemory.unlink(segment.name)
      }
      if segments.isEmpty { emptyCount += 1 } else { completeCount += 1 }
      let free = try FreeSpace.now().blockCount
      guard free == freeAtStart else {
        fatalError("Round \(round) leaked \(freeAtStart - free) blocks")
      }
    }
    Helper.answer(
      "\(rounds) kills: \(completeCount) left complete memory, \(emptyCount) left nothing")
  }

  private func check(_ name: String, seed: UInt64) throws {
    let memory = try SharedMemory.attach(name)
    guard memory.byteCount == Self.byteCount else {
      fatalError("\(name) has \(memory.byteCount) bytes")
    }
    for offset in stride(from: 0, to: Self.byteCount, by: Self.stepByteCount)
    where memory.load(fromByteOffset: offset, as: UInt64.self) != seed &+ UInt64(offset) {
      fatalError("\(name) is not filled at \(offset)")
    }
  }
}

/// Creates and removes memory until it is killed; the name exists for about half of the time.
struct CreateLoop: ParsableCommand {
  @Argument var seed: UInt64

  func run() throws {
    Helper.answer("ready")
    while true {
      let memory = try SharedMemory.create("campaign", byteCount: CreateCampaign.byteCount) {
        bytes in
        for offset in stride(
          from: 0, to: CreateCampaign.byteCount, by: CreateCampaign.stepByteCount)
        {
          bytes.storeBytes(of: seed &+ UInt64(offset), toByteOffset: offset, as: UInt64.self)
        }
      }
      usleep(500)
      try memory.unlink()
    }
  }
}
