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

// Arriving at a barrier, waiting for the others, and breaking and resetting it.
extension SharedBarrier {
  /// Arrives, and waits until all parties have arrived.
  ///
  /// All parties that continue see what each party wrote before it arrived. Blocks: spins for some
  /// microseconds, and then sleeps in the kernel. A party whose wait ends with an error has given
  /// up, even if a signal ended the wait. Corresponds to `pthread_barrier_wait` in C and to
  /// `Barrier.wait()` in Python.
  ///
  /// - Parameter timeout: How long to wait for the others; `nil`: as long as it takes.
  /// - Returns: Whether this party was the last to arrive; one party of each round is.
  /// - Throws: `timedOut` if this or another party has given up; `ownerDied` if a party has died or
  ///   was closed; `roleTaken` if other handles have all the places; `corrupted` if something other
  ///   than this type has written there; `system` for anything else.
  @discardableResult
  public func arriveAndWait(timeout: Duration? = nil) throws(InterprocessError) -> Bool {
    let (number, round) = try arrive()
    guard let round else { return true }
    let isOver: Bool?
    do throws(InterprocessError) {
      isOver = try waits.wait(atMost: timeout) { stage throws(InterprocessError) in
        try attempt(stage, round: round, as: number)
      }
    } catch {
      breakRound(round, .timeout)
      throw error
    }
    try finish(isOver, round)
    return false
  }

  /// Arrives, and waits until all parties have arrived.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled. A
  /// cancelled task has given up, as after a time-out.
  ///
  /// - Parameter timeout: How long to wait for the others; `nil`: as long as it takes.
  /// - Returns: Whether this party was the last to arrive; one party of each round is.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  @discardableResult
  public nonisolated(nonsending) func arriveAndWait(
    timeout: Duration? = nil
  ) async throws -> Bool {
    let (number, round) = try arrive()
    guard let round else { return true }
    let isOver: Bool?
    do {
      // The word changes when the round is over.
      isOver = try await waits.wait(
        atMost: timeout, isDue: { self.places.seemsDead(own: number) }
      ) { stage throws(InterprocessError) in
        try attempt(stage, round: round, as: number)
      }
    } catch {
      breakRound(round, .timeout)
      throw error
    }
    try finish(isOver, round)
    return false
  }

  /// Resets the barrier: no party has arrived, it is not broken, and dead parties have left.
  ///
  /// Present waiters get `timedOut`. Does not block. Corresponds to `Barrier.reset()` in Python.
  public func reset() {
    segment.checkOpen()
    // Living parties keep their places, so that the barrier still notices if one of them dies.
    places.dropDead(own: holder.valueIfTaken ?? 0)
    // Two rounds on, so that waiters do not take the reset for the end of their round.
    func next() -> (UInt32, UInt32) {
      let current = word.loadRelaxed()
      return (current, Self.word(round: Self.round(of: current) &+ 2))
    }
    let isReset = (0..<SharedWord32.attemptLimit).contains { _ in
      let (current, next) = next()
      return word.compareExchangeReleasing(current, next)
    }
    // Other processes keep changing the word, but not by arriving: overwrite it.
    if !isReset { _ = word.exchangeReleasing(next().1) }
    word.wake(.max)
  }

  // MARK: - Steps

  /// Counts this party as arrived.
  ///
  /// - Returns: The number of the handle, and the round whose end to wait for; `nil` if this was
  ///   the last party.
  private func arrive() throws(InterprocessError) -> (UInt32, round: UInt32?) {
    let number = try number()
    try join(as: number)
    for _ in 0..<SharedWord32.attemptLimit {
      let current = word.loadRelaxed()
      try checkNotBroken(current)
      let arrivedCount = Self.arrivedCount(of: current) + 1
      guard arrivedCount <= partyCount else {
        throw .corrupted(name, "\(arrivedCount - 1) of \(partyCount) parties have arrived")
      }
      let round = Self.round(of: current)
      if arrivedCount < partyCount {
        let next = current + 1 << Self.arrivedShift
        if word.compareExchangeAcquiringAndReleasing(current, next) {
          checkpoint(.partyArrived)
          return (number, round)
        }
      } else if word.compareExchangeAcquiringAndReleasing(current, Self.word(round: round &+ 1)) {
        checkpoint(.partyArrived)
        if current & Self.waiters != 0 { word.wake(.max) }
        return (number, nil)
      }
    }
    throw isRestless
  }

  /// Takes a place for this handle, if it has none.
  private func join(as number: UInt32) throws(InterprocessError) {
    let found = place.load(ordering: .relaxed)
    if found >= 0, places.isTaken(found, by: number) { return }
    for _ in 0..<SharedWord32.attemptLimit {
      if let index = places.take(as: number) {
        // If two threads come here, one of them frees its place again.
        let isKept = place.compareExchange(
          expected: found, desired: index, ordering: .relaxed
        ).exchanged
        if !isKept { places.free(index, number) }
        return
      }
      let deadCount = try places.deadCount(own: number)
      // Another party has just freed places of dead parties.
      if places.freeCount > 0 { continue }
      switch deadCount {
      case 0:
        throw InterprocessError(
          code: .roleTaken, name: name,
          message: "Other handles have taken all \(partyCount) places of the barrier \"\(name)\".")
      case partyCount where arrivedCount == 0:
        // All parties are left over from an earlier use.
        try places.reclaim(own: number)
      default:
        breakRound(Self.round(of: word.loadRelaxed()), .death)
        throw ownerDied
      }
    }
    throw isRestless
  }

  private func number() throws(InterprocessError) -> UInt32 {
    try holder.value { places.forget($0) }
  }

  private func attempt(
    _ stage: Waiting.Stage, round: UInt32, as number: UInt32
  ) throws(InterprocessError) -> Waiting.Outcome<Bool> {
    for _ in 0..<SharedWord32.attemptLimit {
      let current = word.loadAcquiring()
      if try isOver(round, current) { return .done(true) }
      if stage == .spinning { return .wait(word, while: current) }
      let marked = stage.isMarking ? current | Self.waiters : current
      guard current == marked || word.compareExchangeRelaxed(current, marked) else { continue }
      guard stage.isChecking, try places.deadCount(own: number) > 0 else {
        return .wait(word, while: marked, alike: Int(round))
      }
      breakRound(round, .death)
    }
    // Other processes keep changing the word: return, so that the wait checks its time.
    return .wait(word, while: word.loadRelaxed())
  }

  /// Whether a round has ended with all parties.
  ///
  /// - Throws: `ownerDied` and `timedOut` if it has ended without all parties.
  private func isOver(_ round: UInt32, _ current: UInt32) throws(InterprocessError) -> Bool {
    let found = Self.round(of: current)
    if found == Self.round(of: Self.word(round: round &+ 1)) { return true }
    guard found == round else { throw timedOut("The barrier was reset.") }
    try checkNotBroken(current)
    return false
  }

  private func finish(_ isOver: Bool?, _ round: UInt32) throws(InterprocessError) {
    if isOver != nil { return }
    // The round may have ended, or been broken, at the last moment.
    if !breakRound(round, .timeout), try self.isOver(round, word.loadAcquiring()) { return }
    throw timedOut("The wait has reached its time-out.")
  }

  /// Breaks the barrier, unless the round is over or the barrier is already broken.
  ///
  /// - Returns: Whether this call broke it.
  @discardableResult
  private func breakRound(_ round: UInt32, _ reason: Break) -> Bool {
    for _ in 0..<SharedWord32.attemptLimit {
      let current = word.loadRelaxed()
      guard Self.round(of: current) == round, current & Self.breakMask == 0 else { return false }
      let next = current & ~Self.waiters | reason.rawValue
      guard word.compareExchangeReleasing(current, next) else { continue }
      checkpoint(.barrierBroken)
      if current & Self.waiters != 0 { word.wake(.max) }
      return true
    }
    return false
  }

  // MARK: - Errors

  private func checkNotBroken(_ current: UInt32) throws(InterprocessError) {
    switch current & Self.breakMask {
    case 0: return
    case Break.timeout.rawValue: throw timedOut("A party has given up.")
    default: throw ownerDied
    }
  }

  private var isRestless: InterprocessError {
    .corrupted(name, "another process keeps changing its words")
  }

  private func timedOut(_ reason: String) -> InterprocessError {
    InterprocessError(
      code: .timedOut, name: name,
      message: "The parties of the barrier \"\(name)\" have not all arrived. \(reason)")
  }

  private var ownerDied: InterprocessError {
    InterprocessError(
      code: .ownerDied, name: name,
      message: """
        A party of the barrier "\(name)" has died or left. Call `reset()` once all remaining \
        parties know of it.
        """)
  }
}
