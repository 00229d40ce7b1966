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

/// How those who wait for a word of shared memory do so: they spin briefly, and then sleep.
///
/// A primitive says in one closure, its *attempt*, what it tries, and on which value of its word it
/// would sleep; the rest is here, for threads and for tasks.
///
/// No sleep is for ever. Whoever changes a word may be killed before it wakes those who sleep on
/// it, and who holds a lock may be killed without touching the word at all. So each sleep ends by
/// itself, the first one after 20 ms, each further one after twice that, up to a second; and then
/// the attempt looks closer. A waiter of ten seconds makes some fifteen system calls.
struct Waiting: ~Copyable, Sendable {
  /// What an attempt may do.
  enum Stage: Sendable {
    /// Only look, and take what is free.
    case spinning
    /// Say in the word that somebody sleeps, before returning to sleep.
    case sleeping
    /// That too; and ask the kernel whether those that the wait is for are alive.
    case checking
  }

  /// What came of an attempt.
  enum Turn<Result> {
    case done(Result)
    /// To be tried again when the word does not have this value any more.
    case wait(SharedWord32, while: UInt32)
  }

  /// The turns after which spinning has been of no use, some 5 µs.
  private static let maximumSpinCount = 128

  /// How many turns it took lately until what was waited for came, as the C library's adaptive
  /// mutexes keep it.
  private let usualSpinCount = Atomic<Int>(0)

  // MARK: - Threads

  /// Attempts until it is done.
  ///
  /// - Parameter timeout: How long; `nil`: as long as it takes.
  /// - Returns: `nil` if the time is over.
  func wait<Result>(
    atMost timeout: Duration?,
    attempt: (Stage) throws(InterprocessError) -> Turn<Result>,
    translatingErrors translate: (Errno) -> InterprocessError
  ) throws(InterprocessError) -> Result? {
    if let result = try spin(attempt) { return result }
    var sleeps = Sleeps(atMost: timeout)
    var stage = Stage.sleeping
    while true {
      switch try attempt(stage) {
      case .done(let result): return result
      case .wait(let word, let value):
        guard let end = sleeps.begin() else { return nil }
        do { try word.sleep(while: value, until: end) } catch { throw translate(error) }
        stage = sleeps.isOver() ? .checking : .sleeping
      }
    }
  }

  /// Attempts for a few microseconds without giving the processor away.
  private func spin<Result>(
    _ attempt: (Stage) throws(InterprocessError) -> Turn<Result>
  ) throws(InterprocessError) -> Result? {
    // With one processor nobody else can do anything meanwhile.
    guard Processors.count > 1 else { return nil }
    let usual = usualSpinCount.load(ordering: .relaxed)
    let limit = min(Self.maximumSpinCount, 2 * usual + 16)
    for count in 0..<limit {
      if case .done(let result) = try attempt(.spinning) {
        // Several threads may write here at once; it is a hint.
        usualSpinCount.store(usual + (count - usual) / 8, ordering: .relaxed)
        return result
      }
      Processors.spinHint()
    }
    usualSpinCount.store(usual - (usual + 7) / 8, ordering: .relaxed)
    return nil
  }

  // MARK: - Tasks

  /// As `wait`, for a task: it blocks no thread, and ends at once when the task is cancelled.
  ///
  /// - Throws: `CancellationError`, and what the attempt throws.
  nonisolated(nonsending) func wait<Result>(
    atMost timeout: Duration?,
    attempt: (Stage) throws(InterprocessError) -> Turn<Result>
  ) async throws -> Result? {
    try Task.checkCancellation()
    if let result = try spin(attempt) { return result }
    var sleeps = Sleeps(atMost: timeout)
    var stage = Stage.sleeping
    while true {
      switch try attempt(stage) {
      case .done(let result): return result
      case .wait(let word, let value):
        guard let end = sleeps.begin() else { return nil }
        try await TaskWaiter.sleep(on: word, while: value, until: end)
        stage = sleeps.isOver() ? .checking : .sleeping
      }
    }
  }
}

/// The sleeps of one wait, one after the other.
@usableFromInline
struct Sleeps {
  private static let firstLength: Duration = .milliseconds(20)
  static let longestLength: Duration = .seconds(1)

  private let deadline: SuspendingClock.Instant?
  private var length = Sleeps.firstLength
  private var end = SuspendingClock.now

  /// - Parameter timeout: How long the wait may take in all; `nil`: as long as it takes.
  @usableFromInline
  init(atMost timeout: Duration?) {
    deadline = timeout.map { .after($0) }
  }

  /// What is left of the wait; `nil`: as long as it takes.
  @usableFromInline var timeLeft: Duration? { deadline.map { $0 - .now } }

  /// Begins the next sleep.
  ///
  /// - Returns: When it ends by itself, or `nil` if the time is over.
  mutating func begin() -> SuspendingClock.Instant? {
    let now = SuspendingClock.now
    end = now + length
    #if DEBUG
      if unsafe Sleeping.isEndless { end = now + .seconds(1 << 30) }
    #endif
    if let deadline {
      guard deadline > now else { return nil }
      end = min(end, deadline)
    }
    return end
  }

  /// Ends a sleep.
  ///
  /// - Returns: Whether it has ended by itself.
  mutating func isOver() -> Bool {
    guard SuspendingClock.now >= end else { return false }
    length = min(length * 2, Self.longestLength)
    return true
  }
}
