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

@Suite("Threads that end within a closure", .timeLimit(.minutes(1)))
struct EndedThreadTests {
  @Test(
    "What an ended thread holds is waited for, even by a thread at the same address",
    arguments: ["mutex", "writer", "reader"])
  func locks(kind: String) async throws {
    if kind == "mutex" {
      let mutex = try SharedMutex.create(uniqueName(), initialValue: 0)
      defer { try? mutex.unlink() }
      try await expectTimeOuts(kind, mutex.name)
      // The process has ended.
      #expect(errorCode { try lock(mutex) { _ in } } == .ownerDied)
    } else {
      let lock = try SharedReadWriteLock.create(uniqueName(), initialValue: 0)
      defer { try? lock.unlink() }
      try await expectTimeOuts(kind, lock.name)
      #expect(errorCode { try lock.withWriteLock { _ in } } == .ownerDied)
    }
  }

  @Test("A turn of an ended thread is waited for in the same way")
  func turns() async throws {
    let queue = try SharedQueue<Int>.create(uniqueName(), capacity: 4)
    defer { try? queue.unlink() }
    try inThisThread { try queue.send(1) }
    try await expectTimeOuts("receiver", queue.name)
    #expect(try queue.tryReceive() == 1)
    let bytes = try SharedByteQueue.create(
      uniqueName(), byteCapacity: 64, maximumByteCount: 8)
    defer { try? bytes.unlink() }
    try await expectTimeOuts("byteSender", bytes.name)
    #expect(try bytes.trySend(byteCount: 8) { _ in })
  }

  private func expectTimeOuts(_ kind: String, _ name: String) async throws {
    let (status, _) = try await withChildProcess(
      Places.helper, ["ended-thread", kind, name]
    ) { process in
      for _ in 0..<4 { try await process.expectNext("timedOut") }
      try await process.expectNext("end")
    }
    #expect(status == .exited(0))
  }
}
