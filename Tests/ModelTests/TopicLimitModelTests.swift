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

/// How a publisher of a topic that waits for subscribers meets a new subscriber: the steps Q0 to Q3
/// and J1 to J5 of `TopicRing`, for one of each, and a place that was in use before.
@Suite("Model of a topic's limit", .timeLimit(.minutes(5)))
struct TopicLimitModelTests {
  /// The steps and orderings that can be left out or weakened.
  enum Fault: CaseIterable {
    case publisherWithoutFence, weakPublisherFence, arrivalsNotLookedAt, arrivalsRelaxed
    case limitNotLookedAt, patienceNotTold
    case subscriberWithoutFence, weakSubscriberFence, arrivalNotCounted, arrivalRelaxed
    case notLookedAtAgain, wholeHistory
  }

  // The words of the memory. An entry is the number of the message plus 1.
  private static let arrivals = 0
  private static let position = 1
  private static let tail = 2
  private static let place = 3
  private static func entry(_ number: UInt8, _ history: UInt8) -> Int {
    4 + Int(number % history)
  }

  private struct Program: ModelProgram {
    let fault: Fault?
    let history: UInt8
    var instructions: [WeakMemory.Instruction] = []
    var labelCount = 0

    init(_ fault: Fault?, _ history: UInt8) {
      self.fault = fault
      self.history = history
    }

    /// Adds to the arrivals by an atomic operation that returns their previous value.
    private mutating func addToArrivals(
      _ order: WeakMemory.Order, _ sum: @escaping (UInt8) -> UInt8
    ) {
      let again = label("again")
      add(
        .label(again),
        .load(into: 0, .relaxed, at: { _ in arrivals }),
        .compareExchange(into: 1, order, at: { _ in arrivals }, { $0[0] }, { sum($0[0]) }))
      go(to: again) { $0[0] != $0[1] }
    }

    /// Publishes what it can in some attempts, behind as many messages as the history holds, from
    /// message 0 on.
    mutating func publish(attempts: Int) {
      let history = history
      // Registers: 0 and 1 arrivals, 2 arrivals of the limit, 3 limit, 4 tail, 5 place, 6 position,
      // 7 distance.
      if fault != .patienceNotTold { addToArrivals(.relaxed) { $0 | 1 } }
      add(.set(4) { _ in history })
      for _ in 0..<attempts {
        let found = label("found")
        let end = label("end")
        addFence(
          isLeftOut: fault == .publisherWithoutFence, isWeak: fault == .weakPublisherFence)
        add(
          .load(
            into: 0, fault == .arrivalsRelaxed ? .relaxed : .acquiring, at: { _ in arrivals }))
        if fault != .limitNotLookedAt {
          if fault == .arrivalsNotLookedAt { add(.set(0) { $0[2] }) }
          go(to: found) { $0[0] == $0[2] && $0[3] > $0[4] }
          add(
            .load(into: 5, .acquiring, at: { _ in place }),
            .load(into: 6, .acquiring, at: { _ in position }),
            .set(7) { $0[5] == 0 || $0[6] >= $0[4] ? 0 : min($0[4] - $0[6], history) },
            .set(2) { $0[0] },
            .set(3) { $0[4] - $0[7] + history },
            .label(found))
          clear(5, 6, 7)
          go(to: end) { $0[3] == $0[4] }
        }
        add(
          .store(.releasing, at: { entry($0[4], history) }) { $0[4] + 1 },
          .set(4) { $0[4] + 1 },
          .store(.releasing, at: { _ in tail }) { $0[4] },
          .label(end))
      }
    }

    /// Subscribes, and receives the first message.
    mutating func subscribe() {
      let history = history
      // Registers: 0 and 1 arrivals, 2 position, 3 tail, 4 entry.
      let begun = label("begun")
      add(
        .store(.relaxed, at: { _ in place }) { _ in 1 },
        .load(into: 3, .acquiring, at: { _ in tail }),
        .set(2) { $0[3] - history },
        .store(.releasing, at: { _ in position }) { $0[2] })
      if fault != .arrivalNotCounted {
        addToArrivals(fault == .arrivalRelaxed ? .relaxed : .releasing) { $0 + 2 }
      }
      go(to: begun) { $0[0] & 1 == 0 }
      addFence(
        isLeftOut: fault == .subscriberWithoutFence, isWeak: fault == .weakSubscriberFence)
      if fault != .notLookedAtAgain {
        let oldest: UInt8 = fault == .wholeHistory ? 0 : 1
        add(
          .load(into: 3, .acquiring, at: { _ in tail }),
          .set(2) { max($0[2], $0[3] + oldest - history) },
          .store(.releasing, at: { _ in position }) { $0[2] })
      }
      add(
        .label(begun),
        .load(into: 4, .acquiring, at: { entry($0[2], history) }),
        .check { $0[4] <= $0[2] + 1 ? nil : "message \($0[4] - 1) for message \($0[2])" })
      clear(0, 1)
    }
  }

  private static func run(_ fault: Fault?, history: UInt8) -> WeakMemory.Outcome {
    var publisher = Program(fault, history)
    publisher.publish(attempts: 3)
    var subscriber = Program(fault, history)
    subscriber.subscribe()
    // The place is that of an earlier subscriber that has come far.
    return WeakMemory.explore(
      [0, 20, history, 0] + (0..<history).map { $0 + 1 },
      [
        .init(name: "publisher", program: publisher.instructions),
        .init(name: "subscriber", program: subscriber.instructions),
      ])
  }

  @Test(
    "A publisher that waits replaces nothing that a new subscriber may receive",
    arguments: [1, 2, 3] as [UInt8])
  func limit(history: UInt8) {
    let outcome = Self.run(nil, history: history)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 1000)
    // The subscriber begins with or without the oldest message, and all that can be published is.
    let starts = Set(outcome.ends.map { $0[1][2] })
    #expect(starts.isSuperset(of: 0...3))
    #expect(outcome.ends.contains { $0[0][4] == history + 3 })
  }

  @Test("Each step and each ordering is needed", arguments: Fault.allCases)
  func faults(fault: Fault) {
    let outcomes = [1, 2, 3].map { Self.run(fault, history: $0) }
    #expect(
      outcomes.contains { $0.violation != nil }, "\(outcomes.map(\.stateCount)) states")
  }
}
