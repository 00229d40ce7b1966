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
internal import TestSupport

// Turns by conditions on a value with a read-write lock.
extension SyncTurns {
  static func prepareReadWriteCondition(
    _ name: String, _ rounds: Int
  ) throws -> () throws -> Bool {
    let lock = try SharedReadWriteLock.create(
      name, initialValue: Account(), options: .whileAttached)
    return {
      let account = try lock.withReadLock { $0 }
      return account.isWhole && account.first == 2 * rounds
    }
  }

  /// Adds one when the number is even, or odd; first waits for that as a reader, then as a writer.
  static func takeTurnsByReadWriteCondition(
    _ name: String, _ rounds: Int, _ isFirst: Bool
  ) throws {
    let lock = try SharedReadWriteLock<Account>.attach(name)
    var pauses = Pauses()
    for _ in 0..<rounds {
      func isMyTurn(_ account: Account) -> Bool { account.first.isMultiple(of: 2) == isFirst }
      try lock.withReadLock(until: isMyTurn) { account in
        pauses.next()
        guard account.isWhole, isMyTurn(account) else { throw Problem(description: "\(account)") }
      }
      pauses.next()
      try lock.withWriteLock(until: isMyTurn) { $0.add() }
      pauses.next()
    }
  }
}
