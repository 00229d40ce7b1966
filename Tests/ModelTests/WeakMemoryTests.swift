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

/// What is known of small programs, so that the model is known to be neither too strict nor too lax.
@Suite("Weak memory")
struct WeakMemoryTests {
  typealias Instruction = WeakMemory.Instruction
  typealias Thread = WeakMemory.Thread

  /// Stores data and then a flag, and loads the flag and then the data.
  private func messagePassing(
    store: WeakMemory.Order, load: WeakMemory.Order, fences: Bool = false
  ) -> WeakMemory.Outcome {
    let (data, flag) = (0, 1)
    var writer: [Instruction] = [.store(.relaxed, at: { _ in data }) { _ in 1 }]
    if fences { writer.append(.fence(.releasing)) }
    writer.append(.store(store, at: { _ in flag }) { _ in 1 })
    var reader: [Instruction] = [.load(into: 0, load, at: { _ in flag })]
    if fences { reader.append(.fence(.acquiring)) }
    reader += [
      .load(into: 1, .relaxed, at: { _ in data }),
      .check { $0[0] == 1 && $0[1] == 0 ? "the flag without the data" : nil },
    ]
    return WeakMemory.explore(
      [0, 0], [Thread(name: "writer", program: writer), Thread(name: "reader", program: reader)])
  }

  @Test("A flag tells of the data only with an order on both sides")
  func messages() {
    #expect(messagePassing(store: .releasing, load: .acquiring).violation == nil)
    #expect(messagePassing(store: .relaxed, load: .relaxed, fences: true).violation == nil)
    for (store, load) in [
      (WeakMemory.Order.relaxed, WeakMemory.Order.acquiring), (.releasing, .relaxed),
      (.relaxed, .relaxed),
    ] {
      let outcome = messagePassing(store: store, load: load)
      #expect(outcome.violation == "reader: the flag without the data")
      #expect(
        outcome.trace.last?.hasPrefix("reader loads 0 from 0") == true, "\(outcome.trace)")
    }
  }

  @Test("Two threads that each store and look at the other's word can both see nothing")
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
      ], isMortal: true)
    let second = Thread(
      name: "second",
      program: [
        .load(into: 0, .relaxed, at: { _ in 0 }), .load(into: 1, .relaxed, at: { _ in 1 }),
      ], successor: 0)
    let outcome = WeakMemory.explore([0, 0], [first, second])
    #expect(Set(outcome.ends.map { [$0[1][0], $0[1][1]] }) == [[0, 0], [1, 0], [1, 1]])
  }
}
