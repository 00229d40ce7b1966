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

/// Waits on one thread, for all tasks of the process, until something happens to the files in the
/// directory of shared memory.
///
/// The thread does so while there is a `TaskWatch`, and for at most a second after that; then it
/// closes its inotify instance, and sleeps.
private final class DirectoryWatcher: Sendable {
  /// Shared by the thread, which waits outside the lock, and the tasks that it waits for.
  private final class Instance: Sendable {
    let watch = DirectoryWatch(SegmentName.directory)
  }

  private struct State: Sendable {
    var watchCount = 0
    var instance: Instance?
    var isRunning = false
  }

  static let shared = DirectoryWatcher()

  private let state = ThreadMutex(State())
  /// Changes whenever the thread has something new to do.
  private let bell = OwnWord()
  /// Changes whenever something may have happened in the directory.
  let changes = OwnWord()

  /// Makes sure that every event from now on is reported.
  func begin() {
    state.withLock { state in
      state.watchCount += 1
      if state.instance == nil { state.instance = Instance() }
      if !state.isRunning {
        state.isRunning = true
        BackgroundThread.start { self.run() }
      }
    }
    bell.ring()
  }

  /// - Parameter generation: The generation of forks in which `begin` was called.
  func end(_ generation: UInt32) {
    if generation == Descriptor.generation { state.withLock { $0.watchCount -= 1 } }
  }

  private func run() -> Never {
    while true {
      let rung = bell.word.loadAcquiring()
      let instance = state.withLock { state in
        if state.watchCount == 0 { state.instance = nil }
        return state.instance
      }
      if let instance {
        // This thread takes no signals.
        try? instance.watch.wait(atMost: .seconds(1))
        // After the events were taken from the instance: a task that has read the word before will
        // look again.
        changes.ring(waking: .max)
      } else {
        try? bell.word.sleep(while: rung, until: .now + .seconds(3600))
      }
    }
  }
}

/// Like `DirectoryWatch`, for a task: waits until something happens to the files in the directory
/// of shared memory.
///
/// It reports changes from the moment of its creation: create it, read `changeCount`, look at the
/// directory, and wait for another count.
struct TaskWatch: ~Copyable, Sendable {
  private let generation = Descriptor.generation

  init() { DirectoryWatcher.shared.begin() }

  deinit { DirectoryWatcher.shared.end(generation) }

  var changeCount: UInt32 { DirectoryWatcher.shared.changes.word.loadAcquiring() }

  /// Sleeps until something has changed or the time is over; may also return early.
  ///
  /// - Throws: `CancellationError`.
  nonisolated(nonsending) borrowing func wait(
    after changeCount: UInt32, atMost timeout: Duration
  ) async throws {
    try await TaskWaiter.sleep(
      on: DirectoryWatcher.shared.changes.word, while: changeCount, until: .after(timeout))
  }
}
