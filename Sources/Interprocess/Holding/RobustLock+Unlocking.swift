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

internal import SystemPackage

// Releasing the lock, and waiting for a change of what it guards.
extension RobustLock {
  /// Releases the lock, U1 to U3; does nothing in a forked child of the process that took it.
  ///
  /// - Parameter generation: The generation of forks in which the lock was taken.
  func unlock(takenIn generation: UInt32) {
    guard generation == Descriptor.generation else { return }
    checkpoint(.unlockBegun)
    let changeCount = changeCount.loadRelaxed()
    let isAwaited = changeCount & 1 != 0
    if isAwaited {
      self.changeCount.storeReleasing((changeCount & ~1) &+ 2)
      checkpoint(.changeCounted)
    }
    release(to: 0, waking: wakeCount)
    if isAwaited { self.changeCount.wake(.max) }
  }

  /// Releases the lock, U2 and U3, by a holder that has changed nothing, so that waiters for a
  /// change sleep on; does nothing in a forked child of the process that took it.
  ///
  /// - Parameter generation: The generation of forks in which the lock was taken.
  func unlockUnchanged(takenIn generation: UInt32) {
    guard generation == Descriptor.generation else { return }
    release(to: 0, waking: wakeCount)
  }

  /// Releases the lock as abandoned, because what it guards has not been repaired; does nothing in
  /// a forked child of the process that took it.
  ///
  /// - Parameter generation: The generation of forks in which the lock was taken.
  func unlockAbandoned(takenIn generation: UInt32) {
    guard generation == Descriptor.generation else { return }
    release(to: Self.abandoned, waking: .max)
  }

  private func release(to value: UInt32, waking count: Int) {
    setHolder(isRunning: false)
    let old = word.exchangeReleasing(value)
    checkpoint(.unlockReleased)
    if old & Self.waiters != 0 { word.wake(count) }
  }

  // MARK: - Waiting for a change

  /// The change count with its mark, a value that it keeps until the next change.
  struct AwaitedChange: Sendable {
    fileprivate var word: SharedWord32
    fileprivate var value: UInt32
  }

  /// Marks the change count, for a waiter that keeps lock holders from changing anything meanwhile.
  func awaitChange() -> AwaitedChange {
    // Relaxed, because what the waiter releases next, the next lock holder acquires.
    let marked = changeCount.orRelaxed(1) | 1
    checkpoint(.changeAwaited)
    return AwaitedChange(word: changeCount, value: marked)
  }

  /// Releases the lock, and sleeps until another holder has changed something or the sleep ends by
  /// itself.
  ///
  /// - Precondition: This process took the lock, not the one that forked it.
  /// - Throws: `timedOut` if no time is left; `interrupted` and `system`.
  func sleepUntilChanged(_ sleeps: inout Sleeps) throws(InterprocessError) {
    let change = awaitChange()
    release(to: 0, waking: wakeCount)
    try sleep(until: change, &sleeps)
  }

  /// Suspends the task where the blocking form sleeps.
  nonisolated(nonsending) func sleepUntilChanged(_ sleeps: inout Sleeps) async throws {
    let change = awaitChange()
    release(to: 0, waking: wakeCount)
    try await sleep(until: change, &sleeps)
  }

  /// Sleeps until a lock holder has changed something or the sleep ends by itself.
  ///
  /// - Throws: `timedOut` if no time is left; `interrupted` and `system`.
  func sleep(until change: AwaitedChange, _ sleeps: inout Sleeps) throws(InterprocessError) {
    guard let end = sleeps.begin() else { throw conditionTimedOut }
    do {
      try waiting.rest(on: change.word, while: change.value, until: end)
    } catch {
      throw .system(error, name: segment.name, action: "wait for a change")
    }
    _ = sleeps.end()
  }

  /// Suspends the task where the blocking form sleeps.
  nonisolated(nonsending) func sleep(
    until change: AwaitedChange, _ sleeps: inout Sleeps
  ) async throws {
    guard let end = sleeps.begin() else { throw conditionTimedOut }
    // A dead holder has changed the count, or left the lock to be recovered.
    let isOver = try await waiting.rest(
      on: change.word, while: change.value, until: sleeps.deadline,
      look: LookPlan.Look(alike: nil, first: end, isDue: look(as: numberIfTaken).seemsDead))
    _ = sleeps.end(isOver: isOver)
  }

  private var conditionTimedOut: InterprocessError {
    InterprocessError(
      code: .timedOut, name: segment.name,
      message: "The value of \"\(segment.name)\" did not fulfil the condition in time.")
  }
}
