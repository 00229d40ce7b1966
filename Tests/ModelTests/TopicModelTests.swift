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

/// How a subscriber of a topic pins a message, and a publisher finds a slot that nobody has pinned:
/// the steps of `TopicRing` for a history of one message, one subscriber and one sample.
///
/// Which slots are in which list is in `Models/topic.pml`. Here the publisher looks for one each
/// time. What keeps reading before N5 is not seen here, as no load sees a later store; and the
/// loads of the entry could be relaxed, as the fence between them acquires.
@Suite("Model of a topic", .timeLimit(.minutes(5)))
struct TopicModelTests {
  /// What can be left out or weakened.
  enum Fault: CaseIterable {
    case noPin, subscriberWithoutFence, weakSubscriberFence, notLookedAtAgain
    case pinsIgnored, publisherWithoutFence, weakPublisherFence, entryRelaxed
  }

  // The words of the memory. An entry is the number of the message, times 4, and the slot.
  private static let entry = 0
  private static let pin = 1
  private static func data(_ slot: UInt8, _ index: Int) -> Int { 2 + 2 * Int(slot) + index }

  private struct Program: ModelProgram {
    var fault: Fault?
    var instructions: [WeakMemory.Instruction] = []
    var labelCount = 0

    init(_ fault: Fault?) { self.fault = fault }

    private mutating func addFence(left out: Fault, weak: Fault) {
      switch fault {
      case out: break
      case weak: add(.fence(.acquiringAndReleasing))
      default: add(.fence(.sequentiallyConsistent))
      }
    }

    mutating func publish(count: UInt8) {
      // Registers: 0 pin, 1 slot, 2 slot of the message before.
      for number in 1...count {
        addFence(left: .publisherWithoutFence, weak: .weakPublisherFence)
        if fault != .pinsIgnored { add(.load(into: 0, .acquiring, at: { _ in pin })) }
        add(
          .set(1) { registers in
            let candidate = (registers[2] + 1) % 3
            return registers[0] == candidate + 1 ? (registers[2] + 2) % 3 : candidate
          })
        for index in 0...1 { add(.store(.relaxed, at: { data($0[1], index) }) { _ in number }) }
        add(
          .store(fault == .entryRelaxed ? .relaxed : .releasing, at: { _ in entry }) {
            number * 4 + $0[1]
          },
          .set(2) { $0[1] })
        clear(0, 1)
      }
    }

    mutating func receive(count: Int) {
      // Registers: 0 entry, 1 entry again, 2 and 3 data, 4 number of the message before.
      for _ in 0..<count {
        let end = label("end")
        let given = label("given")
        add(.load(into: 0, .acquiring, at: { _ in entry }))
        go(to: end) { $0[0] == 0 }
        if fault != .noPin { add(.store(.releasing, at: { _ in pin }) { $0[0] % 4 + 1 }) }
        addFence(left: .subscriberWithoutFence, weak: .weakSubscriberFence)
        if fault != .notLookedAtAgain {
          add(.load(into: 1, .acquiring, at: { _ in entry }))
          go(to: given) { $0[1] != $0[0] }
        }
        add(
          .load(into: 2, .relaxed, at: { data($0[0] % 4, 0) }),
          .load(into: 3, .relaxed, at: { data($0[0] % 4, 1) }),
          .check { $0[2] == $0[3] ? nil : "torn: \($0[2]) and \($0[3])" },
          .check { $0[2] == $0[0] / 4 ? nil : "\($0[2]) as message \($0[0] / 4)" },
          .check { $0[2] < $0[4] ? "\($0[2]) after \($0[4])" : nil },
          .set(4) { $0[2] },
          .label(given),
          .store(.releasing, at: { _ in pin }) { _ in 0 },
          .label(end))
        clear(0, 1, 2, 3)
      }
    }
  }

  private static func run(_ fault: Fault?, messages: UInt8, samples: Int) -> WeakMemory.Outcome {
    var publisher = Program(fault)
    publisher.publish(count: messages)
    var subscriber = Program(fault)
    subscriber.receive(count: samples)
    return WeakMemory.explore(
      [UInt8](repeating: 0, count: 8),
      [
        .init(name: "publisher", program: publisher.instructions),
        .init(name: "subscriber", program: subscriber.instructions),
      ])
  }

  @Test("A subscriber reads whole messages, in order, and each under its own number")
  func wholeMessages() {
    let outcome = Self.run(nil, messages: 5, samples: 2)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 1000)
    let seen = Set(outcome.ends.map { $0[1][4] })
    #expect(seen.isSuperset(of: [0, 1, 5]))
  }

  @Test("Each step and each order is needed", arguments: Fault.allCases)
  func faults(fault: Fault) {
    let outcome = Self.run(fault, messages: 5, samples: 2)
    #expect(outcome.violation != nil, "\(outcome.stateCount) states")
  }

  // MARK: - Waiting for subscribers

  /// What can be left out or weakened where publishers wait for subscribers.
  enum LimitFault: CaseIterable {
    case publisherWithoutFence, weakPublisherFence, arrivalsNotLookedAt, arrivalsRelaxed
    case limitNotLookedAt, patienceNotTold
    case subscriberWithoutFence, weakSubscriberFence, arrivalNotCounted, arrivalRelaxed
    case notLookedAtAgain, wholeHistory
  }

  // The words of this memory. An entry is the number of the message and 1.
  private static let arrivals = 0
  private static let position = 1
  private static let tail = 2
  private static let place = 3
  private static func entry(_ number: UInt8, _ history: UInt8) -> Int {
    4 + Int(number % history)
  }

  private struct LimitProgram: ModelProgram {
    let fault: LimitFault?
    let history: UInt8
    var instructions: [WeakMemory.Instruction] = []
    var labelCount = 0

    init(_ fault: LimitFault?, _ history: UInt8) {
      self.fault = fault
      self.history = history
    }

    /// Adds to the arrivals as an atomic operation that gives what they were.
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

    private mutating func addFence(left out: LimitFault, weak: LimitFault) {
      switch fault {
      case out: break
      case weak: add(.fence(.acquiringAndReleasing))
      default: add(.fence(.sequentiallyConsistent))
      }
    }

    /// Publishes what it can in some attempts, behind a message 0 and so on up to the history.
    mutating func publish(attempts: Int) {
      let history = history
      // Registers: 0 and 1 arrivals, 2 arrivals of the limit, 3 limit, 4 tail, 5 place, 6 position,
      // 7 distance.
      if fault != .patienceNotTold { addToArrivals(.relaxed) { $0 | 1 } }
      add(.set(4) { _ in history })
      for _ in 0..<attempts {
        let found = label("found")
        let end = label("end")
        addFence(left: .publisherWithoutFence, weak: .weakPublisherFence)
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
      addFence(left: .subscriberWithoutFence, weak: .weakSubscriberFence)
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

  private static func run(_ fault: LimitFault?, history: UInt8) -> WeakMemory.Outcome {
    var publisher = LimitProgram(fault, history)
    publisher.publish(attempts: 3)
    var subscriber = LimitProgram(fault, history)
    subscriber.subscribe()
    // The place is that of one that has come far.
    return WeakMemory.explore(
      [0, 20, history, 0] + (0..<history).map { $0 + 1 },
      [
        .init(name: "publisher", program: publisher.instructions),
        .init(name: "subscriber", program: subscriber.instructions),
      ])
  }

  @Test(
    "A publisher that waits replaces nothing that one who comes may receive",
    arguments: [1, 2, 3] as [UInt8])
  func limit(history: UInt8) {
    let outcome = Self.run(nil, history: history)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 1000)
    // It begins with or without the oldest message, and what can be published is.
    let starts = Set(outcome.ends.map { $0[1][2] })
    #expect(starts.isSuperset(of: 0...3))
    #expect(outcome.ends.contains { $0[0][4] == history + 3 })
  }

  @Test("Each step and each order is needed where publishers wait", arguments: LimitFault.allCases)
  func limitFaults(fault: LimitFault) {
    let outcomes = [1, 2, 3].map { Self.run(fault, history: $0) }
    #expect(
      outcomes.contains { $0.violation != nil }, "\(outcomes.map(\.stateCount)) states")
  }
}
