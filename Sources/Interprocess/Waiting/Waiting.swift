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
///
/// Tasks do not wake up for that. The thread that sleeps for them looks whether they would find
/// something, by a second closure, and wakes them only then.
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
  private let spinning: Spinning

  /// - Parameters:
  ///   - purpose: What the waits are for, as in "wait for the lock".
  ///   - name: The name of the segment.
  ///   - longestSpin: How long to spin at most. Critical sections are short; but a process that
  ///     answers a message may first have to wake up, and if the waiter has gone to sleep by then,
  ///     it has to be woken as well, and so on each time.
  init(for purpose: String, in name: String?, longestSpin: Duration = .microseconds(5)) {
    self.purpose = purpose
    self.name = name
    spinning = Spinning(atMost: longestSpin)
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
    if let result = try spin(attempt, atMost: timeout) { return result }
    var sleeps = Sleeps(atMost: timeout)
    var stage = Stage.sleeping
    while true {
      let end = sleeps.begin()
      switch try attempt(end == nil ? .checking : stage) {
      case .done(let result):
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

  /// Whether a wait may end while it spins, as far as recent waits show.
  var isSpinningUseful: Bool { Processors.count > 1 && spinning.pays }

  /// Attempts without giving up the processor, for as long as `Spinning` says.
  ///
  /// - Parameter timeout: How long the whole wait may take. With none left, this is all of it, and
  ///   takes at least a microsecond, as turns and critical sections do.
  func spin<Result>(
    _ attempt: (Stage) throws(InterprocessError) -> Outcome<Result>, atMost timeout: Duration? = nil
  ) throws(InterprocessError) -> Result? {
    // With one processor, no other thread can make progress meanwhile.
    guard Processors.count > 1 else { return nil }
    var limit = spinning.next()
    if let timeout, timeout <= .zero { limit = max(limit, .microseconds(1)) }
    if limit == .zero { return nil }
    let begin = SuspendingClock.now
    var waited = Duration.zero
    repeat {
      // Reading the clock takes as long as several attempts.
      for _ in 0..<8 {
        if case .done(let result) = try attempt(.spinning) {
          spinning.met(after: waited)
          return result
        }
        Processors.spinHint()
      }
      waited = .now - begin
    } while waited < limit
    spinning.missed()
    return nil
  }

  // MARK: - Tasks

  /// Attempts until done, suspending the task instead of blocking its thread; ends at once when the
  /// task is cancelled.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait; `nil`: as long as it takes.
  ///   - isDue: Whether an attempt that looks closer may find something, although the word on which
  ///     the task sleeps has not changed; see `LookPlan.Look`. So that 2,000 sleeping tasks cost
  ///     almost nothing, it must be `false` as long as there is nothing to find.
  ///   - attempt: The attempt.
  /// - Throws: `CancellationError`, and what the attempt throws.
  nonisolated(nonsending) func wait<Result>(
    atMost timeout: Duration?, isDue: @escaping @Sendable () -> Bool,
    attempt: (Stage) throws(InterprocessError) -> Outcome<Result>
  ) async throws -> Result? {
    try Task.checkCancellation()
    if let result = try spin(attempt, atMost: timeout) { return result }
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
        return result
      case .wait(let word, let value, let alike):
        guard let end else { return nil }
        others = alike.map { (word, value, $0) }
        let isOver = try await TaskWaiter.sleep(
          on: word, while: value, until: sleeps.deadline,
          look: LookPlan.Look(alike: alike, first: end, isDue: isDue))
        stage = sleeps.end(isOver: isOver)
      }
    }
  }
}

/// The successive sleeps of one wait.
@usableFromInline
struct Sleeps {
  static let firstLength: Duration = .milliseconds(20)
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
