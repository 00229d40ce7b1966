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
import Interprocess
import TestSupport
import Testing

/// What happens to the others while one process keeps its turn at a queue or topic: it is in its
/// closure, has a message on loan, or has been stopped.
@Suite("Turns", .timeLimit(.minutes(2)))
struct TurnTests {
  /// A call that is tried while another process keeps its turn.
  struct Attempt: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Whether the call does not wait at all.
    var isTry = false
    /// - Parameter timeout: How long the call may wait.
    let perform: @Sendable (_ timeout: Duration?) async throws -> Void

    init(
      _ description: String, isTry: Bool = false,
      _ perform: @Sendable @escaping (Duration?) async throws -> Void
    ) {
      testDescription = description
      self.isTry = isTry
      self.perform = perform
    }
  }

  /// Expects that an attempt fails as it must.
  private func expectTooLate(_ attempt: Attempt, _ timeout: Duration) async throws {
    let begin = ContinuousClock.now
    do {
      try await inTime { try await attempt.perform(timeout) }
      #expect(attempt.isTry, "\(attempt.testDescription)")
    } catch let error as InterprocessError {
      #expect(error.code == .timedOut && !attempt.isTry, "\(attempt.testDescription): \(error)")
      #expect(ContinuousClock.now - begin >= timeout, "\(attempt.testDescription)")
    } catch let error as TakesTooLong {
      Issue.record("\(attempt.testDescription) takes too long with \(timeout)")
      throw error
    } catch {
      Issue.record("\(attempt.testDescription): \(error)")
    }
  }

  /// Expects that each attempt ends in time, that a task ends at once when it is cancelled, and
  /// that waiting tasks leave their threads to others.
  private func expectTimes(_ attempts: [Attempt], ofTasks tasks: [Attempt]) async throws {
    for attempt in attempts + tasks {
      for timeout in [Duration.zero, .milliseconds(30)] {
        try await expectTooLate(attempt, timeout)
      }
    }
    for attempt in tasks {
      // More than there are threads.
      let waiters = (0..<50).map { _ in Task.detached { try await attempt.perform(nil) } }
      let other = Task.detached { 1 }
      #expect(try await inTime { await other.value } == 1)
      try await Task.sleep(for: .milliseconds(20))
      for waiter in waiters {
        waiter.cancel()
        await #expect(throws: CancellationError.self, "\(attempt.testDescription)") {
          try await inTime { try await waiter.value }
        }
      }
    }
  }

  /// Runs a body that blocks, perhaps forever if a time-out is broken, outside the threads for
  /// tasks.
  private func inOtherThread(_ body: @Sendable @escaping () throws -> Void) async throws {
    try await inThread(body).value
  }

  /// Keeps a thread in `body` while another closure runs.
  private func whileKept(
    by body: @escaping @Sendable (_ hold: () -> Void) throws -> Void,
    _ test: () async throws -> Void
  ) async throws {
    let held = Counter()
    let over = Counter()
    let keeper = inThread {
      try body {
        held.increment()
        while over.value == 0 { usleep(1000) }
      }
    }
    do {
      while held.value == 0 { try await Task.sleep(for: .milliseconds(1)) }
      try await test()
    } catch {
      over.increment()
      _ = await keeper.result
      throw error
    }
    over.increment()
    try await keeper.value
  }

  // MARK: - Queues

  @Test("A receiver inside its closure delays no process beyond its time-out")
  func receiving() async throws {
    let queue = try SharedQueue<Int>.create(nil, capacity: 8)
    try queue.unlink()
    for number in 1...2 { try await queue.send(number) }
    try await whileKept { hold in
      let received = try queue.receive(acknowledging: { number in
        hold()
        return number
      })
      #expect(received == 1)
    } _: {
      try await expectTimes(
        [
          Attempt("tryReceive", isTry: true) { _ in
            let received = try queue.tryReceive()
            #expect(received == nil)
          },
          Attempt("receive") { timeout in
            try await inOtherThread { _ = try queue.receive(timeout: timeout) }
          },
          Attempt("receive several") { timeout in
            try await inOtherThread {
              var elements: [Int] = []
              try queue.receive(upTo: 2, into: &elements, timeout: timeout)
            }
          },
          Attempt("receive, acknowledging") { timeout in
            try await inOtherThread {
              _ = try queue.receive(timeout: timeout, acknowledging: { $0 })
            }
          },
        ],
        ofTasks: [
          Attempt("receive in a task") { timeout in _ = try await queue.receive(timeout: timeout) },
          Attempt("receive several in a task") { timeout in
            var elements: [Int] = []
            try await queue.receive(upTo: 2, into: &elements, timeout: timeout)
          },
          Attempt("receive in a task, acknowledging") { timeout in
            _ = try await queue.receive(timeout: timeout, acknowledging: { $0 })
          },
        ])
    }
    let last = try await queue.receive(timeout: .seconds(10))
    #expect(last == 2)
  }

  @Test("A receiver of bytes inside its closure delays no process beyond its time-out")
  func receivingBytes() async throws {
    let queue = try SharedByteQueue.create(nil, byteCapacity: 64, maximumByteCount: 8)
    try queue.unlink()
    for number: UInt8 in 1...2 {
      try await queue.send([number].span.bytes, timeout: .zero)
    }
    try await whileKept { hold in
      let received = try queue.receive { bytes in
        hold()
        return bytes.unsafeLoad(as: UInt8.self)
      }
      #expect(received == 1)
    } _: {
      try await expectTimes(
        [
          Attempt("tryReceive", isTry: true) { _ in
            let received = try queue.tryReceive { $0.byteCount }
            #expect(received == nil)
          },
          Attempt("receive") { timeout in
            try await inOtherThread { _ = try queue.receive(timeout: timeout) }
          },
          Attempt("receive, acknowledging") { timeout in
            try await inOtherThread {
              _ = try queue.receive(timeout: timeout, acknowledging: { $0.byteCount })
            }
          },
        ],
        ofTasks: [
          Attempt("receive in a task") { timeout in _ = try await queue.receive(timeout: timeout) },
          Attempt("receive in a task, acknowledging") { timeout in
            _ = try await queue.receive(timeout: timeout, acknowledging: { $0.byteCount })
          },
        ])
    }
    let last = try await queue.receive(timeout: .seconds(10))
    #expect(last == [2])
  }

  @Test("A sender of bytes inside its closure delays no process beyond its time-out")
  func sendingBytes() async throws {
    let queue = try SharedByteQueue.create(nil, byteCapacity: 64, maximumByteCount: 8)
    try queue.unlink()
    try await whileKept { hold in
      try queue.send(byteCount: 1) { bytes in
        hold()
        bytes.storeBytes(of: 7, as: UInt8.self)
      }
    } _: {
      try await expectTimes(
        [
          Attempt("trySend", isTry: true) { _ in
            let isSent = try queue.trySend(byteCount: 0) { _ in }
            #expect(!isSent)
          },
          Attempt("send") { timeout in
            try await inOtherThread { try queue.send(byteCount: 0, timeout: timeout) { _ in } }
          },
          Attempt("finish") { timeout in
            try await inOtherThread { try queue.finish(timeout: timeout) }
          },
        ],
        ofTasks: [
          Attempt("send in a task") { timeout in
            try await queue.send(byteCount: 0, timeout: timeout) { _ in }
          },
          Attempt("finish in a task") { timeout in try await queue.finish(timeout: timeout) },
        ])
      #expect(!queue.isFinished)
    }
    let message = try await queue.receive(timeout: .seconds(10))
    #expect(message == [7])
  }

  @Test("A cancelled task sends nothing of a batch, even if there is room")
  func cancelledBatch() async throws {
    let queue = try SharedQueue<Int>.create(nil, capacity: 8)
    try queue.unlink()
    // From then on a turn needs no wait.
    try await queue.send(0)
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await queue.send(contentsOf: [1, 2].span)
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(queue.count == 1)
  }

  // MARK: - Topics

  /// Every call that publishes, each with a publisher of its own.
  private func publishing(
    in topic: SharedTopic<Int>, _ overflow: TopicOverflow
  ) -> (attempts: [Attempt], ofTasks: [Attempt]) {
    let attempts = [
      Attempt("publish") { timeout in
        try await inOtherThread {
          var other = try topic.publisher(overflow: overflow)
          try other.publish(1, timeout: timeout)
        }
      },
      Attempt("publish several") { timeout in
        try await inOtherThread {
          var other = try topic.publisher(overflow: overflow)
          try other.publish(contentsOf: [1].span, timeout: timeout)
        }
      },
      Attempt("loan") { timeout in
        try await inOtherThread {
          var other = try topic.publisher(overflow: overflow)
          _ = try other.loan(timeout: timeout).count
        }
      },
    ]
    let tasks = [
      Attempt("publish in a task") { timeout in
        var other = try topic.publisher(overflow: overflow)
        try await other.publish(1, timeout: timeout)
      },
      Attempt("publish several in a task") { timeout in
        var other = try topic.publisher(overflow: overflow)
        try await other.publish(contentsOf: [1].span, timeout: timeout)
      },
      Attempt("loan in a task") { timeout in
        var other = try topic.publisher(overflow: overflow)
        _ = try await other.loan(timeout: timeout).count
      },
    ]
    return (attempts, tasks)
  }

  @Test("A publisher with a message on loan delays no process beyond its time-out")
  func publishing() async throws {
    let topic = try SharedTopic<Int>.create(nil, publishers: .many)
    try topic.unlink()
    var publisher = try topic.publisher()
    var loan = try await publisher.loan(timeout: .seconds(10))
    for overflow in [TopicOverflow.overwrite, .wait] {
      let (attempts, tasks) = publishing(in: topic, overflow)
      try await expectTimes(attempts, ofTasks: tasks)
    }
    loan[0] = 5
    try loan.publish()
    #expect(topic.statistics.publishedCount == 1)
  }

  @Test("A subscriber that stops reading delays no process beyond its time-out")
  func publishingToSlow() async throws {
    let topic = try SharedTopic<Int>.create(nil, historyCount: 1, publishers: .many)
    try topic.unlink()
    let subscriber = try topic.subscriber()
    let isFull = try await inTime {
      try await inThread {
        var publisher = try topic.publisher(overflow: .wait)
        for number in 0..<100 {
          let code = errorCode { try publisher.publish(number, timeout: .zero) }
          if code == .timedOut { return true }
        }
        return false
      }.value
    }
    try #require(isFull)
    let before = topic.statistics.publishedCount
    let (attempts, tasks) = publishing(in: topic, .wait)
    try await expectTimes(attempts, ofTasks: tasks)
    #expect(topic.statistics.publishedCount == before)
    subscriber.close()
  }

  // MARK: - Stopped and dead senders

  @Test(
    "A sender stopped in its turn delays no process beyond its time-out, and a dead one delays none"
  )
  func stoppedSender() async throws {
    let name = uniqueName()
    let queue = try SharedQueue<UInt64>.create(name, capacity: 8, options: .whileAttached)
    _ = try await withChildProcess(Places.helper, ["queue-hold", name, "turn"]) { holder in
      #expect(try await holder.nextLine() == "held")
      try await expectTimes(
        [
          Attempt("trySend", isTry: true) { _ in
            let isSent = try queue.trySend(1)
            #expect(!isSent)
          },
          Attempt("send") { timeout in
            try await inOtherThread { try queue.send(1, timeout: timeout) }
          },
          Attempt("finish") { timeout in
            try await inOtherThread { try queue.finish(timeout: timeout) }
          },
        ],
        ofTasks: [
          Attempt("send in a task") { timeout in try await queue.send(1, timeout: timeout) },
          Attempt("finish in a task") { timeout in try await queue.finish(timeout: timeout) },
        ])
      let sentCount = try await queue.send(contentsOf: [1, 2].span, timeout: .milliseconds(30))
      #expect(sentCount == 0)
      try holder.kill()
    }
    // This holds for a call that never waits, too.
    let begin = ContinuousClock.now
    while try !queue.trySend(1), .now - begin < .seconds(20) {
      try await Task.sleep(for: .milliseconds(1))
    }
    let received = try await queue.receive(timeout: .seconds(10))
    #expect(received == 1)
  }
}
