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

/// A lock that survives its holder, in one word of shared memory; and the word that those sleep on
/// who wait for what it guards to change.
struct RobustLock: ~Copyable, Sendable {
  // The word is 0 if nobody holds the lock, the number of the handle that holds it, or `abandoned`
  // if its holder died. With any of these, `waiters` says that somebody may sleep.
  //
  //   L1  word: 0 -> number        acquiring, pairs with U2; or abandoned -> number, pairs with D2
  //   ... what the lock guards
  //   U1  if somebody waits for a change: turn = turn + 2, without the mark
  //   U2  word: any -> 0           releasing
  //   U3  wake one who sleeps on the word, if it had the mark; all who sleep on the turn, if it had
  //
  // Whoever finds the word held sets the mark, and sleeps only while the word is that number with
  // the mark, so that U2 after the mark is never slept through. One who has slept takes the lock
  // with the mark, as others may sleep still: it was cleared for all of them, and only one was
  // woken.
  //
  // Killed after L1, the holder leaves its number in the word, and no lock of the kernel on that
  // number. A sleeper wakes after 20 ms, asks the kernel, and:
  //
  //   D1  the kernel says that the number has no holder. It has taken the lock away after the last
  //       instruction of the dead process, all of whose stores are seen from there on.
  //   D2  word: number -> abandoned  releasing; fails if anything has changed since it was read
  //   D3  wake all who sleep on the word
  //
  // There is no moment between taking the lock and being known as its holder, as the number is the
  // lock. Killed between D2 and D3, or between U2 and U3, a process leaves sleepers that find out
  // by themselves when their sleep of at most a second ends. Killed between U1 and U2 is killed
  // while holding. A number comes again only by a chance of one in a billion, and a handle that
  // gets one looks first whether the word still names it: then the last holder of that number died.
  //
  // A child that was forked while its parent held the lock has a copy of what says so, and does no
  // U: whoever unlocks tells in which generation of forks the lock was taken.
  //
  // The turn is written only by who holds the lock. One who waits for a change marks it before U2,
  // and sleeps while it is as marked. So whoever takes the lock later sees the mark, and does U1
  // and U3 for it.
  //
  // `RobustLockModelTests` goes through all of this in every order.

  private static let waiters: UInt32 = 1 << 31
  private static let abandoned = HolderNumber.range.upperBound

  private let word: SharedWord32
  private let turn: SharedWord32
  private let holder = HolderNumber()
  /// The thread that holds the lock through this handle, if one does; for recognising itself.
  private let thread = Atomic<UInt64>(0)
  private let waiting = Waiting()
  /// How many of those who sleep on the word are woken when the lock is given back: one, who takes
  /// it; or all, if they may go on at once.
  private let wakeCount: Int
  /// Places that name handles by the same numbers, if there are any.
  private let places: HolderTable?
  /// The function that repairs what the lock guards, for messages.
  private let repair: String

  init(
    word: SharedWord32, turn: SharedWord32, wakeCount: Int = 1, places: HolderTable? = nil,
    repair: String
  ) {
    self.word = word
    self.turn = turn
    self.wakeCount = wakeCount
    self.places = places
    self.repair = repair
  }

  /// What is known of the lock.
  enum State: Sendable, Hashable {
    case free, abandoned
    case held(number: UInt32)
    case corrupted
  }

  /// What a word says of its lock.
  static func state(of word: UInt32) -> State {
    switch word & ~waiters {
    case 0: .free
    case abandoned: .abandoned
    case let number where HolderNumber.range.contains(number): .held(number: number)
    default: .corrupted
    }
  }

  // MARK: - Locking

  /// Takes the lock if that takes one instruction: nobody holds it, and this handle has its number.
  ///
  /// Small, as it is what locking costs nearly always.
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
  ///   - memory: The segment of the lock, by the handle that this is a part of.
  ///   - timeout: How long to wait; `nil`: as long as it takes.
  ///   - isRecovering: Whether to take a lock whose holder died.
  /// - Returns: Whether its last holder died.
  /// - Throws: `timedOut`, `ownerDied`, `corrupted` and `system`.
  func lock(
    _ memory: borrowing SharedMemory, atMost timeout: Duration?, isRecovering: Bool
  ) throws(InterprocessError) -> Bool {
    let outcome = try lockInTime(memory, atMost: timeout, isRecovering: isRecovering)
    guard let wasAbandoned = outcome else { throw Self.timedOut(memory.name) }
    return wasAbandoned
  }

  /// As `lock`.
  ///
  /// - Returns: `nil` if the time is over.
  /// - Throws: `ownerDied`, `corrupted` and `system`.
  func lockInTime(
    _ memory: borrowing SharedMemory, atMost timeout: Duration?, isRecovering: Bool
  ) throws(InterprocessError) -> Bool? {
    let number = try number(memory)
    let outcome = try waiting.wait(atMost: timeout) { stage throws(InterprocessError) in
      try attempt(stage, as: number, memory, isRecovering: isRecovering)
    } translatingErrors: { [name = memory.name] errno in
      .system(errno, name: name, action: "wait for the lock")
    }
    if outcome != nil { setHolder(isRunning: true) }
    return outcome
  }

  /// As the other one, for a task, which blocks no thread meanwhile.
  ///
  /// The thread on which this returns has to be the one that unlocks.
  nonisolated(nonsending) func lock(
    _ memory: borrowing SharedMemory, atMost timeout: Duration?, isRecovering: Bool
  ) async throws -> Bool {
    let outcome = try await lockInTime(memory, atMost: timeout, isRecovering: isRecovering)
    guard let wasAbandoned = outcome else { throw Self.timedOut(memory.name) }
    return wasAbandoned
  }

  /// As `lockInTime`, for a task.
  nonisolated(nonsending) func lockInTime(
    _ memory: borrowing SharedMemory, atMost timeout: Duration?, isRecovering: Bool
  ) async throws -> Bool? {
    let number = try number(memory)
    let outcome = try await waiting.wait(atMost: timeout) { stage throws(InterprocessError) in
      try attempt(stage, as: number, memory, isRecovering: isRecovering)
    }
    if outcome != nil { setHolder(isRunning: true) }
    return outcome
  }

  /// Takes the lock if nobody holds it.
  ///
  /// - Returns: Whether it was free.
  /// - Throws: `ownerDied`, `corrupted` and `system`.
  func lockIfAvailable(_ memory: borrowing SharedMemory) throws(InterprocessError) -> Bool {
    let number = try number(memory)
    switch try attempt(.spinning, as: number, memory) {
    case .done:
      setHolder(isRunning: true)
      return true
    case .wait(_, let current, _):
      guard case .held(let other) = Self.state(of: current),
        try isDead(other, own: number, memory)
      else { return false }
      abandon(current)
      throw ownerDied(memory.name)
    }
  }

  /// Takes the lock as a role, which is not a thread's, if nobody alive has it.
  ///
  /// - Returns: Whether it did.
  /// - Throws: `corrupted` and `system`.
  func claim(_ memory: borrowing SharedMemory) throws(InterprocessError) -> Bool {
    let number = try number(memory)
    for _ in 0..<SharedWord32.attemptLimit {
      let current = word.loadRelaxed()
      switch Self.state(of: current) {
      case .free, .abandoned:
        guard word.compareExchangeAcquiring(current, number) else { continue }
        checkpoint(.lockTaken)
        return true
      case .held(let other):
        guard try isDead(other, own: number, memory) else { return false }
        abandon(current)
      case .corrupted:
        throw corrupted(current, memory.name)
      }
    }
    throw .corrupted(memory.name, "somebody changes its lock all the time")
  }

  /// Whether nobody holds the lock, nor died with it.
  var isFree: Bool { word.loadAcquiring() & ~Self.waiters == 0 }

  /// The number of the handle, which the word does not name from before.
  func number(_ memory: borrowing SharedMemory) throws(InterprocessError) -> UInt32 {
    try holder.value(memory) { number in
      // A waiter may set the mark in between.
      for _ in 0..<SharedWord32.attemptLimit {
        let current = word.loadRelaxed()
        guard current & ~Self.waiters == number else { break }
        abandon(current)
      }
      places?.forget(number)
    }
  }

  /// One turn of a wait for the lock.
  ///
  /// - Parameters:
  ///   - stage: What the turn may do.
  ///   - number: The number of the handle.
  ///   - memory: The segment, by that handle.
  ///   - isRecovering: Whether to take a lock whose holder died.
  ///   - isTaking: Whether to take a lock that is free, or only to wait until it is.
  /// - Returns: When done, whether the last holder died.
  /// - Throws: `ownerDied`, `corrupted` and `system`.
  func attempt(
    _ stage: Waiting.Stage, as number: UInt32, _ memory: borrowing SharedMemory,
    isRecovering: Bool = false, isTaking: Bool = true
  ) throws(InterprocessError) -> Waiting.Turn<Bool> {
    let alike = (isRecovering ? 1 : 0) + (isTaking ? 2 : 0)
    for _ in 0..<SharedWord32.attemptLimit {
      let current = word.loadRelaxed()
      // One who has slept does not know whether others still do.
      let mark = stage == .spinning ? current & Self.waiters : Self.waiters
      switch Self.state(of: current) {
      case .free where !isTaking:
        return .done(false)
      case .free:
        if word.compareExchangeAcquiring(current, number | mark) {
          checkpoint(.lockTaken)
          return .done(false)
        }
      case .abandoned:
        guard isRecovering else { throw ownerDied(memory.name) }
        if word.compareExchangeAcquiring(current, number | mark) {
          checkpoint(.lockTaken)
          return .done(true)
        }
      case .held(let other):
        if other == number, thread.load(ordering: .relaxed) == Processors.currentThread {
          failAsMisused("This thread holds the lock already")
        }
        if stage == .spinning { return .wait(word, while: current) }
        let marked = current | Self.waiters
        guard current == marked || word.compareExchangeRelaxed(current, marked) else { continue }
        checkpoint(.lockMarked)
        guard stage == .checking, try isDead(other, own: number, memory) else {
          return .wait(word, while: marked, alike: alike)
        }
        abandon(marked)
      case .corrupted:
        throw corrupted(current, memory.name)
      }
    }
    return anotherTurn()
  }

  /// A turn that has come to nothing, as others change the word all the time: for the wait to look
  /// at its time, and to sleep if the word stays as it is.
  func anotherTurn<Result>() -> Waiting.Turn<Result> { .wait(word, while: word.loadRelaxed()) }

  private func isDead(
    _ number: UInt32, own: UInt32, _ memory: borrowing SharedMemory
  ) throws(InterprocessError) -> Bool {
    do {
      return try HolderNumber.isDead(number, own: own, on: memory.mapping.descriptor)
    } catch {
      throw .system(error, name: memory.name, action: "ask whether the lock's holder lives")
    }
  }

  /// D2 and D3.
  private func abandon(_ current: UInt32) {
    if word.compareExchangeReleasing(current, Self.abandoned) {
      checkpoint(.lockAbandoned)
      word.wake(.max)
    }
  }

  /// Lets other tasks run on this thread while the lock is held, or ends that.
  func setHolder(isRunning: Bool) {
    thread.store(isRunning ? Processors.currentThread : 0, ordering: .relaxed)
  }

  // MARK: - Unlocking

  /// Gives the lock back, U1 to U3; does nothing in a child of the process that took it.
  ///
  /// - Parameter generation: In which the lock was taken.
  func unlock(takenIn generation: UInt32) {
    guard generation == Descriptor.generation else { return }
    checkpoint(.unlockBegun)
    let turn = turn.loadRelaxed()
    let isAwaited = turn & 1 != 0
    if isAwaited {
      self.turn.storeReleasing((turn & ~1) &+ 2)
      checkpoint(.unlockTurned)
    }
    release(to: 0, waking: wakeCount)
    if isAwaited { self.turn.wake(.max) }
  }

  /// Gives the lock back as one whose holder died, as what it guards has not been repaired; does
  /// nothing in a child of the process that took it.
  ///
  /// - Parameter generation: In which the lock was taken.
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

  // MARK: - Closing

  /// Lets the handle take the lock no more, nor a place beside it.
  ///
  /// A thread that waits for it at this moment still gets it, under a number that is alive.
  ///
  /// - Parameter message: Why the handle cannot be closed if it has the lock or a place.
  func close(orElse message: String) {
    guard let number = holder.close() else { return }
    if word.loadRelaxed() & ~Self.waiters == number || places?.isAnyTaken(by: number) == true {
      failAsMisused(message)
    }
  }

  // MARK: - Waiting for a change

  /// Gives the lock back to wait until what it guards has changed.
  ///
  /// - Precondition: This process took the lock, and not the one that has forked it.
  /// - Returns: The word to sleep on, and the value that it has until then.
  func unlockToWait() -> (SharedWord32, UInt32) {
    let marked = turn.loadRelaxed() | 1
    turn.storeReleasing(marked)
    checkpoint(.changeAwaited)
    release(to: 0, waking: wakeCount)
    return (turn, marked)
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
