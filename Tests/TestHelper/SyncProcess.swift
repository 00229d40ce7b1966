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
internal import Synchronization
internal import TestSupport

/// The processes that use locks and signals together, and report what they saw.
///
/// Each first answers `ready`, so that a test can start several of them and let them begin at once.
struct SyncProcess: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sync",
    subcommands: [
      MutexAdd.self, MutexLoop.self, MutexHold.self, ComeAndGo.self, ReadWriteLockUse.self,
      ReadWriteLockLoop.self, ReadWriteLockRead.self, ReadWriteLockWrite.self,
      ReadWriteLockAwait.self, EventWait.self,
      AtomicAdd.self, BarrierRounds.self, BarrierArrive.self, Parts.self, PartHold.self,
      SemaphoreLoop.self, SemaphoreHold.self,
    ])

  /// Answers that it is ready, and waits for a line.
  static func begin() {
    Helper.answer("ready")
    _ = readLine()
  }

  /// Answers that it holds what it was started for, and waits for a line.
  static func hold() {
    Helper.answer("held")
    _ = readLine()
  }

  // MARK: - Mutex

  struct MutexAdd: ParsableCommand {
    @Argument var name: String
    @Argument var count: Int

    func run() throws {
      let mutex = try SharedMutex<Account>.attach(name)
      SyncProcess.begin()
      for _ in 0..<count { try mutex.withLock { $0.add() } }
      Helper.answer("done")
    }
  }

  /// Adds until it is killed, or finds the two numbers different.
  struct MutexLoop: ParsableCommand {
    @Argument var name: String

    func run() throws {
      let mutex = try SharedMutex<Account>.attach(name)
      Helper.answer("ready")
      while true {
        try mutex.withLock(recovering: { $0.repair() }) { account in
          guard account.isWhole else {
            Helper.answer("broken \(account)")
            Glibc.exit(3)
          }
          account.add()
        }
      }
    }
  }

  /// Holds the lock until a line arrives, with one of the two numbers changed.
  struct MutexHold: ParsableCommand {
    @Argument var name: String

    func run() throws {
      let mutex = try SharedMutex<Account>.attach(name)
      try mutex.withLock { account in
        account.first += 1
        SyncProcess.hold()
        account.second += 1
      }
      Helper.answer("released")
    }
  }

  /// Takes a lock and a permit by a new handle each time, whose number ends with it, until it is
  /// killed.
  struct ComeAndGo: ParsableCommand {
    @Argument var name: String
    @Argument var semaphore: String

    func run() throws {
      Helper.answer("ready")
      while true {
        try SharedMutex<Int>.attach(name).withLock { _ in _ = usleep(200) }
        let permit = try SharedSemaphore.attach(semaphore).acquire()
        usleep(200)
        permit.release()
      }
    }
  }

  // MARK: - Event

  struct EventWait: ParsableCommand {
    @Argument var name: String
    @Argument var milliseconds: Int

    func run() throws {
      let event = try SharedEvent.attach(name)
      Helper.answer("ready")
      do {
        try event.wait(timeout: .milliseconds(milliseconds))
        Helper.answer("came")
      } catch {
        Helper.answer("\(error.code)")
      }
    }
  }

  // MARK: - Atomic

  struct AtomicAdd: ParsableCommand {
    @Argument var name: String
    @Argument var count: Int

    func run() throws {
      let atomic = try SharedAtomic<UInt64>.attach(name)
      SyncProcess.begin()
      for _ in 0..<count { atomic[].wrappingAdd(1, ordering: .relaxed) }
      Helper.answer("done")
    }
  }

  // MARK: - Barrier

  /// Meets others this number of times; between two rounds each process adds 1 to its own number,
  /// and checks that all numbers are equal.
  struct BarrierRounds: ParsableCommand {
    @Argument var name: String
    @Argument var count: Int
    @Argument var index: Int

    func run() throws {
      let barrier = try SharedBarrier.attach(name)
      var numbers = try SharedMemory.attach("\(name)_numbers")
      SyncProcess.begin()
      var pauses = Pauses()
      var lastCount: UInt64 = 0
      for round in 1...count {
        numbers.storeBytes(of: UInt64(round), toByteOffset: 64 * index, as: UInt64.self)
        if try barrier.arriveAndWait() { lastCount += 1 }
        for other in 0..<barrier.partyCount {
          let number = numbers.load(fromByteOffset: 64 * other, as: UInt64.self)
          guard number == round || number == round + 1 else {
            return Helper.answer("\(number) in round \(round)")
          }
        }
        pauses.next()
      }
      numbers.storeBytes(of: lastCount, toByteOffset: 64 * index + 8, as: UInt64.self)
      Helper.answer("done")
    }
  }

  /// Arrives, and reports the result; then waits for a line.
  struct BarrierArrive: ParsableCommand {
    @Argument var name: String
    @Argument var milliseconds: Int

    func run() throws {
      let barrier = try SharedBarrier.attach(name)
      Helper.answer("ready")
      do {
        let timeout: Duration? = milliseconds == 0 ? nil : .milliseconds(milliseconds)
        Helper.answer(try barrier.arriveAndWait(timeout: timeout) ? "last" : "met")
      } catch {
        Helper.answer("\(error.code)")
      }
      _ = readLine()
    }
  }

  // MARK: - Parts of one memory

  /// Uses one of each kind, all in one memory.
  struct Parts: ParsableCommand {
    @Argument var name: String
    @Argument var count: Int

    func run() throws {
      let memory = try SharedMemory.attach(name)
      let mutex = try memory.mutex(of: Account.self, at: 0)
      let lock = try memory.readWriteLock(of: Account.self, at: 1024, maximumReaderCount: 4)
      let semaphore = try memory.semaphore(at: 2048, permitCount: 2)
      let event = try memory.event(at: 3072)
      let barrier = try memory.barrier(at: 3200, partyCount: 3)
      SyncProcess.begin()
      try barrier.arriveAndWait()
      for _ in 0..<count {
        try mutex.withLock { $0.add() }
        try lock.withWriteLock { $0.add() }
        guard try lock.withReadLock({ $0.isWhole }) else { return Helper.answer("broken") }
        let permit = try semaphore.acquire()
        event.pulse()
        memory[atomic: UInt32.self, at: 3080].wrappingAdd(1, ordering: .relaxed)
        permit.release()
      }
      try barrier.arriveAndWait()
      Helper.answer("done")
    }
  }

  struct PartHold: ParsableCommand {
    @Argument var name: String

    func run() throws {
      let mutex = try SharedMemory.attach(name).mutex(of: Account.self, at: 0)
      try mutex.withLock { account in
        account.first += 1
        SyncProcess.hold()
      }
    }
  }

  // MARK: - Semaphore

  /// Takes permits and counts, in a mutex, how many are taken at once; a count of 0 means no end.
  struct SemaphoreLoop: ParsableCommand {
    @Argument var name: String
    @Argument var count: Int

    func run() throws {
      let semaphore = try SharedSemaphore.attach(name)
      let inside = try SharedMutex<Account>.attach("\(name)_inside")
      SyncProcess.begin()
      var round = 0
      while count == 0 || round < count {
        let permit = try semaphore.acquire()
        if count > 0 {
          let isTooMany = try inside.withLock { account in
            account.first += 1
            return account.first > UInt64(semaphore.permitCount)
          }
          if isTooMany { return Helper.answer("too many") }
          try inside.withLock { $0.first -= 1 }
        }
        permit.release()
        round += 1
      }
      Helper.answer("done")
    }
  }

  struct SemaphoreHold: ParsableCommand {
    @Argument var name: String
    @Argument var count: Int

    func run() throws {
      let semaphore = try SharedSemaphore.attach(name)
      try Self.hold(semaphore, count)
      Helper.answer("released")
    }

    private static func hold(_ semaphore: SharedSemaphore, _ count: Int) throws {
      guard count > 0 else {
        SyncProcess.hold()
        return
      }
      let permit = try semaphore.acquire()
      try hold(semaphore, count - 1)
      permit.release()
    }
  }
}

/// Short pauses at random places, so that both sides of a protocol may come at any time.
struct Pauses {
  private var generator = SeededGenerator(seed: UInt64.random(in: .min ... .max))

  mutating func next() {
    switch generator.next() % 64 {
    case 0: usleep(UInt32(generator.next() % 100))
    case 1...8:
      for _ in 0..<generator.next() % 2000 {}
    default: break
    }
  }
}
