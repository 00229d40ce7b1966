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

extension SharedQueue.Sender {
  // MARK: - Sending in place

  /// Lets `body` write a message into its place in the queue if there is room, and sends it.
  ///
  /// Does not block.
  ///
  /// - Parameter body: Writes the whole message.
  /// - Returns: Whether there was room. If not, `body` has not run.
  /// - Throws: What `trySend(_:)` and `body` throw; `roleTaken` in a child that was forked in
  ///   `body`. After any error, nothing has been sent.
  @inlinable @inline(__always)
  public mutating func trySend(_ body: (inout Element) throws -> Void) throws -> Bool {
    try _checkRole()
    return try _ring.send(&_cursor, writing: body)
  }

  /// Lets `body` write a message into its place in the queue, and sends it, as the queue's own
  /// function does.
  ///
  /// Blocks while the queue is full.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  ///   - body: Writes the whole message, over an earlier one or zeros. It
  ///     must not use this queue.
  /// - Throws: What `send(_:timeout:)` and `body` throw; `roleTaken` in a child that was forked in
  ///   `body`. After any error, nothing has been sent.
  @inlinable @inline(__always)
  public mutating func send(
    timeout: Duration? = nil, _ body: (inout Element) throws -> Void
  ) throws {
    if _taken.isOwn, try _ring.send(&_cursor, writing: body) { return }
    try _waitAndSend(timeout, writing: body)
  }

  // Kept apart, so that the function above, which is inlined, stays small.
  @inlinable @inline(never)
  mutating func _waitAndSend(
    _ timeout: Duration?, writing body: (inout Element) throws -> Void
  ) throws {
    try _checkRole()
    let ring = _ring
    _ = try _queue._senders.retry(as: &_cursor, atMost: timeout) {
      try ring.send(&$0, writing: body) ? () : nil
    }
  }

  /// Lets `body` write a message into its place in the queue, and sends it.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  ///   - body: Writes the whole message.
  /// - Throws: What the blocking form throws, and `CancellationError`; after any error, nothing has
  ///   been sent.
  @inlinable
  public nonisolated(nonsending) mutating func send(
    timeout: Duration? = nil, _ body: (inout Element) throws -> Void
  ) async throws {
    try _checkRole()
    let ring = _ring
    _ = try await _queue._senders.retry(as: &_cursor, atMost: timeout) {
      try ring.send(&$0, writing: body) ? () : nil
    }
  }

  /// Lets `body` write several messages into their places in the queue, and sends them.
  ///
  /// Blocks while the queue is full.
  ///
  /// - Parameters:
  ///   - count: How many messages to send.
  ///   - timeout: How long to wait for room in total; `nil`: as long as it takes.
  ///   - body: Writes a whole message, and gets its number among the messages of this call. It must
  ///     not use this queue.
  /// - Returns: How many messages were sent, as for `send(contentsOf:timeout:)`.
  /// - Throws: What `send(contentsOf:timeout:)` throws; what `body` throws, after which the
  ///   messages before the one of the error have been sent.
  @inlinable @discardableResult
  public mutating func send(
    count: Int, timeout: Duration? = nil, _ body: (inout Element, _ index: Int) throws -> Void
  ) throws -> Int {
    precondition(count >= 0, "The number of messages is negative")
    try _checkRole()
    let ring = _ring
    var sentCount = 0
    do {
      _ = try _queue._senders.retry(as: &_cursor, atMost: timeout) {
        try ring.sendAll(count, from: &sentCount, &$0, writing: body) ? () : nil
      }
    } catch let error as InterprocessError where error._endsBatch(of: sentCount) {}
    return sentCount
  }

  /// Lets `body` write several messages into their places in the queue, and sends them.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - count: How many messages to send.
  ///   - timeout: How long to wait for room in total; `nil`: as long as it takes.
  ///   - body: Writes a whole message, and gets its number among the messages of this call.
  /// - Returns: How many messages were sent, as for `send(contentsOf:timeout:)`.
  /// - Throws: What the blocking form throws; `CancellationError` if no message was sent.
  @inlinable @discardableResult
  public nonisolated(nonsending) mutating func send(
    count: Int, timeout: Duration? = nil, _ body: (inout Element, _ index: Int) throws -> Void
  ) async throws -> Int {
    precondition(count >= 0, "The number of messages is negative")
    try _checkRole()
    let ring = _ring
    var sentCount = 0
    do {
      _ = try await _queue._senders.retry(as: &_cursor, atMost: timeout) {
        try ring.sendAll(count, from: &sentCount, &$0, writing: body) ? () : nil
      }
    } catch let error as InterprocessError where error._endsBatch(of: sentCount) {
    } catch is CancellationError where sentCount > 0 {}
    return sentCount
  }
}

extension SharedQueue.Receiver {
  // MARK: - Receiving without a second copy

  /// Receives the next message into a variable, if there is one.
  ///
  /// Does not block.
  ///
  /// - Parameter element: Receives the message; keeps its value if no message is received.
  /// - Returns: Whether a message was received.
  /// - Throws: What ``tryReceive()`` throws.
  @inlinable @inline(__always)
  public mutating func tryReceive(into element: inout Element) throws(InterprocessError) -> Bool {
    try _checkRole()
    return try _ring.receive(into: &element, &_cursor)
  }

  /// Receives the next message into a variable, as the queue's own function does.
  ///
  /// Blocks while the queue is empty.
  ///
  /// - Parameters:
  ///   - element: Receives the message; keeps its value if no message is received.
  ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
  /// - Returns: Whether a message was received; `false` if the queue is finished and empty.
  /// - Throws: What `receive(timeout:)` throws.
  @inlinable @inline(__always)
  public mutating func receive(
    into element: inout Element, timeout: Duration? = nil
  ) throws(InterprocessError) -> Bool {
    if _taken.isOwn, try _ring.receive(into: &element, &_cursor) { return true }
    return try _lookAndReceive(timeout, into: &element)
  }

  @inlinable @inline(never)
  mutating func _lookAndReceive(
    _ timeout: Duration?, into element: inout Element
  ) throws(InterprocessError) -> Bool {
    try _checkRole()
    if _look(), try _ring.receive(into: &element, &_cursor) { return true }
    return try _waitAndReceive(timeout, into: &element)
  }

  @inlinable @inline(never)
  mutating func _waitAndReceive(
    _ timeout: Duration?, into element: inout Element
  ) throws(InterprocessError) -> Bool {
    defer { _renewCredit() }
    let ring = _ring
    let received: Void? = try _queue._receivers.retry(as: &_cursor, atMost: timeout) {
      cursor throws(InterprocessError) in
      try ring.receive(into: &element, &cursor) ? () : nil
    }
    return received != nil
  }

  /// Receives the next message into a variable.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - element: Receives the message; keeps its value if no message is received.
  ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
  /// - Returns: Whether a message was received; `false` if the queue is finished and empty.
  /// - Throws: What the blocking form throws, and `CancellationError`; after any error, no message
  ///   has been taken.
  @inlinable
  public nonisolated(nonsending) mutating func receive(
    into element: inout Element, timeout: Duration? = nil
  ) async throws -> Bool {
    try _checkRole()
    let ring = _ring
    let received: Void? = try await _queue._receivers.retry(as: &_cursor, atMost: timeout) {
      try ring.receive(into: &element, &$0) ? () : nil
    }
    return received != nil
  }

  /// Receives several messages, each of which `body` reads in place, and takes them only when it
  /// has returned for the last of them, as the queue's own function does.
  ///
  /// Blocks until there is a message, and then reads what there is.
  ///
  /// - Parameters:
  ///   - maximumCount: The greatest number of messages to receive, at least 1.
  ///   - timeout: How long to wait for the first message; `nil`: as long as it takes.
  ///   - body: Handles a message. It must not receive from this queue.
  /// - Returns: How many messages were received; 0 if the queue is finished and empty.
  /// - Throws: What `body` throws, and what `receive(timeout:)` throws.
  @inlinable @discardableResult
  public mutating func receive(
    upTo maximumCount: Int, timeout: Duration? = nil, acknowledging body: (Element) throws -> Void
  ) throws -> Int {
    precondition(maximumCount >= 1, "The maximum number of messages is less than one")
    try _checkRole()
    let ring = _ring
    return try _queue._receivers.retry(as: &_cursor, atMost: timeout) {
      try ring.receiveAll(upTo: maximumCount, acknowledging: body, &$0)
    } ?? 0
  }

  /// Receives several messages, each of which `body` reads in place, and takes them only when it
  /// has returned for the last of them.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - maximumCount: The greatest number of messages to receive, at least 1.
  ///   - timeout: How long to wait for the first message; `nil`: as long as it takes.
  ///   - body: Handles a message. It must not receive from this queue.
  /// - Returns: How many messages were received; 0 if the queue is finished and empty.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  @inlinable @discardableResult
  public nonisolated(nonsending) mutating func receive(
    upTo maximumCount: Int, timeout: Duration? = nil, acknowledging body: (Element) throws -> Void
  ) async throws -> Int {
    precondition(maximumCount >= 1, "The maximum number of messages is less than one")
    try _checkRole()
    let ring = _ring
    return try await _queue._receivers.retry(as: &_cursor, atMost: timeout) {
      try ring.receiveAll(upTo: maximumCount, acknowledging: body, &$0)
    } ?? 0
  }
}
