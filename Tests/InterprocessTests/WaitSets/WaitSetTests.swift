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

@Suite("Wait set", .timeLimit(.minutes(5)))
struct WaitSetTests {
  /// One object of each kind.
  fileprivate struct Sources {
    let queue: SharedQueue<Int>
    let byteQueue: SharedByteQueue
    let topic: SharedTopic<Int>
    let event: SharedEvent
    let semaphore: SharedSemaphore

    init() throws {
      queue = try SharedQueue.create(capacity: 4, options: .whileAttached)
      byteQueue = try SharedByteQueue.create(
        byteCapacity: 64, maximumByteCount: 8, options: .whileAttached)
      topic = try SharedTopic.create(nil, options: .whileAttached)
      event = try SharedEvent.create(nil, options: .whileAttached)
      semaphore = try SharedSemaphore.create(nil, permitCount: 1, options: .whileAttached)
    }

    /// Inserts a source of each kind.
    func insertAll(
      with subscriber: borrowing SharedTopic<Int>.Subscriber, into set: inout WaitSet<ID>
    ) {
      set.insert(queue, as: .queue)
      set.insert(byteQueue, as: .byteQueue)
      set.insert(subscriber, as: .topic)
      set.insert(event, as: .event)
      set.insert(semaphore, as: .semaphore)
    }
  }

  fileprivate enum ID: CaseIterable {
    case queue, byteQueue, topic, event, semaphore
  }

  private func expectNone(
    _ set: inout WaitSet<ID>, _ location: SourceLocation = #_sourceLocation
  ) {
    let begin = ContinuousClock.now
    let code = errorCode { _ = try set.wait(timeout: .milliseconds(5)) }
    #expect(
      code == .timedOut && ContinuousClock.now - begin >= .milliseconds(5),
      sourceLocation: location)
  }

  @Test("Each kind is ready from when there is something to take until it is taken")
  func ready() throws {
    let sources = try Sources()
    var subscriber = try sources.topic.subscriber()
    let permit = try sources.semaphore.acquire()
    var set = WaitSet<ID>()
    sources.insertAll(with: subscriber, into: &set)
    #expect(set.count == 5)
    expectNone(&set)
    try sources.queue.send(1)
    for _ in 1...3 { #expect(try wait(&set) == .queue) }
    #expect(try sources.queue.tryReceive() == 1)
    expectNone(&set)
    try sources.byteQueue.send([UInt8(7)].span.bytes)
    for _ in 1...3 { #expect(try wait(&set) == .byteQueue) }
    #expect(try receive(sources.byteQueue) == [7])
    expectNone(&set)
    var publisher = try sources.topic.publisher()
    try publisher.publish(2)
    for _ in 1...3 { #expect(try wait(&set) == .topic) }
    let number = try take(&subscriber)
    #expect(number == 2)
    expectNone(&set)
    sources.event.set()
    for _ in 1...3 { #expect(try wait(&set) == .event) }
    sources.event.reset()
    _ = try? set.wait(timeout: .zero)
    expectNone(&set)
    permit.release()
    for _ in 1...3 { #expect(try wait(&set) == .semaphore) }
    let again = try sources.semaphore.acquire()
    expectNone(&set)
    again.release()
  }

  private func receive(_ queue: SharedByteQueue) throws -> [UInt8]? {
    try queue.receive(timeout: .zero)
  }

  @Test("A pulse is reported once, even if it came before the wait")
  func pulse() throws {
    let sources = try Sources()
    var set = WaitSet<ID>()
    set.insert(sources.event, as: .event)
    expectNone(&set)
    sources.event.pulse()
    #expect(try wait(&set) == .event)
    expectNone(&set)
  }

  @Test("A finished queue is ready")
  func finished() throws {
    let sources = try Sources()
    var set = WaitSet<ID>()
    set.insert(sources.queue, as: .queue)
    set.insert(sources.byteQueue, as: .byteQueue)
    try sources.queue.finish()
    #expect(try wait(&set) == .queue)
    try sources.byteQueue.finish()
    let both = [try wait(&set), try wait(&set)]
    #expect(Set(both) == [.queue, .byteQueue])
  }

  @Test("If several are ready, each has its turn")
  func turns() throws {
    let sources = try Sources()
    var set = WaitSet<ID>()
    set.insert(sources.queue, as: .queue)
    set.insert(sources.event, as: .event)
    set.insert(sources.semaphore, as: .semaphore)
    sources.event.set()
    try sources.queue.send(1)
    let found = try (0..<6).map { _ in try wait(&set) }
    #expect(found == [.queue, .event, .semaphore, .queue, .event, .semaphore])
  }

  @Test("Each kind wakes a sleeper, in sleeps that do not end by themselves")
  func wakeUp() async {
    await #expect(processExitsWith: .success) {
      unsafe Sleeping.isEndless = true
      for isTask in [false, true] { try await wakeByEach(isTask: isTask) }
    }
  }

  @Test("A waiter woken for a message that it does not take wakes another one")
  func passedOn() async {
    await #expect(processExitsWith: .success) {
      unsafe Sleeping.isEndless = true
      try wakeBothByOne()
    }
  }

  @Test("The ready ones come as a sequence, until the task is cancelled")
  func sequence() async {
    // A process in which the tasks of this test are the only ones.
    await #expect(processExitsWith: .success) {
      let sources = try Sources()
      let received = Mutex<[Int]>([])
      let task = Task {
        var set = WaitSet<ID>()
        set.insert(sources.queue, as: .queue)
        set.insert(sources.event, as: .event)
        for try await id in set.ready {
          guard id == .queue else { continue }
          while let number = try sources.queue.tryReceive() {
            received.withLock { $0.append(number) }
          }
        }
      }
      for number in 0..<5 { try await sources.queue.send(number) }
      while received.withLock({ $0.count }) < 5 { try await Task.sleep(for: .milliseconds(1)) }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(received.withLock { $0 } == [0, 1, 2, 3, 4])
      #expect(TaskWaiter.sleeperCount == 0)
    }
  }

  @Test("A set can hold more than the kernel can sleep on at once")
  func many() async {
    await #expect(processExitsWith: .success) {
      // A waiter that missed a wake-up would sleep forever.
      unsafe Sleeping.isEndless = true
      let queues = try (0..<300).map { _ in
        try SharedQueue<Int>.create(capacity: 1, options: .whileAttached)
      }
      let sleeping = Mutex(WaitSet<Int>())
      for (index, queue) in queues.enumerated() {
        sleeping.withLock { $0.insert(queue, as: index) }
      }
      // On a busy machine, the time may be over before the waiters sleep.
      repeat {
        let code = errorCode {
          _ = try sleeping.withLock { try $0.wait(timeout: .milliseconds(5)) }
        }
        precondition(code == .timedOut)
      } while queues[0].statistics.emptyCount < 2
      // Waiters slept at all of them, and none sleeps there any more.
      let count = queues[0].statistics.emptyCount
      precondition(queues.allSatisfy { $0.statistics.emptyCount == count })
      precondition(TaskWaiter.sleeperCount == 0)
      for index in [0, 126, 127, 140, 299] {
        for isTask in [false, true] {
          let set = sleeping.withLock { $0 }
          let before = queues[299].statistics.emptyCount
          let found = start(waiting: set, isTask: isTask)
          while queues[299].statistics.emptyCount == before {
            try await Task.sleep(for: .milliseconds(1))
          }
          try await Task.sleep(for: .milliseconds(20))
          let isSent = try queues[index].trySend(1)
          let ready = try await found.value
          let received = try queues[index].tryReceive()
          precondition(isSent && ready == index && received == 1)
          precondition(TaskWaiter.sleeperCount == 0)
        }
      }
    }
  }

  @Test("An integer is ready when it has another value", arguments: [false, true])
  func atomic(isTask: Bool) async throws {
    let atomic = try SharedAtomic<Int>.create(initialValue: 1, options: .whileAttached)
    let event = try SharedEvent.create(options: .whileAttached)
    var set = WaitSet<ID>()
    set.insert(atomic, while: 1, as: .queue)
    set.insert(event, as: .event)
    #expect(errorCode { _ = try wait(&set, .milliseconds(5)) } == .timedOut)
    let found = start(waiting: set, isTask: isTask)
    try await Task.sleep(for: .milliseconds(20))
    atomic[].store(2, ordering: .releasing)
    atomic.notify()
    #expect(try await found.value == .queue)
    // The set reports the value again, until the integer is as it was.
    #expect(try await set.wait(timeout: .seconds(60)) == .queue)
    atomic[].store(1, ordering: .releasing)
    #expect(errorCode { _ = try wait(&set, .milliseconds(5)) } == .timedOut)
  }

  @Test(
    "A value is ready once for each change", arguments: [false, true],
    [SharedMemory.Access.readWrite, .readOnly])
  func value(isTask: Bool, access: SharedMemory.Access) async throws {
    let name = uniqueName("value")
    let writer = try SharedValue<Int>.create(name, initialValue: 1, options: .whileAttached)
    let value = try SharedValue<Int>.attach(name, access: access)
    let event = try SharedEvent.create(options: .whileAttached)
    var set = WaitSet<ID>()
    try set.insert(value, as: .queue)
    set.insert(event, as: .event)
    // A value stored before is not a change.
    #expect(errorCode { _ = try wait(&set, .milliseconds(5)) } == .timedOut)
    for number in 2...3 {
      let found = start(waiting: set, isTask: isTask)
      try await Task.sleep(for: .milliseconds(20))
      try writer.store(number)
      #expect(try await found.value == .queue)
      // The task had its own copy.
      #expect(try await set.wait(timeout: .seconds(60)) == .queue)
      #expect(errorCode { _ = try wait(&set, .milliseconds(5)) } == .timedOut)
    }
    event.set()
    #expect(try await set.wait(timeout: .seconds(60)) == .event)
  }

  @Test("A wait for nothing is a failed precondition")
  func nothing() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var set = WaitSet<Int>()
      _ = try await set.wait()
    }
    #expect(result.says("There is nothing to wait for"))
  }
}

private typealias Sources = WaitSetTests.Sources
private typealias ID = WaitSetTests.ID

/// Makes a waiter wait for each kind, and provides one after the other.
private func wakeByEach(isTask: Bool) async throws {
  let sources = try Sources()
  let permit = Mutex<SharedSemaphore.Permit?>(nil)
  permit.withLock { $0 = try? sources.semaphore.tryAcquire() }
  let found = Mutex<[ID]>([])
  let isSubscribed = Atomic(false)
  let waiter = Task.detached { () async throws in
    var subscriber = try sources.topic.subscriber()
    isSubscribed.store(true, ordering: .releasing)
    var set = WaitSet<ID>()
    sources.insertAll(with: subscriber, into: &set)
    while true {
      let id: ID
      if isTask { id = try await set.wait(timeout: .seconds(30)) } else { id = try wait(&set) }
      found.withLock { $0.append(id) }
      switch id {
      case .queue: _ = try sources.queue.tryReceive()
      case .byteQueue: _ = try sources.byteQueue.tryReceive { $0.byteCount }
      case .topic: _ = try take(&subscriber)
      case .event: continue
      case .semaphore: return
      }
    }
  }
  while !isSubscribed.load(ordering: .acquiring) { try await Task.sleep(for: .milliseconds(1)) }
  for (index, id) in ID.allCases.enumerated() {
    // By then the waiter usually sleeps.
    try await Task.sleep(for: .milliseconds(20))
    switch id {
    case .queue: _ = try sources.queue.trySend(1)
    case .byteQueue: _ = try sources.byteQueue.trySend(byteCount: 3) { _ in }
    case .topic: try publish(sources.topic)
    case .event: sources.event.pulse()
    case .semaphore: permit.withLock { $0 = nil }
    }
    let begin = ContinuousClock.now
    while found.withLock({ $0.count }) <= index { try await Task.sleep(for: .microseconds(100)) }
    precondition(.now - begin < .seconds(20))
  }
  try await waiter.value
  precondition(found.withLock { $0 } == ID.allCases && TaskWaiter.sleeperCount == 0)
}

/// Makes two threads wait for one message, which neither of them takes: both must learn of it.
private func wakeBothByOne() throws {
  let sources = try Sources()
  let found = Mutex<[ID?]>([])
  for _ in 0..<2 {
    Thread.detachNewThread {
      var set = WaitSet<ID>()
      set.insert(sources.queue, as: .queue)
      set.insert(sources.event, as: .event)
      let id = try? wait(&set)
      found.withLock { $0.append(id) }
    }
  }
  while sources.queue.statistics.emptyCount < 2 { usleep(1000) }
  usleep(20_000)
  _ = try sources.queue.trySend(1)
  let begin = ContinuousClock.now
  while found.withLock({ $0.count }) < 2 { usleep(1000) }
  // A waiter that learns nothing looks when its time is over.
  precondition(.now - begin < .seconds(20) && found.withLock { $0 } == [.queue, .queue])
}

/// Starts a task that waits, or a thread: one of the tasks' threads that waited would be missed by
/// the other tests.
private func start<SourceID>(
  waiting set: WaitSet<SourceID>, isTask: Bool
) -> Task<SourceID, any Error> {
  if isTask {
    return Task {
      var set = set
      return try await set.wait(timeout: .seconds(60))
    }
  }
  return inThread {
    var set = set
    return try set.wait(timeout: .seconds(60))
  }
}

private func wait(_ set: inout WaitSet<ID>, _ timeout: Duration = .seconds(30)) throws -> ID {
  try set.wait(timeout: timeout)
}

private func take(_ subscriber: inout SharedTopic<Int>.Subscriber) throws -> Int? {
  guard let sample = try subscriber.tryNext() else { return nil }
  return sample[0]
}

private func publish(_ topic: SharedTopic<Int>) throws {
  var publisher = try topic.publisher()
  try publisher.publish(1)
}
