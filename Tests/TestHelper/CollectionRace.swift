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

internal import Glibc
internal import Interprocess

/// Attaches to or creates a collection at the same moment as many other processes.
enum CollectionRace {
  /// - Returns: Whether this process has created the collection, and the creator's number in it.
  static func run(
    _ kind: String, _ name: String, startingAt nanoseconds: Int
  ) throws(InterprocessError) -> String {
    var start = timespec(
      tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &start, nil)
    let own = Int64(getpid())
    switch kind {
    case "array":
      let array = try SharedArray<Int64>.attachOrCreate(name, shape: [16, 32])
      return "\(role(array.isCreator)) \(array[15, 31])"
    case "list":
      let list = try ShareableList.attachOrCreate(name, [.int(own), "a text", .int(own)])
      guard try list[2] == list[0] else { return "torn" }
      return "\(role(list.isCreator)) \(try list[0])"
    case "value":
      let value = try SharedValue.attachOrCreate(
        name, initialValue: InlineArray<8, Int64>(repeating: own))
      let found = try value.load()
      return "\(role(value.isCreator)) \(found[0] == found[7] ? found[0] : -1)"
    case let kind:
      fatalError("Unknown kind \(kind)")
    }
  }

  private static func role(_ isCreator: Bool) -> String { isCreator ? "creator" : "attached" }
}
