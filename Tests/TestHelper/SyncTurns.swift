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

/// Makes processes wait for each other by each lock, signal and queue, with random pauses on all
/// sides.
///
/// There are no time-outs, and sleeps do not end by themselves: a process that misses a wake-up
/// hangs.
enum SyncTurns {
  struct Problem: Error {
    var description: String
  }

  /// A lock or a signal, and how the processes use it.
  private struct Game {
    /// How many processes there are.
    ///
    /// Two take turns; at a lock, more of them show whether the right ones are woken.
    var playerCount = 2
    /// Creates the shared objects, and returns the check to make afterwards.
    var prepare: (_ name: String, _ rounds: Int) throws -> () throws -> Bool
    var play: (_ name: String, _ rounds: Int, _ isFirst: Bool) throws -> Void
  }

  private static var games: KeyValuePairs<String, Game> {
    [
      "mutex": Game(playerCount: 3, prepare: { try prepareMutex($0, 3 * $1) }, play: addWithMutex),
      "condition": Game(prepare: { try prepareMutex($0, 2 * $1) }, play: takeTurnsByCondition),
      "readWriteLock": Game(playerCount: 3, prepare: prepareReadWriteLock, play: readAndWrite),
      "readWriteCondition": Game(
        prepare: prepareReadWriteCondition, play: takeTurnsByReadWriteCondition),
      "semaphore": Game(playerCount: 3, prepare: prepareSemaphore, play: passPermit),
      "event": Game(prepare: prepareEvents, play: takeTurnsByEvents),
      "barrier": Game(prepare: prepareBarrier, play: meet),
      "atomic": Game(prepare: prepareAtomic, play: takeTurnsByAtomic),
      "queue": Game(prepare: prepareQueues, play: takeTurnsByQueues),
      "queueOfOne": Game(prepare: prepareQueuesOfOne, play: takeTurnsByQueuesOfOne),
      "queueWithoutRemoteFences": Game(
        prepare: prepareQueuesOfOne,
        play: { name, rounds, isFirst in
          unsafe Sleeping.isWithoutRemoteFences = true
          try takeTurnsByQueuesOfOne(name, rounds, isFirst)
        }),
      "queueWithSomeRemoteFences": Game(
        prepare: prepareQueuesOfOne,
        play: { name, rounds, isFirst in
          unsafe Sleeping.isWithoutRemoteFences = isFirst
          try takeTurnsByQueuesOfOne(name, rounds, isFirst)
        }),
      "topic": Game(prepare: prepareTopics, play: takeTurnsByTopics),
    ]
  }

  /// Plays this number of rounds of each game, and reports the time.
  static func run(rounds: Int) throws {
    for (primitive, game) in games {
      let name = "ipctest_turns_\(getpid())_\(primitive)"
      let isRight = try game.prepare(name, rounds)
      let begin = ContinuousClock.now
      let processes = try (0..<game.playerCount).map {
        try spawnSelf(["sync-turn", primitive, name, "\(rounds)", $0 == 0 ? "first" : "other"])
      }
      for process in processes {
        let status = waitForExit(process)
        guard status == 0 else { throw Problem(description: "\(primitive): status \(status)") }
      }
      guard try isRight() else { throw Problem(description: "\(primitive): the end is wrong") }
      Helper.answer("\(primitive): \(rounds) rounds in \(ContinuousClock.now - begin)")
    }
  }

  /// Plays one side.
  static func play(_ primitive: String, _ name: String, _ rounds: Int, isFirst: Bool) throws {
    unsafe Sleeping.isEndless = true
    guard let game = games.first(where: { $0.key == primitive })?.value else {
      fatalError("Unknown primitive \(primitive)")
    }
    try game.play(name, rounds, isFirst)
  }

  // MARK: - Mutex

  private static func prepareMutex(_ name: String, _ sum: Int) throws -> () throws -> Bool {
    let mutex = try SharedMutex.create(name, initialValue: Account(), options: .whileAttached)
    return {
      let account = try mutex.withLock { $0 }
      return account.isWhole && account.first == sum
    }
  }

  private static func addWithMutex(_ name: String, _ rounds: Int, _ isFirst: Bool) throws {
    let mutex = try SharedMutex<Account>.attach(name)
    var pauses = Pauses()
    for _ in 0..<rounds {
      try mutex.withLock { account in
        pauses.next()
        account.add()
      }
      pauses.next()
    }
  }

  /// Adds one when the number is even, or odd.
  private static func takeTurnsByCondition(_ name: String, _ rounds: Int, _ isFirst: Bool) throws {
    let mutex = try SharedMutex<Account>.attach(name)
    var pauses = Pauses()
    for _ in 0..<rounds {
      try mutex.withLock(until: { $0.first.isMultiple(of: 2) == isFirst }) { $0.add() }
      pauses.next()
    }
  }

  // MARK: - Read-write lock

  private static func prepareReadWriteLock(
    _ name: String, _ rounds: Int
  ) throws -> () throws -> Bool {
    let lock = try SharedReadWriteLock.create(
      name, initialValue: Account(), maximumReaderCount: 1, options: .whileAttached)
    return {
      let account = try lock.withReadLock { $0 }
      return account.isWhole && account.first == 3 * (rounds / 2)
    }
  }

  /// Reads and writes, with one place for all readers.
  private static func readAndWrite(_ name: String, _ rounds: Int, _ isFirst: Bool) throws {
    let lock = try SharedReadWriteLock<Account>.attach(name)
    var pauses = Pauses()
    for round in 1...rounds {
      if round.isMultiple(of: 2) {
        try lock.withWriteLock { account in
          pauses.next()
          account.add()
        }
      } else {
        try lock.withReadLock { account in
          pauses.next()
          guard account.isWhole else { throw Problem(description: "\(account)") }
        }
      }
      pauses.next()
    }
  }

  // MARK: - Semaphore

  private static func prepareSemaphore(_ name: String, _ rounds: Int) throws -> () throws -> Bool {
    let semaphore = try SharedSemaphore.create(
      name, permitCount: 1, options: .whileAttached)
    let count = try SharedMemory.create(
      "\(name)_count", byteCount: 8, options: .whileAttached)
    return {
      semaphore.availableCount == 1 && count.load(as: UInt64.self) == 3 * rounds
    }
  }

  /// Counts with the one permit.
  private static func passPermit(_ name: String, _ rounds: Int, _ isFirst: Bool) throws {
    let semaphore = try SharedSemaphore.attach(name)
    var count = try SharedMemory.attach("\(name)_count")
    var pauses = Pauses()
    for _ in 0..<rounds {
      let permit = try semaphore.acquire()
      let number = count.load(as: UInt64.self)
      pauses.next()
      count.storeBytes(of: number + 1, as: UInt64.self)
      permit.release()
      pauses.next()
    }
  }

  // MARK: - Event

  private static func prepareEvents(_ name: String, _ rounds: Int) throws -> () throws -> Bool {
    let there = try SharedEvent.create("\(name)_there", options: .whileAttached)
    let back = try SharedEvent.create("\(name)_back", options: .whileAttached)
    return { there.generation == rounds && back.generation == rounds }
  }

  /// Two events: each side pulses one and waits for the other.
  private static func takeTurnsByEvents(_ name: String, _ rounds: Int, _ isFirst: Bool) throws {
    let there = try SharedEvent.attach("\(name)_there")
    let back = try SharedEvent.attach("\(name)_back")
    let (mine, other) = isFirst ? (there, back) : (back, there)
    var pauses = Pauses()
    for round in 0..<UInt32(rounds) {
      if isFirst { mine.pulse() }
      let now = try other.wait(after: round)
      guard now == round + 1 else { throw Problem(description: "\(now) after \(round)") }
      pauses.next()
      if !isFirst { mine.pulse() }
    }
  }

  // MARK: - Barrier

  private static func prepareBarrier(_ name: String, _ rounds: Int) throws -> () throws -> Bool {
    let barrier = try SharedBarrier.create(name, partyCount: 2, options: .whileAttached)
    let counts = try SharedMemory.create(
      "\(name)_counts", byteCount: 128, options: .whileAttached)
    return {
      !barrier.isBroken && barrier.arrivedCount == 0
        && [0, 64].allSatisfy {
          counts.load(fromByteOffset: $0, as: UInt64.self) == rounds
        }
    }
  }

  private static func meet(_ name: String, _ rounds: Int, _ isFirst: Bool) throws {
    let barrier = try SharedBarrier.attach(name)
    var counts = try SharedMemory.attach("\(name)_counts")
    let (mine, other) = isFirst ? (0, 64) : (64, 0)
    var pauses = Pauses()
    for round in 1...UInt64(rounds) {
      counts.storeBytes(of: round, toByteOffset: mine, as: UInt64.self)
      try barrier.arriveAndWait()
      let count = counts.load(fromByteOffset: other, as: UInt64.self)
      guard count == round || count == round + 1 else {
        throw Problem(description: "The other one is at \(count) in round \(round)")
      }
      pauses.next()
    }
  }

  // MARK: - Atomic

  private static func prepareAtomic(_ name: String, _ rounds: Int) throws -> () throws -> Bool {
    let atomic = try SharedAtomic<UInt8>.create(name, initialValue: 0, options: .whileAttached)
    return { atomic[].load(ordering: .relaxed) == UInt8(truncatingIfNeeded: 2 * rounds) }
  }

  /// Counts up when the number is even, or odd.
  private static func takeTurnsByAtomic(_ name: String, _ rounds: Int, _ isFirst: Bool) throws {
    let atomic = try SharedAtomic<UInt8>.attach(name)
    var pauses = Pauses()
    for _ in 0..<rounds {
      var value = atomic[].load(ordering: .acquiring)
      while value.isMultiple(of: 2) != isFirst {
        value = try atomic.wait(while: value)
      }
      atomic[].store(value &+ 1, ordering: .releasing)
      atomic.notify()
      pauses.next()
    }
  }

  // MARK: - Queue

  private static func prepareQueues(
    _ name: String, _ rounds: Int
  ) throws -> () throws -> Bool { try prepareQueues(name, rounds, .many) }

  private static func prepareQueuesOfOne(
    _ name: String, _ rounds: Int
  ) throws -> () throws -> Bool { try prepareQueues(name, rounds, .one) }

  /// A queue in each direction, one of which is full after one message.
  private static func prepareQueues(
    _ name: String, _ rounds: Int, _ role: Multiplicity
  ) throws -> () throws -> Bool {
    let there = try SharedQueue<UInt64>.create(
      "\(name)_there", capacity: 3, senders: role, receivers: role, options: .whileAttached)
    let back = try SharedQueue<UInt64>.create(
      "\(name)_back", capacity: 1, senders: role, receivers: role, options: .whileAttached)
    return {
      [there, back].allSatisfy { $0.count == 0 && $0.statistics.receivedCount == rounds }
    }
  }

  /// The first process sends numbers ahead, and the other one sends them back, so that each waits
  /// sometimes for a message and sometimes for room.
  private static func takeTurnsByQueues(_ name: String, _ rounds: Int, _ isFirst: Bool) throws {
    let there = try SharedQueue<UInt64>.attach("\(name)_there")
    let back = try SharedQueue<UInt64>.attach("\(name)_back")
    try takeTurns(
      rounds, isFirst,
      send: { try isFirst ? there.send($0) : back.send($0) },
      receive: { try isFirst ? back.receive() : there.receive() })
  }

  private static func takeTurnsByQueuesOfOne(
    _ name: String, _ rounds: Int, _ isFirst: Bool
  ) throws {
    let there = try SharedQueue<UInt64>.attach("\(name)_there")
    let back = try SharedQueue<UInt64>.attach("\(name)_back")
    var sender = try isFirst ? there.sender() : back.sender()
    var receiver = try isFirst ? back.receiver() : there.receiver()
    try takeTurns(
      rounds, isFirst, send: { try sender.send($0) }, receive: { try receiver.receive() })
  }

  /// In the first half of the rounds numbers are sent ahead, so that there are messages and seldom
  /// room; in the other half they are not, so that there is room and seldom a message.
  private static func takeTurns(
    _ rounds: Int, _ isFirst: Bool, send: (UInt64) throws -> Void,
    receive: () throws -> UInt64?
  ) throws {
    var pauses = Pauses()
    for (numbers, ahead) in [(0..<rounds / 2, 4), (rounds / 2..<rounds, 0)] {
      let ahead = isFirst ? ahead : 0
      for number in numbers.lowerBound..<numbers.upperBound + ahead {
        if isFirst && numbers.contains(number) { try send(UInt64(number)) }
        pauses.next()
        guard number >= numbers.lowerBound + ahead else { continue }
        let received = try receive()
        guard received == UInt64(number - ahead) else {
          throw Problem(description: "\(received ?? 0) instead of \(number - ahead)")
        }
        pauses.next()
        if !isFirst { try send(UInt64(number)) }
      }
    }
  }

  // MARK: - Topic

  /// A topic in each direction, one of which keeps a single message.
  private static func prepareTopics(_ name: String, _ rounds: Int) throws -> () throws -> Bool {
    let there = try SharedTopic<UInt64>.create(
      "\(name)_there", historyCount: 3, maximumSubscriberCount: 1, options: .whileAttached)
    let back = try SharedTopic<UInt64>.create(
      "\(name)_back", historyCount: 1, maximumSubscriberCount: 1, options: .whileAttached)
    return { [there, back].allSatisfy { $0.statistics.receivedCount == rounds } }
  }

  /// Takes turns as by queues: publishers wait for subscribers.
  private static func takeTurnsByTopics(_ name: String, _ rounds: Int, _ isFirst: Bool) throws {
    let there = try SharedTopic<UInt64>.attach("\(name)_there")
    let back = try SharedTopic<UInt64>.attach("\(name)_back")
    var subscriber = try isFirst ? back.subscriber() : there.subscriber()
    var publisher = try (isFirst ? there : back).publisher(overflow: .wait)
    // Without a subscriber, the publisher would not wait.
    while (isFirst ? there : back).statistics.subscriberCount == 0 { usleep(100) }
    try takeTurns(rounds, isFirst) {
      try publisher.publish($0)
    } receive: {
      let sample = try subscriber.next()!
      return sample[0]
    }
  }
}

extension SyncTurns {
  struct Command: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "sync-turns")

    @Argument var rounds: Int

    func run() throws { try SyncTurns.run(rounds: rounds) }
  }
}

struct SyncTurn: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "sync-turn")

  enum Side: String, ExpressibleByArgument {
    case first, other
  }

  @Argument var primitive: String
  @Argument var name: String
  @Argument var rounds: Int
  @Argument var side: Side

  func run() throws { try SyncTurns.play(primitive, name, rounds, isFirst: side == .first) }
}
