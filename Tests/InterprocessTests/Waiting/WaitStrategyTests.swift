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

import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Interprocess

@Suite("How handles wait", .timeLimit(.minutes(3)))
struct WaitStrategyTests {
  /// The waits that let their user choose.
  static let waits = Blocked.allCases.filter { (try? $0.make())?.choose != nil }

  // MARK: - Threads

  @Test("A polling thread never sleeps, and gets what it waits for", arguments: waits)
  func polling(_ blocked: Blocked) async throws {
    let wait = try blocked.make()
    wait.choose!(.polling)
    let waiter = WaitingThread { try wait.run(.seconds(120)) }
    try await Task.sleep(for: .milliseconds(30))
    var states: [Character?] = []
    for _ in 0..<30 {
      states.append(waiter.state)
      try await Task.sleep(for: .milliseconds(1))
    }
    #expect(!waiter.isOver)
    // It may wait for the kernel now and then, but is not put to sleep.
    #expect(states.count { $0 == "R" } >= 20, "\(states)")
    try inThisThread { try wait.unblock() }
    try await waiter.end()
  }

  @Test(
    "Other threads sleep, and get what they wait for", arguments: waits,
    [WaitStrategy.sleeping, .adaptive, .adaptive(upTo: .microseconds(100))])
  func sleeping(_ blocked: Blocked, _ strategy: WaitStrategy) async throws {
    let wait = try blocked.make()
    wait.choose!(strategy)
    let waiter = WaitingThread { try wait.run(.seconds(120)) }
    try await waiter.waitUntilAsleep()
    #expect(!waiter.isOver)
    try inThisThread { try wait.unblock() }
    try await waiter.end()
  }

  @Test(
    "The time-outs of polling threads hold", arguments: waits, [Duration.zero, .milliseconds(50)])
  func timeouts(_ blocked: Blocked, _ timeout: Duration) throws {
    let wait = try blocked.make()
    wait.choose!(.polling)
    let begin = SuspendingClock.now
    #expect(errorCode { try wait.run(timeout) } == .timedOut)
    #expect(.now - begin >= timeout)
    try wait.unblock()
  }

  @Test("A wait that polls leaves no mark, so that the other side makes no system call")
  func noMarks() async throws {
    let queue = try SharedQueue<Int>.create(capacity: 4, options: .whileAttached)
    let topic = try SharedTopic<Int>.create(historyCount: 4, options: .whileAttached)
    queue.waiting = .polling
    topic.waiting = .polling
    let receiver = inThread { try queue.receive(timeout: .seconds(120)) }
    let subscriber = Blocked.Box(try topic.subscriber())
    let reader = inThread {
      let sample = try subscriber.value.next(timeout: .seconds(120))
      return sample?[0]
    }
    // Long enough to look for dead holders as well.
    try await Task.sleep(for: .milliseconds(100))
    try inThisThread { try queue.send(7) }
    let publisher = Blocked.Box(try topic.publisher())
    try inThisThread { try publisher.value.publish(8) }
    #expect(try await receiver.value == 7)
    #expect(try await reader.value == 8)
    #expect(queue.statistics.emptyCount == 0)
    #expect(topic.statistics.emptyCount == 0)
  }

  // MARK: - Tasks

  @Test("Polling tasks let other tasks run, and get what they wait for")
  func tasks() async throws {
    let queue = try SharedQueue<Int>.create(capacity: 64, options: .whileAttached)
    queue.waiting = .polling
    // More than the pool has threads.
    let count = 4 * ProcessInfo.processInfo.activeProcessorCount
    let sum = try await withThrowingTaskGroup(of: Int?.self) { group in
      for _ in 0..<count { group.addTask { try await queue.receive() } }
      group.addTask {
        for number in 1...count { try await queue.send(number) }
        return 0
      }
      return try await group.reduce(0) { $0 + $1! }
    }
    #expect(sum == count * (count + 1) / 2)
  }

  @Test("A polling task ends when it is cancelled or its time is over", arguments: waits)
  func cancelled(_ blocked: Blocked) async throws {
    let wait = try blocked.make()
    let runAsTask = try #require(wait.runAsTask)
    wait.choose!(.polling)
    let task = Task { try await runAsTask(.seconds(120)) }
    try await Task.sleep(for: .milliseconds(5))
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    try inThisThread { try wait.unblock() }
    let other = try blocked.make()
    other.choose!(.polling)
    let late = other.runAsTask!
    let code = await taskErrorCode { try await late(.milliseconds(20)) }
    #expect(code == .timedOut)
    try inThisThread { try other.unblock() }
  }

  // MARK: - Spinning

  @Test("A wait spins only as far as its user has chosen")
  func spinning() throws {
    /// How many attempts a wait of some milliseconds makes before it would sleep.
    func attempts(_ strategy: WaitStrategy, atMost timeout: Duration?) throws -> Int {
      let choice = WaitChoice()
      choice.strategy = strategy
      let waiting = Waiting(for: "nothing", in: nil, choice, usualSpin: .microseconds(50))
      let word = OwnWord()
      var count = 0
      let looks: Waiting.Looks<Void> = try waiting.look(until: Sleeps(atMost: timeout)) {
        _ throws(InterprocessError) in
        count += 1
        return .wait(word.word, while: 0)
      }
      if case .mustSleep = looks {} else { Issue.record("\(looks)") }
      return count
    }
    let canSpin = Processors.count > 1
    for timeout in [nil, Duration.seconds(1)] {
      #expect(try attempts(.sleeping, atMost: timeout) == 0)
      #expect(try (attempts(.adaptive, atMost: timeout) > 0) == canSpin)
      #expect(try (attempts(.adaptive(upTo: .nanoseconds(1)), atMost: timeout) > 0) == canSpin)
    }
    // A turn of another thread takes about as long.
    #expect(try (attempts(.sleeping, atMost: .zero) > 0) == canSpin)
  }

  @Test("A receiver whose handle sleeps at once does not look first")
  func roles() throws {
    let queue = try SharedQueue<Int>.create(
      capacity: 4, senders: .one, receivers: .one, options: .whileAttached)
    let topic = try SharedTopic<Int>.create(historyCount: 4, options: .whileAttached)
    let usual = try (queue.receiver()._lookCredit, topic.subscriber()._lookCredit)
    #expect((usual.0 > 0) == (Processors.count > 1) && (usual.1 > 0) == (Processors.count > 1))
    queue.waiting = .sleeping
    topic.waiting = .sleeping
    let none = try (queue.receiver()._lookCredit, topic.subscriber()._lookCredit)
    #expect(none == (0, 0))
  }

  @Test("A strategy has limits, and a text")
  func values() {
    #expect(WaitStrategy.adaptive(upTo: .zero) == .sleeping)
    #expect(WaitStrategy.adaptive(upTo: Duration(attoseconds: .min)) == .sleeping)
    let longest = WaitStrategy.adaptive(upTo: Duration(attoseconds: .max))
    #expect(longest == .adaptive(upTo: .milliseconds(1)))
    #expect(longest.longestSpin(usual: .zero) == .milliseconds(1))
    #expect(WaitStrategy.adaptive.longestSpin(usual: .microseconds(5)) == .microseconds(5))
    #expect(WaitStrategy.sleeping.longestSpin(usual: .microseconds(5)) == .zero)
    #expect(Set([WaitStrategy.adaptive, .sleeping, .polling, longest]).count == 4)
    #expect(
      [WaitStrategy.adaptive, .polling, .sleeping, longest].map { "\($0)" } == [
        ".adaptive", ".polling", ".sleeping", ".adaptive(upTo: .nanoseconds(1000000))",
      ])
  }

  @Test("Each handle has its own strategy")
  func handles() throws {
    let queue = try SharedQueue<Int>.create(capacity: 4, options: .whileAttached)
    let other = try SharedQueue<Int>.attach(queue.name)
    queue.waiting = .polling
    #expect(queue.waiting == .polling && other.waiting == .adaptive)
    let memory = try SharedMemory.create(byteCount: 4096, options: .whileAttached)
    let event = try memory.event(at: 0)
    event.waiting = .sleeping
    #expect(try memory.event(at: 64).waiting == .adaptive && event.waiting == .sleeping)
    let set = WaitSet<Int>()
    set.waiting = .polling
    #expect(set.waiting == .polling && WaitSet<Int>().waiting == .adaptive)
    queue.close()
    #expect(queue.waiting == .polling)
  }
}
