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
import SystemPackage
import TestSupport
import Testing

@testable import Interprocess

/// Signals that arrive while a thread waits, in a separate process that runs their handler.
@Suite("Interruption", .timeLimit(.minutes(3)))
struct InterruptionTests {
  @Test("A signal ends each interruptible wait for other processes' memory and locks")
  func locks() async {
    await #expect(processExitsWith: .success) {
      handleSignals()
      try expectInterrupted(lockWaits(holding: Held()))
    }
  }

  @Test("A signal ends each interruptible wait at a queue, topic or set")
  func messages() async {
    await #expect(processExitsWith: .success) {
      handleSignals()
      try expectInterrupted(messageWaits())
    }
  }

  @Test("A signal ends each interruptible wait at a socket")
  func sockets() async {
    await #expect(processExitsWith: .success) {
      handleSignals()
      let memory = try SharedMemory.anonymous(byteCount: 4096)
      let (here, there) = try socketPair()
      let (full, other) = try socketPair()
      let error = #expect(throws: InterprocessError.self) {
        while true { try memory.send(over: full, timeout: .zero) }
      }
      precondition(error?.code == .timedOut)
      let handOut = Mutex<SharedMemory?>(consume memory)
      try expectInterrupted([
        Wait("receiving memory") { _ = try SharedMemory.receive(over: there) },
        Wait("sending memory") { try handOut.withLock { try $0!.send(over: full) } },
      ])
      for socket in [here, there, full, other] { try socket.close() }
    }
  }

  @Test("A signal neither ends nor prolongs other waits")
  func uninterruptible() async {
    await #expect(processExitsWith: .success) {
      handleSignals()
      let event = try SharedEvent.create(options: .whileAttached)
      let queue = try SharedQueue<Int>.create(capacity: 2, options: .whileAttached)
      let (here, there) = try socketPair()
      defer { try? here.close() }
      let waits: [@Sendable () throws -> Void] = [
        { try event.wait(timeout: .milliseconds(100)) },
        { _ = try queue.receive(timeout: .milliseconds(100)) },
        { _ = try SharedMemory.attach("ipctest_never", waitingUpTo: .milliseconds(100)) },
        { _ = try SharedMemory.receive(over: there, timeout: .milliseconds(100)) },
      ]
      for wait in waits {
        let code = try underSignals {
          // The effect of an inner scope ends with it.
          _ = withInterruptibleWaits { 1 }
          return errorCode(wait)
        }
        precondition(code == .timedOut, "\(String(describing: code))")
      }
    }
  }

  @Test("A wait that a signal ends passes on the wake-up that it has taken")
  func passedOn() async {
    await #expect(processExitsWith: .success) {
      handleSignals(by: { _ in _ = try? queueOfHandler.withLock { try $0?.trySend(7) } })
      alarm(60)
      unsafe Sleeping.isEndless = true
      let queue = try SharedQueue<Int>.create(capacity: 1, options: .whileAttached)
      queueOfHandler.withLock { $0 = queue }
      // Another thread sleeps for this one, and takes the wake-up for the message of the handler.
      var sources = WaitSet<Int>()
      for index in 0..<300 {
        sources.insert(try SharedEvent.create(options: .whileAttached), as: index)
      }
      sources.insert(queue, as: 300)
      let waiter = WaitingThread { [sources] in
        var set = sources
        let code = errorCode { try withInterruptibleWaits { _ = try set.wait() } }
        precondition(code == .interrupted, "\(String(describing: code))")
      }
      while queue.statistics.emptyCount < 1 { usleep(1000) }
      try await waiter.waitUntilAsleep()
      let receiver = WaitingThread {
        let received = try queue.receive()
        precondition(received == 7)
      }
      while queue.statistics.emptyCount < 2 { usleep(1000) }
      try await receiver.waitUntilAsleep()
      waiter.send(SIGUSR1)
      try await waiter.end()
      try await receiver.end()
    }
  }

  @Test("Nested scopes end where they began")
  func nesting() async {
    await #expect(processExitsWith: .success) {
      handleSignals()
      let event = try SharedEvent.create(options: .whileAttached)
      let code = try underSignals {
        withInterruptibleWaits {
          _ = withInterruptibleWaits { 1 }
          return errorCode { try event.wait(timeout: .seconds(60)) }
        }
      }
      precondition(code == .interrupted)
    }
  }

  @Test("A barrier is broken for the others if a party is interrupted")
  func barrier() async {
    await #expect(processExitsWith: .success) {
      handleSignals()
      let barrier = try SharedBarrier.create(partyCount: 2, options: .whileAttached)
      try expectInterrupted([Wait("arriving") { try barrier.arriveAndWait() }])
      precondition(errorCode { try barrier.arriveAndWait(timeout: .seconds(60)) } == .timedOut)
      precondition(barrier.isBroken)
    }
  }
}

/// A call that waits for as long as nothing else happens.
private struct Wait: Sendable {
  var description: String
  var perform: @Sendable () throws -> Void

  init(_ description: String, _ perform: @escaping @Sendable () throws -> Void) {
    self.description = description
    self.perform = perform
  }
}

/// What a handler of signals sends to.
private let queueOfHandler = Mutex<SharedQueue<Int>?>(nil)

private func handleSignals(by handler: @escaping @convention(c) (CInt) -> Void = { _ in }) {
  // Without `SA_RESTART`, as Python installs its handlers.
  var action = sigaction()
  action.__sigaction_handler.sa_handler = handler
  precondition(sigaction(SIGUSR1, &action, nil) == 0)
}

/// Runs a body in a thread that gets a signal each millisecond until it returns.
private func underSignals<Result: Sendable>(
  _ body: @escaping @Sendable () throws -> Result
) throws -> Result {
  let thread = Mutex<pthread_t?>(nil)
  let outcome = Mutex<Swift.Result<Result, any Error>?>(nil)
  Thread.detachNewThread {
    takeSignals()
    thread.withLock { $0 = pthread_self() }
    let result = Swift.Result { try body() }
    outcome.withLock { $0 = result }
    // The thread stays until no signal is sent to it any more.
    thread.withLock { $0 = nil }
  }
  let begin = ContinuousClock.now
  while outcome.withLock({ $0 == nil }) {
    precondition(.now - begin < .seconds(50), "No signal has ended the wait")
    thread.withLock { if let thread = $0 { pthread_kill(thread, SIGUSR1) } }
    usleep(1000)
  }
  return try outcome.withLock { try $0!.get() }
}

/// Expects that each wait ends with `interrupted`.
private func expectInterrupted(_ waits: [Wait]) throws {
  for wait in waits {
    let code = try underSignals { errorCode { try withInterruptibleWaits(wait.perform) } }
    precondition(code == .interrupted, "\(wait.description): \(String(describing: code))")
  }
}

/// Objects that another thread holds until the process ends.
private struct Held {
  let mutex: SharedMutex<Int>
  let lock: SharedReadWriteLock<Int>
  let readLock: SharedReadWriteLock<Int>
  let semaphore: SharedSemaphore

  init() throws {
    mutex = try SharedMutex.create(initialValue: 1, options: .whileAttached)
    lock = try SharedReadWriteLock.create(initialValue: 1, options: .whileAttached)
    readLock = try SharedReadWriteLock.create(initialValue: 1, options: .whileAttached)
    semaphore = try SharedSemaphore.create(permitCount: 1, options: .whileAttached)
    let held = Counter()
    func hold(_ body: @escaping @Sendable (() -> Void) throws -> Void) {
      Thread.detachNewThread {
        try? body {
          held.increment()
          while true { pause() }
        }
      }
    }
    hold { [mutex] wait in try mutex.withLock { _ in wait() } }
    hold { [lock] wait in try lock.withWriteLock { _ in wait() } }
    hold { [readLock] wait in try readLock.withReadLock { _ in wait() } }
    hold { [semaphore] wait in
      let permit = try semaphore.acquire()
      wait()
      _ = consume permit
    }
    while held.value < 4 { usleep(1000) }
  }
}

private func lockWaits(holding held: Held) throws -> [Wait] {
  let free = try SharedMutex.create(initialValue: 1, options: .whileAttached)
  let freeLock = try SharedReadWriteLock.create(initialValue: 1, options: .whileAttached)
  let event = try SharedEvent.create(options: .whileAttached)
  let atomic = try SharedAtomic<Int>.create(initialValue: 1, options: .whileAttached)
  let word = Mutex<SharedMemory?>(try SharedMemory.create(byteCount: 64, options: .whileAttached))
  return [
    Wait("mutex") { try held.mutex.withLock { _ in } },
    Wait("condition") { try free.withLock(until: { $0 > 1 }) { _ in } },
    Wait("reading") { try held.lock.withReadLock { _ in } },
    Wait("writing") { try held.lock.withWriteLock { _ in } },
    Wait("writing after readers") { try held.readLock.withWriteLock { _ in } },
    Wait("condition for reading") { try freeLock.withReadLock(until: { $0 > 1 }) { _ in } },
    Wait("condition for writing") { try freeLock.withWriteLock(until: { $0 > 1 }) { _ in } },
    Wait("semaphore") { _ = try held.semaphore.acquire() },
    Wait("event") { try event.wait() },
    Wait("generation") { _ = try event.wait(after: event.generation) },
    Wait("atomic") { _ = try atomic.wait(while: 1) },
    Wait("word") { try word.withLock { try $0!.wait(at: 0, while: 0) } },
    Wait("memory") { _ = try SharedMemory.attach("ipctest_never", waitingUpTo: .seconds(60)) },
    Wait("array") {
      _ = try SharedArray<Int>.attach("ipctest_never", waitingUpTo: .seconds(60))
    },
    Wait("queue by name") {
      _ = try SharedQueue<Int>.attach("ipctest_never", waitingUpTo: .seconds(60))
    },
  ]
}

private func messageWaits() throws -> [Wait] {
  let empty = try SharedQueue<Int>.create(capacity: 2, options: .whileAttached)
  let one = QueueUser(
    try SharedQueue<Int>.create(
      capacity: 2, senders: .one, receivers: .one, options: .whileAttached))
  let oneOfBytes = ByteQueueUser(
    try SharedByteQueue.create(
      byteCapacity: 64, maximumByteCount: 16, senders: .one, receivers: .one,
      options: .whileAttached))
  let full = try SharedQueue<Int>.create(capacity: 2, options: .whileAttached)
  while try full.trySend(1) {}
  let emptyBytes = try SharedByteQueue.create(
    byteCapacity: 64, maximumByteCount: 16, options: .whileAttached)
  let fullBytes = try SharedByteQueue.create(
    byteCapacity: 64, maximumByteCount: 16, options: .whileAttached)
  while try fullBytes.trySend(byteCount: 16, { _ in }) {}
  let topic = try SharedTopic<Int>.create(historyCount: 2, options: .whileAttached)
  let slow = try topic.subscriber()
  let place = Mutex<SharedTopic<Int>.Subscriber?>(consume slow)
  let kept = try SharedQueue<Int>.create(capacity: 2, options: .whileAttached)
  _ = try kept.trySend(1)
  let isKept = Counter()
  Thread.detachNewThread {
    _ = try? kept.receive(acknowledging: { _ in
      isKept.increment()
      while true { pause() }
    })
  }
  while isKept.value == 0 { usleep(1000) }
  func set(_ count: Int) throws -> WaitSet<Int> {
    var set = WaitSet<Int>()
    for index in 0..<count {
      set.insert(try SharedEvent.create(options: .whileAttached), as: index)
    }
    return set
  }
  let (small, large) = (try set(3), try set(300))
  return [
    Wait("receiving") { _ = try empty.receive() },
    Wait("receiving as the only one") { _ = try one.receive() },
    Wait("receiving bytes as the only one") { _ = try oneOfBytes.receive { _ in } },
    Wait("acknowledging") { _ = try empty.receive(acknowledging: { $0 }) },
    Wait("sending") { try full.send(1) },
    Wait("a turn") { _ = try kept.receive() },
    Wait("receiving bytes") { _ = try emptyBytes.receive() },
    Wait("sending bytes") { try fullBytes.send(byteCount: 16) { _ in } },
    Wait("subscriber") {
      var subscriber = try topic.subscriber(includesHistory: false)
      _ = try subscriber.next()
    },
    Wait("publisher") {
      _ = place
      var publisher = try topic.publisher(overflow: .wait)
      for number in 0..<10 { try publisher.publish(number) }
    },
    Wait("set") {
      var set = small
      _ = try set.wait()
    },
    Wait("large set") {
      var set = large
      _ = try set.wait()
    },
  ]
}
