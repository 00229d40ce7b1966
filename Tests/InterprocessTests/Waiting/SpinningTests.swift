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

@testable import Interprocess

@Suite("How long waits spin")
struct SpinningTests {
  /// Lets spins be in vain until waits sleep at once.
  private func exhaust(_ spinning: borrowing Spinning) {
    var count = 0
    while spinning.pays && count < 100 {
      spinning.missed()
      count += 1
    }
    #expect(count < 100)
  }

  /// How many waits sleep at once before the next trial, which is in vain.
  private func sleepsBeforeTrial(_ spinning: borrowing Spinning, _ longest: Duration) -> Int {
    var count = 0
    while count < 1000 {
      let length = spinning.next(atMost: longest)
      if length != .zero {
        #expect(length == longest)
        spinning.missed()
        return count
      }
      count += 1
    }
    return count
  }

  @Test("A spin takes twice as long as usual, within limits")
  func usual() {
    let spinning = Spinning()
    var lengths = [spinning.next(atMost: .microseconds(50))]
    for met: Duration in [.microseconds(8), .microseconds(40), .nanoseconds(100)] {
      for _ in 0..<100 { spinning.met(after: met) }
      lengths.append(spinning.next(atMost: .microseconds(50)))
    }
    #expect(
      lengths[0] == .microseconds(1) && lengths[2...] == [.microseconds(50), .microseconds(1)])
    #expect((Duration.microseconds(15) ... .microseconds(16)).contains(lengths[1]))
  }

  @Test("After spins in vain, waits sleep at once, except for trials that become rarer")
  func inVain() {
    let spinning = Spinning()
    let paysAtFirst = spinning.pays
    exhaust(spinning)
    let counts = (0..<9).map { _ in sleepsBeforeTrial(spinning, .microseconds(50)) }
    #expect(counts == [4, 8, 16, 32, 64, 128, 256, 256, 256])
    let paysAtLast = spinning.pays
    #expect(paysAtFirst && !paysAtLast)
  }

  @Test("A trial that is met makes waits spin again, for as long as it took")
  func trial() {
    let spinning = Spinning()
    exhaust(spinning)
    _ = sleepsBeforeTrial(spinning, .microseconds(50))
    spinning.met(after: .microseconds(10))
    let (pays, length) = (spinning.pays, spinning.next(atMost: .microseconds(50)))
    #expect(pays && length == .microseconds(20))
    exhaust(spinning)
    // Trials begin as often as at first.
    let count = sleepsBeforeTrial(spinning, .microseconds(50))
    #expect(count == 4)
  }

  @Test("A spin in vain now and then changes nothing for those that are met")
  func mostlyMet() {
    let spinning = Spinning()
    for _ in 0..<1000 {
      spinning.met(after: .microseconds(2))
      spinning.missed()
    }
    let (pays, length) = (spinning.pays, spinning.next(atMost: .microseconds(50)))
    #expect(pays && length >= .microseconds(3))
  }
}
