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

/// The arrivals of `SharedBarrier`: a party that continues has seen what each party wrote before it
/// arrived.
@Suite("Model of a barrier", .timeLimit(.minutes(5)))
struct BarrierModelTests {
  /// The orderings that can be weakened.
  enum Fault: CaseIterable {
    case arrivalNotReleasing, lastNotAcquiring, lastNotReleasing, waitRelaxed
  }

  // The words of the memory: how many parties have arrived, plus 8 for each finished round; and one
  // word that each party writes.
  private static let word = 0
  private static func data(_ party: Int) -> Int { 1 + party }

  private struct Program: ModelProgram {
    var fault: Fault?
    var partyCount: Int
    var instructions: [WeakMemory.Instruction] = []
    var labelCount = 0

    init(_ fault: Fault?, partyCount: Int) {
      self.fault = fault
      self.partyCount = partyCount
    }

    /// Writes, arrives, and checks what the others wrote, in two rounds.
    mutating func meet(_ party: Int) {
      // Registers: 0 word, 1 value that an exchange found, 2 data.
      for round in 1...2 {
        let (again, last, wait, over) = (
          label("again"), label("last"), label("wait"), label("over")
        )
        let partyCount = partyCount
        add(.store(.relaxed, at: { _ in data(party) }) { _ in UInt8(round) })
        add(.label(again), .load(into: 0, .relaxed, at: { _ in word }))
        go(to: last) { Int($0[0] % 8) + 1 == partyCount }
        add(
          .compareExchange(
            into: 1, fault == .arrivalNotReleasing ? .acquiring : .acquiringAndReleasing,
            at: { _ in word }, { $0[0] }, { $0[0] + 1 }))
        go(to: again) { $0[1] != $0[0] }
        add(.label(wait))
        add(.load(into: 0, fault == .waitRelaxed ? .relaxed : .acquiring, at: { _ in word }))
        go(to: wait) { Int($0[0] / 8) < round }
        go(to: over) { _ in true }
        add(.label(last))
        let order: WeakMemory.Order =
          switch fault {
          case .lastNotAcquiring: .releasing
          case .lastNotReleasing: .acquiring
          default: .acquiringAndReleasing
          }
        add(
          .compareExchange(
            into: 1, order, at: { _ in word }, { $0[0] }, { _ in UInt8(round * 8) }))
        go(to: again) { $0[1] != $0[0] }
        add(.label(over))
        for other in 0..<partyCount where other != party {
          add(.load(into: 2, .relaxed, at: { _ in data(other) }))
          add(.check { Int($0[2]) < round ? "\($0[2]) in round \(round)" : nil })
        }
        clear(0, 1, 2)
      }
    }
  }

  private static func run(_ fault: Fault?, partyCount: Int) -> WeakMemory.Outcome {
    let threads = (0..<partyCount).map { party in
      var program = Program(fault, partyCount: partyCount)
      program.meet(party)
      return WeakMemory.Thread(name: "party \(party)", program: program.instructions)
    }
    return WeakMemory.explore(Array(repeating: 0, count: 1 + partyCount), threads)
  }

  @Test("A party that continues sees what all wrote before", arguments: [2, 3])
  func seen(partyCount: Int) {
    let outcome = Self.run(nil, partyCount: partyCount)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(outcome.stateCount > 50)
  }

  @Test("Each ordering is needed", arguments: Fault.allCases)
  func faults(fault: Fault) {
    let outcome = Self.run(fault, partyCount: 2)
    #expect(
      outcome.violation?.contains("in round") == true, "\(String(describing: outcome.violation))")
  }
}
