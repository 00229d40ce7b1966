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

/// How a reader and a writer of a read-write lock exclude each other, and how a reader waits for a
/// condition.
///
/// Each announces itself, and then looks for the other. The lock of the writer and the places of
/// readers have models of their own.
@Suite("Model of a read-write lock", .timeLimit(.minutes(5)))
struct ReadWriteLockModelTests {
  /// The steps and orderings that can be left out or weakened.
  enum Fault: CaseIterable {
    case readerNotLookingAgain, readerWithoutFence, weakReaderFence, lookRelaxed
    case writerNotWaiting, writerWithoutFence, weakWriterFence, lockReleasedRelaxed
  }

  /// The steps of a wait for a condition that can be left out or weakened.
  enum WaitFault: CaseIterable {
    case turnNotMarked, turnMarkedAfterPlace, placeFreedRelaxed, turnNotAdvanced, turnNotWoken
    case oneWoken
  }

  // The words of the memory.
  private static let word = 0
  private static func place(_ reader: Int) -> Int { 1 + reader }
  private static func data(_ index: Int) -> Int { 3 + index }

  private static let changeCount = 5

  private struct Program: ModelProgram {
    var fault: Fault?
    var waitFault: WaitFault?
    var instructions: [WeakMemory.Instruction] = []
    var labelCount = 0

    init(_ fault: Fault?, _ waitFault: WaitFault? = nil) {
      self.fault = fault
      self.waitFault = waitFault
    }

    /// Reads the given number of times, or gives its place back because a writer writes.
    mutating func read(_ reader: Int, count: Int) {
      // Registers: 0 place or word, 1 and 2 data, 3 data read before.
      for _ in 0..<count {
        let end = label("end")
        add(
          .compareExchange(
            into: 0, .acquiring, at: { _ in place(reader) }, { _ in 0 }, { _ in 1 }))
        switch fault {
        case .readerWithoutFence: break
        case .weakReaderFence: add(.fence(.acquiringAndReleasing))
        default: add(.fence(.sequentiallyConsistent))
        }
        if fault != .readerNotLookingAgain {
          add(.load(into: 0, fault == .lookRelaxed ? .relaxed : .acquiring, at: { _ in word }))
          go(to: end) { $0[0] != 0 }
        }
        add(
          .load(into: 1, .relaxed, at: { _ in data(0) }),
          .load(into: 2, .relaxed, at: { _ in data(1) }),
          .check { $0[1] == $0[2] ? nil : "torn: \($0[1]) and \($0[2])" },
          .check { $0[1] < $0[3] ? "\($0[1]) after \($0[3])" : nil },
          .set(3) { $0[1] })
        add(.label(end))
        add(.store(.releasing, at: { _ in place(reader) }) { _ in 0 })
        clear(0, 1, 2)
      }
    }

    /// Waits as a reader until the data is 1.
    mutating func readUntilChanged(_ reader: Int) {
      // Registers: 0 place, word or the change count found, 1 data, 2 marked change count.
      let (again, back, came) = (label("again"), label("back"), label("came"))
      add(.label(again))
      add(.compareExchange(into: 0, .acquiring, at: { _ in place(reader) }, { _ in 0 }, { _ in 1 }))
      add(.fence(.sequentiallyConsistent))
      add(.load(into: 0, .acquiring, at: { _ in word }))
      go(to: back) { $0[0] != 0 }
      add(.load(into: 1, .relaxed, at: { _ in data(0) }))
      go(to: came) { $0[1] == 1 }
      if waitFault == .turnMarkedAfterPlace { freePlace(reader) }
      awaitChange()
      if waitFault != .turnMarkedAfterPlace { freePlace(reader) }
      clear(0, 1)
      add(.sleep(into: 0, at: { _ in changeCount }, while: { $0[2] }))
      clear(0, 2)
      go(to: again) { _ in true }
      add(.label(back))
      freePlace(reader)
      let held = label("held")
      add(.label(held), .load(into: 0, .relaxed, at: { _ in word }))
      go(to: held) { $0[0] != 0 }
      go(to: again) { _ in true }
      add(.label(came))
      freePlace(reader)
      clear(0)
    }

    private mutating func freePlace(_ reader: Int) {
      let order = waitFault == .placeFreedRelaxed ? WeakMemory.Order.relaxed : .releasing
      add(.store(order, at: { _ in place(reader) }) { _ in 0 })
    }

    /// Sets the mark, and keeps the change count with it in register 2.
    private mutating func awaitChange() {
      let (retry, marked) = (label("retry"), label("marked"))
      add(.label(retry), .load(into: 0, .relaxed, at: { _ in changeCount }))
      if waitFault != .turnNotMarked {
        add(.compareExchange(into: 2, .relaxed, at: { _ in changeCount }, { $0[0] }, { $0[0] | 1 }))
        go(to: marked) { $0[2] == $0[0] }
        go(to: retry) { _ in true }
        add(.label(marked), .set(2) { $0[0] | 1 })
      } else {
        add(.set(2) { $0[0] })
      }
    }

    /// Sets the data to 1 as a writer, and wakes the waiters.
    mutating func change(readerCount: Int) {
      // Registers: 0 word or place, 2 changeCount.
      let (again, unmarked, end) = (label("again"), label("unmarked"), label("end"))
      add(.compareExchange(into: 0, .acquiring, at: { _ in word }, { _ in 0 }, { _ in 1 }))
      add(.fence(.sequentiallyConsistent), .label(again))
      for reader in 0..<readerCount {
        add(.load(into: 0, .acquiring, at: { _ in place(reader) }))
        go(to: again) { $0[0] != 0 }
      }
      add(.store(.relaxed, at: { _ in data(0) }) { _ in 1 })
      add(.load(into: 2, .relaxed, at: { _ in changeCount }))
      if waitFault != .turnNotAdvanced {
        go(to: unmarked) { $0[2] & 1 == 0 }
        add(.store(.releasing, at: { _ in changeCount }) { ($0[2] & ~1) + 2 }, .label(unmarked))
      }
      add(.store(.releasing, at: { _ in word }) { _ in 0 })
      go(to: end) { $0[2] & 1 == 0 }
      if waitFault != .turnNotWoken {
        let count = waitFault == .oneWoken ? 1 : 3
        add(.wake(into: 0, at: { _ in changeCount }, atMost: count))
      }
      add(.label(end))
      clear(0, 2)
    }

    /// Takes the lock, waits for the readers, and increments the data, the given number of times.
    mutating func write(count: Int, readerCount: Int) {
      // Registers: 0 word or place, 1 data.
      for _ in 0..<count {
        let again = label("again")
        add(
          .compareExchange(into: 0, .acquiring, at: { _ in word }, { _ in 0 }, { _ in 1 }))
        switch fault {
        case .writerWithoutFence: break
        case .weakWriterFence: add(.fence(.acquiringAndReleasing))
        default: add(.fence(.sequentiallyConsistent))
        }
        add(.label(again))
        if fault != .writerNotWaiting {
          for reader in 0..<readerCount {
            add(.load(into: 0, .acquiring, at: { _ in place(reader) }))
            go(to: again) { $0[0] != 0 }
          }
        }
        add(.set(1) { $0[1] + 1 })
        for index in 0...1 { add(.store(.relaxed, at: { _ in data(index) }) { $0[1] }) }
        add(
          .store(fault == .lockReleasedRelaxed ? .relaxed : .releasing, at: { _ in word }) { _ in 0
          })
        clear(0)
      }
    }
  }

  private static func run(_ fault: Fault?, readerCount: Int, count: Int) -> WeakMemory.Outcome {
    var threads: [WeakMemory.Thread] = []
    for reader in 0..<readerCount {
      var program = Program(fault)
      program.read(reader, count: count)
      threads.append(.init(name: "reader \(reader)", program: program.instructions))
    }
    var program = Program(fault)
    program.write(count: count, readerCount: readerCount)
    threads.append(.init(name: "writer", program: program.instructions))
    return WeakMemory.explore([0, 0, 0, 0, 0], threads)
  }

  @Test("No reader sees half of a write, or an older value than before", arguments: [1, 2])
  func wholeValues(readerCount: Int) {
    let outcome = Self.run(nil, readerCount: readerCount, count: readerCount == 1 ? 2 : 1)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 100)
  }

  @Test("Each step and each ordering is needed", arguments: Fault.allCases)
  func faults(fault: Fault) {
    let outcome = Self.run(fault, readerCount: 1, count: 2)
    #expect(outcome.violation?.contains("torn") == true, "\(String(describing: outcome.violation))")
  }

  // MARK: - Conditions

  /// Readers that wait for the data to be 1, and a writer that sets it.
  private static func wait(_ fault: WaitFault?, readerCount: Int) -> WeakMemory.Outcome {
    var threads: [WeakMemory.Thread] = []
    for reader in 0..<readerCount {
      var program = Program(nil, fault)
      program.readUntilChanged(reader)
      threads.append(.init(name: "reader \(reader)", program: program.instructions))
    }
    var program = Program(nil, fault)
    program.change(readerCount: readerCount)
    threads.append(.init(name: "writer", program: program.instructions))
    return WeakMemory.explore([0, 0, 0, 0, 0, 0], threads)
  }

  @Test("A reader that waits for a condition misses no change", arguments: [1, 2])
  func condition(readerCount: Int) {
    let outcome = Self.wait(nil, readerCount: readerCount)
    #expect(outcome.violation == nil, "\(outcome.violation ?? "") \(outcome.trace)")
    #expect(outcome.stateCount > 100)
  }

  @Test("Each step of a wait for a condition is needed", arguments: WaitFault.allCases)
  func waitFaults(fault: WaitFault) {
    let outcome = Self.wait(fault, readerCount: fault == .oneWoken ? 2 : 1)
    #expect(
      outcome.violation?.contains("asleep for ever") == true,
      "\(String(describing: outcome.violation))")
  }
}
