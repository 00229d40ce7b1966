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

import Subprocess
import Synchronization
import TestSupport
import Testing

@testable import Interprocess

/// Queues between several threads and processes, which may die.
@Suite("Queues between processes", .timeLimit(.minutes(5)))
struct QueueProcessTests {
  /// The short form of `scripts/stress`.
  @Test("Each message arrives once, and in order, from one to one, and from many to many")
  func streams() async throws {
    let outcome = try await runWithPrivateSharedMemory(
      "size=64m", Places.helper, ["queue-streams", "\(extent(whole: 200_000, short: 50_000))"])
    #expect(outcome.status == .exited(0), "\(outcome.errors)\(outcome.output)")
    #expect(outcome.output.split(separator: "\n").count == 4)
  }

  /// The short form of `scripts/crash-test messaging`.
  @Test("Killed processes lose nothing that was sent over a queue, and leave no process hanging")
  func campaign() async throws {
    let primitives = ["queue", "queueAcknowledged", "queueOfOne", "queueOfOneAcknowledged"]
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

  @Test("The role of a process that died is free at once", arguments: [true, false])
  func deadRole(isSender: Bool) async throws {
    let name = uniqueName()
    let queue = try SharedQueue<UInt64>.create(
      name, capacity: 4, senders: .one, receivers: .one)
    let (status, _) = try await withChildProcess(
      Places.helper, ["queue-hold", name, isSender ? "sender" : "receiver"]
    ) { holder in
      #expect(try await holder.nextLine() == "held")
      #expect(errorCode { try claim(queue, isSender) } == .roleTaken)
      try holder.kill()
    }
    #expect(status == .signaled(9))
    #expect(errorCode { try claim(queue, isSender) } == nil)
    try queue.unlink()
  }

  @Test("A forked child does not give back its parent's role")
  func fork() async throws {
    let name = uniqueName()
    let queue = try SharedQueue<UInt64>.create(
      name, capacity: 4, senders: .one, receivers: .one)
    let (status, _) = try await withChildProcess(
      Places.helper, ["queue-fork", name]
    ) { holder in
      let line = try await holder.nextLine()
      #expect(line == "forked")
      #expect(errorCode { try claim(queue, true) } == .roleTaken)
      let answer = try await holder.ask("go")
      #expect(answer == "still sending")
    }
    #expect(status == .exited(0))
    let user = QueueUser(queue)
    #expect(try user.tryReceive() == 7)
    #expect(try user.tryReceive() == nil)
    try queue.unlink()
  }

  private func claim(_ queue: SharedQueue<UInt64>, _ isSender: Bool) throws {
    if isSender { _ = try queue.sender() } else { _ = try queue.receiver() }
  }

  @Test("A message from one thread to another is whole, also under the thread sanitizer")
  func twoThreadsOfRoles() async throws {
    let queue = try SharedQueue<InlineArray<5, UInt64>>.create(
      capacity: 7, senders: .one, receivers: .one, options: .whileAttached)
    let sender = inThread {
      var sender = try queue.sender()
      for number in 0..<20_000 { try sender.send(InlineArray(number: UInt64(number))) }
      sender.finish()
    }
    let receiver = inThread {
      var receiver = try queue.receiver()
      var count: UInt64 = 0
      while let message = try receiver.receive() {
        guard message.isWhole && message.number == count else { break }
        count += 1
      }
      return count
    }
    try await sender.value
    #expect(try await receiver.value == 20_000)
  }

  @Test("A message between threads that take turns is whole, also under the thread sanitizer")
  func twoThreadsOfMany() async throws {
    let queue = try SharedQueue<InlineArray<5, UInt64>>.create(
      capacity: 7, options: .whileAttached)
    // Not the forms for tasks, whose waits the sanitizer does not understand.
    @Sendable func send() throws {
      for number in 0..<20_000 { try queue.send(InlineArray(number: UInt64(number))) }
      try queue.finish()
    }
    @Sendable func receive() throws -> UInt64 {
      var count: UInt64 = 0
      while let message = try queue.receive() {
        guard message.isWhole && message.number == count else { break }
        count += 1
      }
      return count
    }
    let sender = inThread { try send() }
    let receiver = inThread { try receive() }
    try await sender.value
    #expect(try await receiver.value == 20_000)
  }

  // MARK: - Hostile bytes

  @Test("Random words give an error or a time-out, and no access elsewhere", arguments: 1...10)
  func randomWords(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for role in [Multiplicity.one, .many] {
      let name = uniqueName()
      let queue = try SharedQueue<UInt64>.create(
        name, capacity: 20, senders: role, receivers: role, options: .whileAttached)
      var memory = try SharedMemory.attach(name)
      let content = Int(memory.load(fromByteOffset: 72, as: UInt64.self))
      let user = QueueUser(queue)
      for _ in 0..<200 {
        let offset = content + Int(generator.next() % UInt64((memory.byteCount - content) / 4)) * 4
        let word = UInt32(truncatingIfNeeded: generator.next() >> (generator.next() % 64))
        memory.storeBytes(of: word, toByteOffset: offset, as: UInt32.self)
        expectBearableError { _ = try user.trySend(1) }
        expectBearableError { try user.send(1, timeout: .microseconds(50)) }
        expectBearableError { _ = try user.tryReceive() }
        expectBearableError { _ = try user.receive(timeout: .microseconds(50)) }
        var numbers: [UInt64] = []
        expectBearableError {
          _ = try user.send(contentsOf: [1, 2, 3, 4, 5].span, timeout: .microseconds(50))
          _ = try user.receive(upTo: 50, into: &numbers, timeout: .microseconds(50))
        }
        _ = queue.statistics.count
        expectBearableError { _ = try SharedQueue<UInt64>.attach(name) }
        _ = try? SegmentContent(ofSegment: name)
      }
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

  @Test("An impossible position or count is detected, whichever side wrote it")
  func wrongWords() throws {
    // The tail, the number taken, and the count of the first group.
    let offsets = [128 + 8, 384 + 8, 640]
    for offset in offsets {
      for word: UInt64 in [22, 1 << 32, 1 << 63, .max] {
        let name = uniqueName()
        let queue = try SharedQueue<UInt64>.create(name, capacity: 20, options: .whileAttached)
        var memory = try SharedMemory.attach(name)
        let content = Int(memory.load(fromByteOffset: 72, as: UInt64.self))
        try queue.send(1, timeout: .zero)
        memory.storeBytes(of: word, toByteOffset: content + offset, as: UInt64.self)
        let codes = [
          errorCode { for _ in 0..<21 { try queue.send(1, timeout: .zero) } },
          errorCode { _ = try queue.receive(timeout: .zero) },
        ]
        let isFound = codes.contains {
          if case .corrupted? = $0 { true } else { false }
        }
        #expect(isFound, "\(word) at \(offset) gives \(codes)")
      }
    }
  }

  @Test("A header of an impossible queue gives an error")
  func wrongHeader() throws {
    let name = uniqueName()
    let queue = try SharedQueue<UInt64>.create(name, capacity: 20, options: .whileAttached)
    var memory = try SharedMemory.attach(name)
    let content = Int(memory.load(fromByteOffset: 72, as: UInt64.self))
    for capacity: UInt64 in [0, 50, 1 << 40, 1 << 62, .max] {
      memory.storeBytes(of: capacity, toByteOffset: 32, as: UInt64.self)
      expectCorrupted { _ = try SharedQueue<UInt64>.attach(name) }
    }
    memory.storeBytes(of: 20, toByteOffset: 32, as: UInt64.self)
    for offset in [0, 4] {
      for role: UInt32 in [0, 3, .max] {
        memory.storeBytes(of: role, toByteOffset: content + offset, as: UInt32.self)
        expectCorrupted { _ = try SharedQueue<UInt64>.attach(name) }
      }
      memory.storeBytes(of: 2, toByteOffset: content + offset, as: UInt32.self)
    }
    #expect(try SharedQueue<UInt64>.attach(name).capacity == queue.capacity)
  }

  private func expectCorrupted(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
  ) {
    guard case .corrupted? = errorCode(body) else {
      Issue.record("It is taken for whole", sourceLocation: sourceLocation)
      return
    }
  }
}
