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

internal import ArgumentParser
internal import Glibc
internal import Interprocess
internal import TestSupport

// Processes that use a read-write lock.
extension SyncProcess {
  /// Reads this number of times, and writes every fourth time.
  struct ReadWriteLockUse: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "rwlock-use")

    @Argument var name: String
    @Argument var count: Int

    func run() throws {
      let lock = try SharedReadWriteLock<Account>.attach(name)
      SyncProcess.begin()
      for round in 1...count {
        if round.isMultiple(of: 4) {
          try lock.withWriteLock { $0.add() }
        } else {
          guard try lock.withReadLock({ $0.isWhole }) else { return Helper.answer("broken") }
        }
      }
      Helper.answer("done")
    }
  }

  /// Reads and writes until it is killed, or finds the two numbers different.
  struct ReadWriteLockLoop: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "rwlock-loop")

    @Argument var name: String

    func run() throws {
      let lock = try SharedReadWriteLock<Account>.attach(name)
      Helper.answer("ready")
      while true {
        try lock.withWriteLock(recovering: { $0.repair() }) { $0.add() }
        do {
          let account = try lock.withReadLock { $0 }
          guard account.isWhole else {
            Helper.answer("broken \(account)")
            Glibc.exit(3)
          }
        } catch let error as InterprocessError where error.code == .ownerDied {
          continue
        }
      }
    }
  }

  struct ReadWriteLockRead: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "rwlock-read")

    @Argument var name: String

    func run() throws {
      let lock = try SharedReadWriteLock<Account>.attach(name)
      try lock.withReadLock { _ in
        SyncProcess.hold()
      }
      Helper.answer("released")
    }
  }

  struct ReadWriteLockWrite: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "rwlock-write")

    @Argument var name: String

    func run() throws {
      let lock = try SharedReadWriteLock<Account>.attach(name)
      try lock.withWriteLock { account in
        account.first += 1
        SyncProcess.hold()
        account.second += 1
      }
    }
  }

  /// Waits until the first number is large enough, and then holds the lock until a line arrives.
  struct ReadWriteLockAwait: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "rwlock-await")

    enum Side: String, ExpressibleByArgument {
      case read, write
    }

    enum Pause: String, ExpressibleByArgument {
      case stop
    }

    @Argument var name: String
    @Argument var side: Side
    @Argument var minimum: UInt64
    /// Whether to wait for a line within the first check of the condition, too.
    @Argument var pause: Pause?

    func run() throws {
      let lock = try SharedReadWriteLock<Account>.attach(name)
      var isStopping = pause == .stop
      func isEnough(_ account: Account) -> Bool {
        if isStopping {
          isStopping = false
          Helper.answer("checking")
          _ = readLine()
        }
        return account.first >= minimum
      }
      func hold(_ account: Account) {
        Helper.answer("came \(account.first) \(account.isWhole)")
        _ = readLine()
      }
      Helper.answer("ready")
      switch side {
      case .read: try lock.withReadLock(until: isEnough, hold)
      case .write:
        try lock.withWriteLock(until: isEnough) { account in
          hold(account)
          account.add()
        }
      }
      Helper.answer("released")
    }
  }
}
