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

import Foundation
import Synchronization
import TestFork
import TestSupport
import Testing

@testable import Interprocess

@Suite("Mutex among the threads of a process", .timeLimit(.minutes(1)))
struct ThreadMutexTests {
  /// Two threads change the same value, each a hundred thousand times.
  ///
  /// - Returns: Whether both have finished.
  private static func countInTwoThreads(_ count: Count) -> Bool {
    let group = DispatchGroup()
    for _ in 0..<2 {
      group.enter()
      Thread.detachNewThread {
        for _ in 0..<100_000 { count.mutex.withLock { $0 += 1 } }
        group.leave()
      }
    }
    return group.wait(timeout: .now() + 30) == .success
  }

  private final class Count: Sendable {
    let mutex = ThreadMutex(0)
    let isHeld = Atomic<Bool>(false)
    let isOver = Atomic<Bool>(false)
    var value: Int { mutex.withLock { $0 } }
  }

  @Test("Only one thread at a time uses the value")
  func twoThreadsExcludeEachOther() {
    let count = Count()
    #expect(Self.countInTwoThreads(count))
    #expect(count.value == 200_000)
  }

  @Test("A thread that waits for long gets the value once it is free")
  func sleeper() async throws {
    let count = Count()
    let holder = inThread {
      count.mutex.withLock { value in
        count.isHeld.store(true, ordering: .releasing)
        Thread.sleep(forTimeInterval: 0.1)
        value = 7
      }
    }
    while !count.isHeld.load(ordering: .acquiring) { await Task.yield() }
    let values = (0..<3).map { _ in inThread { count.value } }
    for value in values { #expect(try await value.value == 7) }
    try await holder.value
  }

  @Test("A child forked while another thread used the value starts with the initial one")
  func child() async {
    await #expect(processExitsWith: .success) {
      let count = Count()
      Thread.detachNewThread {
        count.mutex.withLock { value in
          value = 7
          count.isHeld.store(true, ordering: .releasing)
          while !count.isOver.load(ordering: .acquiring) {}
        }
      }
      while !count.isHeld.load(ordering: .acquiring) {}
      let child = ipctest_fork()
      if child == 0 {
        alarm(60)
        let first = count.value
        let isThrough = ThreadMutexTests.countInTwoThreads(count)
        _exit(first == 0 && isThrough && count.value == 200_000 ? 0 : 1)
      }
      var status: CInt = -1
      waitpid(child, &status, 0)
      count.isOver.store(true, ordering: .releasing)
      let value = count.value
      precondition(status == 0, "the child ended with \(status)")
      precondition(value == 7, "the parent has \(value)")
    }
  }
}
