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
  // MARK: - Sending in place

  /// Lets `body` write a message into its place in the queue if there is room, and sends it.
  ///
  /// Does not block.
  ///
  /// - Parameter body: Writes the message; see `send(timeout:_:)`.
  /// - Returns: Whether the message was sent, as for `trySend(_:)`. If not, `body` has not run.
  /// - Throws: What `trySend(_:)` and `body` throw; `roleTaken` in a child that was forked in
  ///   `body`. After any error, nothing has been sent.
  @inlinable
  public func trySend(_ body: (inout Element) throws -> Void) throws -> Bool {
    try _senders.attemptSoon { try _ring.send(&$0, writing: body) ? () : nil } != nil
  }

  /// Lets `body` write a message into its place in the queue, and sends it: a large message is not
  /// copied.
  ///
  /// ```swift
  /// try frames.send { (frame: inout Frame) in
  ///   frame.number = number
  ///   camera.read(into: &frame.pixels)
  /// }
  /// ```
  ///
  /// Other senders wait until `body` has returned. If this process dies in `body`, nothing is sent.
  /// Blocks while the queue is full, as `send(_:timeout:)` does.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  ///   - body: Writes the whole message, over an earlier one or zeros. It
  ///     must not use this queue.
  /// - Throws: What `send(_:timeout:)` and `body` throw; `roleTaken` in a child that was forked in
  ///   `body`. After any error, nothing has been sent.
  @inlinable
  public func send(timeout: Duration? = nil, _ body: (inout Element) throws -> Void) throws {
    _ = try _senders.retry(atMost: timeout) { try _ring.send(&$0, writing: body) ? () : nil }
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
  public nonisolated(nonsending) func send(
    timeout: Duration? = nil, _ body: (inout Element) throws -> Void
  ) async throws {
    _ = try await _senders.retry(atMost: timeout) {
      try _ring.send(&$0, writing: body) ? () : nil
    }
  }

  /// Lets `body` write several messages into their places in the queue, and sends them.
  ///
  /// Messages of other senders may come between them. Blocks while the queue is full.
  ///
  /// - Parameters:
  ///   - count: How many messages to send.
  ///   - timeout: How long to wait for room in total; `nil`: as long as it takes.
  ///   - body: Writes a whole message, and gets its number among the messages of this call. It must
  ///     not use this queue.
  /// - Returns: How many messages were sent, as for `send(contentsOf:timeout:)`.
  /// - Throws: What `send(contentsOf:timeout:)` throws; what `body` throws, after which the
  ///   messages before the one of the error have been sent.
  /// - Complexity: Linear in the number of messages.
  @inlinable @discardableResult
  public func send(
    count: Int, timeout: Duration? = nil, _ body: (inout Element, _ index: Int) throws -> Void
  ) throws -> Int {
    precondition(count >= 0, "The number of messages is negative")
    if count == 0 { return 0 }
    var sentCount = 0
    do {
      _ = try _senders.retry(atMost: timeout) {
        try _ring.sendAll(count, from: &sentCount, &$0, writing: body) ? () : nil
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
  public nonisolated(nonsending) func send(
    count: Int, timeout: Duration? = nil, _ body: (inout Element, _ index: Int) throws -> Void
  ) async throws -> Int {
    precondition(count >= 0, "The number of messages is negative")
    if count == 0 { return 0 }
    var sentCount = 0
    do {
      _ = try await _senders.retry(atMost: timeout) {
        try _ring.sendAll(count, from: &sentCount, &$0, writing: body) ? () : nil
      }
    } catch let error as InterprocessError where error._endsBatch(of: sentCount) {
    } catch is CancellationError where sentCount > 0 {}
    return sentCount
  }

  // MARK: - Receiving without a second copy

  /// Receives the next message into a variable, if there is one.
  ///
  /// Does not block.
  ///
  /// - Parameter element: Receives the message; keeps its value if no message is received.
  /// - Returns: Whether a message was received, as for ``tryReceive()``.
  /// - Throws: What ``tryReceive()`` throws.
  @inlinable
  public func tryReceive(into element: inout Element) throws(InterprocessError) -> Bool {
    try _receivers.attemptSoon { cursor throws(InterprocessError) in
      try _ring.receive(into: &element, &cursor) ? () : nil
    } != nil
  }

  /// Receives the next message into a variable, so that a large one is copied only once.
  ///
  /// Blocks while the queue is empty, as `receive(timeout:)` does. To read a message in place, use
  /// `receive(timeout:acknowledging:)`.
  ///
  /// - Parameters:
  ///   - element: Receives the message; keeps its value if no message is received.
  ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
  /// - Returns: Whether a message was received; `false` if the queue is finished and empty.
  /// - Throws: What `receive(timeout:)` throws.
  @inlinable
  public func receive(
    into element: inout Element, timeout: Duration? = nil
  ) throws(InterprocessError) -> Bool {
    let received: Void? = try _receivers.retry(atMost: timeout) {
      cursor throws(InterprocessError) in
      try _ring.receive(into: &element, &cursor) ? () : nil
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
  public nonisolated(nonsending) func receive(
    into element: inout Element, timeout: Duration? = nil
  ) async throws -> Bool {
    let received: Void? = try await _receivers.retry(atMost: timeout) {
      try _ring.receive(into: &element, &$0) ? () : nil
    }
    return received != nil
  }

  /// Receives several messages, each of which `body` reads in place, and takes them only when it
  /// has returned for the last of them.
  ///
  /// If this process dies in `body`, the next receiver gets all of them again. If `body` throws,
  /// the next receiver gets the message of the error and those after it. Blocks until there is a
  /// message, and then reads what there is; other receivers wait until that is done.
  ///
  /// - Parameters:
  ///   - maximumCount: The greatest number of messages to receive, at least 1.
  ///   - timeout: How long to wait for the first message; `nil`: as long as it takes.
  ///   - body: Handles a message. It must not receive from this queue.
  /// - Returns: How many messages were received; 0 if the queue is finished and empty.
  /// - Throws: What `body` throws, and what `receive(timeout:)` throws.
  /// - Complexity: Linear in the number of messages.
  @inlinable @discardableResult
  public func receive(
    upTo maximumCount: Int, timeout: Duration? = nil, acknowledging body: (Element) throws -> Void
  ) throws -> Int {
    precondition(maximumCount >= 1, "The maximum number of messages is less than one")
    return try _receivers.retry(atMost: timeout) {
      try _ring.receiveAll(upTo: maximumCount, acknowledging: body, &$0)
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
  public nonisolated(nonsending) func receive(
    upTo maximumCount: Int, timeout: Duration? = nil, acknowledging body: (Element) throws -> Void
  ) async throws -> Int {
    precondition(maximumCount >= 1, "The maximum number of messages is less than one")
    return try await _receivers.retry(atMost: timeout) {
      try _ring.receiveAll(upTo: maximumCount, acknowledging: body, &$0)
    } ?? 0
  }
}
