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

import TestSupport
import Testing

@testable import Interprocess

/// What the sender of a batch learns when the batch is interrupted.
@Suite("Interrupted batches", .timeLimit(.minutes(2)))
struct BatchTests {
  /// The form of the sender.
  enum Form: CaseIterable {
    case thread, task, roleInThread, roleInTask
    case threadInPlace, taskInPlace, roleInThreadInPlace, roleInTaskInPlace

    var isRole: Bool {
      switch self {
      case .roleInThread, .roleInTask, .roleInThreadInPlace, .roleInTaskInPlace: true
      default: false
      }
    }
    var isTask: Bool {
      switch self {
      case .task, .roleInTask, .taskInPlace, .roleInTaskInPlace: true
      default: false
      }
    }
  }

  /// The interruption.
  enum Interruption: CaseIterable { case timeout, finish, damage, cancellation }

  private static let batch = [1, 2, 3, 4, 5]

  /// Sends the batch.
  private static func send(
    _ queue: SharedQueue<Int>, _ form: Form, timeout: Duration?
  ) async throws -> Int {
    switch form {
    case .thread:
      try await inThread { try queue.send(contentsOf: batch.span, timeout: timeout) }.value
    case .task:
      try await queue.send(contentsOf: batch.span, timeout: timeout)
    case .roleInThread:
      try await inThread {
        var sender = try queue.sender()
        return try sender.send(contentsOf: batch.span, timeout: timeout)
      }.value
    case .roleInTask:
      try await sendInRole(queue, timeout)
    case .threadInPlace, .roleInThreadInPlace:
      try await inThread {
        try QueueUser(queue).send(count: batch.count, timeout: timeout) { $0 = batch[$1] }
      }.value
    case .taskInPlace, .roleInTaskInPlace:
      try await QueueUser(queue).sendAsTask(count: batch.count, timeout: timeout) {
        $0 = batch[$1]
      }
    }
  }

  private static func sendInRole(_ queue: SharedQueue<Int>, _ timeout: Duration?) async throws
    -> Int
  {
    var sender = try queue.sender()
    return try await sender.send(contentsOf: batch.span, timeout: timeout)
  }

  /// The result of sending a batch.
  private enum Outcome: Equatable { case sent(Int), failed(InterprocessError.Code), cancelled }

  private static func outcome(_ body: () async throws -> Int) async -> Outcome? {
    do {
      return .sent(try await body())
    } catch let error as InterprocessError {
      return .failed(error.code)
    } catch is CancellationError {
      return .cancelled
    } catch {
      Issue.record(error)
      return nil
    }
  }

  @Test(
    "A sender that gets a smaller count has sent that many, and gets the error now or next time",
    arguments: Form.allCases, Interruption.allCases)
  func cutOff(form: Form, interruption: Interruption) async throws {
    let (isRole, isTask) = (form.isRole, form.isTask)
    // Only the sender itself can finish a queue of one sender; and a thread is not cancelled.
    if isRole && interruption == .finish || !isTask && interruption == .cancellation { return }
    let queue = try SharedQueue<Int>.create(capacity: 2, senders: isRole ? .one : .many)
    let name = queue.name
    defer { try? SharedMemory.unlink(name) }
    let timeout: Duration? = interruption == .timeout ? .milliseconds(30) : nil
    let sending = Task {
      await Self.outcome { try await Self.send(queue, form, timeout: timeout) }
    }
    while queue.statistics.fullCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
    switch interruption {
    case .timeout: break
    case .finish: try await queue.finish()
    case .cancellation: sending.cancel()
    case .damage:
      // The position claims that more messages were received than sent.
      var memory = try SharedMemory.attach(name)
      let content = Int(memory.load(fromByteOffset: 72, as: UInt64.self))
      memory.storeBytes(
        of: 99, toByteOffset: content + QueueHead.receivingOffset + 8, as: UInt64.self)
    }
    let first = await sending.value
    if interruption == .damage {
      guard case .failed(.corrupted) = first else {
        Issue.record("\(String(describing: first))")
        return
      }
      return
    }
    #expect(first == .sent(2))
    #expect(queue.statistics.sentCount == 2)
    let second = Task {
      if interruption == .cancellation { withUnsafeCurrentTask { $0?.cancel() } }
      return await Self.outcome { try await Self.send(queue, form, timeout: .zero) }
    }
    switch interruption {
    case .timeout: #expect(await second.value == .sent(0))
    case .finish: #expect(await second.value == .failed(.finished))
    default: #expect(await second.value == .cancelled)
    }
    #expect(queue.statistics.sentCount == 2)
  }

  @Test("A task sends a batch through a role as there is room, and bytes that lie elsewhere")
  func role() async throws {
    let queue = try SharedQueue<Int>.create(capacity: 2, senders: .one)
    try queue.unlink()
    let sending = Task { try await Self.sendInRole(queue, nil) }
    for number in Self.batch { #expect(try await queue.receive() == number) }
    #expect(try await sending.value == 5)

    let bytes = try SharedByteQueue.create(nil, byteCapacity: 64, maximumByteCount: 8)
    try bytes.unlink()
    let message: [UInt8] = [1, 2, 3]
    try await bytes.send(message.span.bytes)
    #expect(try await bytes.receive() == message)
    while try bytes.trySend(byteCount: 8, { _ in }) {}
    let code = await taskErrorCode {
      try await bytes.send(message.span.bytes, timeout: .milliseconds(20))
    }
    #expect(code == .timedOut)
    let waiting = Task { try await bytes.send([UInt8(1)].span.bytes) }
    try await Task.sleep(for: .milliseconds(10))
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
  }
}
