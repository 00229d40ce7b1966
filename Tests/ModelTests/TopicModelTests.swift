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

/// How a subscriber of a topic pins a message, and a publisher finds a slot that no subscriber has
/// pinned: the steps of `TopicRing` for a history of one message, one subscriber and one sample.
///
/// `Models/topic.pml` covers the lists of slots; here the publisher looks for a slot each time.
/// This model does not show what keeps reading before N5, as no load sees a later store; and the
/// loads of the entry could be relaxed, as the fence between them acquires.
@Suite("Model of a topic", .timeLimit(.minutes(5)))
struct TopicModelTests {
  /// The steps and orderings that can be left out or weakened.
  enum Fault: CaseIterable {
    case noPin, subscriberWithoutFence, weakSubscriberFence, notLookedAtAgain
    case pinsIgnored, publisherWithoutFence, weakPublisherFence, entryRelaxed
  }

  /// The orderings at the end of a topic that can be weakened.
  enum EndFault: CaseIterable { case finishedRelaxed, seenRelaxed, lookedForLast }

  // The words of the memory. An entry is the number of the message, times 4, and the slot.
  private static let entry = 0
  private static let pin = 1
  private static func data(_ slot: UInt8, _ index: Int) -> Int { 2 + 2 * Int(slot) + index }

  private struct Program: ModelProgram {
    var fault: Fault?
    var instructions: [WeakMemory.Instruction] = []
    var labelCount = 0

    init(_ fault: Fault?) { self.fault = fault }

    mutating func publish(count: UInt8) {
      // Registers: 0 pin, 1 slot, 2 slot of the message before.
      for number in 1...count {
        addFence(
          isLeftOut: fault == .publisherWithoutFence, isWeak: fault == .weakPublisherFence)
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
        addFence(
          isLeftOut: fault == .subscriberWithoutFence, isWeak: fault == .weakSubscriberFence)
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

  /// One thread publishes messages and finishes the topic, F1; the other one looks for the end and
  /// then for a message, F3 and N0, until it finds the end and no message.
  private static func runToEnd(messages: UInt8, _ fault: EndFault?) -> WeakMemory.Outcome {
    let finished = 1
    var publisher = Program(nil)
    for number in 1...messages {
      publisher.add(.store(.releasing, at: { _ in entry }) { _ in number })
    }
    publisher.add(
      .store(fault == .finishedRelaxed ? .relaxed : .releasing, at: { _ in finished }) { _ in 1 })
    // Registers: 0 whether the topic is finished, 1 entry, 2 the last message.
    var subscriber = Program(nil)
    let lookForEnd = WeakMemory.Instruction.load(
      into: 0, fault == .seenRelaxed ? .relaxed : .acquiring, at: { _ in finished })
    let (next, over, end) = (
      subscriber.label("next"), subscriber.label("over"), subscriber.label("end")
    )
    subscriber.add(.label(next))
    if fault != .lookedForLast { subscriber.add(lookForEnd) }
    subscriber.add(.load(into: 1, .acquiring, at: { _ in entry }))
    if fault == .lookedForLast { subscriber.add(lookForEnd) }
    subscriber.go(to: over) { $0[1] == $0[2] }
    subscriber.add(.set(2) { $0[1] }, .set(0) { _ in 0 })
    subscriber.go(to: next) { _ in true }
    subscriber.add(.label(over))
    subscriber.go(to: end) { $0[0] == 1 }
    subscriber.go(to: next) { _ in true }
    subscriber.add(
      .label(end), .check { $0[2] == messages ? nil : "the end after \($0[2])" })
    return WeakMemory.explore(
      [0, 0],
      [
        .init(name: "publisher", program: publisher.instructions),
        .init(name: "subscriber", program: subscriber.instructions),
      ])
  }

  @Test("A subscriber that finds the end, and then no message, has had all of them")
  func end() {
    let outcome = Self.runToEnd(messages: 3, nil)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 20 && !outcome.ends.isEmpty)
  }

  @Test("Each ordering at the end is needed", arguments: EndFault.allCases)
  func faultsAtEnd(fault: EndFault) {
    let outcome = Self.runToEnd(messages: 3, fault)
    #expect(outcome.violation?.hasPrefix("subscriber: the end after") == true, "\(outcome)")
  }

  @Test("A subscriber reads whole messages, in order, and each under its own number")
  func wholeMessages() {
    let outcome = Self.run(nil, messages: 5, samples: 2)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 1000)
    let seen = Set(outcome.ends.map { $0[1][4] })
    #expect(seen.isSuperset(of: [0, 1, 5]))
  }

  @Test("Each step and each ordering is needed", arguments: Fault.allCases)
  func faults(fault: Fault) {
    let outcome = Self.run(fault, messages: 5, samples: 2)
    #expect(outcome.violation != nil, "\(outcome.stateCount) states")
  }
}
