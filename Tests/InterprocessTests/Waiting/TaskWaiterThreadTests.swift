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
import Subprocess
import Synchronization
import TestSupport
import Testing

@testable import Interprocess

/// The threads that sleep for tasks: each test runs in a process whose tasks are its own.
@Suite("Threads for sleeping tasks", .timeLimit(.minutes(3)))
struct TaskWaiterThreadTests {
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
      // The last words first: a thread that does not sleep on all of its words misses them.
      for (index, queue) in queues.enumerated().reversed() {
        try await queue.send(index)
        let received = try await tasks[index].value
        precondition(received == index)
      }
      precondition(TaskWaiter.sleeperCount == 0)
    }
  }

  @Test("Tasks at more words than the kernel takes at once sleep without a system call")
  func silence() async {
    await #expect(processExitsWith: .success) {
      unsafe Sleeping.isEndless = true
      let events = try (0..<300).map { _ in try SharedEvent.create(nil, options: .whileAttached) }
      let tasks = events.map { event in Task { try await event.wait() } }
      while TaskWaiter.sleeperCount < 300 { try await Task.sleep(for: .milliseconds(1)) }
      try await waitUntilThreadsSleep(3)
      for task in tasks { task.cancel() }
      for task in tasks {
        do {
          try await task.value
          preconditionFailure("The event never occurs")
        } catch is CancellationError {}
      }
      precondition(TaskWaiter.sleeperCount == 0)
    }
  }

  @Test("If no more threads can be started, one thread looks at all words until they can")
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
      let half = queues.count / 2
      for index in 0..<half { try await queues[index].send(index) }
      for index in 0..<half {
        let received = try await tasks[index].value
        precondition(received == index)
      }
      let more = queues[0..<half].map { queue in Task { try await queue.receive() } }
      for queue in queues[0..<half] {
        while queue.statistics.emptyCount < 2 { try await Task.sleep(for: .milliseconds(1)) }
      }
      unsafe Sleeping.isWithoutNewThreads = false
      try await waitUntilThreadsSleep(2)
      for (index, queue) in queues.enumerated() { try await queue.send(index) }
      for (index, task) in (more + tasks[half...]).enumerated() {
        let received = try await task.value
        precondition(received == index)
      }
      try await first.send(7)
      let received = try await begun.value
      precondition(received == 7)
    }
  }

  @Test("Words that a thread is too full for go to all the threads that they need, at one time")
  func manyTooMany() async {
    await #expect(processExitsWith: .success) {
      unsafe Sleeping.isEndless = true
      let memory = Box(try SharedMemory.anonymous(byteCount: 64 * 1000))
      let first = start(waiting: memory, at: 0..<1)
      while TaskWaiter.threadCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
      unsafe Sleeping.isWithoutNewThreads = true
      let rest = start(waiting: memory, at: 1..<1000)
      while TaskWaiter.sleeperCount < 1000 { try await Task.sleep(for: .milliseconds(1)) }
      precondition(TaskWaiter.threadCount == 1)
      unsafe Sleeping.isWithoutNewThreads = false
      while TaskWaiter.threadCount == 1 { try await Task.sleep(for: .milliseconds(1)) }
      precondition(TaskWaiter.threadCount == 8)
      try await waitUntilThreadsSleep(8)
      memory.wake(0..<1000)
      for task in first + rest { try await task.value }
      precondition(TaskWaiter.sleeperCount == 0)
    }
  }

  @Test("Words that a thread is too full for go to another one that has room by then")
  func roomElsewhere() async {
    await #expect(processExitsWith: .success) {
      unsafe Sleeping.isEndless = true
      let memory = Box(try SharedMemory.anonymous(byteCount: 64 * 300))
      var tasks: [Task<Void, any Error>] = []
      // Two threads that are full, and words for which there is no third.
      for words in [0..<127, 127..<254, 254..<300] {
        if words.lowerBound == 254 { unsafe Sleeping.isWithoutNewThreads = true }
        tasks += start(waiting: memory, at: words)
        while TaskWaiter.sleeperCount < words.upperBound {
          try await Task.sleep(for: .milliseconds(1))
        }
      }
      precondition(TaskWaiter.threadCount == 2)
      memory.wake(127..<200)
      try await waitUntilThreadsSleep(2)
      memory.wake(0..<300)
      for task in tasks { try await task.value }
      precondition(TaskWaiter.sleeperCount == 0)
    }
  }

  @Test("Threads that are not needed end, and others begin when they are")
  func threads() async {
    await #expect(processExitsWith: .success) {
      let queues = try (0..<300).map { _ in
        try SharedQueue<Int>.create(capacity: 2, options: .whileAttached)
      }
      for _ in 0..<2 {
        let tasks = queues.map { queue in Task { try await queue.receive() } }
        while TaskWaiter.sleeperCount < 300 { try await Task.sleep(for: .milliseconds(1)) }
        precondition(TaskWaiter.threadCount == 3)
        for queue in queues { try await queue.send(1) }
        for task in tasks { _ = try await task.value }
        while TaskWaiter.threadCount > 1 { try await Task.sleep(for: .milliseconds(10)) }
      }
    }
  }

  @Test("Tasks at many words are each woken by another process")
  func otherProcess() async {
    await #expect(processExitsWith: .success) {
      unsafe Sleeping.isEndless = true
      let count = 300
      let name = uniqueName("words")
      let memory = Box(
        try SharedMemory.create(name, byteCount: 64 * count, options: .whileAttached))
      let (status, _) = try await withChildProcess(
        Places.helper, ["wake-words", name, "64"]
      ) { waker in
        let line = try await waker.nextLine()
        precondition(line == "ready")
        for value: UInt32 in 0..<2 {
          let tasks = start(waiting: memory, at: 0..<count, while: value)
          while TaskWaiter.sleeperCount < count { try await Task.sleep(for: .milliseconds(1)) }
          if value == 0 {
            // The last words first: a thread that does not sleep on all of its words misses them.
            try await waitUntilThreadsSleep(3)
            for (index, task) in tasks.enumerated().reversed() {
              let answer = try await waker.ask("1 \(index)")
              precondition(answer == "woken")
              try await task.value
            }
          } else {
            // The threads sleep, or are about to.
            let answer = try await waker.ask("2")
            precondition(answer == "woken")
            for task in tasks { try await task.value }
          }
          precondition(TaskWaiter.sleeperCount == 0)
        }
      }
      precondition(status == .exited(0))
    }
  }

  // MARK: - The thread's books

  @Test("A watch with too many words gives those away that another one has room for")
  func handOver() {
    let words = (0..<200).map { _ in OwnWord() }
    var watch = WordWatch()
    for (id, word) in words.enumerated() { watch.add(sleeper(at: [word]), id: UInt64(id)) }
    #expect(watch.isOverfull)
    for id in 0..<UInt64(200) { watch.call(id) }
    var other = WordWatch()
    watch.move(to: &other)
    #expect(!watch.isOverfull && watch.sleeperCount == 127 && other.sleeperCount == 73)
    #expect(watch.words.count == 127 && other.words.count == 73)
    let now = SuspendingClock.now
    let awake = watch.takeAwake(at: now, cancelled: []) + other.takeAwake(at: now, cancelled: [])
    #expect(awake.map(\.id).sorted() == Array(0..<200))
    #expect(awake.count { $0.isOver } == 200)
  }

  @Test("A thread learns of sleepers that it gets for words on which it sleeps already")
  func handOverKnown() {
    let words = (0..<130).map { _ in OwnWord() }
    var (watch, other) = (WordWatch(), WordWatch())
    for (id, word) in words.enumerated() {
      watch.add(sleeper(at: [word]), id: UInt64(id))
      if id < 100 { other.add(sleeper(at: [word]), id: UInt64(1000 + id)) }
    }
    // Any of them may be those that go.
    let before = other.bell.word.loadRelaxed()
    watch.move(to: &other)
    #expect(other.sleeperCount == 103 && !watch.isOverfull)
    let addedCount = UInt32(other.words.count - 100)
    #expect(other.bell.word.loadRelaxed() == before + addedCount + 1)
  }

  @Test("A watch keeps the words for which another one has no room")
  func noRoom() {
    let words = (0..<200).map { _ in OwnWord() }
    var (watch, other) = (WordWatch(), WordWatch())
    watch.add(sleeper(at: Array(words[0..<100])), id: 0)
    watch.add(sleeper(at: Array(words[100..<200])), id: 1)
    other.add(sleeper(at: Array(words[0..<50])), id: 2)
    watch.move(to: &other)
    #expect(watch.isOverfull && watch.sleeperCount == 2 && other.sleeperCount == 1)
  }

  private func sleeper(at words: [OwnWord]) -> WordWatch.Sleeper {
    WordWatch.Sleeper(
      words: words.map { ($0.word, while: 0) }, end: nil, waker: .thread(OwnWord()))
  }
}

private final class Box: Sendable {
  let value: SharedMemory
  init(_ value: consuming SharedMemory) { self.value = value }

  /// Stores 1 in some words, and wakes their sleepers.
  func wake(_ words: Range<Int>) {
    for index in words {
      value[atomic: UInt32.self, at: 64 * index].store(1, ordering: .releasing)
      value.wake(at: 64 * index)
    }
  }
}

/// Starts tasks that sleep while a word each has a value.
private func start(
  waiting memory: Box, at words: Range<Int>, while value: UInt32 = 0
) -> [Task<Void, any Error>] {
  words.map { index in
    Task {
      while memory.value[atomic: UInt32.self, at: 64 * index].load(ordering: .acquiring) == value {
        try await memory.value.wait(at: 64 * index, while: value)
      }
    }
  }
}

/// Returns when that many threads sleep for tasks, each on several words at once, and none of them
/// has woken up for a while: one that checks its words by itself does not, however slow it is.
private func waitUntilThreadsSleep(_ count: Int) async throws {
  while true {
    let before = sleepingThreads()
    try await Task.sleep(for: .milliseconds(200))
    if before.count == count, sleepingThreads() == before { return }
  }
}

/// The threads of this process that sleep on several words at once, and how often each has slept.
private func sleepingThreads() -> [String: Substring] {
  let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
  return threads.reduce(into: [:]) { found, thread in
    let directory = "/proc/self/task/\(thread)"
    // The number of `futex_waitv`.
    guard lines(of: "\(directory)/syscall").first?.hasPrefix("449 ") == true else { return }
    found[thread] = lines(of: "\(directory)/status").first {
      $0.hasPrefix("voluntary_ctxt_switches:")
    }
  }
}
