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

/// The protocol of `SharedEvent`, and that of the gate of `SharedAtomic`, in every order that the
/// memory model allows.
@Suite("Model of an event", .timeLimit(.minutes(5)))
struct EventModelTests {
  typealias Instruction = WeakMemory.Instruction

  // MARK: - Event

  /// The steps and orderings of an event that can be left out or weakened.
  enum EventFault: CaseIterable {
    case advancedRelaxed, loadedRelaxed, notMarked, markedWithoutExchange, advancedWithoutExchange
    case generationNotCounted, notWoken, oneWoken, wokenBeforeAdvance, sleepsOnNewWord

    /// The first violation that the fault causes.
    var problem: String {
      switch self {
      case .advancedRelaxed, .loadedRelaxed: "one: 0 behind pulse 1"
      case .oneWoken: "two: asleep for ever"
      default: "one: asleep for ever"
      }
    }
  }

  // The words of the memory: the event's word, and the data written before each pulse.
  private static let word = 0
  private static let data = 1

  private static let waiters: UInt8 = 1
  private static let isSetBit: UInt8 = 2

  /// Increments the data, and then the generation.
  private static func advance(to bit: UInt8, _ label: String, _ fault: EventFault?) -> [Instruction]
  {
    // Registers: 0 word, 1 value that an exchange found, 2 number woken, 3 data.
    var program: [Instruction] = [
      .set(3) { $0[3] + 1 }, .store(.relaxed, at: { _ in data }) { $0[3] },
    ]
    let next = { (registers: WeakMemory.Registers) -> UInt8 in
      (registers[0] & ~3) &+ (fault == .generationNotCounted ? 0 : 4) | bit
    }
    let wake: [Instruction] = [
      .go(to: "\(label) advanced") { $0[0] & waiters == 0 },
      .wake(into: 2, at: { _ in word }, atMost: fault == .oneWoken ? 1 : 3),
      .label("\(label) advanced"), .set(2) { _ in 0 },
    ]
    program += [.label(label), .load(into: 0, .relaxed, at: { _ in word })]
    if fault == .wokenBeforeAdvance { program += wake }
    let order = fault == .advancedRelaxed ? WeakMemory.Order.relaxed : .releasing
    if fault == .advancedWithoutExchange {
      program.append(.store(order, at: { _ in word }, next))
    } else {
      program += [
        .compareExchange(into: 1, order, at: { _ in word }, { $0[0] }, next),
        .go(to: label) { $0[1] != $0[0] },
      ]
    }
    if fault != .wokenBeforeAdvance && fault != .notWoken { program += wake }
    return program + [.set(0) { _ in 0 }, .set(1) { _ in 0 }]
  }

  /// Waits until the word fulfils a condition, and loads the data.
  private static func wait(
    _ label: String, _ fault: EventFault?, until isOver: @escaping (WeakMemory.Registers) -> Bool
  ) -> [Instruction] {
    // Registers: 0 word, 1 value that an exchange found, 2 of the sleep, 3 data, 4 generation seen.
    var program: [Instruction] = [
      .label(label),
      .load(into: 0, fault == .loadedRelaxed ? .relaxed : .acquiring, at: { _ in word }),
      .go(to: "\(label) over", if: isOver),
    ]
    if fault == .markedWithoutExchange {
      program += [
        .set(0) { $0[0] | waiters }, .store(.relaxed, at: { _ in word }) { $0[0] },
      ]
    } else if fault != .notMarked {
      program += [
        .go(to: "\(label) marked") { $0[0] & waiters != 0 },
        .compareExchange(into: 1, .relaxed, at: { _ in word }, { $0[0] }, { $0[0] | waiters }),
        .go(to: label) { $0[1] != $0[0] },
        .set(0) { $0[0] | waiters }, .label("\(label) marked"),
      ]
    }
    if fault == .sleepsOnNewWord { program.append(.load(into: 0, .relaxed, at: { _ in word })) }
    return program + [
      .set(1) { _ in 0 },
      .sleep(into: 2, at: { _ in word }, while: { $0[0] }),
      .go(to: label) { _ in true },
      .label("\(label) over"), .load(into: 3, .relaxed, at: { _ in data }),
    ]
  }

  /// Waits for the given number of pulses.
  private static func follower(_ count: UInt8, _ fault: EventFault?) -> [Instruction] {
    [.label("follow")] + wait("wait", fault) { $0[0] >> 2 != $0[4] }
      + [
        .set(4) { $0[0] >> 2 },
        .check { $0[3] < $0[4] ? "\($0[3]) behind pulse \($0[4])" : nil },
        .set(0) { _ in 0 }, .set(1) { _ in 0 }, .set(3) { _ in 0 },
        .go(to: "follow") { $0[4] < count },
      ]
  }

  private static func pulser(_ count: Int, _ fault: EventFault?) -> [Instruction] {
    (1...count).flatMap { advance(to: 0, "pulse \($0)", fault) }
  }

  /// One thread pulses, and others wait for each pulse.
  private static func pulses(
    _ count: Int, followers: Int, _ fault: EventFault? = nil
  ) -> WeakMemory.Outcome {
    let names = ["one", "two"]
    return WeakMemory.explore(
      [0, 0],
      [WeakMemory.Thread(name: "pulser", program: pulser(count, fault))]
        + (0..<followers).map {
          WeakMemory.Thread(name: names[$0], program: follower(UInt8(count), fault))
        })
  }

  /// One thread sets the event, one pulses it, and one waits until it is set.
  private static func sets(_ fault: EventFault? = nil) -> WeakMemory.Outcome {
    let waiter =
      wait("wait", fault) { $0[0] & isSetBit != 0 }
      + [.check { $0[3] < 1 ? "nothing behind the event" : nil }]
    return WeakMemory.explore(
      [0, 0],
      [
        WeakMemory.Thread(name: "pulser", program: pulser(1, fault)),
        WeakMemory.Thread(
          name: "setter",
          program: [
            // This comes after the pulse, which would clear the event.
            .label("before"), .load(into: 0, .acquiring, at: { _ in word }),
            .go(to: "before") { $0[0] >> 2 == 0 }, .load(into: 3, .relaxed, at: { _ in data }),
          ] + advance(to: isSetBit, "set", fault)),
        WeakMemory.Thread(name: "waiter", program: waiter),
      ])
  }

  @Test("No pulse is missed, and data written before it is seen after it")
  func pulses() {
    for (count, followers) in [(3, 1), (2, 2)] {
      let outcome = Self.pulses(count, followers: followers)
      #expect(outcome.violation == nil, "\(outcome.trace)")
      #expect(outcome.stateCount > 100)
    }
  }

  @Test("A waiter for an event that is set continues, and sees the data written before")
  func set() {
    let outcome = Self.sets()
    #expect(outcome.violation == nil, "\(outcome.trace)")
  }

  @Test("Each step and each ordering of an event is needed", arguments: EventFault.allCases)
  func eventFaults(fault: EventFault) {
    var outcome = Self.pulses(2, followers: 1, fault)
    if outcome.violation == nil { outcome = Self.pulses(2, followers: 2, fault) }
    if outcome.violation == nil { outcome = Self.sets(fault) }
    #expect(outcome.violation == fault.problem, "\(outcome.trace)")
  }

  // MARK: - EventCount

  /// The steps and orderings of an integer's gate that can be left out or weakened.
  ///
  /// The gate need not be changed by an exchange, as all sleepers are woken.
  enum GateFault: CaseIterable {
    case noFenceBehindStore, weakFenceBehindStore, gateNotChanged
    case notWoken, oneWoken
    case notMarked, noFenceBehindMark, weakFenceBehindMark, notLookedAtAgain, sleepsOnNewGate

    /// The first violation that the fault causes.
    var problem: String {
      switch self {
      case .oneWoken: "two: asleep for ever"
      default: "one: asleep for ever"
      }
    }
  }

  private static let gate = 0
  private static let value = 1

  /// Stores the given number of values one after the other, and notifies after each.
  private static func notifier(_ count: Int, _ fault: GateFault?) -> [Instruction] {
    // Registers: 0 gate, 1 value that an exchange found, 2 number woken.
    (1...count).flatMap { number -> [Instruction] in
      let (again, end) = ("again \(number)", "end \(number)")
      var program: [Instruction] = [
        .store(.releasing, at: { _ in value }) { _ in UInt8(number) }
      ]
      if fault == .weakFenceBehindStore { program.append(.fence(.acquiringAndReleasing)) }
      if fault != .noFenceBehindStore && fault != .weakFenceBehindStore {
        program.append(.fence(.sequentiallyConsistent))
      }
      program += [
        .label(again), .load(into: 0, .relaxed, at: { _ in gate }),
        .go(to: end) { $0[0] & waiters == 0 },
      ]
      let next = { (registers: WeakMemory.Registers) in (registers[0] & ~waiters) &+ 2 }
      if fault != .gateNotChanged {
        program += [
          .compareExchange(into: 1, .relaxed, at: { _ in gate }, { $0[0] }, next),
          .go(to: again) { $0[1] != $0[0] },
        ]
      }
      if fault != .notWoken {
        program.append(.wake(into: 2, at: { _ in gate }, atMost: fault == .oneWoken ? 1 : 3))
      }
      return program + [
        .label(end), .set(0) { _ in 0 }, .set(1) { _ in 0 }, .set(2) { _ in 0 },
      ]
    }
  }

  /// Waits for each value but the first, until the last one.
  private static func waiter(_ count: Int, _ fault: GateFault?) -> [Instruction] {
    // Registers: 0 gate, 1 value that an exchange found, 2 of the sleep, 3 value, 4 value seen.
    var program: [Instruction] = [.label("wait"), .load(into: 0, .relaxed, at: { _ in gate })]
    if fault != .notMarked {
      program += [
        .go(to: "marked") { $0[0] & waiters != 0 },
        .compareExchange(into: 1, .relaxed, at: { _ in gate }, { $0[0] }, { $0[0] | waiters }),
        .go(to: "wait") { $0[1] != $0[0] },
        .set(0) { $0[0] | waiters }, .label("marked"), .set(1) { _ in 0 },
      ]
    }
    if fault == .weakFenceBehindMark { program.append(.fence(.acquiringAndReleasing)) }
    if fault != .noFenceBehindMark && fault != .weakFenceBehindMark {
      program.append(.fence(.sequentiallyConsistent))
    }
    if fault != .notLookedAtAgain {
      program += [
        .load(into: 3, .acquiring, at: { _ in value }), .go(to: "changed") { $0[3] != $0[4] },
      ]
    }
    if fault == .sleepsOnNewGate { program.append(.load(into: 0, .relaxed, at: { _ in gate })) }
    return program + [
      .sleep(into: 2, at: { _ in gate }, while: { $0[0] }),
      .load(into: 3, .acquiring, at: { _ in value }),
      .go(to: "wait") { $0[3] == $0[4] },
      .label("changed"), .set(4) { $0[3] },
      .set(0) { _ in 0 }, .set(3) { _ in 0 },
      .go(to: "wait") { Int($0[4]) < count },
    ]
  }

  private static func gate(
    _ count: Int, waiters waiterCount: Int, _ fault: GateFault? = nil
  ) -> WeakMemory.Outcome {
    let names = ["one", "two"]
    return WeakMemory.explore(
      [0, 0],
      [WeakMemory.Thread(name: "notifier", program: notifier(count, fault))]
        + (0..<waiterCount).map {
          WeakMemory.Thread(name: names[$0], program: waiter(count, fault))
        })
  }

  @Test("No change of an integer with a notification is missed")
  func changes() {
    for (count, waiterCount) in [(3, 1), (1, 2), (2, 2)] {
      let outcome = Self.gate(count, waiters: waiterCount)
      #expect(outcome.violation == nil, "\(outcome.trace)")
    }
  }

  @Test("Each step and each ordering of the gate is needed", arguments: GateFault.allCases)
  func gateFaults(fault: GateFault) {
    var outcome = Self.gate(2, waiters: 1, fault)
    if outcome.violation == nil { outcome = Self.gate(1, waiters: 2, fault) }
    #expect(outcome.violation == fault.problem, "\(outcome.trace)")
  }
}
