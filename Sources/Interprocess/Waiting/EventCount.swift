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

/// A word on which waiters sleep until other words change.
@usableFromInline
struct EventCount: Sendable {
  // The word counts, in steps of two, how often the gate was opened while a waiter slept; its mark
  // `waiters` means that a waiter may sleep.
  //
  // The opener:                                 The waiter, before each sleep:
  //   R1  change what is waited for  releasing    A0  look, and take           acquiring
  //   R2  fence                      seq. cons.   A1  gate: set the mark       relaxed
  //   R3  gate marked?               relaxed      A2  fence                    seq. cons.
  //   R4  gate = gate + 2            relaxed      A3  look, and take           acquiring
  //   R5  wake some, or all; if none slept,       A4  sleep while the gate is as marked
  //       and the gate has not changed since,
  //       clear the mark, gate = gate + 2, and
  //       wake all that fell asleep since
  //
  // Because of the two fences, either R3 sees the mark of A1, or A3 sees the change of R1. If R3
  // sees the mark, R4 changes the gate, so that A4 does not begin, or R5 ends it.
  //
  // A0 spares a woken waiter A1 and A2. It then leaves the mark as it is: as long as others sleep,
  // the mark is set, because only an opener that has found none asleep, or wakes all, clears it.
  //
  // A waiter that sets the mark again after R4 changes the gate, which keeps R5 from clearing the
  // mark. A waiter that finds the mark set after R4 sleeps, if at all, on a value that R5 changes,
  // and is woken to set the mark again. R5 adds 2 once more, so that this value does not return
  // when a third waiter sets the mark: otherwise a waiter that found the value earlier could sleep
  // on it without having looked since.
  //
  // `SemaphoreModelTests` goes through all of this in every order, and `Models/passing.pml` does so
  // with three waiters.
  //
  // A process killed between R1 and R5, or after its wake-up and before A3, leaves sleepers, which
  // look again by themselves within a second.

  private static let waiters: UInt32 = 1

  @usableFromInline let word: SharedWord32

  init(_ word: SharedWord32) { self.word = word }

  /// R3.
  @inlinable var isAwaited: Bool { word.loadRelaxed() & 1 != 0 }

  /// R2 to R5, after R1: wakes some of the waiters.
  ///
  /// - Parameter count: How many to wake at most.
  /// - Returns: How many were woken; all tasks of a process count as one.
  @discardableResult
  func open(waking count: Int) -> Int {
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    for _ in 0..<SharedWord32.attemptLimit {
      let current = word.loadRelaxed()
      if current & Self.waiters == 0 { return 0 }
      let next = current &+ 2
      guard word.compareExchangeRelaxed(current, next) else { continue }
      checkpoint(.gateChanged)
      let wokenCount = word.wake(count)
      if wokenCount == 0 && word.compareExchangeRelaxed(next, (next & ~Self.waiters) &+ 2) {
        return word.wake(.max)
      }
      return wokenCount
    }
    // Other processes keep changing the word, so no new waiter falls asleep on it.
    return word.wake(.max)
  }

  /// Like `open(waking:)`, for callers that always wake all waiters: R4 also clears the mark.
  ///
  /// `EventModelTests` goes through this.
  func openToAll() {
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    for _ in 0..<SharedWord32.attemptLimit {
      let current = word.loadRelaxed()
      if current & Self.waiters == 0 { return }
      if word.compareExchangeRelaxed(current, (current & ~Self.waiters) &+ 2) { break }
    }
    checkpoint(.gateChanged)
    word.wake(.max)
  }

  /// A1.
  ///
  /// - Returns: The word's value with the mark; without it if other processes kept changing the
  ///   word, in which case the wait checks its time.
  func mark() -> UInt32 {
    for _ in 0..<SharedWord32.attemptLimit {
      let current = word.loadRelaxed()
      let marked = current | Self.waiters
      if current == marked || word.compareExchangeRelaxed(current, marked) {
        checkpoint(.gateMarked)
        return marked
      }
    }
    return word.loadRelaxed()
  }

  /// One attempt of a wait, A0 to A4.
  ///
  /// - Parameters:
  ///   - stage: What the attempt may do.
  ///   - alike: As for `Waiting.Outcome`.
  ///   - fence: A2.
  ///   - body: A0 and A3; returns `nil` if there is nothing to take yet.
  func attempt<Result>(
    _ stage: Waiting.Stage, alike: Int? = nil,
    fence: () -> Void = { atomicMemoryFence(ordering: .sequentiallyConsistent) },
    _ body: () throws(InterprocessError) -> Result?
  ) throws(InterprocessError) -> Waiting.Outcome<Result> {
    if let result = try body() { return .done(result) }
    if !stage.isMarking { return .wait(word, while: 0) }
    let marked = mark()
    fence()
    if let result = try body() { return .done(result) }
    return .wait(word, while: marked, alike: alike)
  }
}
