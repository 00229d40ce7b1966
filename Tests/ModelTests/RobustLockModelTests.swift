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

import Testing

/// The protocol of `RobustLock` in every order that the memory model allows, and with a holder that
/// is killed anywhere.
@Suite("Model of a lock", .timeLimit(.minutes(5)))
struct RobustLockModelTests {
  @Test(
    "One thread at a time holds the lock, sees what the last one did, and no thread sleeps forever")
  func exclusion() {
    for counts in [[2, 2], [1, 1, 1]] {
      let outcome = RobustLockModel.adders(counts)
      #expect(outcome.violation == nil, "\(outcome.trace)")
      #expect(outcome.stateCount > 1000)
      // The last thread has counted all.
      let total = UInt8(counts.reduce(0, +))
      #expect(outcome.ends.allSatisfy { $0.map { $0[4] }.max() == total })
    }
  }

  @Test("A waiter for a change misses none", arguments: [1, 2])
  func condition(waiterCount: Int) {
    let outcome = RobustLockModel.waiters(waiterCount)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 100)
  }

  @Test(
    "A holder may be killed anywhere, and the next one repairs all that it has left",
    arguments: [[true], [true, true], [false, true]])
  func death(areRecovering: [Bool]) {
    let outcome = RobustLockModel.mortal(areRecovering)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 100)
  }

  @Test("A lock whose repair has failed is refused to all, and no thread sleeps forever")
  func repairThatFails() {
    let outcome = RobustLockModel.failedRepair()
    #expect(outcome.violation == nil, "\(outcome.trace)")
  }

  // Not modelled: a thread learns that a number has no holder, and abandons its lock after another
  // thread has got both since. The word is the same then; only the low chance that a number comes
  // again within these microseconds prevents this.
  @Test("A number may be that of an earlier, dead holder")
  func sameNumber() {
    let outcome = RobustLockModel.mortal([true, true], isNumberTakenAgain: true)
    #expect(outcome.violation == nil, "\(outcome.trace)")
  }

  @Test("Each step and each ordering is needed", arguments: RobustLockModel.Fault.allCases)
  func faults(fault: RobustLockModel.Fault) {
    let outcome = RobustLockModel.search(for: fault)
    #expect(outcome.violation == fault.problem, "\(outcome.trace)")
  }
}
