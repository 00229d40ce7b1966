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

// Threads that sleep and wake each other.
extension WeakMemoryTests {
  private static func sleeper(_ name: String = "sleeper", mortal: Bool = false) -> Thread {
    Thread(
      name: name,
      program: [
        .label("again"), .load(into: 0, .relaxed, at: { _ in 0 }), .go(to: "end") { $0[0] != 0 },
        .sleep(into: 1, at: { _ in 0 }, while: { _ in 0 }), .go(to: "again") { _ in true },
        .label("end"),
      ], isMortal: mortal)
  }

  private static func waker(atMost count: Int) -> Thread {
    Thread(
      name: "waker",
      program: [
        .store(.relaxed, at: { _ in 0 }) { _ in 1 },
        .wake(into: 0, at: { _ in 0 }, atMost: count),
      ])
  }

  @Test("No wake-up after a change of the word is missed; without a wake-up the sleeper sleeps on")
  func wakeUps() {
    let outcome = WeakMemory.explore([0], [Self.sleeper(), Self.waker(atMost: 1)])
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(Set(outcome.ends.map { $0[1][0] }) == [0, 1])
    let writer = Thread(
      name: "writer", program: [.store(.relaxed, at: { _ in 0 }) { _ in 1 }])
    #expect(
      WeakMemory.explore([0], [Self.sleeper(), writer]).violation == "sleeper: asleep for ever")
    var reversed = Self.waker(atMost: 1)
    reversed.program.reverse()
    #expect(
      WeakMemory.explore([0], [Self.sleeper(), reversed]).violation == "sleeper: asleep for ever")
  }

  @Test("As many sleepers as asked for are woken, any of them, and are counted")
  func wakeUpsOfSeveral() {
    func explore(_ count: Int) -> WeakMemory.Outcome {
      WeakMemory.explore(
        [0], [Self.sleeper("one"), Self.sleeper("other"), Self.waker(atMost: count)])
    }
    let outcome = explore(2)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(Set(outcome.ends.map { $0[2][0] }) == [0, 1, 2])
    #expect(explore(1).violation?.hasSuffix(": asleep for ever") == true)
  }

  @Test("Either of two sleepers may be woken")
  func choiceOfWakeUp() {
    // The sleeper that is woken first finds 0 in the second word, and wakes the other.
    func sleeper(_ name: String) -> Thread {
      Thread(
        name: name,
        program: [
          .sleep(into: 1, at: { _ in 0 }, while: { _ in 0 }),
          .exchange(into: 0, .relaxed, at: { _ in 1 }) { _ in 1 },
          .store(.relaxed, at: { _ in 0 }) { _ in 1 },
          .wake(into: 2, at: { _ in 0 }, atMost: 1),
        ])
    }
    let waker = Thread(
      name: "waker",
      program: [
        .label("again"), .wake(into: 0, at: { _ in 0 }, atMost: 1), .go(to: "again") { $0[0] == 0 },
      ])
    let outcome = WeakMemory.explore([0, 0], [sleeper("one"), sleeper("other"), waker])
    #expect(outcome.violation == nil, "\(outcome.trace)")
    // Register 2 is 1 in a thread that has woken the other, which slept at the same time.
    let seen = Set(outcome.ends.map { [$0[0][0], $0[0][2], $0[1][0], $0[1][2]] })
    #expect(seen.isSuperset(of: [[0, 1, 1, 0], [1, 0, 0, 1]]))
  }

  @Test("Sleeps end by themselves once a thread was killed, and not before")
  func sleepsAfterDeath() {
    var waker = Self.waker(atMost: 1)
    waker.isMortal = true
    // A thread killed before it stores wakes no sleeper, and without a store there is no end.
    #expect(WeakMemory.explore([0], [Self.sleeper(), waker]).violation == "there is no end")
    let successor = Thread(
      name: "successor", program: [.store(.relaxed, at: { _ in 0 }) { _ in 1 }], successor: 1)
    let outcome = WeakMemory.explore([0], [Self.sleeper(), waker, successor])
    #expect(outcome.violation == nil, "\(outcome.trace)")
  }

  @Test("A thread that learns of another's death has seen all that it has stored")
  func asking() {
    let first = Thread(
      name: "first",
      program: [
        .store(.relaxed, at: { _ in 0 }) { _ in 1 }, .store(.relaxed, at: { _ in 1 }) { _ in 1 },
      ], isMortal: true)
    let asker = Thread(
      name: "asker",
      program: [
        .ask(into: 0, about: { _ in 0 }), .load(into: 2, .relaxed, at: { _ in 1 }),
        .load(into: 1, .relaxed, at: { _ in 0 }),
      ])
    let outcome = WeakMemory.explore([0, 0], [first, asker])
    let seen = Set(outcome.ends.map { [$0[1][0], $0[1][1], $0[1][2]] })
    // The first word may be seen without the second one, and after a death not the other way round.
    #expect(
      seen == [
        [0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1],
      ])
  }
}
