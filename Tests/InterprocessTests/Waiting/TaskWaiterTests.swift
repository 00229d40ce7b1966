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

/// How tasks sleep: the state belongs to the whole process, so each test runs in its own process.
@Suite("Sleeping tasks", .timeLimit(.minutes(3)))
struct TaskWaiterTests {
  @Test("Two thousand tasks asleep at one queue look no more often than a few", arguments: [1, 2])
  func alike(queueCount: Int) async {
    await #expect(processExitsWith: .success) { [queueCount] in
      let queues = try (0..<queueCount).map { _ in
        try SharedQueue<Int>.create(capacity: 8, options: .whileAttached)
      }
      let tasks = queues.flatMap { queue in
        (0..<2000).map { _ in Task { try await queue.receive() } }
      }
      for queue in queues {
        while queue.statistics.emptyCount < 2000 { try await Task.sleep(for: .milliseconds(5)) }
      }
      let before = queues.map(\.statistics.emptyCount)
      try await Task.sleep(for: .seconds(2))
      for (queue, before) in zip(queues, before) {
        // Alone, each task would have looked at least twice, and usually six times.
        precondition(queue.statistics.emptyCount - before < 1000)
      }
      precondition(TaskWaiter.threadCount == 1)
      for queue in queues { try await queue.finish() }
      for task in tasks {
        let received = try await task.value
        precondition(received == nil)
      }
      precondition(TaskWaiter.sleeperCount == 0)
    }
  }

  @Test("Tasks at more queues than the kernel takes at once are each woken by their own queue")
  func manyWords() async {
    await #expect(processExitsWith: .success) {
      unsafe Sleeping.isEndless = true
      let queues = try (0..<300).map { _ in
        try SharedQueue<Int>.create(capacity: 2, options: .whileAttached)
      }
      let tasks = queues.map { queue in Task { try await queue.receive(timeout: .seconds(90)) } }
      for queue in queues {
        while queue.statistics.emptyCount < 1 { try await Task.sleep(for: .milliseconds(1)) }
      }
      precondition(TaskWaiter.threadCount == 3)
      for (index, queue) in queues.enumerated().reversed() { try await queue.send(index) }
      for (index, task) in tasks.enumerated() {
        let received = try await task.value
        precondition(received == index)
      }
      precondition(TaskWaiter.sleeperCount == 0)
    }
  }

  @Test("If no more threads can be started, one thread looks at all words")
  func noMoreThreads() async {
    await #expect(processExitsWith: .success) {
      unsafe Sleeping.isEndless = true
      let first = try SharedQueue<Int>.create(capacity: 2, options: .whileAttached)
      let begun = Task { try await first.receive() }
      while TaskWaiter.threadCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
      unsafe Sleeping.isWithoutNewThreads = true
      let queues = try (0..<200).map { _ in
        try SharedQueue<Int>.create(capacity: 2, options: .whileAttached)
      }
      let tasks = queues.map { queue in Task { try await queue.receive(timeout: .seconds(90)) } }
      for queue in queues {
        while queue.statistics.emptyCount < 1 { try await Task.sleep(for: .milliseconds(1)) }
      }
      precondition(TaskWaiter.threadCount == 1)
      for (index, queue) in queues.enumerated() { try await queue.send(index) }
      for (index, task) in tasks.enumerated() {
        let received = try await task.value
        precondition(received == index)
      }
      try await first.send(7)
      let received = try await begun.value
      precondition(received == 7)
    }
  }

  @Test("Each of many tasks keeps its own time-out, while others look for it")
  func times() async {
    await #expect(processExitsWith: .success) {
      let queue = try SharedQueue<Int>.create(capacity: 2, options: .whileAttached)
      let patient = Task { try await queue.receive() }
      let tasks = (1...200).map { number in
        Task {
          let timeout = Duration.milliseconds(5 * number)
          let begin = ContinuousClock.now
          do {
            _ = try await queue.receive(timeout: timeout)
          } catch let error as InterprocessError where error.code == .timedOut {
            precondition(.now - begin >= timeout && .now - begin < .seconds(60))
            return
          }
          preconditionFailure("The queue is empty")
        }
      }
      for task in tasks { try await task.value }
      patient.cancel()
      do {
        _ = try await patient.value
        preconditionFailure("The task is cancelled")
      } catch is CancellationError {}
      precondition(TaskWaiter.sleeperCount == 0)
    }
  }

  @Test("A task that finds by itself what no process announced makes the others look, too")
  func untold() async {
    await #expect(processExitsWith: .success) {
      let stock = Stock()
      let tasks = (0..<40).map { _ in Task { try await stock.take() } }
      while stock.sleepCount.load(ordering: .relaxed) < 40 {
        try await Task.sleep(for: .milliseconds(1))
      }
      stock.left.store(40, ordering: .relaxed)
      let begin = ContinuousClock.now
      for task in tasks { try await task.value }
      // One after the other, each after a second, they would take 40 seconds.
      precondition(.now - begin < .seconds(20))
    }
  }

  // MARK: - The thread's books

  private func sleeper(
    _ word: OwnWord, at end: SuspendingClock.Instant, alike: Int? = nil,
    deadline: SuspendingClock.Instant? = nil
  ) -> WordWatch.Sleeper {
    WordWatch.Sleeper(
      words: [(word.word, while: 0)], end: end, alike: alike, deadline: deadline,
      wake: .thread(OwnWord()))
  }

  @Test("Planned events are dropped together with their sleepers")
  func oldTimes() {
    let word = OwnWord()
    let now = SuspendingClock.now
    var watch = WordWatch()
    for id in 0..<UInt64(10_000) {
      let sleeper = sleeper(
        word, at: now + .seconds(1000), alike: id.isMultiple(of: 2) ? 0 : nil,
        deadline: now + .seconds(2000))
      watch.add(sleeper, id: id)
      #expect(watch.takeAwake(at: now, cancelled: [id]).count == 1)
      #expect(watch.timeCount < 200)
    }
    #expect(watch.sleeperCount == 0)
  }

  @Test("One sleeper looks for all that are alike, and another one once it has found something")
  func group() {
    let word = OwnWord()
    let now = SuspendingClock.now
    var watch = WordWatch()
    for id in 0..<UInt64(3) {
      watch.add(sleeper(word, at: now + .milliseconds(20), alike: 7), id: id)
    }
    watch.add(sleeper(word, at: now + .milliseconds(30), alike: 8), id: 3)
    #expect(watch.takeAwake(at: now + .milliseconds(10), cancelled: []).isEmpty)
    let first = watch.takeAwake(at: now + .milliseconds(20), cancelled: [])
    #expect(first.count == 1 && first[0].isOver && first[0].0.alike == 7)
    let other = watch.takeAwake(at: now + .milliseconds(30), cancelled: [])
    #expect(other.count == 1 && other[0].isOver && other[0].0.alike == 8)
    #expect(watch.takeAwake(at: now + .milliseconds(900), cancelled: []).isEmpty)
    watch.look(on: word.word, while: 0, alike: 7)
    #expect(watch.takeAwake(at: .now, cancelled: []).count == 1)
    word.ring()
    let last = watch.takeAwake(at: .now, cancelled: [])
    #expect(last.count == 1 && !last[0].isOver)
    #expect(watch.sleeperCount == 0)
  }

  @Test("Events come in order of time, whatever is taken out")
  func timeline() {
    var generator = SystemRandomNumberGenerator()
    let now = SuspendingClock.now
    for count in 0..<50 {
      var timeline = Timeline<Int>()
      let times = (0..<count).map { _ in Int.random(in: 0..<20, using: &generator) }
      for time in times { timeline.insert(time, at: now + .seconds(time)) }
      timeline.removeAll { time, _ in time.isMultiple(of: 3) }
      var found: [Int] = []
      while let (event, when) = timeline.first {
        #expect(when == now + .seconds(event))
        found.append(event)
        timeline.removeFirst()
      }
      #expect(found == times.filter { !$0.isMultiple(of: 3) }.sorted())
    }
  }
}

/// A stock that several tasks wait for, and whose changes are not announced.
private final class Stock: Sendable {
  let left = Atomic(0)
  /// How often a task was about to sleep.
  let sleepCount = Atomic(0)
  private let waiting = Waiting(for: "stock", in: nil)
  private let word = OwnWord()

  func take() async throws {
    _ = try await waiting.wait(atMost: nil) { stage throws(InterprocessError) in
      let count = left.load(ordering: .relaxed)
      if count > 0,
        left.compareExchange(expected: count, desired: count - 1, ordering: .relaxed).exchanged
      {
        return .done(true)
      }
      if stage != .spinning { sleepCount.add(1, ordering: .relaxed) }
      return Waiting.Outcome<Bool>.wait(word.word, while: 0, alike: 0)
    }
  }
}
