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

internal import Interprocess

/// A mutex's value in the tests: two numbers that are equal whenever the lock is free.
package struct Account: Shareable {
  package var first: UInt64 = 0
  package var second: UInt64 = 0
  /// How often the two had to be made equal again.
  package var repairCount: UInt64 = 0

  package var isWhole: Bool { first == second }

  package mutating func add() {
    first += 1
    second += 1
  }

  package mutating func repair() {
    second = first
    repairCount += 1
  }

  package init() {}
}
