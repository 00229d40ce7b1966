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

/// How a subscriber of a topic pins the slot of a message, before or after it is published, and how a
/// publisher finds out that no subscriber has pinned a slot: the steps of `TopicRing` for a history of
/// one message, one subscriber and one sample.
///
/// `Models/topic.pml` covers the lists of slots; here there is one slot less than in a topic, and the
/// publisher ends if the one that it could take is pinned. This model does not show what keeps reading
/// before N6, as no load sees a later store; and a slot could be announced by a relaxed store.
@Suite("Model of a topic", .timeLimit(.minutes(5)))
struct TopicModelTests {
  /// The steps and orderings that can be left out or weakened.
  enum Fault: CaseIterable {
    case noPin, subscriberWithoutFence, weakSubscriberFence, wordNotChecked
    case pinsIgnored, publisherWithoutFence, weakPublisherFence, retiredUnmarked
    case thereRelaxed, wordLoadRelaxed, retiredRelaxed
  }

  /// The orderings at the end of a topic that can be weakened.
  enum EndFault: CaseIterable { case finishedRelaxed, seenRelaxed, lookedForLast }

  // The words of the memory. An entry is the number of the message, times 4, and the slot. The word
  // of a slot is twice the number of the message, plus 1 if it is there. A message is a word: its
  // number, times 4, and the link.
  private static let entry = 0
  private static let pin = 1
  private static func word(_ slot: UInt8) -> Int { 2 + Int(slot) }
  private static func message(_ slot: UInt8) -> Int { 5 + Int(slot) }

  private struct Program: ModelProgram {
    var fault: Fault?
    var instructions: [WeakMemory.Instruction] = []
    var labelCount = 0

    init(_ fault: Fault?) { self.fault = fault }

    mutating func publish(count: UInt8) {
      // Registers: 0 pin, 1 next slot, 2 second slot, 3 the slot of the entry that is replaced.
      let end = label("end")
      add(.set(2) { _ in 1 }, .set(3) { _ in 2 })
      for number in 1...count {
        add(
          .store(.relaxed, at: { message($0[1]) }) { number * 4 + $0[2] },
          .store(fault == .thereRelaxed ? .relaxed : .releasing, at: { word($0[1]) }) { _ in
            2 * number + 1
          },
          .store(.releasing, at: { _ in entry }) { number * 4 + $0[1] })
        if fault != .retiredUnmarked {
          let order = fault == .retiredRelaxed ? WeakMemory.Order.relaxed : .releasing
          add(.store(order, at: { word($0[3]) }) { _ in 0 })
        }
        addFence(
          isLeftOut: fault == .publisherWithoutFence, isWeak: fault == .weakPublisherFence)
        if fault != .pinsIgnored { add(.load(into: 0, .acquiring, at: { _ in pin })) }
        // There is no slot for this case.
        go(to: end) { $0[0] == $0[3] + 1 }
        add(
          .store(.releasing, at: { word($0[3]) }) { _ in 2 * (number + 2) },
          .set(0) { $0[3] }, .set(3) { $0[1] }, .set(1) { $0[2] }, .set(2) { $0[0] })
        clear(0)
      }
      add(.label(end))
    }

    mutating func receive(count: Int) {
      // Registers: 0 slot plus 1, 1 whether it is pinned, 2 its word, 3 the message, 5 the number of
      // the one that it wants, 6 entry, 7 entry again. The first slot is that of the first message.
      add(.set(0) { _ in 1 }, .set(5) { _ in 1 })
      for _ in 0..<count {
        let (known, pinned, there, end) = (
          label("known"), label("pinned"), label("there"), label("end")
        )
        go(to: known) { $0[0] != 0 }
        add(.load(into: 6, .acquiring, at: { _ in entry }))
        go(to: end) { $0[6] / 4 < $0[5] }
        add(.set(5) { $0[6] / 4 }, .set(0) { $0[6] % 4 + 1 })
        add(.label(known))
        go(to: pinned) { $0[1] == 1 }
        if fault != .noPin { add(.store(.releasing, at: { _ in pin }) { $0[0] }) }
        addFence(
          isLeftOut: fault == .subscriberWithoutFence, isWeak: fault == .weakSubscriberFence)
        add(
          .set(1) { _ in 1 }, .label(pinned),
          .load(
            into: 2, fault == .wordLoadRelaxed ? .relaxed : .acquiring, at: { word($0[0] - 1) }))
        go(to: there) { [fault] in
          $0[2] == 2 * $0[5] + 1 || fault == .wordNotChecked && $0[6] != 0
        }
        go(to: end) { $0[2] == 2 * $0[5] }
        let newer = label("newer")
        go(to: newer) { $0[6] == 0 }
        add(
          .load(into: 7, .relaxed, at: { _ in entry }),
          .check { $0[7] != $0[6] ? nil : "message \($0[5]) is not in its slot" },
          .label(newer),
          .store(.releasing, at: { _ in pin }) { _ in 0 }, .set(0) { _ in 0 }, .set(1) { _ in 0 })
        go(to: end) { _ in true }
        add(
          .label(there),
          .load(into: 3, .relaxed, at: { message($0[0] - 1) }),
          .check { $0[3] / 4 == $0[5] ? nil : "\($0[3] / 4) as message \($0[5])" },
          .store(.releasing, at: { _ in pin }) { _ in 0 },
          .set(0) { $0[3] % 4 + 1 }, .set(1) { _ in 0 }, .set(5) { $0[5] + 1 },
          .label(end))
        clear(2, 3, 6, 7)
      }
    }
  }

  private static func run(_ fault: Fault?, messages: UInt8, looks: Int) -> WeakMemory.Outcome {
    var publisher = Program(fault)
    publisher.publish(count: messages)
    var subscriber = Program(fault)
    subscriber.receive(count: looks)
    var words = [UInt8](repeating: 0, count: 8)
    // The slots of the first two messages.
    (words[word(0)], words[word(1)]) = (2, 4)
    return WeakMemory.explore(
      words,
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

  @Test("A subscriber reads messages in order, and each under its own number")
  func wholeMessages() {
    let outcome = Self.run(nil, messages: 4, looks: 4)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 1000)
    // What the subscriber wants at the end: the first message, or one after any other.
    let wanted = Set(outcome.ends.map { $0[1][5] })
    #expect(wanted.isSuperset(of: [1, 2, 3, 4, 5]))
  }

  @Test("Each step and each ordering is needed", arguments: Fault.allCases)
  func faults(fault: Fault) {
    let outcome = Self.run(fault, messages: 5, looks: 4)
    #expect(outcome.violation != nil, "\(outcome.stateCount) states")
  }
}
