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

/// The protocol of `SharedSemaphore`, step by step as its source labels them, in every order that
/// the memory model allows, and with a holder that is killed anywhere.
@Suite("Model of a semaphore", .timeLimit(.minutes(5)))
struct SemaphoreModelTests {
  /// The steps and orderings that can be left out or weakened.
  ///
  /// Faults that three threads survive are missing here: R4 and R5 need not be exchanges, R5 could
  /// clear the mark and wake all at once, one waiter woken for the mark would do, and R5 need not
  /// change the gate when it clears the mark, which `Models/passing.pml` finds.
  enum Fault: CaseIterable {
    case freedRelaxed, freedWithoutExchange, noFenceBehindFreed, weakFenceBehindFreed
    case gateNotChanged, notWokenForMark
    case notMarked, noFenceBehindMark, weakFenceBehindMark, takenRelaxed, takenWithoutExchange
    case notLookedAtAgain, sleepsOnNewGate, wakeNotHandedOn
    case notReclaimed, reclaimInverted, reclaimedFromLiving, numberNotForgotten

    /// The first violation that the fault causes.
    var problem: String {
      switch self {
      case .freedRelaxed, .takenRelaxed, .takenWithoutExchange: "an addition is lost"
      case .noFenceBehindFreed, .weakFenceBehindFreed, .notMarked, .noFenceBehindMark,
        .weakFenceBehindMark, .notLookedAtAgain, .sleepsOnNewGate:
        "two: asleep for ever"
      case .notWokenForMark: "one: asleep for ever"
      case .gateNotChanged, .wakeNotHandedOn: "three: asleep for ever"
      case .notReclaimed, .reclaimInverted, .numberNotForgotten: "there is no end"
      case .freedWithoutExchange, .reclaimedFromLiving: "three: two have one permit"
      }
    }
  }

  // The words of the memory: the gate, up to two permits, the data that the holder of an only
  // permit writes, and for each of two permits whether a thread has it, changed only by exchanges.
  private static let gate = 0
  private static func permit(_ index: Int) -> Int { 1 + index }
  private static let data = 2
  private static func inside(_ index: Int) -> Int { 3 + index }
  private static let initial: [UInt8] = [0, 0, 0, 0, 0]

  private static let waiters: UInt8 = 1

  /// The program of one thread.
  private struct Program: ModelProgram {
    // Registers: 0 gate, 1 whether the last sleep ended by itself, 2 value that an exchange found,
    // 3 permit held, plus 1, 4 data, 5 the kernel's answer, 6 gate before or after R4, 7 number
    // woken, 8 number found in a permit.
    var fault: Fault?
    var permitCount: Int
    /// The number of the thread less 1, and of the permits that it holds.
    var index: Int
    var threadCount = 3
    var instructions: [WeakMemory.Instruction] = []
    var labelCount = 0

    init(_ fault: Fault?, permitCount: Int, index: Int) {
      self.fault = fault
      self.permitCount = permitCount
      self.index = index
    }

    private var number: UInt8 { UInt8(index + 1) }

    /// A0 or A3: looks at each permit, and takes the first one that is free.
    private mutating func take(orGoOnTo next: String) {
      let number = number
      for index in 0..<permitCount {
        let other = label("other")
        let order = fault == .takenRelaxed ? WeakMemory.Order.relaxed : .acquiring
        if fault == .takenWithoutExchange {
          add(.load(into: 2, order, at: { _ in permit(index) }))
          go(to: other) { $0[2] != 0 }
          add(.store(.relaxed, at: { _ in permit(index) }) { _ in number })
        } else {
          add(
            .compareExchange(
              into: 2, order, at: { _ in permit(index) }, { _ in 0 }, { _ in number }))
          go(to: other) { $0[2] != 0 }
        }
        add(.set(3) { _ in UInt8(index + 1) })
        go(to: next) { _ in true }
        add(.label(other))
      }
      clear(2)
    }

    /// A0 to A4; if `end` is given, the wait may be given up there after any sleep.
    mutating func acquire(orGoTo end: String? = nil) {
      let (taken, again, marked) = (label("taken"), label("again"), label("marked"))
      add(.label(again))
      if fault != .notReclaimed { reclaimIfSleepEnded() }
      clear(1)
      take(orGoOnTo: taken)
      let retry = label("retry")
      add(.label(retry), .load(into: 0, .relaxed, at: { _ in gate }))
      if fault != .notMarked {
        go(to: marked) { $0[0] & waiters != 0 }
        add(
          .compareExchange(
            into: 2, .relaxed, at: { _ in gate }, { $0[0] }, { $0[0] | waiters }))
        go(to: retry) { $0[2] != $0[0] }
        add(.set(0) { $0[0] | waiters }, .label(marked))
      }
      clear(2)
      if fault == .weakFenceBehindMark { add(.fence(.acquiringAndReleasing)) }
      if fault != .noFenceBehindMark && fault != .weakFenceBehindMark {
        add(.fence(.sequentiallyConsistent))
      }
      if fault != .notLookedAtAgain { take(orGoOnTo: taken) }
      if fault == .sleepsOnNewGate { add(.load(into: 0, .relaxed, at: { _ in gate })) }
      add(.sleep(into: 1, at: { _ in gate }, while: { $0[0] }))
      if let end {
        add(.maybeGo(to: again))
        if fault != .wakeNotHandedOn { add(.wake(into: 7, at: { _ in gate }, atMost: 1)) }
        clear(7)
        go(to: end) { _ in true }
      }
      go(to: again) { _ in true }
      add(.label(taken))
      clear(0, 1, 2)
    }

    private mutating func reclaimIfSleepEnded() {
      let alive = label("awake")
      go(to: alive) { $0[1] == 0 }
      reclaim()
      add(.label(alive))
    }

    /// Frees the permits whose holders are dead.
    mutating func reclaim() {
      for index in 0..<permitCount {
        let next = label("next permit")
        add(.load(into: 8, .relaxed, at: { _ in permit(index) }))
        go(to: next) { $0[8] == 0 }
        let (own, isInverted) = (number, fault == .reclaimInverted)
        go(to: next) { $0[8] == own }
        let threads = threadCount
        add(.ask(into: 5, about: { min(Int($0[8]) - 1, threads - 1) }))
        if fault != .reclaimedFromLiving { go(to: next) { ($0[5] == 0) != isInverted } }
        free(permit: { _ in index }, number: { $0[8] })
        add(.label(next))
        clear(5, 8)
      }
    }

    /// What a handle does when it gets a number for the first time.
    mutating func forget() {
      if fault == .numberNotForgotten { return }
      let number = number
      for index in 0..<permitCount {
        add(
          .compareExchange(
            into: 2, .relaxed, at: { _ in permit(index) }, { _ in number }, { _ in 0 }))
      }
      clear(2)
    }

    mutating func release() {
      let number = number
      free(permit: { Int($0[3]) - 1 }, number: { _ in number })
      clear(3)
    }

    /// R1 to R5.
    private mutating func free(
      permit index: @escaping (WeakMemory.Registers) -> Int,
      number: @escaping (WeakMemory.Registers) -> UInt8
    ) {
      let (again, end) = (label("gate"), label("free"))
      let at = { (registers: WeakMemory.Registers) in permit(index(registers)) }
      let order = fault == .freedRelaxed ? WeakMemory.Order.relaxed : .releasing
      if fault == .freedWithoutExchange {
        add(.store(order, at: at) { _ in 0 })
      } else {
        add(.compareExchange(into: 2, order, at: at, number, { _ in 0 }))
        go(to: end) { $0[2] != number($0) }
      }
      if fault == .weakFenceBehindFreed { add(.fence(.acquiringAndReleasing)) }
      if fault != .noFenceBehindFreed && fault != .weakFenceBehindFreed {
        add(.fence(.sequentiallyConsistent))
      }
      add(.label(again), .load(into: 6, .relaxed, at: { _ in gate }))
      go(to: end) { $0[6] & waiters == 0 }
      if fault != .gateNotChanged {
        add(
          .compareExchange(
            into: 2, .relaxed, at: { _ in gate }, { $0[6] }, { $0[6] &+ 2 }))
        go(to: again) { $0[2] != $0[6] }
        add(.set(6) { $0[6] &+ 2 })
      }
      add(.wake(into: 7, at: { _ in gate }, atMost: 1))
      go(to: end) { $0[7] != 0 }
      add(
        .compareExchange(
          into: 2, .relaxed, at: { _ in gate }, { $0[6] }, { ($0[6] & ~waiters) &+ 2 }))
      go(to: end) { $0[2] != $0[6] }
      if fault != .notWokenForMark { add(.wake(into: 7, at: { _ in gate }, atMost: 3)) }
      add(.label(end))
      clear(2, 6, 7)
    }

    /// Adds 1 to the data, as the holder of the only permit, or checks whether another thread has
    /// the same permit.
    mutating func work(isCounting: Bool) {
      if !isCounting {
        add(
          .load(into: 4, .relaxed, at: { _ in data }), .set(4) { $0[4] + 1 },
          .store(.relaxed, at: { _ in data }) { $0[4] })
      } else {
        let at = { (registers: WeakMemory.Registers) in inside(Int(registers[3]) - 1) }
        add(
          .exchange(into: 5, .relaxed, at: at) { _ in 1 },
          .check { $0[5] != 0 ? "two have one permit" : nil },
          .exchange(into: 5, .relaxed, at: at) { _ in 0 })
        clear(5)
      }
    }
  }

  private static let names = ["one", "two", "three"]

  /// Threads that each take a permit the given number of times.
  private static func workers(
    _ counts: [Int], permitCount: Int, _ fault: Fault? = nil, givesUp: Bool = false
  ) -> WeakMemory.Outcome {
    var outcome = WeakMemory.explore(
      initial,
      counts.enumerated().map { index, count in
        var program = Program(fault, permitCount: permitCount, index: index)
        program.threadCount = counts.count
        for _ in 0..<count {
          program.acquire(orGoTo: givesUp && index == 1 ? "end" : nil)
          program.work(isCounting: permitCount > 1)
          program.release()
        }
        program.add(.label("end"))
        return WeakMemory.Thread(name: names[index], program: program.instructions)
      })
    // The last thread has counted all.
    let total = UInt8(counts.reduce(0, +))
    if permitCount == 1 && !givesUp && outcome.violation == nil
      && !outcome.ends.allSatisfy({ $0.map { $0[4] }.max() == total })
    {
      outcome.violation = "an addition is lost"
    }
    return outcome
  }

  /// The first thread may be killed anywhere.
  ///
  /// If two others follow, it has the permit from the beginning, as there would be too many states.
  private static func mortal(
    _ count: Int, _ fault: Fault? = nil, isNumberTakenAgain: Bool = false
  ) -> WeakMemory.Outcome {
    var words = initial
    if count == 2 { words[permit(0)] = 1 }
    return WeakMemory.explore(
      words,
      (0...count).map { position in
        let isAgain = isNumberTakenAgain && position == count
        var program = Program(fault, permitCount: 1, index: isAgain ? 0 : position)
        program.threadCount = count + 1
        if isAgain { program.forget() }
        if position == 0 && count == 2 {
          program.add(.set(3) { _ in 1 })
        } else {
          program.acquire()
        }
        if position > 0 && !isAgain { program.work(isCounting: true) }
        program.release()
        return WeakMemory.Thread(
          name: names[position], program: program.instructions, isMortal: position == 0,
          successor: isAgain ? 0 : nil)
      })
  }

  /// The smallest search that finds a fault.
  private static func search(for fault: Fault) -> WeakMemory.Outcome {
    switch fault {
    case .notWokenForMark: workers([2, 2], permitCount: 1, fault)
    case .notReclaimed, .reclaimInverted: mortal(1, fault)
    case .numberNotForgotten: mortal(1, fault, isNumberTakenAgain: true)
    case .gateNotChanged, .wakeNotHandedOn:
      workers([1, 1, 1], permitCount: 1, fault, givesUp: true)
    case .freedWithoutExchange, .reclaimedFromLiving: mortal(2, fault)
    default: workers([1, 1], permitCount: 1, fault)
    }
  }

  // MARK: - Tests

  /// How often each thread takes a permit, and how many permits there are.
  ///
  /// In the short form, three threads without a fault only run in the test where one gives up.
  private static let permitCases = extent(
    whole: [([2, 2], 1), ([1, 1, 1], 1), ([1, 1, 1], 2)], short: [([2, 2], 1)],
    function: "permits")

  @Test(
    "No permit is held twice or lost, and no thread sleeps forever", arguments: permitCases)
  func permits(counts: [Int], permitCount: Int) {
    let outcome = Self.workers(counts, permitCount: permitCount)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 10_000)
  }

  @Test("A waiter that gives up takes no wake-up with it")
  func givingUp() {
    let outcome = Self.workers([1, 1, 1], permitCount: 1, givesUp: true)
    #expect(outcome.violation == nil, "\(outcome.trace)")
  }

  @Test("The permit of a holder that is killed anywhere comes back", arguments: [1, 2])
  func death(survivorCount: Int) {
    let outcome = Self.mortal(survivorCount)
    #expect(outcome.violation == nil, "\(outcome.trace)")
  }

  @Test("A number may be that of an earlier, dead holder")
  func sameNumber() {
    let outcome = Self.mortal(1, isNumberTakenAgain: true)
    #expect(outcome.violation == nil, "\(outcome.trace)")
  }

  @Test("Each step and each ordering is needed", arguments: Fault.allCases)
  func faults(fault: Fault) {
    let outcome = Self.search(for: fault)
    #expect(outcome.violation == fault.problem, "\(outcome.trace)")
  }
}
