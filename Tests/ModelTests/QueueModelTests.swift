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

/// The protocol of `QueueRing`, step by step as its source labels them, in every order that the
/// memory model allows: one sender and one receiver, each of which may be killed anywhere.
///
/// `Models/queue.pml` models several of each.
@Suite("Model of a queue", .timeLimit(.minutes(5)))
struct QueueModelTests {
  /// The steps and orderings that can be left out or weakened.
  enum Fault: CaseIterable {
    case roomRelaxed, sentRelaxed, seenRelaxed, takenRelaxed
    case tailBeforeCount, tailNotMoved, tailAfterFirst, noSpareGroup
    case noFenceBehindCount, noFenceBehindTaken, noFenceBehindMark, notMarked, notLookedAtAgain

    /// The first violation that the fault causes.
    var problem: String {
      switch self {
      case .roomRelaxed, .takenRelaxed: "receiver: 1 as message 3"
      case .sentRelaxed, .seenRelaxed: "receiver: 0 as message 1"
      case .tailBeforeCount: "there is no end"
      case .tailNotMoved: "successor: 1 of 0 were taken"
      case .tailAfterFirst: "successor: 3 of 2 were taken"
      case .noSpareGroup: "receiver: the group of message 1 says 3"
      case .noFenceBehindCount, .noFenceBehindTaken, .noFenceBehindMark, .notMarked,
        .notLookedAtAgain:
        "asleep for ever"
      }
    }
  }

  /// The size of the queue.
  struct Shape {
    var capacity: UInt8
    var groupCapacity: UInt8
    var groupCount: UInt8 = 2
    var storesEachTail = false

    static let single = Shape(capacity: 1, groupCapacity: 1)
    static let pair = Shape(capacity: 2, groupCapacity: 2)
    /// Of one of many senders, which takes all its messages in one turn.
    static let pairOfMany = Shape(capacity: 2, groupCapacity: 2, storesEachTail: true)

    // The words of the memory: the count of each group, the messages, the tail, the number taken;
    // and, if there are that many words, the gate where each side sleeps, or the limit of the
    // senders.
    var initial: [UInt8] {
      Array(repeating: 0, count: min(8, Int(groupCount + groupCount * groupCapacity) + 4))
    }
    func count(at position: UInt8) -> Int { Int(position / groupCapacity % groupCount) }
    func place(of position: UInt8) -> Int {
      Int(groupCount + position % (groupCount * groupCapacity))
    }
    var tail: Int { Int(groupCount + groupCount * groupCapacity) }
    var taken: Int { tail + 1 }
    var limit: Int { tail + 2 }
    var senders: Int { tail + 2 }
    var receivers: Int { tail + 3 }
    func groupEnd(_ position: UInt8) -> UInt8 {
      (position / groupCapacity + 1) * groupCapacity
    }
  }

  /// Which side sleeps; the other one polls.
  private enum Sleepers {
    case none, sender, receiver, both

    var includeSender: Bool { self == .sender || self == .both }
    var includeReceiver: Bool { self == .receiver || self == .both }
  }

  /// The program of one thread.
  private struct Program: ModelProgram {
    // Registers: 0 position, 1 limit, 2 and 3 loaded values, 4 to 7 of the gates.
    let shape: Shape
    let fault: Fault?
    let sleepers: Sleepers
    var instructions: [WeakMemory.Instruction] = []
    var labelCount = 0

    init(_ shape: Shape, _ fault: Fault?, _ sleepers: Sleepers) {
      self.shape = shape
      self.fault = fault
      self.sleepers = sleepers
    }

    // MARK: Sending

    /// `sendingCursor()`.
    mutating func takeOverSending() {
      let (shape, next, end) = (shape, label("nothing sent"), label("limit"))
      add(.load(into: 0, .relaxed, at: { _ in shape.tail }))
      if fault != .tailNotMoved {
        add(.load(into: 2, .relaxed, at: { shape.count(at: $0[0]) }))
        go(to: next) { $0[2] <= $0[0] }
        add(
          .set(0) { $0[2] }, .store(.relaxed, at: { _ in shape.tail }) { $0[0] }, .label(next))
      }
      add(.set(1) { $0[0] })
      if sleepers == .none && shape.limit < shape.initial.count {
        add(.load(into: 2, .relaxed, at: { _ in shape.limit }))
        go(to: end) { $0[2] &- $0[0] > shape.capacity }
        add(.set(1) { $0[2] }, .label(end))
      }
      clear(2)
    }

    /// Sends messages up to a last position, S1 to S5.
    ///
    /// A message is its position plus 1, with the number of its sender in front.
    mutating func send(upTo last: UInt8, as number: UInt8) {
      let (shape, fault) = (shape, fault)
      let (next, full, room, end) = (label("next"), label("full"), label("room"), label("end"))
      let new = label("new limit")
      add(.label(next))
      go(to: end) { $0[0] == last }
      go(to: room) { $0[0] != $0[1] }
      add(
        .label(full),
        .load(
          into: 1, fault == .roomRelaxed ? .relaxed : .acquiring, at: { _ in shape.taken }),
        .check { $0[0] &- $0[1] > shape.capacity ? "\($0[1]) of \($0[0]) were taken" : nil },
        .set(1) { $0[1] + shape.capacity })
      go(to: new) { $0[0] != $0[1] }
      if sleepers.includeSender {
        sleep(on: shape.senders, over: full, fault) { program, there in
          program.add(.load(into: 3, .acquiring, at: { _ in shape.taken }))
          program.go(to: there) { $0[0] &- $0[3] != shape.capacity }
        }
      }
      go(to: full) { _ in true }
      add(.label(new))
      // The code also stores the limit if there is no room; then it has not changed.
      if sleepers == .none && shape.limit < shape.initial.count {
        add(.store(.relaxed, at: { _ in shape.limit }) { $0[1] })
      }
      add(
        .label(room),
        .store(.relaxed, at: { shape.place(of: $0[0]) }) { number * 16 + $0[0] + 1 })
      if fault == .tailBeforeCount { storeTail() }
      add(
        .store(
          fault == .sentRelaxed ? .relaxed : .releasing, at: { shape.count(at: $0[0]) }
        ) { $0[0] + 1 })
      if fault != .tailBeforeCount { storeTail() }
      add(.set(0) { $0[0] + 1 })
      if sleepers.includeReceiver {
        open(shape.receivers, isFenced: fault != .noFenceBehindCount)
      }
      go(to: next) { _ in true }
      add(.label(end))
      clear(1)
    }

    /// S4.
    private mutating func storeTail() {
      let (shape, kept) = (shape, label("kept"))
      if !shape.storesEachTail {
        let rest = fault == .tailAfterFirst ? 1 % shape.groupCapacity : 0
        go(to: kept) { ($0[0] + 1) % shape.groupCapacity != rest }
      }
      add(.store(.relaxed, at: { _ in shape.tail }) { $0[0] + 1 }, .label(kept))
    }

    // MARK: Receiving

    /// Receives messages up to a last position, T0 to T3.
    mutating func receive(upTo last: UInt8) {
      let (shape, fault) = (shape, fault)
      let (next, look, seen, end) = (label("next"), label("look"), label("seen"), label("end"))
      add(.label(next))
      go(to: end) { $0[0] == last }
      go(to: seen) { $0[0] != $0[1] }
      add(
        .label(look),
        .load(
          into: 2, fault == .seenRelaxed ? .relaxed : .acquiring,
          at: { shape.count(at: $0[0]) }))
      let found = label("found")
      go(to: found) { $0[2] > $0[0] }
      if sleepers.includeReceiver {
        sleep(on: shape.receivers, over: look, fault) { program, there in
          program.add(
            .load(into: 2, .relaxed, at: { _ in shape.taken }),
            .load(into: 3, .acquiring, at: { shape.count(at: $0[2]) }))
          program.go(to: there) { $0[3] > $0[2] }
        }
      }
      go(to: look) { _ in true }
      add(
        .label(found),
        .check {
          $0[2] > shape.groupEnd($0[0]) ? "the group of message \($0[0]) says \($0[2])" : nil
        },
        .set(1) { $0[2] }, .label(seen))
      clear(2)
      // The model has no load of a value that is only stored later; such a load would need no more
      // than that T1 and S2 are unordered. Here T1 stores what it has loaded: if that may lie
      // behind what S2 stores, a reader finds it there.
      add(
        .load(into: 2, .relaxed, at: { shape.place(of: $0[0]) }),
        .check { $0[2] % 16 == $0[0] + 1 ? nil : "\($0[2]) as message \($0[0] + 1)" },
        .store(.relaxed, at: { shape.place(of: $0[0]) }) { $0[2] })
      add(
        .store(fault == .takenRelaxed ? .relaxed : .releasing, at: { _ in shape.taken }) {
          $0[0] + 1
        },
        .set(0) { $0[0] + 1 })
      clear(2)
      if sleepers.includeSender {
        open(shape.senders, isFenced: fault != .noFenceBehindTaken)
      }
      go(to: next) { _ in true }
      add(.label(end))
      clear(1)
    }

    /// `receivingCursor()`.
    mutating func takeOverReceiving() {
      let shape = shape
      add(.load(into: 0, .relaxed, at: { _ in shape.taken }), .set(1) { $0[0] })
    }

    private mutating func sleep(
      on gate: Int, over: String, _ fault: Fault?, _ look: (inout Program, String) -> Void
    ) {
      sleep(
        on: gate, isMarked: fault != .notMarked, isFenced: fault != .noFenceBehindMark,
        isLookedAtAgain: fault != .notLookedAtAgain, orGoTo: over, if: look)
    }
  }

  /// One thread sends messages, and one receives them.
  private static func pass(
    _ count: UInt8, _ shape: Shape, _ fault: Fault? = nil, sleepers: Sleepers = .none,
    isSenderMortal: Bool = false, isReceiverMortal: Bool = false
  ) -> WeakMemory.Outcome {
    var shape = shape
    if fault == .noSpareGroup { shape.groupCount = 1 }
    let empty = Program(shape, fault, sleepers)
    var (sender, receiver) = (empty, empty)
    sender.send(upTo: count, as: 0)
    receiver.receive(upTo: count)
    var threads = [
      WeakMemory.Thread(
        name: "sender", program: sender.instructions, isMortal: isSenderMortal),
      WeakMemory.Thread(
        name: "receiver", program: receiver.instructions, isMortal: isReceiverMortal),
    ]
    if isSenderMortal {
      var successor = empty
      successor.takeOverSending()
      successor.send(upTo: count, as: 1)
      threads.append(
        WeakMemory.Thread(name: "successor", program: successor.instructions, successor: 0))
    }
    if isReceiverMortal {
      var successor = empty
      successor.takeOverReceiving()
      successor.receive(upTo: count)
      threads.append(
        WeakMemory.Thread(name: "successor", program: successor.instructions, successor: 1))
    }
    return WeakMemory.explore(shape.initial, threads)
  }

  // MARK: - Tests

  @Test("Each message arrives once, whole and in order", arguments: [true, false])
  func messages(isPair: Bool) {
    let outcome = isPair ? Self.pass(8, .pair) : Self.pass(8, .single)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 100)
  }

  @Test("No thread sleeps forever")
  func sleeping() {
    let outcome = Self.pass(3, .single, sleepers: .both)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 30_000)
  }

  @Test(
    "A sender may be killed anywhere, and the next one continues",
    arguments: [Shape.single, .pair, .pairOfMany])
  func killedSender(shape: Shape) {
    let outcome = Self.pass(4, shape, isSenderMortal: true)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 1000)
  }

  @Test("A receiver may be killed anywhere, and the next one continues", arguments: [true, false])
  func killedReceiver(isPair: Bool) {
    let outcome = Self.pass(4, isPair ? .pair : .single, isReceiverMortal: true)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 500)
  }

  @Test("A sleeper finds what a process killed anywhere has left", arguments: [true, false])
  func killedWaker(isSender: Bool) {
    let outcome = Self.pass(
      2, .single, sleepers: isSender ? .receiver : .sender, isSenderMortal: isSender,
      isReceiverMortal: !isSender)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 2000)
  }

  @Test("Each step and each ordering is needed", arguments: Fault.allCases)
  func faults(fault: Fault) {
    let searches = [
      { Self.pass(4, .pair, fault) }, { Self.pass(3, .single, fault) },
      { Self.pass(3, .single, fault, isSenderMortal: true) },
      { Self.pass(3, .pair, fault, isSenderMortal: true) },
      { Self.pass(3, .pairOfMany, fault, isSenderMortal: true) },
      { Self.pass(3, .single, fault, isReceiverMortal: true) },
      { Self.pass(3, .single, fault, sleepers: .both) },
    ]
    var outcome = WeakMemory.Outcome()
    for search in searches where outcome.violation == nil { outcome = search() }
    #expect(outcome.violation?.hasSuffix(fault.problem) == true, "\(outcome)")
  }
}
