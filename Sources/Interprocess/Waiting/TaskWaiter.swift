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
internal import Synchronization

/// The one thread of a process that sleeps on words of shared memory for all of its tasks.
///
/// It sleeps on all of these words at once, and on one of its own, by which it is told of new ones.
/// The kernel takes up to 128 words (`futex_waitv`, Linux 5.16). Where it does not know that call,
/// or for more words, the thread sleeps on its own word only, and looks at the others each
/// millisecond.
final class TaskWaiter: Sendable {
  /// A task that sleeps, until one of its words has changed.
  private struct Sleeper {
    let words: [(SharedWord32, while: UInt32)]
    let end: SuspendingClock.Instant
    let continuation: CheckedContinuation<Void, Never>

    var isAwake: Bool { words.contains { $0.0.loadRelaxed() != $0.while } }
  }

  private struct State {
    var sleepers: [UInt64: Sleeper] = [:]
    /// Sleepers whose task was cancelled, perhaps before they were added.
    var cancelled: Set<UInt64> = []
    var nextID: UInt64 = 0
    var isRunning = false
  }

  private static let shared = TaskWaiter()

  private let state = Mutex(State())
  /// Changes whenever there is something new for the thread.
  private let bell = OwnWord()

  /// Sleeps while a word has a value, until some moment, or until the task is cancelled.
  ///
  /// The mapping of the word has to stay until this returns.
  ///
  /// - Throws: `CancellationError`.
  static func sleep(
    on word: SharedWord32, while value: UInt32, until end: SuspendingClock.Instant
  ) async throws {
    try await sleep(onAnyOf: [(word, while: value)], until: end)
  }

  /// As the other one, while each of several words has its value.
  static func sleep(
    onAnyOf words: [(SharedWord32, while: UInt32)], until end: SuspendingClock.Instant
  ) async throws {
    let id = shared.newID()
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        shared.add(
          Sleeper(words: words, end: end, continuation: continuation), id: id)
      }
    } onCancel: {
      shared.cancel(id)
    }
    shared.forget(id)
    if Task.isCancelled {
      // It may have been this one that was woken, in the place of another.
      for (word, _) in words { word.wake(1) }
      throw CancellationError()
    }
  }

  /// How many tasks are known, for tests: none when nobody waits.
  static var sleeperCount: Int { shared.state.withLock { $0.sleepers.count + $0.cancelled.count } }

  private func newID() -> UInt64 {
    state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
  }

  private func add(_ sleeper: Sleeper, id: UInt64) {
    let isAdded = state.withLock { state in
      if state.cancelled.contains(id) { return false }
      state.sleepers[id] = sleeper
      if !state.isRunning {
        state.isRunning = true
        BackgroundThread.start { self.run() }
      }
      return true
    }
    if isAdded { bell.ring() } else { sleeper.continuation.resume() }
  }

  private func cancel(_ id: UInt64) {
    // The thread resumes the task, when it does not sleep on that word any more: else the wake-up
    // that the task hands on could be the thread's own.
    _ = state.withLock { $0.cancelled.insert(id) }
    bell.ring()
  }

  private func forget(_ id: UInt64) {
    _ = state.withLock { $0.cancelled.remove(id) }
  }

  private func run() -> Never {
    while true {
      let rung = bell.word.loadAcquiring()
      let now = SuspendingClock.now
      var awake: [Sleeper] = []
      var next = now + Sleeps.longestLength
      let waits = state.withLock { state in
        var waits = [(bell.word, while: rung)]
        for (id, sleeper) in state.sleepers {
          if sleeper.isAwake || sleeper.end <= now || state.cancelled.contains(id) {
            awake.append(sleeper)
            state.sleepers[id] = nil
          } else {
            next = min(next, sleeper.end)
            waits += sleeper.words
          }
        }
        return waits
      }
      for sleeper in awake { sleeper.continuation.resume() }
      // With nobody to sleep for there is no reason to wake up now and then.
      let timeout = waits.count == 1 ? nil : max(next - now, .zero)
      if !SharedWord32.sleep(onAnyOf: waits, atMost: timeout) {
        try? bell.word.sleep(while: rung, until: .now + .milliseconds(1))
      }
    }
  }
}

/// A word of this process alone that its threads and tasks sleep on.
final class OwnWord: Sendable {
  let word: SharedWord32

  init() {
    let pointer = UnsafeMutablePointer<Atomic<UInt32>>.allocate(capacity: 1)
    unsafe pointer.initialize(to: Atomic(0))
    // SAFETY: the word is initialised, and lives as long as this.
    word = unsafe SharedWord32(pointer: UnsafePointer(pointer))
  }

  deinit {
    // SAFETY: it was allocated here, and nobody uses it any more.
    unsafe word.pointer.deallocate()
  }

  /// Wakes some who sleep on it.
  func ring(waking count: Int = 1) {
    word.incrementReleasing()
    word.wake(count)
  }
}
