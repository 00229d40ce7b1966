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

/// What writes the program of a thread, a part at a time, with labels of its own in each part.
protocol ModelProgram {
  var instructions: [WeakMemory.Instruction] { get set }
  /// How many labels have been made.
  var labelCount: Int { get set }
}

extension ModelProgram {
  mutating func add(_ more: WeakMemory.Instruction...) { instructions += more }

  /// A label that no other part of the program has.
  mutating func label(_ name: String) -> String {
    labelCount += 1
    return "\(name) \(labelCount)"
  }

  /// What does not matter any more would make different states of equal ones.
  mutating func clear(_ registers: Int...) {
    for register in registers { add(.set(register) { _ in 0 }) }
  }

  mutating func go(to label: String, if condition: @escaping (WeakMemory.Registers) -> Bool) {
    add(.go(to: label, if: condition))
  }
}
