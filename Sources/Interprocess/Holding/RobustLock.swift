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

/// A lock that survives the death of its holder, in one word of shared memory; and a second word,
/// on which threads sleep until what the lock guards has changed.
struct RobustLock: ~Copyable, Sendable {
  // The word is 0 if the lock is free, the number of the handle that holds it, or `abandoned` if
  // its holder died. Each of these may have the mark `waiters`: a waiter may sleep on the word.
  //
  //   L1  word: 0 -> number        acquiring, pairs with U2; or abandoned -> number, pairs with D2
  //   ... use what the lock guards
  //   U1  if the change count has the mark: change count + 2, without the mark
  //   U2  word: any -> 0           releasing
  //   U3  wake one sleeper on the word, if it had the mark; all on the change count, if it had it
  //
  // A waiter that finds the word held sets the mark, and sleeps only while the word is that number
  // with the mark. So no waiter sleeps through a U2 that comes after the mark. A waiter that has
  // slept takes the lock with the mark, because others may still sleep: U2 cleared the mark for all
  // of them, and U3 woke only one.
  //
  // A holder killed after L1 leaves its number in the word, but the kernel releases its lock on
  // that number. A sleeper wakes after 20 ms, and asks the kernel:
  //
  //   D1  if the number has no holder, continue. The kernel released it after the last instruction
  //       of the dead process, so all stores of that process are visible from here on.
  //   D2  word: number -> abandoned  releasing; fails if the word has changed since it was read
  //   D3  wake all sleepers on the word
  //
  // The number is the lock, so taking the lock and becoming known as its holder are one step.
  //
  // A process killed
  //   between U1 and U2 was killed while it held the lock.
  //   between U2 and U3, or between D2 and D3, leaves sleepers; each looks again by itself when its
  //     sleep of at most a second ends.
  //
  // A number is drawn twice only by a chance of one in a billion. A handle that gets a number first
  // checks whether the word still names it; if so, the last holder of that number died.
  //
  // A child that was forked while its parent held the lock has a copy of the parent's state, but
  // must skip U1 to U3: the caller of `unlock` passes the generation of forks in which the lock was
  // taken.
  //
  // Only the lock holder writes the change count. A holder that wants to wait for a change marks it
  // before U2, and sleeps while it keeps that value. So the next holder sees the mark, and does U1
  // and U3 for it. A holder that has changed nothing skips U1, and leaves the mark to the next.
  // (`SharedReadWriteLock` says why its readers may mark the change count as well.)
  //
  // `RobustLockModelTests` goes through all of this in every order.

  static let waiters: UInt32 = 1 << 31
  static let abandoned = HolderNumber.range.upperBound

  let segment: StructuredSegment
  let word: SharedWord32
  let changeCount: SharedWord32
  private let holder: HolderNumber
  /// The thread that holds the lock through this handle, or 0; a thread recognises itself by it.
  private let thread = Atomic<UInt64>(0)
  let waiting: Waiting
  /// How many sleepers on the word an unlock wakes: one, which takes the lock; or all, if they may
  /// continue at the same time.
  let wakeCount: Int
  /// Places that name handles by the same numbers, if there are any.
  private let places: HolderTable?
  /// The function that repairs what the lock guards, for messages.
  private let repair: String

  init(
    in segment: StructuredSegment, word: SharedWord32, changeCount: SharedWord32,
    wakeCount: Int = 1,
    places: HolderTable? = nil, repair: String
  ) {
    waiting = Waiting(for: "the lock", in: segment)
    self.segment = segment
    holder = HolderNumber(in: segment)
    self.word = word
    self.changeCount = changeCount
    self.wakeCount = wakeCount
    self.places = places
    self.repair = repair
  }

  /// The state of the lock, as its word shows it.
  enum State: Sendable, Hashable {
    case free, abandoned
    case held(number: UInt32)
    case corrupted
  }

  /// The state of the lock whose word this is.
  static func state(of word: UInt32) -> State {
    switch word & ~waiters {
    case 0: .free
    case abandoned: .abandoned
    case let number where HolderNumber.range.contains(number): .held(number: number)
    default: .corrupted
    }
  }

  // MARK: - Locking

  /// Takes the lock if one instruction suffices: the lock is free, and this handle has its number.
  ///
  /// Kept small, because this is nearly always the whole cost of locking.
  func lockAtOnce() -> Bool {
    guard let number = holder.valueIfTaken, word.compareExchangeAcquiring(0, number) else {
      return false
    }
    setHolder(isRunning: true)
    checkpoint(.lockTaken)
    return true
  }

  /// Takes the lock.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait; `nil`: as long as it takes.
  ///   - isRecovering: Whether to take a lock whose holder died.
  /// - Returns: Whether its last holder died.
  /// - Throws: `timedOut`, `ownerDied`, `corrupted` and `system`.
  func lock(
    atMost timeout: Duration?, isRecovering: Bool
  ) throws(InterprocessError) -> Bool {
    let outcome = try lockInTime(atMost: timeout, isRecovering: isRecovering)
    guard let wasAbandoned = outcome else { throw Self.timedOut(segment.name) }
    return wasAbandoned
  }

  /// Takes the lock, but does not throw `timedOut`.
  ///
  /// - Returns: Whether its last holder died; `nil` if the time is over.
  /// - Throws: `ownerDied`, `corrupted` and `system`.
  func lockInTime(
    atMost timeout: Duration?, isRecovering: Bool
  ) throws(InterprocessError) -> Bool? {
    let number = try number()
    let outcome = try waiting.wait(atMost: timeout) { stage throws(InterprocessError) in
      try attempt(stage, as: number, isRecovering: isRecovering)
    }
    if outcome != nil { setHolder(isRunning: true) }
    return outcome
  }

  /// Takes the lock, suspending the task instead of blocking its thread.
  ///
  /// The thread on which this returns must be the one that unlocks.
  nonisolated(nonsending) func lock(
    atMost timeout: Duration?, isRecovering: Bool
  ) async throws -> Bool {
    let outcome = try await lockInTime(atMost: timeout, isRecovering: isRecovering)
    guard let wasAbandoned = outcome else { throw Self.timedOut(segment.name) }
    return wasAbandoned
  }

  /// Suspends the task where the blocking form waits.
  nonisolated(nonsending) func lockInTime(
    atMost timeout: Duration?, isRecovering: Bool
  ) async throws -> Bool? {
    let number = try number()
    let outcome = try await waiting.wait(atMost: timeout, isDue: look(as: number).seemsFree) {
      stage throws(InterprocessError) in
      try attempt(stage, as: number, isRecovering: isRecovering)
    }
    if outcome != nil { setHolder(isRunning: true) }
    return outcome
  }

  /// Takes the lock if it is free.
  ///
  /// - Returns: Whether it was free.
  /// - Throws: `ownerDied`, `corrupted` and `system`.
  func tryLock() throws(InterprocessError) -> Bool {
    guard try attemptOnce(as: number()) else { return false }
    setHolder(isRunning: true)
    return true
  }

  /// Looks for a free lock without waiting, and asks the kernel whether its holder lives.
  ///
  /// - Parameters:
  ///   - number: The number of the handle.
  ///   - isTaking: Whether to take a free lock.
  /// - Returns: Whether it was free.
  /// - Throws: `ownerDied`, `corrupted` and `system`.
  func attemptOnce(as number: UInt32, isTaking: Bool = true) throws(InterprocessError) -> Bool {
    for _ in 0..<SharedWord32.attemptLimit {
      switch try attempt(.spinning, as: number, isTaking: isTaking) {
      case .done: return true
      case .wait(_, let current, _):
        guard case .held(let other) = Self.state(of: current), try isDead(other, own: number)
        else { return false }
        // If this fails, the holder may have released the lock before it closed its handle.
        if abandon(current) { throw ownerDied(segment.name) }
      }
    }
    return false
  }

  /// Takes the lock as a role, which belongs to no thread, unless a living holder has it.
  ///
  /// - Returns: Whether it took the role.
  /// - Throws: `corrupted` and `system`.
  func claim() throws(InterprocessError) -> Bool {
    let number = try number()
    for _ in 0..<SharedWord32.attemptLimit {
      let current = word.loadRelaxed()
      switch Self.state(of: current) {
      case .free, .abandoned:
        guard word.compareExchangeAcquiring(current, number) else { continue }
        checkpoint(.lockTaken)
        return true
      case .held(let other):
        guard try isDead(other, own: number) else { return false }
        abandon(current)
      case .corrupted:
        throw corrupted(current, segment.name)
      }
    }
    throw .corrupted(segment.name, "another process keeps changing its lock")
  }

  /// The number of the handle, if it already has one.
  var numberIfTaken: UInt32? { holder.valueIfTaken }

  /// Whether no process holds the lock or died with it.
  var isFree: Bool { word.loadAcquiring() & ~Self.waiters == 0 }

  /// The number of the handle; a word that already names it is marked as abandoned first.
  func number() throws(InterprocessError) -> UInt32 {
    try holder.value { number in
      // A waiter may set the mark in between.
      for _ in 0..<SharedWord32.attemptLimit {
        let current = word.loadRelaxed()
        guard current & ~Self.waiters == number else { break }
        abandon(current)
      }
      places?.forget(number)
    }
  }

  /// One attempt of a wait for the lock.
  ///
  /// - Parameters:
  ///   - stage: What the attempt may do.
  ///   - number: The number of the handle.
  ///   - isRecovering: Whether to take a lock whose holder died.
  ///   - isTaking: Whether to take a free lock, or only to wait until it is free.
  /// - Returns: If done, whether the last holder died.
  /// - Throws: `ownerDied`, `corrupted` and `system`.
  func attempt(
    _ stage: Waiting.Stage, as number: UInt32,
    isRecovering: Bool = false, isTaking: Bool = true
  ) throws(InterprocessError) -> Waiting.Outcome<Bool> {
    let alike = (isRecovering ? 1 : 0) + (isTaking ? 2 : 0)
    for _ in 0..<SharedWord32.attemptLimit {
      let current = word.loadRelaxed()
      // A waiter that has slept does not know whether others still sleep.
      let mark = stage.isMarking ? Self.waiters : current & Self.waiters
      switch Self.state(of: current) {
      case .free where !isTaking:
        return .done(false)
      case .free:
        if word.compareExchangeAcquiring(current, number | mark) {
          checkpoint(.lockTaken)
          return .done(false)
        }
      case .abandoned:
        guard isRecovering else { throw ownerDied(segment.name) }
        if word.compareExchangeAcquiring(current, number | mark) {
          checkpoint(.lockTaken)
          return .done(true)
        }
      case .held(let other):
        if other == number, thread.load(ordering: .relaxed) == Processors.currentThread {
          failAsMisused("This thread holds the lock already")
        }
        if stage == .spinning { return .wait(word, while: current) }
        let marked = stage.isMarking ? current | Self.waiters : current
        guard current == marked || word.compareExchangeRelaxed(current, marked) else { continue }
        checkpoint(.lockMarked)
        guard stage.isChecking, try isDead(other, own: number) else {
          return .wait(word, while: marked, alike: alike)
        }
        abandon(marked)
      case .corrupted:
        throw corrupted(current, segment.name)
      }
    }
    return tryAgain()
  }

  /// The result of an attempt that failed because other processes kept changing the word: the wait
  /// checks its time, and sleeps if the word stays as it is.
  func tryAgain<Result>() -> Waiting.Outcome<Result> { .wait(word, while: word.loadRelaxed()) }

  private func isDead(
    _ number: UInt32, own: UInt32
  ) throws(InterprocessError) -> Bool {
    do {
      return try HolderNumber.isDead(number, own: own, on: segment.memory.mapping.descriptor)
    } catch {
      throw .system(error, name: segment.name, action: "ask whether the lock's holder lives")
    }
  }

  /// D2 and D3.
  ///
  /// - Returns: Whether the word was still the same.
  @discardableResult
  private func abandon(_ current: UInt32) -> Bool {
    guard word.compareExchangeReleasing(current, Self.abandoned) else { return false }
    checkpoint(.lockAbandoned)
    word.wake(.max)
    return true
  }

  /// Records whether the lock holder runs on this thread, or is suspended, so that other tasks may
  /// run here.
  func setHolder(isRunning: Bool) {
    thread.store(isRunning ? Processors.currentThread : 0, ordering: .relaxed)
  }

  // MARK: - Looking

  /// Looks at a lock in place of a waiter, on another thread, and changes nothing.
  struct Look: Sendable {
    fileprivate let word: SharedWord32
    fileprivate let segment: StructuredSegment
    fileprivate let number: UInt32

    var isFree: Bool { RobustLock.state(of: word.loadRelaxed()) == .free }

    /// Whether a waiter for the lock may find something.
    @Sendable func seemsFree() -> Bool { isFree || seemsDead() }

    /// Whether the lock seems to have a dead holder, or to be abandoned or corrupted.
    @Sendable func seemsDead() -> Bool {
      switch RobustLock.state(of: word.loadRelaxed()) {
      case .free: false
      case .held(let other): HolderNumber.seemsDead(other, own: number, in: segment)
      case .abandoned, .corrupted: true
      }
    }
  }

  /// - Parameter number: The number of the handle, if it has one.
  func look(as number: UInt32?) -> Look {
    Look(word: word, segment: segment, number: number ?? 0)
  }

  // MARK: - Closing

  /// Keeps the handle from taking the lock, or a place beside it, from now on.
  ///
  /// A thread that waits for the lock at this moment still gets it, under a number whose lock the
  /// kernel still holds.
  ///
  /// - Parameter message: Why the handle cannot be closed if it holds the lock or a place.
  func close(orElse message: String) {
    guard let number = holder.close() else { return }
    if word.loadRelaxed() & ~Self.waiters == number || places?.isAnyTaken(by: number) == true {
      failAsMisused(message)
    }
  }

  // MARK: - Errors

  static func timedOut(_ name: String) -> InterprocessError {
    InterprocessError(
      code: .timedOut, name: name,
      message: "The lock of \"\(name)\" was not free in time. What does its holder wait for?")
  }

  private func corrupted(_ current: UInt32, _ name: String) -> InterprocessError {
    .corrupted(name, "its lock holds \(current), which is no holder's number")
  }

  private func ownerDied(_ name: String) -> InterprocessError {
    InterprocessError(
      code: .ownerDied, name: name,
      message: """
        A process died while it held the lock of "\(name)", and may have left the value half \
        changed. Repair it with `\(repair)`.
        """)
  }
}
