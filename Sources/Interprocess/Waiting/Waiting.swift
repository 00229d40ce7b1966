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

/// Waits for a word of shared memory to change: spins briefly, and then sleeps.
///
/// A primitive provides one closure, its *attempt*, which tries to take what the wait is for, or
/// else names its word and the value on which to sleep. Everything else is here, for threads and
/// for tasks.
///
/// No sleep lasts forever. A process that changes a word may be killed before it wakes the
/// sleepers, and a lock holder may be killed without touching the word at all. So each sleep ends
/// by itself, the first after 20 ms, each further one after twice as long, up to a second; and then
/// the attempt looks closer. A waiter of ten seconds makes some fifteen system calls. The last
/// attempt of a wait looks closer as well: otherwise a caller with very short time-outs would never
/// notice that it waits for a dead process.
struct Waiting: ~Copyable, Sendable {
  /// What an attempt may do.
  enum Stage: Sendable {
    /// Only look, and take what is free.
    case spinning
    /// Also mark in the word that a waiter sleeps, before returning to sleep.
    case sleeping
    /// Also ask the kernel whether the holders that the wait is for are alive.
    case checking
  }

  /// The result of an attempt.
  enum Outcome<Result> {
    case done(Result)
    /// Try again when the word no longer has this value.
    ///
    /// All waiters on the word with the same number `alike` would find the same, so one of them may
    /// look for the others; `nil`: each looks for itself.
    case wait(SharedWord32, while: UInt32, alike: Int? = nil)
  }

  /// What the waits are for, and the name of the segment, for errors.
  private let purpose: String
  private let name: String?
  /// How long to spin at most, if recent waits ended within that time.
  private let longestSpin: Duration
  /// How long recent waits took, in nanoseconds; a wait longer than the longest spin counts as 0.
  private let usualWait = Atomic<Int>(0)

  /// - Parameters:
  ///   - purpose: What the waits are for, as in "wait for the lock".
  ///   - name: The name of the segment.
  ///   - longestSpin: How long to spin at most. Critical sections are short; but a process that
  ///     answers a message may first have to wake up, and if the waiter has gone to sleep by then,
  ///     it has to be woken as well, and so on each time.
  init(for purpose: String, in name: String?, longestSpin: Duration = .microseconds(5)) {
    self.purpose = purpose
    self.name = name
    self.longestSpin = longestSpin
  }

  // MARK: - Threads

  /// Attempts until done.
  ///
  /// - Parameter timeout: How long to wait; `nil`: as long as it takes.
  /// - Returns: The result; `nil` if the time is over.
  /// - Throws: `interrupted` and `system`, and what the attempt throws.
  func wait<Result>(
    atMost timeout: Duration?,
    attempt: (Stage) throws(InterprocessError) -> Outcome<Result>
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
        do throws(Errno) {
          try word.sleep(while: value, until: end)
        } catch {
          throw .system(error, name: name, action: "wait for \(purpose)")
        }
        stage = sleeps.end()
      }
    }
  }

  /// Attempts without giving up the processor, for twice the usual time of a wait.
  func spin<Result>(
    _ attempt: (Stage) throws(InterprocessError) -> Outcome<Result>,
    since begin: SuspendingClock.Instant
  ) throws(InterprocessError) -> Result? {
    // With one processor, no other thread can make progress meanwhile.
    guard Processors.count > 1 else { return nil }
    let usual = usualWait.load(ordering: .relaxed)
    let limit = min(longestSpin, max(.microseconds(1), .nanoseconds(2 * usual)))
    var waited = Duration.zero
    repeat {
      // Reading the clock takes as long as several attempts.
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

  /// Adjusts the usual time; several threads may do so at once, because the result is only a hint.
  func learn(from waited: Duration) {
    let usual = usualWait.load(ordering: .relaxed)
    let length = waited <= longestSpin ? Int(waited / .nanoseconds(1)) : 0
    let change = (length - usual) / 8
    if change != 0 { usualWait.store(usual + change, ordering: .relaxed) }
  }

  // MARK: - Tasks

  /// Attempts until done, suspending the task instead of blocking its thread; ends at once when the
  /// task is cancelled.
  ///
  /// - Throws: `CancellationError`, and what the attempt throws.
  nonisolated(nonsending) func wait<Result>(
    atMost timeout: Duration?,
    attempt: (Stage) throws(InterprocessError) -> Outcome<Result>
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
        // This task found something without a wake-up: there may be more for the tasks that it
        // checked for.
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

/// The successive sleeps of one wait.
@usableFromInline
struct Sleeps {
  private static let firstLength: Duration = .milliseconds(20)
  static let longestLength: Duration = .seconds(1)

  /// When the time of the wait is over; `nil`: never.
  let deadline: SuspendingClock.Instant?
  private var length = Sleeps.firstLength
  /// When the present sleep ends by itself.
  private var end: SuspendingClock.Instant?

  /// - Parameter timeout: How long the whole wait may take; `nil`: as long as it takes.
  @usableFromInline
  init(atMost timeout: Duration?) {
    deadline = timeout.map { .after($0) }
  }

  /// The time that is left for the wait; `nil`: as long as it takes.
  @usableFromInline var timeLeft: Duration? { deadline.map { $0 - .now } }

  /// Begins the next sleep.
  ///
  /// - Returns: When it ends by itself, or `nil` if the time is over.
  mutating func begin() -> SuspendingClock.Instant? {
    let now = SuspendingClock.now
    var end = now + length
    #if DEBUG
      if unsafe Sleeping.isEndless { end = now + .seconds(1 << 30) }
    #endif
    if let deadline {
      guard deadline > now else { return nil }
      end = min(end, deadline)
    }
    self.end = end
    return end
  }

  /// Ends a sleep.
  ///
  /// - Parameter isOver: Whether it has ended by itself; `nil`: find out by the clock.
  /// - Returns: What the next attempt may do.
  mutating func end(isOver: Bool? = nil) -> Waiting.Stage {
    guard isOver ?? (SuspendingClock.now >= end!) else { return .sleeping }
    length = min(length * 2, Self.longestLength)
    return .checking
  }
}
