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

/// The protocol of `SharedValue`, step by step as its source labels them, with two slots of two
/// words: in every order that the memory model allows, and with a writer that is killed anywhere.
///
/// The reader stores nothing, and no two writers store at once. So no load could see a store that
/// has not happened yet, which the model leaves out.
@Suite("Model of a shared value", .timeLimit(.minutes(5)))
struct SharedValueModelTests {
  /// The steps and orderings that can be left out or weakened.
  enum Fault: CaseIterable {
    case markLeftOut, markRelaxed, noFenceBehindMark, slotVersionRelaxed, versionRelaxed
    case latestRelaxed, slotVersionLoadRelaxed, noFenceBehindWords, notLookedAtAgain
    case unpublishedAccepted, noFenceAfterFailure
    case unfinishedStoreNotPublished, unfinishedStorePublishedRelaxed

    /// The first violation that the fault causes.
    var problem: String {
      switch self {
      case .markLeftOut, .noFenceBehindMark, .noFenceBehindWords: "torn: 2 and 4"
      case .notLookedAtAgain: "torn: 1 and 3"
      case .markRelaxed, .noFenceAfterFailure: "version 1 is not in its slot"
      case .latestRelaxed, .versionRelaxed: "version 4 is not in its slot"
      case .slotVersionRelaxed, .slotVersionLoadRelaxed: "2 as version 4"
      case .unpublishedAccepted: "version 3 after 4"
      // Two writers store different values as version 3.
      case .unfinishedStoreNotPublished: "torn: 3 and 19"
      case .unfinishedStorePublishedRelaxed: "version 2 is not in its slot"
      }
    }
  }

  /// The steps that can be left out when a reader waits for a version.
  enum WaitFault: CaseIterable {
    case noFenceBehindVersion, noFenceBehindMark, notMarked, notLookedAtAgain
  }

  /// A thread that sleeps at the gate, or opens it.
  private struct Sleeping: ModelProgram {
    var instructions: [WeakMemory.Instruction] = []
    var labelCount = 0
  }

  // The words of the memory.
  private static let version = 0
  private static func slotVersion(_ version: UInt8) -> Int { 1 + Int(version % 2) * 3 }
  private static func word(_ index: Int, of version: UInt8) -> Int {
    slotVersion(version) + 1 + index
  }

  /// Version 1, whose value is 1, lies in slot 1.
  private static let initial: [UInt8] = [1, 0, 0, 0, 1, 1, 1]

  /// Stores versions up to a last one.
  ///
  /// A value consists of the version with the number of the writer in front, so that two writers
  /// store different values as the same version.
  private static func writer(
    _ number: UInt8, upTo last: UInt8, _ fault: Fault?
  ) -> [WeakMemory.Instruction] {
    // Registers: 0 version to store, 1 version of its slot when the writer begins.
    func value(_ registers: WeakMemory.Registers) -> UInt8 { number * 16 + registers[0] }
    var program: [WeakMemory.Instruction] = []
    if fault != .unfinishedStoreNotPublished {
      program += [
        .load(into: 0, .relaxed, at: { _ in version }),
        .set(0) { $0[0] + 1 },
        .load(into: 1, .relaxed, at: { slotVersion($0[0]) }),
        .go(to: "next") { $0[1] != $0[0] },
        .store(
          fault == .unfinishedStorePublishedRelaxed ? .relaxed : .releasing, at: { _ in version }
        ) { $0[0] },
      ]
    }
    program += [
      .label("next"),
      .load(into: 0, .relaxed, at: { _ in version }),
      .set(0) { $0[0] + 1 },
      .go(to: "end") { $0[0] > last },
    ]
    if fault != .markLeftOut {
      program.append(
        .store(fault == .markRelaxed ? .relaxed : .releasing, at: { slotVersion($0[0]) }) { _ in 0 }
      )
    }
    if fault != .noFenceBehindMark { program.append(.fence(.releasing)) }
    program += [
      .store(.relaxed, at: { word(0, of: $0[0]) }, value),
      .store(.relaxed, at: { word(1, of: $0[0]) }, value),
      .store(
        fault == .slotVersionRelaxed ? .relaxed : .releasing, at: { slotVersion($0[0]) }
      ) { $0[0] },
      .store(fault == .versionRelaxed ? .relaxed : .releasing, at: { _ in version }) { $0[0] },
      .go(to: "next") { _ in true },
      .label("end"),
    ]
    return program
  }

  /// Loads a value twice, and may ask for the version before each load.
  private static func reader(
    _ fault: Fault?, asksForVersion: Bool = false
  ) -> [WeakMemory.Instruction] {
    // Registers: 0 latest, 1 slot's version, 2 and 3 words, 4 version again, 5 previous latest, 6
    // and 7 last returned version and value, 8 number of returns, 9 version asked for.
    var program: [WeakMemory.Instruction] = [.label("load")]
    if asksForVersion { program.append(.load(into: 9, .acquiring, at: { _ in version })) }
    program += [
      .label("attempt"),
      .load(into: 0, fault == .latestRelaxed ? .relaxed : .acquiring, at: { _ in version }),
      .check { $0[0] == $0[5] ? "version \($0[0]) is not in its slot" : nil },
      .load(
        into: 1, fault == .slotVersionLoadRelaxed ? .relaxed : .acquiring,
        at: { slotVersion($0[0]) }),
      .go(to: "failed") { $0[1] < $0[0] },
      .load(into: 2, .relaxed, at: { word(0, of: $0[0]) }),
      .load(into: 3, .relaxed, at: { word(1, of: $0[0]) }),
    ]
    if fault != .noFenceBehindWords { program.append(.fence(.acquiring)) }
    if fault != .notLookedAtAgain {
      program += [
        .load(into: 4, .relaxed, at: { slotVersion($0[0]) }),
        .go(to: "failed") { $0[4] != $0[1] },
      ]
    }
    if fault != .unpublishedAccepted {
      program += [
        .go(to: "whole") { $0[1] == $0[0] },
        .load(into: 4, .relaxed, at: { _ in version }),
        .go(to: "failed") { $0[4] < $0[1] },
        .label("whole"),
      ]
    }
    program += [
      .check { $0[2] == $0[3] ? nil : "torn: \($0[2]) and \($0[3])" },
      .check { $0[2] % 16 == $0[1] ? nil : "\($0[2]) as version \($0[1])" },
      .check { $0[1] < $0[6] ? "version \($0[1]) after \($0[6])" : nil },
      .check { $0[1] < $0[9] ? "version \($0[1]) when the latest was \($0[9])" : nil },
      .check { $0[1] == $0[6] && $0[2] != $0[7] ? "\($0[2]) after \($0[7])" : nil },
      .set(6) { $0[1] },
      .set(7) { $0[2] },
      .set(8) { $0[8] + 1 },
      .set(5) { _ in 0 },
      .go(to: "load") { $0[8] < 2 },
      .go(to: "end") { _ in true },
      .label("failed"),
    ]
    if fault != .noFenceAfterFailure { program.append(.fence(.acquiring)) }
    program += [.set(5) { $0[0] }, .go(to: "attempt") { _ in true }, .label("end")]
    return program
  }

  /// One writer and a reader.
  private static func one(
    upTo last: UInt8, _ fault: Fault? = nil, asksForVersion: Bool = false
  ) -> WeakMemory.Outcome {
    WeakMemory.explore(
      initial,
      [
        WeakMemory.Thread(name: "writer", program: writer(0, upTo: last, fault)),
        WeakMemory.Thread(name: "reader", program: reader(fault, asksForVersion: asksForVersion)),
      ])
  }

  /// A writer that may be killed, its successor, and a reader.
  private static func two(upTo last: UInt8, _ fault: Fault? = nil) -> WeakMemory.Outcome {
    WeakMemory.explore(
      initial,
      [
        WeakMemory.Thread(name: "first", program: writer(0, upTo: last, fault), isMortal: true),
        WeakMemory.Thread(
          name: "second", program: writer(1, upTo: last, fault), successor: 0),
        WeakMemory.Thread(name: "reader", program: reader(fault)),
      ])
  }

  /// A writer that stores versions, W5 and what follows it, and a reader that waits for each.
  private static func waiting(
    upTo last: UInt8, _ fault: WaitFault? = nil, isMortal: Bool = false
  ) -> WeakMemory.Outcome {
    let gate = 1
    func storing() -> [WeakMemory.Instruction] {
      // Register 0 is the version.
      var writer = Sleeping()
      let (next, end) = (writer.label("next"), writer.label("end"))
      writer.add(.label(next), .load(into: 0, .relaxed, at: { _ in version }))
      writer.go(to: end) { $0[0] == last }
      writer.add(.set(0) { $0[0] + 1 }, .store(.releasing, at: { _ in version }) { $0[0] })
      writer.open(gate, isFenced: fault != .noFenceBehindVersion)
      writer.go(to: next) { _ in true }
      writer.add(.label(end))
      return writer.instructions
    }
    // Registers: 0 known version, 1 version found.
    var reader = Sleeping()
    let (next, found, end) = (reader.label("next"), reader.label("found"), reader.label("end"))
    reader.add(.label(next), .load(into: 1, .acquiring, at: { _ in version }))
    reader.go(to: found) { $0[1] > $0[0] }
    reader.sleep(
      on: gate, isMarked: fault != .notMarked, isFenced: fault != .noFenceBehindMark,
      isLookedAtAgain: fault != .notLookedAtAgain, orGoTo: next
    ) { program, there in
      program.add(.load(into: 1, .acquiring, at: { _ in version }))
      program.go(to: there) { $0[1] > $0[0] }
    }
    reader.add(.label(found), .set(0) { $0[1] })
    reader.go(to: end) { $0[0] == last }
    reader.go(to: next) { _ in true }
    reader.add(.label(end))
    var threads = [
      WeakMemory.Thread(name: "writer", program: storing(), isMortal: isMortal),
      WeakMemory.Thread(name: "reader", program: reader.instructions),
    ]
    if isMortal {
      threads.append(WeakMemory.Thread(name: "successor", program: storing(), successor: 0))
    }
    return WeakMemory.explore([1, 0], threads)
  }

  @Test("A waiter for a version does not sleep forever", arguments: [false, true])
  func waiting(isMortal: Bool) {
    let outcome = Self.waiting(upTo: 4, isMortal: isMortal)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 500)
  }

  @Test("Each step of that wait is needed", arguments: WaitFault.allCases)
  func waitFaults(fault: WaitFault) {
    let outcome = Self.waiting(upTo: 4, fault)
    #expect(outcome.violation?.hasSuffix("asleep for ever") == true, "\(outcome)")
  }

  @Test("A reader sees whole values in order, whatever the order of the stores")
  func oneWriter() {
    let outcome = Self.one(upTo: 6)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 1000)
    // The reader has seen the first version and the last one.
    let seen = Set(outcome.ends.map { $0[1][6] })
    #expect(seen.isSuperset(of: [1, 6]))
  }

  @Test("A load returns no version before the one that was the latest when it was asked for")
  func versionAskedFor() {
    let outcome = Self.one(upTo: 5, asksForVersion: true)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    // A load has returned a later version than the one asked for before.
    #expect(outcome.ends.contains { $0[1][6] > $0[1][9] && $0[1][9] > 1 })
  }

  @Test("A writer may be killed anywhere, and the next one continues")
  func killedWriter() {
    let last: UInt8 = extent(whole: 5, short: 4)
    let outcome = Self.two(upTo: last)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 1000)
    let seen = Set(outcome.ends.map { $0[2][7] })
    #expect(seen.isSuperset(of: [1, last, 16 + last]))
  }

  @Test("Each step and each ordering is needed", arguments: Fault.allCases)
  func faults(fault: Fault) {
    var outcome = Self.one(upTo: 4, fault)
    if outcome.violation == nil { outcome = Self.two(upTo: 4, fault) }
    #expect(outcome.violation == "reader: \(fault.problem)", "\(outcome.trace)")
  }
}
