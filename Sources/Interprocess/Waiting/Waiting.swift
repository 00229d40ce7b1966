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
    /// Look, take what is free, and ask the kernel, but mark nothing: the waiter does not sleep.
    case polling

    /// Whether to mark in the word that a waiter sleeps.
    var isMarking: Bool { self == .sleeping || self == .checking }
    /// Whether to ask the kernel.
    var isChecking: Bool { self == .checking || self == .polling }
  }

  /// The result of an attempt.
  enum Outcome<Result> {
    case done(Result)
    /// Try again when the word no longer has this value.
    ///
    /// All waiters on the word with the same number `alike` would find the same, so one of them may
    /// look for the others; `nil`: each looks for itself.
    case wait(SharedWord32, while: UInt32, alike: Int? = nil)

    /// `nil` if it is to be tried again.
    var result: Result? { if case .done(let result) = self { result } else { nil } }
  }

  /// The result of attempts without sleeping.
  enum Looks<Result> {
    case done(Result)
    case mustSleep
    /// The time is over, and the wait never sleeps.
    case timedOut

    /// The result; `nil` if the wait has to sleep.
    ///
    /// - Throws: The given error if the time is over.
    func result(
      orTimedOut error: @autoclosure () -> InterprocessError
    ) throws(InterprocessError) -> Result? {
      switch self {
      case .done(let result): result
      case .mustSleep: nil
      case .timedOut: throw error()
      }
    }
  }

  /// What the waits are for, and the name of the segment, for errors.
  private let purpose: String
  private let name: String?
  private let spinning = Spinning()
  private let usualSpin: Duration
  private let choice: WaitChoice

  /// - Parameters:
  ///   - purpose: What the waits are for, as in "wait for the lock".
  ///   - name: The name of the segment.
  ///   - choice: How to wait, as the user of the handle has chosen.
  ///   - usualSpin: How long to spin at most, unless the user has chosen otherwise. Critical
  ///     sections are short; but a process that answers a message may first have to wake up, and if
  ///     the waiter has gone to sleep by then, it has to be woken as well, and so on each time.
  init(
    for purpose: String, in name: String?, _ choice: WaitChoice,
    usualSpin: Duration = .microseconds(5)
  ) {
    self.purpose = purpose
    self.name = name
    self.choice = choice
    self.usualSpin = usualSpin
  }

  /// - Parameters:
  ///   - purpose: What the waits are for, as in "wait for the lock".
  ///   - segment: The segment of the handle.
  ///   - usualSpin: How long to spin at most, unless the user has chosen otherwise.
  init(
    for purpose: String, in segment: StructuredSegment, usualSpin: Duration = .microseconds(5)
  ) {
    self.init(
      for: purpose, in: segment.name, segment.memory.mapping.waitChoice, usualSpin: usualSpin)
  }

  /// How long to spin at most.
  private var longestSpin: Duration { choice.strategy.longestSpin(usual: usualSpin) }

  /// Whether the waits never sleep.
  private var isPolling: Bool { choice.strategy == .polling }

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
    var sleeps = Sleeps(atMost: timeout)
    switch try look(until: sleeps, attempt) {
    case .done(let result): return result
    case .timedOut: return nil
    case .mustSleep: break
    }
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
  var isSpinningUseful: Bool { Processors.count > 1 && spinning.pays && longestSpin > .zero }

  /// Attempts without sleeping: for as long as a wait spins, or as long as it takes if waits never
  /// sleep.
  ///
  /// - Parameter sleeps: How long the whole wait may take. With no time left, this is all of it,
  ///   and takes at least a microsecond, as turns and critical sections do.
  /// - Throws: What the attempt throws.
  func look<Result>(
    until sleeps: Sleeps, _ attempt: (Stage) throws(InterprocessError) -> Outcome<Result>
  ) throws(InterprocessError) -> Looks<Result> {
    if let result = try spin(atMost: sleeps.timeLeft, attempt) { return .done(result) }
    guard isPolling else { return .mustSleep }
    return try poll(until: sleeps, attempt).map { .done($0) } ?? .timedOut
  }

  /// Attempts without giving up the processor, for as long as `Spinning` says.
  private func spin<Result>(
    atMost timeout: Duration?, _ attempt: (Stage) throws(InterprocessError) -> Outcome<Result>
  ) throws(InterprocessError) -> Result? {
    // With one processor, no other thread can make progress meanwhile.
    guard Processors.count > 1 else { return nil }
    var limit = spinning.next(atMost: longestSpin)
    if let timeout { limit = timeout > .zero ? min(limit, timeout) : max(limit, .microseconds(1)) }
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

  /// Attempts until done or the time is over, and never sleeps.
  private func poll<Result>(
    until sleeps: Sleeps, _ attempt: (Stage) throws(InterprocessError) -> Outcome<Result>
  ) throws(InterprocessError) -> Result? {
    // Asks the kernel as often as a sleeper would.
    var sleeps = sleeps
    while true {
      let end = sleeps.begin()
      if let end {
        let found = try poll(until: end) { () throws(InterprocessError) in
          try attempt(.spinning).result
        }
        if let found { return found }
      }
      if let result = try attempt(.polling).result { return result }
      if end == nil { return nil }
      _ = sleeps.end(isOver: true)
    }
  }

  /// Looks until there is a result, or a moment has come.
  private func poll<Result, Failure: Error>(
    until end: SuspendingClock.Instant, _ look: () throws(Failure) -> Result?
  ) throws(Failure) -> Result? {
    // A look costs a few nanoseconds, giving way some hundreds: a wait that has lasted does not
    // notice that, and with too few processors, the other side needs this one.
    var now = SuspendingClock.now
    let patienceEnd = now + (Processors.count > 1 ? Self.pollingPatience : .zero)
    repeat {
      for _ in 0..<8 {
        if let found = try look() { return found }
        Processors.spinHint()
      }
      if now >= patienceEnd { Processors.giveWay() }
      now = .now
    } while now < end
    return nil
  }

  private static let pollingPatience: Duration = .microseconds(50)

  /// Sleeps while a word has a value, or looks at it again and again if waits never sleep.
  ///
  /// - Throws: What the sleep throws.
  func rest(
    on word: SharedWord32, while value: UInt32, until end: SuspendingClock.Instant
  ) throws(Errno) {
    guard isPolling else { return try word.sleep(while: value, until: end) }
    _ = poll(until: end) { word.loadRelaxed() != value ? () : nil }
  }

  // MARK: - Tasks

  /// How long a task spins at most, as other tasks may need its thread.
  private static let longestTaskSpin: Duration = .microseconds(50)

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
    var sleeps = Sleeps(atMost: timeout)
    switch try await look(until: sleeps, attempt) {
    case .done(let result): return result
    case .timedOut: return nil
    case .mustSleep: break
    }
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

extension Waiting {
  /// The form of `look` for tasks, which lets other tasks run in between.
  ///
  /// - Throws: `CancellationError`, and what the attempt throws.
  nonisolated(nonsending) func look<Result>(
    until sleeps: Sleeps, _ attempt: (Stage) throws(InterprocessError) -> Outcome<Result>
  ) async throws -> Looks<Result> {
    let limit = min(sleeps.timeLeft ?? Self.longestTaskSpin, Self.longestTaskSpin)
    if let result = try spin(atMost: limit, attempt) { return .done(result) }
    guard isPolling else { return .mustSleep }
    return try await poll(until: sleeps, attempt).map { .done($0) } ?? .timedOut
  }

  private nonisolated(nonsending) func poll<Result>(
    until sleeps: Sleeps, _ attempt: (Stage) throws(InterprocessError) -> Outcome<Result>
  ) async throws -> Result? {
    var sleeps = sleeps
    while true {
      let end = sleeps.begin()
      if let end, let result = try await poll(until: end, { try attempt(.spinning).result }) {
        return result
      }
      if let result = try attempt(.polling).result { return result }
      if end == nil { return nil }
      _ = sleeps.end(isOver: true)
    }
  }

  private nonisolated(nonsending) func poll<Result>(
    until end: SuspendingClock.Instant, _ look: () throws -> Result?
  ) async throws -> Result? {
    repeat {
      for _ in 0..<8 {
        if let found = try look() { return found }
        Processors.spinHint()
      }
      await Task.yield()
      try Task.checkCancellation()
    } while .now < end
    return nil
  }

  /// The form of `rest` for tasks.
  ///
  /// - Parameters:
  ///   - deadline: When the time of the wait is over; `nil`: never.
  ///   - look: As for `TaskWaiter.sleep`; its first time is when this rest ends.
  /// - Returns: Whether it has ended by itself.
  /// - Throws: `CancellationError`.
  nonisolated(nonsending) func rest(
    on word: SharedWord32, while value: UInt32, until deadline: SuspendingClock.Instant?,
    look: LookPlan.Look
  ) async throws -> Bool {
    guard isPolling else {
      return try await TaskWaiter.sleep(on: word, while: value, until: deadline, look: look)
    }
    return try await poll(until: look.first) { word.loadRelaxed() != value ? () : nil } == nil
  }
}
