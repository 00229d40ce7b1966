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

/// A word on which those sleep who wait for something that other words tell.
@usableFromInline
struct Gate: Sendable {
  // The word counts by two how often it was opened while somebody slept; `waiters` says that
  // somebody may sleep.
  //
  // Who makes what others wait for:             Who waits:
  //   R1  change what is waited for  releasing    A1  gate: set the mark       relaxed
  //   R2  fence                      seq. cons.   A2  fence                    seq. cons.
  //   R3  gate marked?               relaxed      A3  look, and take           acquiring
  //   R4  gate = gate + 2            relaxed      A4  sleep while the gate is as marked
  //   R5  wake some, or all; if nobody slept,
  //       and nothing has changed, take the
  //       mark away, gate = gate + 2, and wake
  //       those who slept since
  //
  // Either R3 sees the mark of A1, or A3 sees the change of R1: that is what the two fences are
  // for. Seeing the mark, R4 changes the gate, so that A4 does not begin, or R5 ends it. Whoever
  // set the mark again after R4 has changed the gate, and keeps R5 from taking the mark away;
  // whoever found it set after R4 sleeps, if at all, on a value that R5 changes, and is woken to
  // set it anew. R5 counts once more, so that this value does not come again when a third one sets
  // the mark: whoever found it before would sleep on it then, and not have looked since.
  // `SemaphoreModelTests` goes through all of this in every order, and `Models/passing.pml` with
  // three that wait.
  //
  // Killed between R1 and R5, or woken and killed before A3, a process leaves sleepers that look
  // again by themselves within a second.

  private static let waiters: UInt32 = 1

  @usableFromInline let word: SharedWord32

  init(_ word: SharedWord32) { self.word = word }

  /// R3.
  @inlinable var isAwaited: Bool { word.loadRelaxed() & 1 != 0 }

  /// R2 to R5, after R1: lets some of those go on who wait.
  ///
  /// - Parameter count: How many at most.
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
    // Others change the word all the time, which keeps everybody from sleeping longer on it.
    return word.wake(.max)
  }

  /// As `open(waking:)`, for who wakes all each time: the mark goes with R4, which
  /// `EventModelTests` goes through.
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
  /// - Returns: What the word is then. Where others have changed it all the time, there is no mark,
  ///   and the wait looks at its time.
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

  /// One turn of a wait, A1 to A4.
  ///
  /// - Parameters:
  ///   - stage: What the turn may do.
  ///   - alike: As for `Waiting.Turn`.
  ///   - fence: A2.
  ///   - body: A3; `nil` if it is not there yet.
  func attempt<Result>(
    _ stage: Waiting.Stage, alike: Int? = nil,
    fence: () -> Void = { atomicMemoryFence(ordering: .sequentiallyConsistent) },
    _ body: () throws(InterprocessError) -> Result?
  ) throws(InterprocessError) -> Waiting.Turn<Result> {
    if stage == .spinning {
      if let result = try body() { return .done(result) }
      return .wait(word, while: 0)
    }
    let marked = mark()
    fence()
    if let result = try body() { return .done(result) }
    return .wait(word, while: marked, alike: alike)
  }
}
