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

import Interprocess
import Subprocess
import TestSupport
import Testing

/// Places of which there are few: for readers, permits and subscribers.
@Suite("Places of the dead", .timeLimit(.minutes(1)))
struct DeadPlaceTests {
  /// A third process looks when one of two places belongs to a dead process; another process takes
  /// that place first, and the holder of the other place dies after the look.
  @Test(
    "A dead process's place is found even if another process was quicker at the first one",
    arguments: ["subscriber", "permit", "permitInTime", "reader", "readerIfAvailable"])
  func newcomer(kind: String) async throws {
    let place = try TwoPlaces(kind)
    defer { place.unlink() }
    func hold(
      isStopping: Bool = false, _ body: @escaping (ChildProcess) async throws -> Void
    ) async throws {
      _ = try await withChildProcess(
        Places.helper, ["place", kind, place.name] + (isStopping ? ["stop"] : []), body)
    }
    try await hold { first in
      try await first.expectNext("held")
      try await hold { second in
        try await second.expectNext("held")
        try second.kill()
      }
      try await hold(isStopping: true) { third in
        try await third.expectStop(at: .placeSeen)
        try await hold { quick in
          try await quick.expectNext("held")
          try first.kill()
          // A process that is ending has no lock any more, and perhaps no number.
          while let state = processState(first.processID), state != "Z" {
            try await Task.sleep(for: .milliseconds(1))
          }
          try await third.expectAfterStop("held")
        }
      }
    }
  }

  @Test(
    "If all places belong to living processes, none is free",
    arguments: ["subscriber", "permit", "reader", "readerIfAvailable"])
  func full(kind: String) async throws {
    let place = try TwoPlaces(kind)
    defer { place.unlink() }
    let arguments = ["place", kind, place.name]
    _ = try await withChildProcess(Places.helper, arguments) { first in
      try await first.expectNext("held")
      _ = try await withChildProcess(Places.helper, arguments) { second in
        try await second.expectNext("held")
        _ = try await withChildProcess(Places.helper, arguments) { third in
          try await third.expectNext("none")
        }
      }
    }
  }
}

/// An object with two places, under a name of its own.
private struct TwoPlaces {
  let name = uniqueName()

  init(_ kind: String) throws {
    switch kind {
    case "subscriber":
      _ = try SharedTopic<UInt64>.create(name, historyCount: 2, maximumSubscriberCount: 2)
    case "reader", "readerIfAvailable":
      _ = try SharedReadWriteLock.create(name, initialValue: 0, maximumReaderCount: 2)
    default: _ = try SharedSemaphore.create(name, permitCount: 2)
    }
  }

  func unlink() { try? SharedMemory.unlink(name) }
}
