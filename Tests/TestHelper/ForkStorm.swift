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
internal import Synchronization
internal import SystemPackage
internal import TestFork

/// Forks in one thread while another creates memory, so that forks fall between any two of its
/// steps.
enum ForkStorm {
  private static let isOver = Atomic<Bool>(false)
  private static let madeCount = Atomic<Int>(0)
  private static let isPassing = Atomic<Bool>(false)

  /// Returns how many children held a lock, and how many failed; `none made` if no memory was
  /// created meanwhile.
  ///
  /// - Parameter isPassing: Whether the memory also goes through a socket.
  static func run(forkCount: Int, passing isPassing: Bool) -> String {
    Self.isPassing.store(isPassing, ordering: .relaxed)
    var thread = pthread_t()
    let error = pthread_create(&thread, nil, { _ in ForkStorm.makeMemory() }, nil)
    guard error == 0 else { fatalError("No thread") }
    while madeCount.load(ordering: .relaxed) == 0 { usleep(1000) }
    let start = madeCount.load(ordering: .relaxed)
    var (lockedCount, failedCount) = (0, 0)
    for _ in 0..<forkCount {
      switch ipctest_fork_and_find_lock() {
      case 0: break
      case 1: lockedCount += 1
      default: failedCount += 1
      }
    }
    let end = madeCount.load(ordering: .relaxed)
    isOver.store(true, ordering: .relaxed)
    pthread_join(thread, nil)
    return end == start ? "none made" : "\(lockedCount) \(failedCount)"
  }

  private static func makeMemory() -> UnsafeMutableRawPointer? {
    var numbers: [CInt] = [0, 0]
    guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &numbers) == 0 else {
      fatalError("No socket")
    }
    let ends = (FileDescriptor(rawValue: numbers[0]), FileDescriptor(rawValue: numbers[1]))
    while !isOver.load(ordering: .relaxed) {
      // Lasting memory, whose lease ends only with its open file description.
      guard let memory = try? SharedMemory.create(byteCount: 16) else { fatalError("No memory") }
      if isPassing.load(ordering: .relaxed) {
        guard (try? memory.send(over: ends.0)) != nil,
          let received = try? SharedMemory.receive(over: ends.1)
        else { fatalError("No memory passed") }
        received.close()
      }
      try? memory.unlink()
      memory.close()
      madeCount.add(1, ordering: .relaxed)
    }
    return nil
  }
}
