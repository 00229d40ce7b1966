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
internal import SystemPackage

/// Sleeps on words of shared memory for all tasks of a process.
///
/// One thread sleeps for all of them, on up to 127 words at once, and on one word of its own, by
/// which it learns of new ones. If tasks sleep on more words, more threads do so. The kernel wakes
/// them (`futex_waitv`, Linux 5.16); if it does not have that call, or gives no more threads, they
/// check the words every millisecond.
///
/// A sleeping task costs nothing: of several that wait for the same thing, one at a time checks for
/// all.
final class TaskWaiter: Sendable {
  private struct State: Sendable {
    var watches: [WordWatch] = []
    /// Sleepers whose task was cancelled, perhaps before they were added.
    var cancelled: Set<UInt64> = []
  }

  private static let shared = TaskWaiter()

  private let state = ThreadMutex(State())
  private let lastID = Atomic<UInt64>(0)

  // MARK: - Sleeping

  /// Sleeps while a word has a value, until `end`, or until the task is cancelled.
  ///
  /// The word must stay mapped until this returns.
  ///
  /// - Parameters:
  ///   - alike: The same number for all tasks that wait on this word and would find the same. One
  ///     of them checks for all, so this may return before `end` or, until `deadline`, after it.
  ///     `nil`: no other task checks for this one.
  ///   - deadline: When to return at the latest, if `alike` is given; `nil`: never.
  /// - Returns: Whether it is time to look closer, and the word has not changed.
  /// - Throws: `CancellationError`.
  @discardableResult
  static func sleep(
    on word: SharedWord32, while value: UInt32, until end: SuspendingClock.Instant,
    alike: Int? = nil, deadline: SuspendingClock.Instant? = nil
  ) async throws -> Bool {
    try await sleep(words: [(word, while: value)], end, alike, deadline)
  }

  /// Sleeps for some time.
  ///
  /// Replaces `Task.sleep`, which ends a process that has no descriptor to spare (Swift 6.3).
  ///
  /// - Throws: `CancellationError`.
  static func pause(for duration: Duration) async throws {
    let own = OwnWord()
    try await sleep(on: own.word, while: own.word.loadRelaxed(), until: .after(duration))
  }

  /// Sleeps while each of several words has its value, until `end`, or until the task is cancelled.
  static func sleep(
    onAnyOf words: [(SharedWord32, while: UInt32)], until end: SuspendingClock.Instant
  ) async throws {
    if words.count <= WordWatch.wordLimit {
      _ = try await sleep(words: words, end, nil, nil)
      return
    }
    await withTaskGroup(of: Void.self) { group in
      for part in parts(of: words) {
        group.addTask { _ = try? await sleep(words: part, end, nil, nil) }
      }
      await group.next()
      group.cancelAll()
    }
    try Task.checkCancellation()
  }

  private static func sleep(
    words: [(SharedWord32, while: UInt32)], _ end: SuspendingClock.Instant, _ alike: Int?,
    _ deadline: SuspendingClock.Instant?
  ) async throws -> Bool {
    let id = shared.newID()
    let isOver = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        shared.add(
          WordWatch.Sleeper(
            words: words, end: end, alike: alike, deadline: deadline, wake: .task(continuation)),
          id: id)
      }
    } onCancel: {
      shared.cancel(id)
    }
    shared.forget(id)
    if Task.isCancelled {
      // This task may have taken a wake-up that another waiter needs, so it passes it on.
      for (word, value) in words where word.loadRelaxed() != value { word.wake(1) }
      throw CancellationError()
    }
    return isOver
  }

  /// Puts the caller's thread to sleep while each of several words, more than the kernel takes at
  /// once, has its value.
  ///
  /// - Throws: `EINTR` in an interruptible wait.
  static func sleepAsThread(
    onAnyOf words: [(SharedWord32, while: UInt32)], until end: SuspendingClock.Instant
  ) throws(Errno) {
    let bell = OwnWord()
    let before = bell.word.loadRelaxed()
    let ids = parts(of: words).map { part in
      let id = shared.newID()
      shared.add(
        WordWatch.Sleeper(words: part, end: end, alike: nil, deadline: nil, wake: .thread(bell)),
        id: id)
      return id
    }
    // The threads that sleep on these words must stop before the words are unmapped.
    defer { for id in ids { shared.retire(id, bell) } }
    try bell.word.sleep(while: before, until: end)
  }

  private static func parts(
    of words: [(SharedWord32, while: UInt32)]
  ) -> [[(SharedWord32, while: UInt32)]] {
    stride(from: 0, to: words.count, by: WordWatch.wordLimit).map {
      Array(words[$0..<min($0 + WordWatch.wordLimit, words.count)])
    }
  }

  /// Makes one of the tasks that sleep on a word, and would find the same, check at once.
  ///
  /// Called by a task that checked by itself, and found something without a wake-up: there may be
  /// more.
  static func look(on word: SharedWord32, while value: UInt32, alike: Int) {
    shared.state.withLock { state in
      for index in state.watches.indices {
        state.watches[index].look(on: word, while: value, alike: alike)
      }
    }
  }

  /// How many sleepers are known, for tests: none when no task waits.
  static var sleeperCount: Int {
    shared.state.withLock { state in
      state.watches.reduce(state.cancelled.count) { $0 + $1.sleeperCount }
    }
  }

  /// How many threads there are, for tests.
  static var threadCount: Int { shared.state.withLock { $0.watches.count } }

  // MARK: - Sleepers

  private func newID() -> UInt64 { lastID.add(1, ordering: .relaxed).newValue }

  private func add(_ sleeper: WordWatch.Sleeper, id: UInt64) {
    let isAdded = state.withLock { state in
      if state.cancelled.contains(id) { return false }
      let index =
        state.watches.firstIndex { $0.isWatching(sleeper) }
        ?? state.watches.firstIndex { $0.hasRoom(for: sleeper) }
      guard let index else {
        var watch = WordWatch()
        watch.add(sleeper, id: id)
        let (last, bell) = (state.watches.count, watch.bell)
        if BackgroundThread.startIfPossible({ self.run(last, bell) }) {
          state.watches.append(watch)
        } else if last > 0 {
          // These are more words than the thread can sleep on, so it checks all of them every
          // millisecond.
          state.watches[last - 1].add(sleeper, id: id)
        } else {
          failAsMisused("The system gives this process no thread to sleep for its tasks")
        }
        return true
      }
      state.watches[index].add(sleeper, id: id)
      return true
    }
    if !isAdded { sleeper.wake(isOver: false) }
  }

  private func cancel(_ id: UInt64) {
    // The thread wakes the sleeper once it no longer sleeps on that word: otherwise the wake-up
    // that the task hands over could go to this very thread.
    let bell = state.withLock { state in
      state.cancelled.insert(id)
      return state.watches.first { $0.isSleeping(id) }?.bell
    }
    bell?.ring()
  }

  private func forget(_ id: UInt64) {
    _ = state.withLock { $0.cancelled.remove(id) }
  }

  /// Cancels a thread's sleeper, and returns when no other thread sleeps for it any more.
  private func retire(_ id: UInt64, _ bell: OwnWord) {
    cancel(id)
    while true {
      let rung = bell.word.loadAcquiring()
      let isSleeping = state.withLock { state in state.watches.contains { $0.isSleeping(id) } }
      if !isSleeping { break }
      // A sleep on a word of this process fails only if a signal ends it.
      try? bell.word.sleep(while: rung, until: .now + Sleeps.longestLength)
    }
    forget(id)
  }

  // MARK: - The threads

  private func run(_ index: Int, _ bell: OwnWord) -> Never {
    while true {
      let rung = bell.word.loadAcquiring()
      let now = SuspendingClock.now
      let (awake, words, end) = state.withLock { state in
        let awake = state.watches[index].takeAwake(at: now, cancelled: state.cancelled)
        return (awake, state.watches[index].words, state.watches[index].prepareSleep())
      }
      for (sleeper, isOver) in awake { sleeper.wake(isOver: isOver) }
      let timeout = end.map { max($0 - .now, .zero) }
      let all = [(bell.word, while: rung)] + words
      // This thread takes no signals.
      if (try? SharedWord32.sleep(onAnyOf: all, atMost: timeout)) != true {
        try? bell.word.sleep(while: rung, until: .now + .milliseconds(1))
      }
    }
  }
}
