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

import TestSupport
import Testing

/// The messages of a topic that lie in their entries: the steps P0 to E5 and C0 to C4 of
/// `TopicEntries`, for a history of one message of two words, and with a publisher that is killed
/// anywhere.
///
/// `Models/topicentry.pml` covers several publishers and subscribers, and the end of a topic. The
/// tail of P0 could be stored relaxed, as E1 releases it.
@Suite("Model of a topic's entries", .timeLimit(.minutes(5)))
struct TopicEntryModelTests {
  /// The steps and orderings that can be left out or weakened.
  enum Fault: CaseIterable {
    case markLeftOut, markRelaxed, noFenceBehindMark, writtenRelaxed, tailRelaxed
    case wordLoadRelaxed, noFenceBehindWords, notLookedAtAgain, latestRelaxed
    case oneEntryTooFew, publishedMessageWrittenAgain

    /// How the first violation that the fault causes begins.
    var problem: String {
      switch self {
      case .markLeftOut, .noFenceBehindMark, .noFenceBehindWords, .notLookedAtAgain,
        .publishedMessageWrittenAgain:
        "torn"
      case .writtenRelaxed, .wordLoadRelaxed: "torn"
      case .markRelaxed: "a message ahead of the tail"
      case .tailRelaxed, .latestRelaxed: "no message before the tail"
      case .oneEntryTooFew: "missed although it is kept"
      }
    }
  }

  private static let history: UInt8 = 1
  private static let (unwritten, written): (UInt8, UInt8) = (1, 2)

  // The words of the memory. The word of an entry is the position plus 1, times 4, and what is said
  // of the message.
  private static let tail = 0

  private struct Program: ModelProgram {
    let fault: Fault?
    var instructions: [WeakMemory.Instruction] = []
    var labelCount = 0

    init(_ fault: Fault?) { self.fault = fault }

    private func entry(_ position: UInt8) -> Int {
      1 + 3 * Int(position % (fault == .oneEntryTooFew ? history : history + 1))
    }

    /// Publishes messages up to a position.
    ///
    /// A message consists of its position with the number of the publisher in front, so that two
    /// publishers write different messages of one position.
    mutating func publish(_ number: UInt8, upTo last: UInt8) {
      let (entry, fault) = (entry, fault)
      // Registers: 0 position, 1 word.
      let (next, end) = (label("next"), label("end"))
      add(.load(into: 0, .relaxed, at: { _ in tail }))
      if fault != .publishedMessageWrittenAgain {
        add(.load(into: 1, .relaxed, at: { entry($0[0]) }))
        go(to: next) { $0[1] != ($0[0] + 1) * 4 + written }
        add(.set(0) { $0[0] + 1 }, .store(.releasing, at: { _ in tail }) { $0[0] })
      }
      add(.label(next))
      clear(1)
      go(to: end) { $0[0] >= last }
      if fault != .markLeftOut {
        add(
          .store(fault == .markRelaxed ? .relaxed : .releasing, at: { entry($0[0]) }) {
            ($0[0] + 1) * 4 + unwritten
          })
      }
      if fault != .noFenceBehindMark { add(.fence(.releasing)) }
      for index in 1...2 {
        add(.store(.relaxed, at: { entry($0[0]) + index }) { number * 16 + $0[0] + 1 })
      }
      add(
        .store(fault == .writtenRelaxed ? .relaxed : .releasing, at: { entry($0[0]) }) {
          ($0[0] + 1) * 4 + written
        },
        .set(0) { $0[0] + 1 },
        .store(fault == .tailRelaxed ? .relaxed : .releasing, at: { _ in tail }) { $0[0] })
      go(to: next) { _ in true }
      add(.label(end))
    }

    /// Receives what there is, perhaps from the newest message on.
    mutating func receive() {
      let (entry, fault) = (entry, fault)
      // Registers: 0 position, 1 word, 2 and 3 message, 4 word again, 5 tail, 6 received, 7 missed.
      let (next, newer, end) = (label("next"), label("newer"), label("end"))
      add(
        .maybeGo(to: next),
        .load(into: 5, fault == .latestRelaxed ? .relaxed : .acquiring, at: { _ in tail }))
      go(to: next) { $0[5] < 2 }
      add(
        .set(0) { $0[5] - 1 },
        .set(7) { $0[5] - 1 },
        .load(into: 1, .acquiring, at: { entry($0[0]) }),
        // What is counted is there.
        .check {
          $0[1] >= ($0[0] + 1) * 4 + written ? nil : "no message before the tail \($0[5])"
        },
        .label(next))
      clear(2, 3, 4, 5)
      add(
        .load(
          into: 1, fault == .wordLoadRelaxed ? .relaxed : .acquiring, at: { entry($0[0]) }))
      go(to: end) { $0[1] / 4 <= $0[0] || $0[1] == ($0[0] + 1) * 4 + unwritten }
      go(to: newer) { $0[1] / 4 > $0[0] + 1 }
      add(
        .load(into: 2, .relaxed, at: { entry($0[0]) + 1 }),
        .load(into: 3, .relaxed, at: { entry($0[0]) + 2 }))
      if fault != .noFenceBehindWords { add(.fence(.acquiring)) }
      if fault != .notLookedAtAgain {
        add(.load(into: 4, .relaxed, at: { entry($0[0]) }))
        go(to: next) { $0[4] != $0[1] }
      }
      add(
        .check {
          $0[2] == $0[3] && $0[2] % 16 == $0[0] + 1
            ? nil : "torn: \($0[2]) and \($0[3]) as message \($0[0])"
        },
        .set(0) { $0[0] + 1 },
        .set(6) { $0[6] + 1 })
      go(to: next) { _ in true }
      add(
        .label(newer),
        .load(into: 5, .acquiring, at: { _ in tail }),
        .check { $0[1] / 4 - 1 <= $0[5] ? nil : "a message ahead of the tail \($0[5])" },
        .check { $0[5] > $0[0] + history ? nil : "missed although it is kept: \($0[0])" },
        .set(7) { $0[7] + max(1, $0[5] - history - $0[0]) },
        .set(0) { max($0[0] + 1, $0[5] - history) })
      go(to: next) { _ in true }
      add(.label(end))
      clear(1, 2, 3, 4, 5)
    }
  }

  /// A publisher, a second one that continues when the first has been killed or has ended, and a
  /// subscriber.
  private static func run(upTo last: UInt8, _ fault: Fault? = nil) -> WeakMemory.Outcome {
    var (first, second) = (Program(fault), Program(fault))
    first.publish(0, upTo: last)
    second.publish(1, upTo: last)
    var subscriber = Program(fault)
    subscriber.receive()
    return WeakMemory.explore(
      [UInt8](repeating: 0, count: 7),
      [
        .init(name: "first", program: first.instructions, isMortal: true),
        .init(name: "second", program: second.instructions, successor: 0),
        .init(name: "subscriber", program: subscriber.instructions),
      ])
  }

  @Test("A subscriber reads whole messages and misses no kept one, even if any process is killed")
  func wholeMessages() {
    let last: UInt8 = extent(whole: 5, short: 4)
    let outcome = Self.run(upTo: last)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 1000)
    // Subscribers have received no message, all of them, or missed some.
    let ends = Set(outcome.ends.map { [$0[2][0], $0[2][6], $0[2][7]] })
    #expect(ends.isSuperset(of: [[0, 0, 0], [last, last, 0], [last, 1, last - 1]]), "\(ends)")
    #expect(ends.allSatisfy { $0[0] == $0[1] + $0[2] })
  }

  @Test("Each step and each ordering is needed", arguments: Fault.allCases)
  func faults(fault: Fault) {
    let outcome = Self.run(upTo: 4, fault)
    #expect(
      outcome.violation?.hasPrefix("subscriber: \(fault.problem)") == true,
      "\(String(describing: outcome.violation)) \(outcome.trace)")
  }
}
