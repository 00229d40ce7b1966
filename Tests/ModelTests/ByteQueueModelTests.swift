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

/// The protocol of `ByteRing`, step by step as its source labels them, in every order that the
/// memory model allows: one sender and one receiver, each of which may be killed anywhere.
///
/// A unit of the memory stands for 8 bytes, and the ring has four. A message has no unit or one
/// unit behind its head; its position decides which, so that a receiver knows. One message does not
/// fit behind the one before it, and lies at the beginning; one ends where the ring does.
///
/// `Models/bytequeue.pml` models several of each.
@Suite("Model of a queue of bytes", .timeLimit(.minutes(5)))
struct ByteQueueModelTests {
  /// The steps and orderings that can be left out or weakened.
  enum Fault: CaseIterable {
    case roomRelaxed, sentRelaxed, skipRelaxed, seenRelaxed, freedRelaxed
    case nextHeadNotCleared, nextHeadClearedLate, roomWithoutNextHead, skipBeforeHead
    case tailBeforeHead, tailNotMoved, freedBeforeRead, takenNotFreed
    case noFenceBehindHead, noFenceBehindFreed, noFenceBehindMark, notLookedAtAgain

    /// The first violation that the fault causes.
    var problem: String {
      switch self {
      case .sentRelaxed, .seenRelaxed: "receiver: 0 as the message at 1"
      case .skipRelaxed, .skipBeforeHead: "receiver: head 1 behind 3"
      case .roomRelaxed, .freedRelaxed, .freedBeforeRead, .nextHeadNotCleared,
        .nextHeadClearedLate:
        "receiver: head 65 at 6"
      case .tailNotMoved: "successor: there is a message at 0 already"
      case .noFenceBehindHead: "receiver: asleep for ever"
      case .roomWithoutNextHead, .tailBeforeHead, .takenNotFreed, .noFenceBehindFreed,
        .noFenceBehindMark, .notLookedAtAgain:
        "there is no end"
      }
    }
  }

  // The words of the memory: the ring, the tail, the positions up to which messages were taken and
  // freed, and the limit of the senders, or the gate where one side sleeps.
  private static let capacity: UInt8 = 4
  private static func unit(_ position: UInt8) -> Int { Int(position % capacity) }
  private static let (tail, taken, freed, limit, gate) = (4, 5, 6, 7, 7)
  private static let initial: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0]
  private static let skip: UInt8 = 255

  /// The number of units of the message at a position, with its head.
  private static func size(at position: UInt8) -> UInt8 { position == 0 ? 1 : 2 }
  private static func rest(at position: UInt8) -> UInt8 { capacity - position % capacity }
  /// Where that message lies.
  private static func begin(at position: UInt8) -> UInt8 {
    position + (size(at: position) > rest(at: position) ? rest(at: position) : 0)
  }
  private static func end(at position: UInt8) -> UInt8 {
    begin(at: position) + size(at: position)
  }

  /// Which side sleeps; the other one polls.
  private enum Sleepers { case none, sender, receiver }

  /// The program of one thread.
  private struct Program: ModelProgram {
    // Registers: 0 position, 1 limit, 2 and 3 loaded values, 4 to 6 of the gates.
    let fault: Fault?
    let sleepers: Sleepers
    var instructions: [WeakMemory.Instruction] = []
    var labelCount = 0

    init(_ fault: Fault?, _ sleepers: Sleepers) {
      self.fault = fault
      self.sleepers = sleepers
    }

    // MARK: Sending

    /// `sendingCursor()`.
    mutating func takeOverSending() {
      let (next, end) = (label("nothing sent"), label("limit"))
      add(.load(into: 0, .relaxed, at: { _ in tail }))
      if fault != .tailNotMoved {
        add(.load(into: 2, .acquiring, at: { unit($0[0]) }))
        go(to: next) { $0[2] == 0 }
        findBegin()
        add(
          .set(0) { ByteQueueModelTests.end(at: $0[0]) },
          .store(.relaxed, at: { _ in tail }) { $0[0] }, .label(next))
      }
      add(.set(1) { $0[0] })
      if sleepers == .none {
        add(.load(into: 2, .relaxed, at: { _ in limit }))
        go(to: end) { $0[2] &- $0[0] > capacity }
        add(.set(1) { $0[2] }, .label(end))
      }
      add(
        .load(into: 2, .relaxed, at: { unit($0[0]) }),
        .check { $0[2] == 0 ? nil : "there is a message at \($0[0]) already" })
      clear(2)
    }

    /// The rest of `message(at:)`, with the head in register 2.
    private mutating func findBegin() {
      let end = label("begin")
      add(
        .check {
          let expected = begin(at: $0[0]) == $0[0] ? size(at: $0[0]) : skip
          return $0[2] == expected ? nil : "head \($0[2]) at \($0[0])"
        })
      go(to: end) { $0[2] != skip }
      add(
        .load(into: 2, .acquiring, at: { unit(begin(at: $0[0])) }),
        .check { $0[2] == size(at: $0[0]) ? nil : "head \($0[2]) behind \($0[0])" },
        .label(end))
    }

    /// Sends messages up to a last position, S1 to S5.
    mutating func send(upTo last: UInt8, as number: UInt8) {
      let fault = fault
      let (next, full, new, room) = (label("next"), label("full"), label("new"), label("room"))
      let (sent, end) = (label("sent"), label("end"))
      let needed = { (position: UInt8) in
        ByteQueueModelTests.end(at: position) - position + (fault == .roomWithoutNextHead ? 0 : 1)
      }
      add(.label(next))
      go(to: end) { $0[0] == last }
      go(to: room) { $0[1] &- $0[0] >= needed($0[0]) }
      add(
        .label(full),
        .load(into: 1, fault == .roomRelaxed ? .relaxed : .acquiring, at: { _ in freed }),
        .check { $0[0] &- $0[1] > capacity ? "\($0[1]) of \($0[0]) were freed" : nil },
        .set(1) { $0[1] + capacity })
      go(to: new) { $0[1] &- $0[0] >= needed($0[0]) }
      if sleepers == .sender {
        sleep(over: full) { program, there in
          program.add(
            .load(into: 2, .relaxed, at: { _ in tail }),
            .load(into: 3, .acquiring, at: { _ in freed }))
          program.go(to: there) { $0[3] &+ capacity &- $0[2] >= needed($0[2]) }
        }
      }
      go(to: full) { _ in true }
      add(.label(new))
      // The code also stores the limit if there is no room; then it has not changed.
      if sleepers == .none { add(.store(.relaxed, at: { _ in limit }) { $0[1] }) }
      add(.label(room))
      write(as: number)
      let moveTail = WeakMemory.Instruction.store(.relaxed, at: { _ in tail }) {
        ByteQueueModelTests.end(at: $0[0])
      }
      let clearNextHead = WeakMemory.Instruction.store(
        .relaxed, at: { unit(ByteQueueModelTests.end(at: $0[0])) }
      ) { _ in 0 }
      if fault != .nextHeadNotCleared && fault != .nextHeadClearedLate { add(clearNextHead) }
      if fault == .tailBeforeHead { add(moveTail) }
      let skipped = label("skipped")
      go(to: skipped) { begin(at: $0[0]) != $0[0] }
      add(
        .store(fault == .sentRelaxed ? .relaxed : .releasing, at: { unit($0[0]) }) {
          size(at: $0[0])
        })
      go(to: sent) { _ in true }
      add(.label(skipped))
      let head = WeakMemory.Instruction.store(.relaxed, at: { unit(begin(at: $0[0])) }) {
        size(at: $0[0])
      }
      if fault != .skipBeforeHead { add(head) }
      add(
        .store(fault == .skipRelaxed ? .relaxed : .releasing, at: { unit($0[0]) }) { _ in skip })
      if fault == .skipBeforeHead { add(head) }
      add(.label(sent))
      if fault == .nextHeadClearedLate { add(clearNextHead) }
      if fault != .tailBeforeHead { add(moveTail) }
      add(.set(0) { ByteQueueModelTests.end(at: $0[0]) })
      if sleepers == .receiver { open(gate, isFenced: fault != .noFenceBehindHead) }
      go(to: next) { _ in true }
      add(.label(end))
      clear(1)
    }

    /// S2: a message consists of its place, with the number of its sender in front.
    private mutating func write(as number: UInt8) {
      let empty = label("empty")
      go(to: empty) { size(at: $0[0]) == 1 }
      add(
        .store(.relaxed, at: { unit(begin(at: $0[0]) + 1) }) {
          64 + number * 16 + begin(at: $0[0])
        },
        .label(empty))
    }

    // MARK: Receiving

    /// Receives messages up to a last position, T0 to T4.
    mutating func receive(upTo last: UInt8, isAcknowledging: Bool) {
      let fault = fault
      let (next, look, found, end) = (label("next"), label("look"), label("found"), label("end"))
      add(.label(next))
      go(to: end) { $0[0] == last }
      add(
        .label(look),
        .load(into: 2, fault == .seenRelaxed ? .relaxed : .acquiring, at: { unit($0[0]) }))
      go(to: found) { $0[2] != 0 }
      if sleepers == .receiver {
        sleep(over: look) { program, there in
          program.add(
            .load(into: 2, .relaxed, at: { _ in taken }),
            .load(into: 3, .acquiring, at: { unit($0[2]) }))
          program.go(to: there) { $0[3] != 0 }
        }
      }
      go(to: look) { _ in true }
      add(.label(found))
      findBegin()
      clear(2)
      let take = WeakMemory.Instruction.store(.relaxed, at: { _ in taken }) {
        ByteQueueModelTests.end(at: $0[0])
      }
      if !isAcknowledging { add(take) }
      if fault == .freedBeforeRead { free { ByteQueueModelTests.end(at: $0[0]) } }
      read()
      if isAcknowledging { add(take) }
      add(.set(0) { ByteQueueModelTests.end(at: $0[0]) })
      if fault != .freedBeforeRead { free { $0[0] } }
      go(to: next) { _ in true }
      add(.label(end))
    }

    /// T2.
    private mutating func read() {
      let empty = label("empty")
      go(to: empty) { size(at: $0[0]) == 1 }
      // Stores what it has loaded, for the reason given in `QueueModelTests`.
      add(
        .load(into: 2, .relaxed, at: { unit(begin(at: $0[0]) + 1) }),
        .check {
          $0[2] >= 64 && $0[2] % 16 == begin(at: $0[0])
            ? nil : "\($0[2]) as the message at \($0[0])"
        },
        .store(.relaxed, at: { unit(begin(at: $0[0]) + 1) }) { $0[2] },
        .label(empty))
      clear(2)
    }

    /// T3 and T4.
    private mutating func free(_ position: @escaping (WeakMemory.Registers) -> UInt8) {
      add(
        .store(fault == .freedRelaxed ? .relaxed : .releasing, at: { _ in freed }, position))
      if sleepers == .sender { open(gate, isFenced: fault != .noFenceBehindFreed) }
    }

    /// `receivingCursor()`.
    mutating func takeOverReceiving() {
      let end = label("freed")
      add(
        .load(into: 0, .relaxed, at: { _ in taken }), .load(into: 2, .relaxed, at: { _ in freed }))
      go(to: end) { $0[2] == $0[0] }
      if fault != .takenNotFreed { free { $0[0] } }
      add(.label(end))
      clear(2)
    }

    private mutating func sleep(over: String, _ look: (inout Program, String) -> Void) {
      sleep(
        on: gate, isFenced: fault != .noFenceBehindMark,
        isLookedAtAgain: fault != .notLookedAtAgain, orGoTo: over, if: look)
    }
  }

  /// One thread sends messages, and one receives them.
  private static func pass(
    upTo last: UInt8, _ fault: Fault? = nil, sleepers: Sleepers = .none,
    isSenderMortal: Bool = false, isReceiverMortal: Bool = false, isAcknowledging: Bool = false
  ) -> WeakMemory.Outcome {
    let empty = Program(fault, sleepers)
    func thread(
      _ name: String, after successor: Int? = nil, isMortal: Bool = false,
      _ write: (inout Program) -> Void
    ) -> WeakMemory.Thread {
      var program = empty
      write(&program)
      return WeakMemory.Thread(
        name: name, program: program.instructions, isMortal: isMortal, successor: successor)
    }
    var threads = [
      thread("sender", isMortal: isSenderMortal) { $0.send(upTo: last, as: 0) },
      thread("receiver", isMortal: isReceiverMortal) {
        $0.receive(upTo: last, isAcknowledging: isAcknowledging)
      },
    ]
    if isSenderMortal {
      threads.append(
        thread("successor", after: 0) {
          $0.takeOverSending()
          $0.send(upTo: last, as: 1)
        })
    }
    if isReceiverMortal {
      threads.append(
        thread("successor", after: 1) {
          $0.takeOverReceiving()
          $0.receive(upTo: last, isAcknowledging: isAcknowledging)
        })
    }
    return WeakMemory.explore(initial, threads)
  }

  // MARK: - Tests

  @Test("Each message arrives once, whole and in order", arguments: [false, true])
  func messages(isAcknowledging: Bool) {
    let outcome = Self.pass(upTo: 12, isAcknowledging: isAcknowledging)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 100)
  }

  @Test("No thread sleeps forever", arguments: [false, true])
  func sleeping(isSender: Bool) {
    let outcome = Self.pass(upTo: 8, sleepers: isSender ? .sender : .receiver)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 4000)
  }

  @Test("A sender may be killed anywhere, and the next one continues", arguments: [false, true])
  func killedSender(isReceiverAsleep: Bool) {
    let outcome = Self.pass(
      upTo: isReceiverAsleep ? 3 : 8, sleepers: isReceiverAsleep ? .receiver : .none,
      isSenderMortal: true)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 1000)
  }

  @Test(
    "A receiver may be killed anywhere, and the next one continues", arguments: [false, true],
    [false, true])
  func killedReceiver(isSenderAsleep: Bool, isAcknowledging: Bool) {
    let outcome = Self.pass(
      upTo: isSenderAsleep ? 6 : 8, sleepers: isSenderAsleep ? .sender : .none,
      isReceiverMortal: true, isAcknowledging: isAcknowledging)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 700)
  }

  @Test("Each step and each ordering is needed", arguments: Fault.allCases)
  func faults(fault: Fault) {
    let searches = [
      { Self.pass(upTo: 10, fault) },
      { Self.pass(upTo: 8, fault, isSenderMortal: true) },
      { Self.pass(upTo: 8, fault, isReceiverMortal: true) },
      { Self.pass(upTo: 6, fault, sleepers: .sender) },
      { Self.pass(upTo: 6, fault, sleepers: .receiver) },
    ]
    var outcome = WeakMemory.Outcome()
    for search in searches where outcome.violation == nil { outcome = search() }
    #expect(outcome.violation == fault.problem, "\(outcome)")
  }
}
