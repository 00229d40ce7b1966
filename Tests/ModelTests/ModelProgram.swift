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

/// Writes the program of a thread part by part, with separate labels in each part.
protocol ModelProgram {
  var instructions: [WeakMemory.Instruction] { get set }
  /// The number of labels made so far.
  var labelCount: Int { get set }
}

extension ModelProgram {
  mutating func add(_ more: WeakMemory.Instruction...) { instructions += more }

  /// A label that no other part of the program has.
  mutating func label(_ name: String) -> String {
    labelCount += 1
    return "\(name) \(labelCount)"
  }

  /// Clears registers that no longer matter, as they would make different states of equal ones.
  mutating func clear(_ registers: Int...) {
    for register in registers { add(.set(register) { _ in 0 }) }
  }

  mutating func go(to label: String, if condition: @escaping (WeakMemory.Registers) -> Bool) {
    add(.go(to: label, if: condition))
  }

  /// Adds a sequentially consistent fence, unless it is left out or weakened.
  mutating func addFence(isLeftOut: Bool, isWeak: Bool) {
    if !isLeftOut { add(.fence(isWeak ? .acquiringAndReleasing : .sequentiallyConsistent)) }
  }

  // MARK: - Gates

  /// One attempt of a wait, A1 to A4 of `EventCount`, with registers 4 to 6 and those of `look`.
  ///
  /// - Parameters:
  ///   - end: The label to go to when the condition seems to hold, or the sleep has ended.
  ///   - look: A3; goes to a label if the condition holds.
  mutating func sleep(
    on gate: Int, isMarked: Bool = true, isFenced: Bool = true, isLookedAtAgain: Bool = true,
    orGoTo end: String, if look: (inout Self, String) -> Void
  ) {
    let (retry, marked, over) = (label("retry"), label("marked"), label("over"))
    add(.label(retry), .load(into: 4, .relaxed, at: { _ in gate }))
    if isMarked {
      go(to: marked) { $0[4] & 1 != 0 }
      add(.compareExchange(into: 5, .relaxed, at: { _ in gate }, { $0[4] }, { $0[4] | 1 }))
      go(to: retry) { $0[5] != $0[4] }
      add(.set(4) { $0[4] | 1 }, .label(marked))
    }
    clear(5)
    if isFenced { add(.fence(.sequentiallyConsistent)) }
    if isLookedAtAgain { look(&self, over) }
    clear(2, 3)
    add(.sleep(into: 6, at: { _ in gate }, while: { $0[4] }), .label(over))
    clear(2, 3, 4, 5, 6)
    go(to: end) { _ in true }
  }

  /// R2 to R5 of `EventCount`, which wake one sleeper, with registers 4 to 6.
  mutating func open(_ gate: Int, isFenced: Bool = true) {
    let (again, end) = (label("gate"), label("opened"))
    if isFenced { add(.fence(.sequentiallyConsistent)) }
    add(.label(again), .load(into: 4, .relaxed, at: { _ in gate }))
    go(to: end) { $0[4] & 1 == 0 }
    add(.compareExchange(into: 5, .relaxed, at: { _ in gate }, { $0[4] }, { $0[4] &+ 2 }))
    go(to: again) { $0[5] != $0[4] }
    add(.set(4) { $0[4] &+ 2 }, .wake(into: 6, at: { _ in gate }, atMost: 1))
    go(to: end) { $0[6] != 0 }
    add(
      .compareExchange(into: 5, .relaxed, at: { _ in gate }, { $0[4] }, { $0[4] & ~1 }))
    go(to: end) { $0[5] != $0[4] }
    add(.wake(into: 6, at: { _ in gate }, atMost: 3), .label(end))
    clear(4, 5, 6)
  }
}
