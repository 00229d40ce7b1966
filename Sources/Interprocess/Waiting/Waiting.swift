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
/// the attempt looks closer. A waiter of ten seconds makes some fifteen system calls. The last
/// attempt of a wait looks closer, too: whoever has little time each time would else never find
/// that it waits for the dead.
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
    ///
    /// All that wait on the word with the same number `alike` would find the same, so that one of
    /// them may look for the others; `nil`: each looks for itself.
    case wait(SharedWord32, while: UInt32, alike: Int? = nil)
  }

  /// For how long to spin at most, when what is waited for has lately come within that time.
  private let longestSpin: Duration
  /// How long it took lately until what was waited for came, in nanoseconds; waits that took longer
  /// than the longest spin count as none.
  private let usualWait = Atomic<Int>(0)

  /// - Parameter longestSpin: For how long to spin at most. What a lock guards is short; but who
  ///   answers a message may have to be woken for that, and whoever has gone to sleep by then has
  ///   to be woken as well, and so on each time.
  init(longestSpin: Duration = .microseconds(5)) { self.longestSpin = longestSpin }

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
    let begin = SuspendingClock.now
    if let result = try spin(attempt, since: begin) { return result }
    var sleeps = Sleeps(atMost: timeout)
    var stage = Stage.sleeping
    while true {
      let end = sleeps.begin()
      switch try attempt(end == nil ? .checking : stage) {
      case .done(let result):
        learn(from: .now - begin)
        return result
      case .wait(let word, let value, _):
        guard let end else { return nil }
        do { try word.sleep(while: value, until: end) } catch { throw translate(error) }
        stage = sleeps.end()
      }
    }
  }

  /// Attempts without giving the processor away, for twice the time that it usually takes.
  func spin<Result>(
    _ attempt: (Stage) throws(InterprocessError) -> Turn<Result>,
    since begin: SuspendingClock.Instant
  ) throws(InterprocessError) -> Result? {
    // With one processor nobody else can do anything meanwhile.
    guard Processors.count > 1 else { return nil }
    let usual = usualWait.load(ordering: .relaxed)
    let limit = min(longestSpin, max(.microseconds(1), .nanoseconds(2 * usual)))
    var waited = Duration.zero
    repeat {
      // The clock takes as long as several attempts.
      for _ in 0..<8 {
        if case .done(let result) = try attempt(.spinning) {
          learn(from: waited)
          return result
        }
        Processors.spinHint()
      }
      waited = .now - begin
    } while waited < limit
    return nil
  }

  /// Several threads may do so at once; what comes of it is a hint.
  func learn(from waited: Duration) {
    let usual = usualWait.load(ordering: .relaxed)
    let length = waited <= longestSpin ? Int(waited / .nanoseconds(1)) : 0
    let change = (length - usual) / 8
    if change != 0 { usualWait.store(usual + change, ordering: .relaxed) }
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
    let begin = SuspendingClock.now
    if let result = try spin(attempt, since: begin) { return result }
    var sleeps = Sleeps(atMost: timeout)
    var stage = Stage.sleeping
    var others: (word: SharedWord32, value: UInt32, alike: Int)?
    while true {
      let end = sleeps.begin()
      switch try attempt(end == nil ? .checking : stage) {
      case .done(let result):
        // Found by itself: there may be more, for those that it has looked for.
        if stage == .checking, let others {
          TaskWaiter.look(on: others.word, while: others.value, alike: others.alike)
        }
        learn(from: .now - begin)
        return result
      case .wait(let word, let value, let alike):
        guard let end else { return nil }
        others = alike.map { (word, value, $0) }
        let isOver = try await TaskWaiter.sleep(
          on: word, while: value, until: end, alike: alike, deadline: sleeps.deadline)
        stage = sleeps.end(isOver: isOver)
      }
    }
  }
}

/// The sleeps of one wait, one after the other.
@usableFromInline
struct Sleeps {
  private static let firstLength: Duration = .milliseconds(20)
  static let longestLength: Duration = .seconds(1)

  /// When the time of the wait is over; `nil`: never.
  let deadline: SuspendingClock.Instant?
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
  /// - Parameter isOver: Whether it has ended by itself; `nil`: if its time is over.
  /// - Returns: What the attempt after it may do.
  mutating func end(isOver: Bool? = nil) -> Waiting.Stage {
    guard isOver ?? (SuspendingClock.now >= end) else { return .sleeping }
    length = min(length * 2, Self.longestLength)
    return .checking
  }
}
