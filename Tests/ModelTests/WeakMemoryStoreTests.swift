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

// Several threads that store into a word.
extension WeakMemoryTests {
  @Test("Stores of two threads into one word have one order, which every thread sees")
  func orderOfStores() {
    func writer(_ value: UInt8) -> Thread {
      Thread(name: "writer of \(value)", program: [.store(.relaxed, at: { _ in 0 }) { _ in value }])
    }
    func reader(_ name: String) -> Thread {
      Thread(
        name: name,
        program: [
          .load(into: 0, .relaxed, at: { _ in 0 }), .load(into: 1, .relaxed, at: { _ in 0 }),
        ])
    }
    let outcome = WeakMemory.explore([0], [writer(1), writer(2), reader("one"), reader("other")])
    let seen = Set(outcome.ends.map { [$0[2][0], $0[2][1], $0[3][0], $0[3][1]] })
    #expect(seen.contains([1, 2, 1, 2]))
    #expect(seen.contains([2, 1, 2, 1]))
    #expect(!seen.contains([1, 2, 2, 1]))
    #expect(!seen.contains([2, 1, 1, 2]))
  }

  @Test("The orders of two words need not agree, but do where the stores release")
  func ordersOfTwoWords() {
    // Each thread stores into both words, and then loads the one that the other has stored first.
    func program(_ one: Int, _ other: Int) -> [Instruction] {
      [
        .store(.relaxed, at: { _ in one }) { _ in 1 },
        .store(.releasing, at: { _ in other }) { _ in 2 },
        .load(into: 0, .acquiring, at: { _ in other }),
      ]
    }
    let outcome = WeakMemory.explore(
      [0, 0],
      [
        Thread(name: "one", program: program(0, 1)), Thread(name: "other", program: program(1, 0)),
      ])
    #expect(
      Set(outcome.ends.map { [$0[0][0], $0[1][0]] }) == [[1, 1], [1, 2], [2, 1], [2, 2]])
  }

  @Test("No store comes between what a compare-exchange has loaded and what it stores")
  func exchangeIsAtomic() {
    let outcome = WeakMemory.explore(
      [0],
      [
        Thread(
          name: "exchanger",
          program: [.compareExchange(into: 0, .relaxed, at: { _ in 0 }, { _ in 0 }, { _ in 1 })]),
        Thread(name: "writer", program: [.store(.relaxed, at: { _ in 0 }) { _ in 2 }]),
        Thread(
          name: "reader",
          program: [
            .load(into: 0, .relaxed, at: { _ in 0 }), .load(into: 1, .relaxed, at: { _ in 0 }),
          ]),
      ])
    let seen = Set(outcome.ends.map { [$0[0][0], $0[2][0], $0[2][1]] })
    #expect(seen.contains([0, 1, 2]))
    #expect(!seen.contains([0, 2, 1]))
    // A compare-exchange that has loaded 2 has stored nothing.
    #expect(seen.contains([2, 0, 2]))
    #expect(!seen.contains([2, 1, 1]))
  }

  /// Passes data on through a third thread, which changes the flag from 1 to 2.
  func passingOn(_ exchange: Instruction) -> String? {
    let (data, flag) = (0, 1)
    return WeakMemory.explore(
      [0, 0],
      [
        Self.writer(data, flag),
        Thread(
          name: "between",
          program: [
            .load(into: 0, .relaxed, at: { _ in flag }), .go(to: "end") { $0[0] != 1 }, exchange,
            .label("end"),
          ]),
        Thread(
          name: "reader",
          program: [
            .load(into: 0, .acquiring, at: { _ in flag }),
            .load(into: 1, .relaxed, at: { _ in data }),
            .check { $0[0] == 2 && $0[1] == 0 ? "the flag without the data" : nil },
          ]),
      ]
    ).violation
  }

  @Test("A relaxed compare-exchange carries on what it has loaded, and a relaxed store does not")
  func releaseSequence() {
    #expect(
      passingOn(.compareExchange(into: 1, .relaxed, at: { _ in 1 }, { _ in 1 }, { _ in 2 })) == nil)
    #expect(
      passingOn(.store(.relaxed, at: { _ in 1 }) { _ in 2 }) == "reader: the flag without the data")
  }

  /// Two threads that each add 1 to a counter under a lock.
  private func lock(
    _ taking: WeakMemory.Order, _ giving: WeakMemory.Order, isAtomic: Bool = true
  ) -> WeakMemory.Outcome {
    let (lock, counter) = (0, 1)
    var program: [Instruction] = [.label("again")]
    if isAtomic {
      program.append(.compareExchange(into: 0, taking, at: { _ in lock }, { _ in 0 }, { _ in 1 }))
      program.append(.go(to: "again") { $0[0] != 0 })
    } else {
      program.append(.load(into: 0, taking, at: { _ in lock }))
      program.append(.go(to: "again") { $0[0] != 0 })
      program.append(.store(.relaxed, at: { _ in lock }) { _ in 1 })
    }
    program += [
      .load(into: 1, .relaxed, at: { _ in counter }),
      .set(1) { $0[1] + 1 },
      .store(.relaxed, at: { _ in counter }) { $0[1] },
      .store(giving, at: { _ in lock }) { _ in 0 },
    ]
    return WeakMemory.explore(
      [0, 0], [Thread(name: "one", program: program), Thread(name: "other", program: program)])
  }

  @Test("A compare-exchange lock admits one thread at a time, and shows it what the last one did")
  func mutualExclusion() {
    func counts(_ outcome: WeakMemory.Outcome) -> Set<[UInt8]> {
      Set(outcome.ends.map { [$0[0][1], $0[1][1]].sorted() })
    }
    #expect(counts(lock(.acquiring, .releasing)) == [[1, 2]])
    #expect(counts(lock(.acquiringAndReleasing, .releasing)) == [[1, 2]])
    // A thread that also counts to 1 has not seen what the other did.
    #expect(counts(lock(.relaxed, .releasing)).contains([1, 1]))
    #expect(counts(lock(.acquiring, .relaxed)).contains([1, 1]))
    #expect(counts(lock(.acquiring, .releasing, isAtomic: false)).contains([1, 1]))
  }
}
