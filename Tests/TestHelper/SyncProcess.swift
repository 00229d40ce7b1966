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

internal import Glibc
internal import Interprocess
internal import Synchronization
internal import TestSupport

/// The processes that use locks and signals together, and report what they saw.
///
/// Each first answers `ready`, so that a test can start several of them and let them begin at once.
enum SyncProcess {
  static func run(_ arguments: [String]) throws {
    let (kind, name) = (arguments[0], arguments[1])
    let number = arguments.count > 2 ? Int(arguments[2])! : 0
    switch kind {
    case "mutex-add": try addToMutex(name, number)
    case "mutex-loop": try loopOnMutex(name)
    case "mutex-hold": try holdMutex(name)
    case "come-and-go": try comeAndGo(name, semaphore: arguments[3])
    case "atomic-add": try addToAtomic(name, number)
    case "event-wait": try waitForEvent(name, milliseconds: number)
    case "rwlock-use": try useReadWriteLock(name, number)
    case "rwlock-loop": try loopOnReadWriteLock(name)
    case "rwlock-read": try holdForReading(name)
    case "rwlock-write": try holdForWriting(name)
    case "barrier-rounds": try meet(name, number)
    case "barrier-arrive": try arrive(name, number)
    case "parts": try useParts(name, number)
    case "part-hold": try holdPart(name)
    case "semaphore-loop": try loopOnSemaphore(name, number)
    case "semaphore-hold": try holdPermits(name, number)
    default: fatalError("Unknown argument \(kind)")
    }
  }

  /// Answers that it is ready, and waits for a line.
  private static func begin() {
    Helper.answer("ready")
    _ = readLine()
  }

  // MARK: - Mutex

  private static func addToMutex(_ name: String, _ count: Int) throws {
    let mutex = try SharedMutex<Account>.attach(name)
    begin()
    for _ in 0..<count { try mutex.withLock { $0.add() } }
    Helper.answer("done")
  }

  /// Adds until it is killed, or finds the two numbers different.
  private static func loopOnMutex(_ name: String) throws {
    let mutex = try SharedMutex<Account>.attach(name)
    Helper.answer("ready")
    while true {
      try mutex.withLock(recovering: { $0.repair() }) { account in
        guard account.isWhole else {
          Helper.answer("broken \(account)")
          exit(3)
        }
        account.add()
      }
    }
  }

  /// Holds the lock until a line arrives, with one of the two numbers changed.
  private static func holdMutex(_ name: String) throws {
    let mutex = try SharedMutex<Account>.attach(name)
    try mutex.withLock { account in
      account.first += 1
      Helper.answer("held")
      _ = readLine()
      account.second += 1
    }
    Helper.answer("released")
  }

  /// Takes a lock and a permit by a new handle each time, whose number ends with it, until it is
  /// killed.
  private static func comeAndGo(_ name: String, semaphore: String) throws {
    Helper.answer("ready")
    while true {
      try SharedMutex<Int>.attach(name).withLock { _ in _ = usleep(200) }
      let permit = try SharedSemaphore.attach(semaphore).acquire()
      usleep(200)
      permit.release()
    }
  }

  // MARK: - Read-write lock

  /// Reads this number of times, and writes every fourth time.
  private static func useReadWriteLock(_ name: String, _ count: Int) throws {
    let lock = try SharedReadWriteLock<Account>.attach(name)
    begin()
    for round in 1...count {
      if round.isMultiple(of: 4) {
        try lock.withWriteLock { $0.add() }
      } else {
        guard try lock.withReadLock({ $0.isWhole }) else { return Helper.answer("broken") }
      }
    }
    Helper.answer("done")
  }

  /// Reads and writes until it is killed, or finds the two numbers different.
  private static func loopOnReadWriteLock(_ name: String) throws {
    let lock = try SharedReadWriteLock<Account>.attach(name)
    Helper.answer("ready")
    while true {
      try lock.withWriteLock(recovering: { $0.repair() }) { $0.add() }
      do {
        let account = try lock.withReadLock { $0 }
        guard account.isWhole else {
          Helper.answer("broken \(account)")
          exit(3)
        }
      } catch let error as InterprocessError where error.code == .ownerDied {
        continue
      }
    }
  }

  private static func holdForReading(_ name: String) throws {
    let lock = try SharedReadWriteLock<Account>.attach(name)
    try lock.withReadLock { _ in
      Helper.answer("held")
      _ = readLine()
    }
    Helper.answer("released")
  }

  private static func holdForWriting(_ name: String) throws {
    let lock = try SharedReadWriteLock<Account>.attach(name)
    try lock.withWriteLock { account in
      account.first += 1
      Helper.answer("held")
      _ = readLine()
      account.second += 1
    }
  }

  // MARK: - Event

  private static func waitForEvent(_ name: String, milliseconds: Int) throws {
    let event = try SharedEvent.attach(name)
    Helper.answer("ready")
    do {
      try event.wait(timeout: .milliseconds(milliseconds))
      Helper.answer("came")
    } catch {
      Helper.answer("\(error.code)")
    }
  }

  // MARK: - Atomic

  private static func addToAtomic(_ name: String, _ count: Int) throws {
    let atomic = try SharedAtomic<UInt64>.attach(name)
    begin()
    for _ in 0..<count { atomic[].wrappingAdd(1, ordering: .relaxed) }
    Helper.answer("done")
  }

  // MARK: - Barrier

  /// Meets others this number of times; between two rounds each process adds 1 to its own number,
  /// and checks that all numbers are equal.
  private static func meet(_ name: String, _ count: Int) throws {
    let barrier = try SharedBarrier.attach(name)
    var numbers = try SharedMemory.attach("\(name)_numbers")
    let index = Int(CommandLine.arguments[5])!
    begin()
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

  /// Arrives, and reports the result; then waits for a line.
  private static func arrive(_ name: String, _ milliseconds: Int) throws {
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

  // MARK: - Parts of one memory

  /// Uses one of each kind, all in one memory.
  private static func useParts(_ name: String, _ count: Int) throws {
    let memory = try SharedMemory.attach(name)
    let mutex = try memory.mutex(of: Account.self, at: 0)
    let lock = try memory.readWriteLock(of: Account.self, at: 1024, maximumReaderCount: 4)
    let semaphore = try memory.semaphore(at: 2048, permitCount: 2)
    let event = try memory.event(at: 3072)
    let barrier = try memory.barrier(at: 3200, partyCount: 3)
    begin()
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

  private static func holdPart(_ name: String) throws {
    let mutex = try SharedMemory.attach(name).mutex(of: Account.self, at: 0)
    try mutex.withLock { account in
      account.first += 1
      Helper.answer("held")
      _ = readLine()
    }
  }

  // MARK: - Semaphore

  /// Takes permits and counts, in a mutex, how many are taken at once; a count of 0 means no end.
  private static func loopOnSemaphore(_ name: String, _ count: Int) throws {
    let semaphore = try SharedSemaphore.attach(name)
    let inside = try SharedMutex<Account>.attach("\(name)_inside")
    begin()
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

  private static func holdPermits(_ name: String, _ count: Int) throws {
    let semaphore = try SharedSemaphore.attach(name)
    try hold(semaphore, count)
    Helper.answer("released")
  }

  private static func hold(_ semaphore: SharedSemaphore, _ count: Int) throws {
    guard count > 0 else {
      Helper.answer("held")
      _ = readLine()
      return
    }
    let permit = try semaphore.acquire()
    try hold(semaphore, count - 1)
    permit.release()
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
