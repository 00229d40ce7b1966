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

/// Queues of bytes between several threads and processes, which may die.
@Suite("Queues of bytes between processes", .timeLimit(.minutes(5)))
struct ByteQueueProcessTests {
  /// The short form of `scripts/crash-test messaging`.
  @Test("Killed processes lose nothing that was sent over a queue, and leave no process hanging")
  func campaign() async throws {
    let primitives = [
      "queueOfBytes", "queueOfBytesAcknowledged", "queueOfOneOfBytes",
      "queueOfOneOfBytesAcknowledged",
    ]
    let seed = UInt64.random(in: 1...UInt64.max)
    let outcome = try await runWithPrivateSharedMemory(
      "size=64m", Places.helper,
      ["messaging-campaign", "\(extent(whole: 10, short: 1))", "\(seed)"] + primitives)
    #expect(outcome.status == .exited(0), "\(outcome.errors)\(outcome.output)")
    for primitive in primitives {
      let line = try #require(
        outcome.output.split(separator: "\n").first { $0.hasPrefix("\(primitive): kills ") })
      let match = try #require(line.firstMatch(of: /kills (\d+), .* operations (\d+)$/))
      #expect(try #require(Int(match.1)) >= 5, "\(line)")
      #expect(try #require(Int(match.2)) >= 100, "\(line)")
    }
  }

  /// How a receiver sleeps.
  enum Receiver: CaseIterable {
    case thread, task, waitSet
  }

  @Test(
    "Sleepers give back the room of a dead receiver, without which no sender could continue",
    arguments: Receiver.allCases)
  func deadReceiver(receiver: Receiver) async throws {
    let name = uniqueName()
    // Room for one message of 24 bytes and the next head.
    let queue = try SharedByteQueue.create(
      name, byteCapacity: 64, maximumByteCount: 24, options: .whileAttached)
    let received = Mutex<[UInt8]>([])
    let (status, _) = try await withChildProcess(Places.helper, ["byte-queue-hold", name]) {
      holder in
      startReceiving(queue, receiver) { byte in received.withLock { $0.append(byte) } }
      while queue.statistics.emptyCount < 2 { try await Task.sleep(for: .milliseconds(1)) }
      // Until the holder is the one that is woken. Then there is no room for more.
      let sending = Task {
        while !Task.isCancelled {
          _ = try send24(queue, 1)
          try await Task.sleep(for: .milliseconds(20))
        }
      }
      let line = try await holder.nextLine()
      sending.cancel()
      _ = await sending.result
      #expect(line == "held")
      try holder.kill()
    }
    #expect(status == .signaled(9))
    for number: UInt8 in 2...5 {
      let begin = ContinuousClock.now
      while try !send24(queue, number) {
        try #require(.now - begin < .seconds(20), "There is no room for message \(number)")
        try await Task.sleep(for: .milliseconds(1))
      }
    }
    try await queue.finish()
    let begin = ContinuousClock.now
    while received.withLock({ $0.last }) != 5, .now - begin < .seconds(20) {
      try await Task.sleep(for: .milliseconds(1))
    }
    #expect(received.withLock { $0 }.filter { $0 != 1 } == [2, 3, 4, 5])
  }

  private func send24(_ queue: SharedByteQueue, _ number: UInt8) throws -> Bool {
    try queue.trySend(byteCount: 24) { $0.storeBytes(of: number, as: UInt8.self) }
  }

  /// Gives the first byte of each message to `body`, until the queue is finished.
  private func startReceiving(
    _ queue: SharedByteQueue, _ receiver: Receiver, _ body: @escaping @Sendable (UInt8) -> Void
  ) {
    @Sendable func first(_ bytes: RawSpan) { body(bytes.unsafeLoad(as: UInt8.self)) }
    switch receiver {
    case .thread:
      Thread.detachNewThread { while (try? queue.receive(first)) != nil {} }
    case .task:
      Task { while try await queue.receive(first) != nil {} }
    case .waitSet:
      Thread.detachNewThread {
        var set = WaitSet<Int>()
        set.insert(queue, as: 1)
        while (try? set.wait()) != nil {
          let isFinished = queue.isFinished
          if (try? queue.tryReceive(first)) == nil, isFinished { break }
        }
      }
    }
  }

  @Test(
    "A message between two threads is whole, also under the thread sanitizer",
    arguments: [Multiplicity.one, .many])
  func twoThreads(role: Multiplicity) async throws {
    let queue = try SharedByteQueue.create(
      byteCapacity: 300, maximumByteCount: 100, senders: role, receivers: role,
      options: .whileAttached)
    let user = ByteQueueUser(queue)
    let count = 20_000
    // Not the forms for tasks, whose waits the sanitizer does not understand.
    @Sendable func send() throws {
      for number in 0..<count {
        try user.send(byteCount: number % 101) { bytes in
          for offset in 0..<bytes.byteCount {
            bytes.storeBytes(
              of: UInt8(truncatingIfNeeded: number + offset), toByteOffset: offset, as: UInt8.self)
          }
        }
      }
      try user.finish()
    }
    @Sendable func receive() throws -> Int {
      var number = 0
      while try user.receive({ bytes in
        guard bytes.byteCount == number % 101,
          (0..<bytes.byteCount).allSatisfy({
            bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self)
              == UInt8(truncatingIfNeeded: number + $0)
          })
        else { return }
        number += 1
      }) != nil {}
      return number
    }
    let sender = inThread { try send() }
    let receiver = inThread { try receive() }
    try await sender.value
    #expect(try await receiver.value == count)
  }

  // MARK: - Hostile bytes

  /// The offset of the content.
  private func content(_ memory: borrowing SharedMemory) -> Int {
    Int(memory.load(fromByteOffset: 72, as: UInt64.self))
  }

  @Test("Random words give an error or a time-out, and no access elsewhere", arguments: 1...10)
  func randomWords(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for role in [Multiplicity.one, .many] {
      let name = uniqueName()
      let queue = try SharedByteQueue.create(
        name, byteCapacity: 256, maximumByteCount: 100, senders: role, receivers: role,
        options: .whileAttached)
      var memory = try SharedMemory.attach(name)
      let content = content(memory)
      let user = ByteQueueUser(queue)
      for _ in 0..<200 {
        let offset = content + Int(generator.next() % UInt64((memory.byteCount - content) / 4)) * 4
        let word = UInt32(truncatingIfNeeded: generator.next() >> (generator.next() % 64))
        memory.storeBytes(of: word, toByteOffset: offset, as: UInt32.self)
        for byteCount in [0, 60, 100] {
          expectBearableError { try send(user, byteCount) }
          expectBearableError { _ = try user.tryReceive { read($0) } }
        }
        expectBearableError {
          _ = try user.receive(timeout: .microseconds(50), acknowledging: { read($0) })
        }
        expectBearableError { _ = try user.receive(timeout: .microseconds(50)) { read($0) } }
        _ = queue.statistics.count
        expectBearableError { _ = try SharedByteQueue.attach(name) }
        _ = try? SegmentContent(ofSegment: name)
      }
    }
  }

  private func send(_ queue: ByteQueueUser, _ byteCount: Int) throws {
    try queue.send(byteCount: byteCount, timeout: .microseconds(50)) { bytes in
      for offset in 0..<bytes.byteCount {
        bytes.storeBytes(of: 0xFF, toByteOffset: offset, as: UInt8.self)
      }
    }
  }

  /// Touches all bytes of a message.
  private func read(_ bytes: RawSpan) -> Int {
    (0..<bytes.byteCount).reduce(0) {
      $0 + Int(bytes.unsafeLoad(fromByteOffset: $1, as: UInt8.self))
    }
  }

  private func expectBearableError(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
  ) {
    switch errorCode(body) {
    case nil, .timedOut, .corrupted?, .finished, .roleTaken: return
    case let code: Issue.record("\(String(describing: code))", sourceLocation: sourceLocation)
    }
  }

  @Test("An impossible position or head is detected, whichever side wrote it")
  func wrongWords() throws {
    let tail = QueueHead.sendingOffset + 8
    let taken = QueueHead.receivingOffset + 8
    let freed = QueueHead.receivingOffset + 16
    let ring = QueueHead.byteCount
    let skip = UInt64.max
    // A ring of 128 bytes with messages of up to 50; one of 4 bytes lies at its beginning.
    let words: [(Int, [UInt64])] = [
      // Not a multiple of 8, and beyond what the other side has done.
      (tail, [1, 12, .max]), (taken, [1, 12, .max]),
      // A message that is too long, and a skip for a message that would already lie at the
      // beginning.
      (ring, [52, 1 << 32, 1 << 63, .max - 1, skip]),
    ]
    for (offset, words) in words {
      for word in words {
        let codes = try codes(of: [(offset, word)])
        #expect(codes.contains(where: isCorrupted), "\(word) at \(offset) gives \(codes)")
      }
    }
    // More than was sent; the receiver corrects that.
    for word: UInt64 in [200, 1 << 40, 1 << 63] {
      #expect(isCorrupted(try codes(of: [(freed, word)], isSenderFirst: true)[0]), "\(word)")
    }
    // A message within the limit that crosses the end of the ring.
    #expect(try codes(of: [(taken, 88), (ring + 88, 51)]).contains(where: isCorrupted))
    // A skip to the beginning of the ring, where there is no message.
    #expect(
      try codes(of: [(ring, 0), (taken, 88), (ring + 88, skip)]).contains(where: isCorrupted))
    #expect(
      try codes(of: [(ring, skip), (taken, 88), (ring + 88, skip)]).contains(where: isCorrupted))
  }

  private func isCorrupted(_ code: InterprocessError.Code?) -> Bool {
    if case .corrupted? = code { true } else { false }
  }

  /// The results of a receiver and a sender when words have been written into a queue of one
  /// message.
  private func codes(
    of words: [(offset: Int, word: UInt64)], isSenderFirst: Bool = false
  ) throws -> [InterprocessError.Code?] {
    let name = uniqueName()
    let queue = try SharedByteQueue.create(
      name, byteCapacity: 128, maximumByteCount: 50, options: .whileAttached)
    var memory = try SharedMemory.attach(name)
    let content = content(memory)
    try queue.send(byteCount: 4, timeout: .zero) { _ in }
    for (offset, word) in words {
      memory.storeBytes(of: word, toByteOffset: content + offset, as: UInt64.self)
    }
    func receivingCode() -> InterprocessError.Code? {
      errorCode { _ = try queue.receive(timeout: .zero) { read($0) } }
    }
    func sendingCode() -> InterprocessError.Code? {
      errorCode { for _ in 0..<17 { try send(ByteQueueUser(queue), 4) } }
    }
    return isSenderFirst
      ? [sendingCode(), receivingCode()] : [receivingCode(), sendingCode()]
  }

  @Test("A header of an impossible queue gives an error")
  func wrongHeader() throws {
    let name = uniqueName()
    let queue = try SharedByteQueue.create(
      name, byteCapacity: 128, maximumByteCount: 50, options: .whileAttached)
    var memory = try SharedMemory.attach(name)
    let content = content(memory)
    for capacity: UInt64 in [0, 8, 100, 64, 256, 1 << 40, 1 << 62, .max] {
      memory.storeBytes(of: capacity, toByteOffset: 32, as: UInt64.self)
      #expect(isCorrupted(errorCode { _ = try SharedByteQueue.attach(name) }), "\(capacity)")
    }
    memory.storeBytes(of: 128, toByteOffset: 32, as: UInt64.self)
    for maximum: UInt64 in [57, 128, 1 << 62, 1 << 63, .max] {
      memory.storeBytes(of: maximum, toByteOffset: content + 16, as: UInt64.self)
      #expect(isCorrupted(errorCode { _ = try SharedByteQueue.attach(name) }), "\(maximum)")
    }
    memory.storeBytes(of: 50, toByteOffset: content + 16, as: UInt64.self)
    for offset in [0, 4] {
      for role: UInt32 in [0, 3, .max] {
        memory.storeBytes(of: role, toByteOffset: content + offset, as: UInt32.self)
        #expect(isCorrupted(errorCode { _ = try SharedByteQueue.attach(name) }), "\(role)")
      }
      memory.storeBytes(of: 2, toByteOffset: content + offset, as: UInt32.self)
    }
    #expect(try SharedByteQueue.attach(name).maximumByteCount == queue.maximumByteCount)
  }
}
