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
/// which it learns of new ones. If tasks sleep on more words, more threads do so; each of them ends
/// when it has had none for a second. The kernel wakes the threads (`futex_waitv`, Linux 5.16); if
/// it does not have that call, they check the words every millisecond. If the system gives no more
/// threads, the first one does so, until there are more.
///
/// A sleeping task costs almost nothing: the first thread looks in its place (`LookPlan`).
final class TaskWaiter: Sendable {
  // A thread, and the caller that adds, cancels or calls a sleeper:
  //
  //   T1  rung = bell   acquiring              C1  lock
  //   T2  lock                                 C2  add the sleeper, or note that it is cancelled or
  //   T3  remove the sleepers to wake              called
  //   T4  unlock; wake those                   C3  bell + 1, wake
  //   T5  the first thread: lock; look, and    C4  unlock, perhaps before C3
  //       call those that may find something;
  //       unlock; again until no look is left
  //   T6  lock; end if unused for a second;
  //       give words away if there are too
  //       many; note words and end; unlock
  //   T7  sleep on the words, and on the bell while it is as rung; if the system cannot do that,
  //       sleep on the bell for a millisecond
  //
  // Either C2 comes before T2, and T3 sees it; or C3 comes after T1, so that T7 does not begin, or
  // ends. C3 may be left out for a sleeper on words that the thread sleeps on already, and whose
  // time comes after the end of that sleep: until T6, it only makes T6 note the words; after T6, T7
  // ends when one of them changes, or at the end. A word that has changed before T7 makes it end at
  // once.
  //
  // So from C2 on, the thread that owns a sleeper's slot covers it. If
  //
  //   C2 comes before T6 of a thread about to end, T6 finds a sleeper, and the thread goes on;
  //   C2 comes after that T6, the slot is empty: C2 takes another thread, or starts one, perhaps in
  //     that slot, which the thread that has ended uses no more.
  //   T6 gives a sleeper to another thread, the sleeper changes slots within the lock, so that one
  //     thread removes it, at T3. The giver sleeps on no word at that moment; the taker begins at
  //     T1, or its bell is rung at once, as at C3. A change of the word before the taker's T7 is
  //     found by its T3, or ends T7 at once.
  //   C2 cancels or calls a sleeper between T3 and T6 of its giver, C3 rings the giver's bell; but
  //     the note stays in place, or moves with the sleeper, and the taker's T3 finds it.
  //   T7 sleeps on the bell only, a wake-up for a word reaches nobody; but it comes after a change
  //     of the word, which T3 finds a millisecond later.
  //   two threads sleep on one word, for two of its values or for sleepers with several words, a
  //     wake-up for one sleeper reaches one of them, and all sleepers on that word there. Those of
  //     the other thread sleep on, as any waiter that is not the one to be woken.
  //
  // A child created by `fork` has no such threads, and starts without sleepers (`ThreadMutex`).

  private struct State: Sendable {
    /// By the number of their thread; `nil`: it has ended.
    var slots: [WordWatch?] = []
    /// Sleepers whose task was cancelled, perhaps before they were added.
    var cancelled: Set<UInt64> = []
    var looks = LookPlan()

    var watches: some Sequence<WordWatch> { slots.lazy.compactMap { $0 } }
  }

  private static let shared = TaskWaiter()

  private let state = ThreadMutex(State())
  private let lastID = Atomic<UInt64>(0)

  // MARK: - Sleeping

  /// Sleeps while a word has a value, until `end`, or until the task is cancelled.
  ///
  /// The word must stay mapped until this returns.
  ///
  /// - Parameter look: A look to be taken meanwhile in place of the caller; `nil`: none.
  /// - Returns: Whether it is time to look closer, and the word has not changed.
  /// - Throws: `CancellationError`.
  @discardableResult
  static func sleep(
    on word: SharedWord32, while value: UInt32, until end: SuspendingClock.Instant?,
    look: LookPlan.Look? = nil
  ) async throws -> Bool {
    try await sleep(words: [(word, while: value)], end, look)
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
  ///
  /// - Parameter look: As above, for all of the words.
  static func sleep(
    onAnyOf words: [(SharedWord32, while: UInt32)], until end: SuspendingClock.Instant?,
    look: LookPlan.Look?
  ) async throws {
    if words.count <= WordWatch.wordLimit {
      _ = try await sleep(words: words, end, look)
      return
    }
    await withTaskGroup(of: Void.self) { group in
      for (index, part) in parts(of: words).enumerated() {
        group.addTask { _ = try? await sleep(words: part, end, index == 0 ? look : nil) }
      }
      await group.next()
      group.cancelAll()
    }
    try Task.checkCancellation()
  }

  private static func sleep(
    words: [(SharedWord32, while: UInt32)], _ end: SuspendingClock.Instant?,
    _ look: LookPlan.Look?
  ) async throws -> Bool {
    let id = shared.newID()
    let isOver = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        shared.add(
          WordWatch.Sleeper(words: words, end: end, waker: .task(continuation)), look, id: id)
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
  /// - Parameter look: As for tasks.
  /// - Throws: `EINTR` in an interruptible wait.
  static func sleepAsThread(
    onAnyOf words: [(SharedWord32, while: UInt32)], until end: SuspendingClock.Instant?,
    look: LookPlan.Look?
  ) throws(Errno) {
    let bell = OwnWord()
    let before = bell.word.loadRelaxed()
    let ids = parts(of: words).enumerated().map { index, part in
      let id = shared.newID()
      shared.add(
        WordWatch.Sleeper(words: part, end: nil, waker: .thread(bell)),
        index == 0 ? look : nil, id: id)
      return id
    }
    // The threads that sleep on these words must stop before the words are unmapped.
    defer { for id in ids { shared.retire(id, bell) } }
    try bell.word.sleep(
      while: before, until: end ?? SuspendingClock.Instant.after(.seconds(1 << 32)))
  }

  private static func parts(
    of words: [(SharedWord32, while: UInt32)]
  ) -> [[(SharedWord32, while: UInt32)]] {
    stride(from: 0, to: words.count, by: WordWatch.wordLimit).map {
      Array(words[$0..<min($0 + WordWatch.wordLimit, words.count)])
    }
  }

  /// Looks at once in place of the tasks that sleep on a word and would find the same.
  ///
  /// Called by a task that checked by itself, and found something without a wake-up: there may be
  /// more.
  static func look(on word: SharedWord32, while value: UInt32, alike: Int) {
    shared.state.withLock { state in
      state.looks.hurry(LookPlan.Kin(word, while: value, alike: alike))
      state.slots.first??.bell.ring()
    }
  }

  /// How many sleepers are known, for tests: none when no task waits.
  static var sleeperCount: Int {
    shared.state.withLock { state in
      state.watches.reduce(state.cancelled.count) { $0 + $1.sleeperCount }
    }
  }

  /// How many threads there are, for tests.
  static var threadCount: Int { shared.state.withLock { $0.watches.reduce(0) { n, _ in n + 1 } } }

  // MARK: - Sleepers

  private func newID() -> UInt64 { lastID.add(1, ordering: .relaxed).newValue }

  private func add(_ sleeper: WordWatch.Sleeper, _ look: LookPlan.Look?, id: UInt64) {
    let isAdded = state.withLock { state in
      if state.cancelled.contains(id) { return false }
      let index = place(for: sleeper, state)
      if let index {
        state.slots[index]!.add(sleeper, id: id)
      } else {
        var watch = WordWatch()
        watch.add(sleeper, id: id)
        if !start(watch, &state) {
          if state.slots.isEmpty {
            failAsMisused("The system gives this process no thread to sleep for its tasks")
          }
          // These are more words than the first thread can sleep on, so it checks all of its words
          // every millisecond.
          state.slots[0]!.add(sleeper, id: id)
        }
      }
      if let look {
        state.looks.add(look, id, on: sleeper.words[0].0, while: sleeper.words[0].while)
        state.slots[0]!.rouse(at: state.looks.next!)
      }
      return true
    }
    if !isAdded { sleeper.waker.wake(isOver: false) }
  }

  /// The thread that sleeps on the words of a sleeper, or has room for them.
  private func place(for sleeper: WordWatch.Sleeper, _ state: borrowing State) -> Int? {
    state.slots.firstIndex { $0?.isWatching(sleeper) == true }
      ?? state.slots.firstIndex { $0?.hasRoom(for: sleeper) == true }
  }

  /// Starts a thread for a watch.
  ///
  /// - Returns: `false` if the system gives no more threads.
  private func start(_ watch: WordWatch, _ state: inout State) -> Bool {
    let index = state.slots.firstIndex { $0 == nil } ?? state.slots.count
    let bell = watch.bell
    guard BackgroundThread.startIfPossible({ self.run(index, bell) }) else { return false }
    if index < state.slots.count {
      state.slots[index] = watch
    } else {
      state.slots.append(watch)
    }
    return true
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

  /// T1 to T7, again and again, until the thread is not needed any more.
  private func run(_ index: Int, _ bell: OwnWord) {
    var nextTrial = SuspendingClock.now
    while true {
      let rung = bell.word.loadAcquiring()
      let now = SuspendingClock.now
      wakeSleepers(index, now)
      if index == 0 { look(now) }
      let rest = state.withLock { state -> Rest? in
        if index > 0, state.slots[index]!.isUnused {
          state.slots[index] = nil
          return nil
        }
        if state.slots[index]!.isOverfull, nextTrial <= now {
          nextTrial = now + Sleeps.longestLength
          relieve(index, &state)
        }
        let end = state.slots[index]!.prepareSleep(until: index == 0 ? state.looks.next : nil)
        return Rest(words: state.slots[index]!.words, end: end)
      }
      guard let rest else { return }
      let timeout = rest.end.map { max($0 - .now, .zero) }
      let all = [(bell.word, while: rung)] + rest.words
      // This thread takes no signals.
      if (try? SharedWord32.sleep(onAnyOf: all, atMost: timeout)) != true {
        try? bell.word.sleep(while: rung, until: .now + .milliseconds(1))
      }
    }
  }

  /// What a thread sleeps on, and until when.
  private struct Rest {
    let words: [(SharedWord32, while: UInt32)]
    let end: SuspendingClock.Instant?
  }

  /// T2 to T4.
  private func wakeSleepers(_ index: Int, _ now: SuspendingClock.Instant) {
    let awake = state.withLock { state in
      let awake = state.slots[index]!.takeAwake(at: now, cancelled: state.cancelled)
      for (id, _, _) in awake { state.looks.remove(id) }
      return awake
    }
    for (_, waker, isOver) in awake { waker.wake(isOver: isOver) }
  }

  /// T5.
  private func look(_ now: SuspendingClock.Instant) {
    var isDone = false
    while !isDone {
      isDone = state.withLock { state in
        for id in state.looks.take(at: now) {
          let index = state.slots.firstIndex { $0?.isSleeping(id) == true }
          if let index { state.slots[index]!.call(id) }
        }
        return state.looks.next.map { $0 > now } ?? true
      }
    }
  }

  /// Gives those words of a thread on which it cannot sleep to others that have room, and to new
  /// ones, if the system gives some by now.
  private func relieve(_ index: Int, _ state: inout State) {
    var left = state.slots[index]!
    for other in state.slots.indices where other != index && left.isOverfull {
      if state.slots[other] != nil { left.move(to: &state.slots[other]!) }
    }
    state.slots[index] = left
    while left.isOverfull {
      var other = WordWatch()
      left.move(to: &other)
      if !start(other, &state) { return }
      state.slots[index] = left
    }
  }
}
