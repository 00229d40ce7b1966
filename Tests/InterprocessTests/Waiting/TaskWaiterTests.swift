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
  @Test("Two thousand tasks asleep at one queue do not look themselves", arguments: [1, 2])
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
      // Alone, each task would look at least twice, and usually six times.
      try await Task.sleep(for: .seconds(2))
      precondition(queues.allSatisfy { $0.statistics.emptyCount == 2000 })
      precondition(TaskWaiter.threadCount == 1)
      for queue in queues { try await queue.finish() }
      for task in tasks {
        let received = try await task.value
        precondition(received == nil)
      }
      precondition(TaskWaiter.sleeperCount == 0)
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

  @Test("Tasks at many queues sleep on while there is nothing to find, until their time is over")
  func undisturbed() async {
    await #expect(processExitsWith: .success) {
      let queues = try (0..<300).map { _ in
        try SharedQueue<Int>.create(capacity: 2, options: .whileAttached)
      }
      let begin = ContinuousClock.now
      let tasks = queues.map { queue in Task { try await queue.receive(timeout: .seconds(3)) } }
      for task in tasks {
        do {
          _ = try await task.value
          preconditionFailure("The queue is empty")
        } catch let error as InterprocessError where error.code == .timedOut {}
      }
      precondition(.now - begin >= .seconds(3))
      // A task looks before it sleeps, and when its time is over; only the latter, if it comes late.
      precondition(queues.allSatisfy { (1...2).contains($0.statistics.emptyCount) })
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

  @Test("The times of sleepers are dropped together with them")
  func oldTimes() {
    let word = OwnWord()
    let now = SuspendingClock.now
    var watch = WordWatch()
    for id in 0..<UInt64(10_000) {
      watch.add(
        WordWatch.Sleeper(
          words: [(word.word, while: 0)], end: now + .seconds(1000), waker: .thread(OwnWord())),
        id: id)
      #expect(watch.takeAwake(at: now, cancelled: [id]).count == 1)
      #expect(watch.timeCount < 200)
    }
    #expect(watch.sleeperCount == 0)
  }

  @Test("A sleeper wakes when its word changes, its time is over, it is called or cancelled")
  func awake() {
    let (word, other) = (OwnWord(), OwnWord())
    let now = SuspendingClock.now
    var watch = WordWatch()
    for id in 0..<UInt64(5) {
      watch.add(
        WordWatch.Sleeper(
          words: [((id == 0 ? word : other).word, while: 0)],
          end: id == 1 ? now + .seconds(1) : nil, waker: .thread(OwnWord())), id: id)
    }
    func awake(_ seconds: Int, cancelled: Set<UInt64> = []) -> [UInt64: Bool] {
      let awake = watch.takeAwake(at: now + .seconds(seconds), cancelled: cancelled)
      return Dictionary(uniqueKeysWithValues: awake.map { ($0.id, $0.isOver) })
    }
    #expect(awake(0) == [:])
    word.ring()
    #expect(awake(0) == [0: false])
    #expect(awake(1) == [1: true])
    watch.call(2)
    #expect(awake(1, cancelled: [3]) == [2: true, 3: false])
    #expect(watch.isSleeping(4) && watch.sleeperCount == 1 && watch.words.count == 1)
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
  private let waiting = Waiting(for: "stock", in: nil, WaitChoice())
  private let word = OwnWord()

  func take() async throws {
    _ = try await waiting.wait(
      atMost: nil, isDue: { self.left.load(ordering: .relaxed) > 0 }
    ) { stage throws(InterprocessError) in
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
