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

/// How long the waits of a handle spin before they sleep, as they learn from each other.
struct Spinning: ~Copyable, Sendable {
  // Spinning pays if what is waited for comes while the waiter spins: then both sides save their
  // system calls. It costs time if nothing comes, and even delays what is waited for if both sides
  // share a processor. Which of these is the case shows only in the waits themselves: a process may
  // be bound to one processor, and its peers to others; or there may be work for all of them.
  //
  // So only spins teach: one that was met, how long the next may take; one in vain, that the next
  // may be in vain, too. After several in vain, waits sleep at once, except for a trial now and
  // then, which spins as long as allowed. Trials become rarer until one is met.
  //
  // Several threads may learn at once and miss what another one has learned: all of this is a hint.

  /// How long the spins that were met took, in nanoseconds.
  private let usual = Atomic<Int>(500)
  /// How many spins may be in vain before waits sleep at once; spins that are met raise it.
  private let credit = Atomic<Int>(4)
  /// How many waits sleep at once before the next trial.
  private let untilTrial = Atomic<Int>(0)
  /// How many do so between the next two.
  private let interval = Atomic<Int>(Self.leastInterval)

  private static let greatestCredit = 16
  private static let leastInterval = 4
  private static let greatestInterval = 256

  /// Whether recent spins were met, or there have been none yet.
  var pays: Bool { credit.load(ordering: .relaxed) > 0 }

  /// How long to spin now.
  ///
  /// - Parameter longest: How long at most.
  func next(atMost longest: Duration) -> Duration {
    if pays {
      return min(longest, max(.microseconds(1), .nanoseconds(2 * usual.load(ordering: .relaxed))))
    }
    let left = untilTrial.load(ordering: .relaxed)
    if left > 0 {
      untilTrial.store(left - 1, ordering: .relaxed)
      return .zero
    }
    return longest
  }

  /// Notes a spin after which the waiter needs no sleep.
  func met(after waited: Duration) {
    let length = Int(waited / .nanoseconds(1))
    let (usual, credit) = (usual.load(ordering: .relaxed), credit.load(ordering: .relaxed))
    // After a trial, nothing else is known.
    self.usual.store(credit > 0 ? usual + (length - usual) / 8 : length, ordering: .relaxed)
    self.credit.store(min(max(credit, 2) + 2, Self.greatestCredit), ordering: .relaxed)
    interval.store(Self.leastInterval, ordering: .relaxed)
  }

  /// Notes a spin that was in vain.
  func missed() {
    let credit = credit.load(ordering: .relaxed)
    if credit > 0 { self.credit.store(credit - 1, ordering: .relaxed) }
    guard credit <= 1 else { return }
    let interval = interval.load(ordering: .relaxed)
    untilTrial.store(interval, ordering: .relaxed)
    self.interval.store(min(2 * interval, Self.greatestInterval), ordering: .relaxed)
  }
}
