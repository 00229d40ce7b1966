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

extension SharedQueue {
  // MARK: - Sending

  /// Sends a message if there is room.
  ///
  /// Does not block. Corresponds to `mq_send` with `O_NONBLOCK` in C and to `Queue.put_nowait` in
  /// Python.
  ///
  /// - Parameter element: The message.
  /// - Returns: Whether the message was sent; it was not if there is no room, or if other senders
  ///   keep their turns for more than some microseconds.
  /// - Throws: `finished`; `wrongKind` if the queue is for one sender, which ``sender()`` returns;
  ///   `corrupted` if something other than this type has written into the queue; `system` for
  ///   anything else.
  @inlinable
  public func trySend(_ element: Element) throws(InterprocessError) -> Bool {
    try _senders.attemptSoon { cursor throws(InterprocessError) in
      try _ring.send(element, &cursor) ? () : nil
    } != nil
  }

  /// Sends a message, waiting while the queue is full.
  ///
  /// Blocks while the queue is full: spins for some microseconds, and then sleeps in the kernel.
  /// Corresponds to `mq_timedsend` in C and to `Queue.put` in Python.
  ///
  /// - Parameters:
  ///   - element: The message.
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  /// - Throws: What `trySend(_:)` throws, and `timedOut`.
  @inlinable
  public func send(
    _ element: Element, timeout: Duration? = nil
  ) throws(InterprocessError) {
    let isSent: Void? = try _senders.attempt { cursor throws(InterprocessError) in
      try _ring.send(element, &cursor) ? () : nil
    }
    if isSent == nil {
      var cursor = QueueCursor.beforeTurn
      try _waitAndSend(element, as: &cursor, timeout)
    }
  }

  // Kept apart, with its clock, so that the functions that call it stay small.
  @inlinable @inline(never)
  func _waitAndSend(
    _ element: Element, as cursor: inout QueueCursor, _ timeout: Duration?
  ) throws(InterprocessError) {
    _ = try _senders.retry(as: &cursor, atMost: timeout) { cursor throws(InterprocessError) in
      try _ring.send(element, &cursor) ? () : nil
    }
  }

  /// Sends a message, waiting while the queue is full.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - element: The message.
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  /// - Throws: What the blocking form throws, and `CancellationError`; after any error, the message
  ///   has not been sent.
  @inlinable
  public nonisolated(nonsending) func send(
    _ element: Element, timeout: Duration? = nil
  ) async throws {
    _ = try await _senders.retry(atMost: timeout) { try _ring.send(element, &$0) ? () : nil }
  }

  /// Sends messages in order, several at once where there is room.
  ///
  /// Messages of other senders may come between them. Blocks as `send(_:timeout:)` does.
  ///
  /// - Parameters:
  ///   - elements: The messages.
  ///   - timeout: How long to wait for room in total; `nil`: as long as it takes.
  /// - Returns: How many messages were sent: all; or fewer, perhaps 0, if the time-out passed; or
  ///   fewer, but at least 1, if the queue was finished meanwhile, which the next call reports.
  /// - Throws: `finished` if no message was sent; `wrongKind`, `corrupted` and `system` as
  ///   `trySend(_:)` does, even when some messages were sent.
  /// - Complexity: Linear in the number of messages.
  @inlinable @discardableResult
  public func send(
    contentsOf elements: Span<Element>, timeout: Duration? = nil
  ) throws(InterprocessError) -> Int {
    if elements.isEmpty { return 0 }
    var sentCount = 0
    do throws(InterprocessError) {
      _ = try _senders.retry(atMost: timeout) { cursor throws(InterprocessError) in
        sentCount = try _ring.sendAll(elements, from: sentCount, &cursor)
        return sentCount == elements.count ? () : nil
      }
    } catch  where error._endsBatch(of: sentCount) {}
    return sentCount
  }

  /// Sends messages in order, several at once where there is room.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - elements: The messages.
  ///   - timeout: How long to wait for room in total; `nil`: as long as it takes.
  /// - Returns: What the blocking form returns; also fewer than all, but at least 1, if the task
  ///   was cancelled meanwhile, which the next call reports.
  /// - Throws: What the blocking form throws; `CancellationError` if no message was sent.
  @inlinable @discardableResult
  public nonisolated(nonsending) func send(
    contentsOf elements: Span<Element>, timeout: Duration? = nil
  ) async throws -> Int {
    if elements.isEmpty { return 0 }
    var sentCount = 0
    do {
      _ = try await _senders.retry(atMost: timeout) {
        sentCount = try _ring.sendAll(elements, from: sentCount, &$0)
        return sentCount == elements.count ? () : nil
      }
    } catch let error as InterprocessError where error._endsBatch(of: sentCount) {
    } catch is CancellationError where sentCount > 0 {}
    return sentCount
  }
}

extension InterprocessError {
  /// Whether a batch of which some messages have been sent ends here without an error.
  @usableFromInline func _endsBatch(of sentCount: Int) -> Bool {
    code == .timedOut || code == .finished && sentCount > 0
  }
}
