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

/// Known results of small programs, which show that the model is neither too strict nor too lax.
@Suite("Weak memory")
struct WeakMemoryTests {
  typealias Instruction = WeakMemory.Instruction
  typealias Thread = WeakMemory.Thread

  /// Stores data, and then a flag that announces it.
  static func writer(_ data: Int, _ flag: Int) -> Thread {
    Thread(
      name: "writer",
      program: [
        .store(.relaxed, at: { _ in data }) { _ in 1 },
        .store(.releasing, at: { _ in flag }) { _ in 1 },
      ])
  }

  /// Stores data and then a flag, and loads the flag and then the data.
  func messagePassing(
    store: WeakMemory.Order, load: WeakMemory.Order, fences: Set<WeakMemory.Order> = []
  ) -> WeakMemory.Outcome {
    let (data, flag) = (0, 1)
    var writer: [Instruction] = [.store(.relaxed, at: { _ in data }) { _ in 1 }]
    if fences.contains(.releasing) { writer.append(.fence(.releasing)) }
    writer.append(.store(store, at: { _ in flag }) { _ in 1 })
    var reader: [Instruction] = [.load(into: 0, load, at: { _ in flag })]
    if fences.contains(.acquiring) { reader.append(.fence(.acquiring)) }
    reader += [
      .load(into: 1, .relaxed, at: { _ in data }),
      .check { $0[0] == 1 && $0[1] == 0 ? "the flag without the data" : nil },
    ]
    return WeakMemory.explore(
      [0, 0], [Thread(name: "writer", program: writer), Thread(name: "reader", program: reader)])
  }

  @Test("A flag publishes the data only with an ordering on both sides")
  func messages() {
    #expect(messagePassing(store: .releasing, load: .acquiring).violation == nil)
    let both: Set<WeakMemory.Order> = [.releasing, .acquiring]
    #expect(messagePassing(store: .relaxed, load: .relaxed, fences: both).violation == nil)
    #expect(
      messagePassing(store: .relaxed, load: .acquiring, fences: [.releasing]).violation == nil)
    #expect(
      messagePassing(store: .releasing, load: .relaxed, fences: [.acquiring]).violation == nil)
    for (store, load, fences) in [
      (WeakMemory.Order.relaxed, WeakMemory.Order.acquiring, Set<WeakMemory.Order>()),
      (.releasing, .relaxed, []), (.relaxed, .relaxed, []),
      (.relaxed, .relaxed, [.releasing]), (.relaxed, .relaxed, [.acquiring]),
      (.relaxed, .acquiring, [.acquiring]), (.releasing, .relaxed, [.releasing]),
    ] {
      let outcome = messagePassing(store: store, load: load, fences: fences)
      #expect(outcome.violation == "reader: the flag without the data")
      #expect(
        outcome.trace.last?.hasPrefix("reader loads 0 from 0") == true, "\(outcome.trace)")
    }
  }

  @Test("Two threads that each store and then load the other's word can both see the old value")
  func storeBuffering() {
    func program(_ own: Int, _ other: Int) -> [Instruction] {
      [
        .store(.releasing, at: { _ in own }) { _ in 1 },
        .load(into: 0, .acquiring, at: { _ in other }),
      ]
    }
    let outcome = WeakMemory.explore(
      [0, 0],
      [
        Thread(name: "one", program: program(0, 1)), Thread(name: "other", program: program(1, 0)),
      ])
    let seen = Set(outcome.ends.map { [$0[0][0], $0[1][0]] })
    #expect(seen == [[0, 0], [0, 1], [1, 0], [1, 1]])
  }

  @Test("Loads of one word do not go back, and two readers may see two words in two orders")
  func coherence() {
    let writer = Thread(
      name: "writer",
      program: [
        .store(.relaxed, at: { _ in 0 }) { _ in 1 }, .store(.relaxed, at: { _ in 0 }) { _ in 2 },
      ])
    let reader = Thread(
      name: "reader",
      program: [
        .load(into: 0, .relaxed, at: { _ in 0 }), .load(into: 1, .relaxed, at: { _ in 0 }),
        .check { $0[1] < $0[0] ? "back from \($0[0]) to \($0[1])" : nil },
      ])
    #expect(WeakMemory.explore([0], [writer, reader]).violation == nil)

    func readers(_ first: Int, _ second: Int) -> [Instruction] {
      [
        .load(into: 0, .acquiring, at: { _ in first }),
        .load(into: 1, .acquiring, at: { _ in second }),
      ]
    }
    func writers(_ word: Int) -> Thread {
      Thread(
        name: "writer of \(word)", program: [.store(.releasing, at: { _ in word }) { _ in 1 }])
    }
    let outcome = WeakMemory.explore(
      [0, 0],
      [
        writers(0), writers(1), Thread(name: "one", program: readers(0, 1)),
        Thread(name: "other", program: readers(1, 0)),
      ])
    let seen = outcome.ends.map { [$0[2][0], $0[2][1], $0[3][0], $0[3][1]] }
    #expect(seen.contains([1, 0, 1, 0]))
  }

  @Test(
    "A thread can be killed before any of its stores, and its successor sees what it has stored")
  func death() {
    let first = Thread(
      name: "first",
      program: [
        .store(.relaxed, at: { _ in 0 }) { _ in 1 }, .store(.relaxed, at: { _ in 1 }) { _ in 1 },
        .store(.relaxed, at: { _ in 2 }) { _ in 1 },
      ], isMortal: true)
    let second = Thread(
      name: "second",
      program: [
        .load(into: 0, .relaxed, at: { _ in 0 }), .load(into: 1, .relaxed, at: { _ in 1 }),
      ], successor: 0)
    let outcome = WeakMemory.explore([0, 0, 0], [first, second])
    #expect(Set(outcome.ends.map { [$0[1][0], $0[1][1]] }) == [[0, 0], [1, 0], [1, 1]])
  }

  @Test("A successor sees what its predecessor has acquired, and not what it would have acquired")
  func deathBeforeFence() {
    let (data, flag, found) = (0, 1, 2)
    func seen(mortal: Bool) -> Set<[UInt8]> {
      let outcome = WeakMemory.explore(
        [0, 0, 0],
        [
          Self.writer(data, flag),
          Thread(
            name: "first",
            program: [
              .load(into: 0, .relaxed, at: { _ in flag }),
              .store(.relaxed, at: { _ in found }) { $0[0] }, .fence(.acquiring),
            ],
            isMortal: mortal),
          Thread(
            name: "second",
            program: [
              .load(into: 0, .relaxed, at: { _ in found }),
              .load(into: 1, .relaxed, at: { _ in data }),
            ], successor: 1),
        ])
      return Set(outcome.ends.map { [$0[2][0], $0[2][1]] })
    }
    #expect(seen(mortal: false) == [[0, 0], [0, 1], [1, 1]])
    #expect(seen(mortal: true) == [[0, 0], [0, 1], [1, 0], [1, 1]])
  }

  @Test("Where a thread may continue or jump, the search tries both")
  func branches() {
    let outcome = WeakMemory.explore(
      [0],
      [
        Thread(
          name: "one",
          program: [.maybeGo(to: "end"), .set(0) { _ in 1 }, .label("end")])
      ])
    #expect(Set(outcome.ends.map { $0[0][0] }) == [0, 1])
  }
}
