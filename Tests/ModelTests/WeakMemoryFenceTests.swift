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

// Sequentially consistent fences, and exchanges.
extension WeakMemoryTests {
  /// Two threads that each store, make a fence, and load the other's word.
  private func storeBuffering(_ one: WeakMemory.Order, _ other: WeakMemory.Order) -> Set<[UInt8]> {
    func program(_ own: Int, _ other: Int, _ fence: WeakMemory.Order) -> [Instruction] {
      [
        .store(.relaxed, at: { _ in own }) { _ in 1 }, .fence(fence),
        .load(into: 0, .relaxed, at: { _ in other }),
      ]
    }
    let outcome = WeakMemory.explore(
      [0, 0],
      [
        Thread(name: "one", program: program(0, 1, one)),
        Thread(name: "other", program: program(1, 0, other)),
      ])
    return Set(outcome.ends.map { [$0[0][0], $0[1][0]] })
  }

  @Test("With a sequentially consistent fence in both, one of two threads sees the other's store")
  func fencesAgainstStoreBuffering() {
    #expect(
      storeBuffering(.sequentiallyConsistent, .sequentiallyConsistent) == [
        [0, 1], [1, 0], [1, 1],
      ])
    #expect(storeBuffering(.sequentiallyConsistent, .acquiringAndReleasing).contains([0, 0]))
    #expect(storeBuffering(.acquiringAndReleasing, .acquiringAndReleasing).contains([0, 0]))
  }

  @Test("With sequentially consistent fences two readers see two words in one order")
  func fencesOfReaders() {
    func seen(_ fence: WeakMemory.Order) -> Set<[UInt8]> {
      func reader(_ name: String, _ first: Int, _ second: Int) -> Thread {
        Thread(
          name: name,
          program: [
            .load(into: 0, .relaxed, at: { _ in first }), .fence(fence),
            .load(into: 1, .relaxed, at: { _ in second }),
          ])
      }
      func writer(_ word: Int) -> Thread {
        Thread(
          name: "writer of \(word)", program: [.store(.releasing, at: { _ in word }) { _ in 1 }])
      }
      let outcome = WeakMemory.explore(
        [0, 0], [writer(0), writer(1), reader("one", 0, 1), reader("other", 1, 0)])
      return Set(outcome.ends.map { [$0[2][0], $0[2][1], $0[3][0], $0[3][1]] })
    }
    #expect(seen(.acquiringAndReleasing).contains([1, 0, 1, 0]))
    #expect(!seen(.sequentiallyConsistent).contains([1, 0, 1, 0]))
  }

  @Test("A sequentially consistent fence publishes data as a releasing and an acquiring one do")
  func fencesOfMessages() {
    let fences: Set<WeakMemory.Order> = [.releasing, .acquiring]
    #expect(messagePassing(store: .relaxed, load: .relaxed, fences: fences).violation == nil)
    let (data, flag) = (0, 1)
    let outcome = WeakMemory.explore(
      [0, 0],
      [
        Thread(
          name: "writer",
          program: [
            .store(.relaxed, at: { _ in data }) { _ in 1 }, .fence(.sequentiallyConsistent),
            .store(.relaxed, at: { _ in flag }) { _ in 1 },
          ]),
        Thread(
          name: "reader",
          program: [
            .load(into: 0, .relaxed, at: { _ in flag }), .fence(.sequentiallyConsistent),
            .load(into: 1, .relaxed, at: { _ in data }),
            .check { $0[0] == 1 && $0[1] == 0 ? "the flag without the data" : nil },
          ]),
      ])
    #expect(outcome.violation == nil)
  }

  @Test("Each of two exchanges loads what the other has stored, or the initial value")
  func exchanges() {
    func exchanger(_ value: UInt8) -> Thread {
      Thread(
        name: "exchanger of \(value)",
        program: [.exchange(into: 0, .relaxed, at: { _ in 0 }) { _ in value }])
    }
    let outcome = WeakMemory.explore([0], [exchanger(1), exchanger(2)])
    #expect(Set(outcome.ends.map { [$0[0][0], $0[1][0]] }) == [[0, 1], [2, 0]])
    #expect(passingOn(.exchange(into: 1, .relaxed, at: { _ in 1 }) { _ in 2 }) == nil)
  }

  @Test("A compare-exchange that stores nothing orders nothing")
  func failedExchange() {
    let (data, flag) = (0, 1)
    let outcome = WeakMemory.explore(
      [0, 0],
      [
        Self.writer(data, flag),
        Thread(
          name: "reader",
          program: [
            .compareExchange(into: 0, .acquiring, at: { _ in flag }, { _ in 0 }, { _ in 0 }),
            .load(into: 1, .relaxed, at: { _ in data }),
          ]),
      ])
    #expect(outcome.ends.contains { $0[1][0] == 1 && $0[1][1] == 0 })
  }
}
