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
  // MARK: - Receiving

  /// Receives the next message if there is one.
  ///
  /// Does not block. Corresponds to `mq_receive` with `O_NONBLOCK` in C and to `Queue.get_nowait`
  /// in Python.
  ///
  /// - Returns: The message, or `nil` if the queue is empty or other receivers keep their turns for
  ///   more than some microseconds. `receive(timeout:)` with `.zero` shows whether the queue has
  ///   ended.
  /// - Throws: `wrongKind` if the queue is for one receiver, which ``receiver()`` returns;
  ///   `corrupted` if something other than this type has written into the queue; `system` for
  ///   anything else.
  @inlinable
  public func tryReceive() throws(InterprocessError) -> Element? {
    try _receivers.attemptSoon { cursor throws(InterprocessError) in
      try _ring.receive(Element.self, &cursor)
    }
  }

  /// Receives the next message, waiting while the queue is empty.
  ///
  /// Blocks while the queue is empty and not finished, or while other receivers keep their turns:
  /// spins for some microseconds, and then sleeps in the kernel. Corresponds to `mq_timedreceive`
  /// in C and to `Queue.get` in Python.
  ///
  /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
  /// - Returns: The message, or `nil` if the queue is finished and empty.
  /// - Throws: What ``tryReceive()`` throws, and `timedOut`.
  @inlinable
  public func receive(timeout: Duration? = nil) throws(InterprocessError) -> Element? {
    let element = try _receivers.attempt { cursor throws(InterprocessError) in
      try _ring.receive(Element.self, &cursor)
    }
    if let element { return element }
    return try _waitAndReceive(timeout)
  }

  // Kept apart, with its clock, so that the function above stays small.
  @inlinable @inline(never)
  func _waitAndReceive(_ timeout: Duration?) throws(InterprocessError) -> Element? {
    try _receivers.retry(atMost: timeout) { cursor throws(InterprocessError) in
      try _ring.receive(Element.self, &cursor)
    }
  }

  /// Receives the next message, waiting while the queue is empty.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
  /// - Returns: The message, or `nil` if the queue is finished and empty.
  /// - Throws: What the blocking form throws, and `CancellationError`; after any error, no message
  ///   has been taken.
  @inlinable
  public nonisolated(nonsending) func receive(
    timeout: Duration? = nil
  ) async throws -> Element? {
    try await _receivers.retry(atMost: timeout) { try _ring.receive(Element.self, &$0) }
  }

  /// Receives several messages at once.
  ///
  /// Blocks until there is a message, as `receive(timeout:)` does, and then takes what there is.
  ///
  /// - Parameters:
  ///   - maximumCount: The greatest number of messages to receive, at least 1.
  ///   - elements: The array to append the messages to.
  ///   - timeout: How long to wait for the first message; `nil`: as long as it takes.
  /// - Returns: How many messages were received; 0 if the queue is finished and empty.
  /// - Throws: What ``tryReceive()`` throws, and `timedOut`.
  /// - Complexity: Linear in the number of messages.
  @inlinable @discardableResult
  public func receive(
    upTo maximumCount: Int, into elements: inout [Element], timeout: Duration? = nil
  ) throws(InterprocessError) -> Int {
    precondition(maximumCount >= 1, "The maximum number of messages is less than one")
    let count = try _receivers.retry(atMost: timeout) { cursor throws(InterprocessError) in
      try _ring.receiveAll(upTo: maximumCount, into: &elements, &cursor)
    }
    return count ?? 0
  }

  /// Receives several messages at once.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - maximumCount: The greatest number of messages to receive, at least 1.
  ///   - elements: The array to append the messages to.
  ///   - timeout: How long to wait for the first message; `nil`: as long as it takes.
  /// - Returns: How many messages were received; 0 if the queue is finished and empty.
  /// - Throws: What the blocking form throws, and `CancellationError`; after any error, no message
  ///   has been taken.
  @inlinable @discardableResult
  public nonisolated(nonsending) func receive(
    upTo maximumCount: Int, into elements: inout [Element], timeout: Duration? = nil
  ) async throws -> Int {
    precondition(maximumCount >= 1, "The maximum number of messages is less than one")
    let count = try await _receivers.retry(atMost: timeout) {
      try _ring.receiveAll(upTo: maximumCount, into: &elements, &$0)
    }
    return count ?? 0
  }

  /// Receives the next message, and takes it only when `body` has returned.
  ///
  /// If this process dies in `body`, or `body` throws, the next receiver gets the message again:
  /// delivery is at least once instead of at most once. Other receivers wait until `body` has
  /// returned. Blocks as `receive(timeout:)` does.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
  ///   - body: Handles the message. It must not receive from this queue.
  /// - Returns: What `body` returns, or `nil` if the queue is finished and empty.
  /// - Throws: What `body` throws, and what `receive(timeout:)` throws.
  @inlinable
  public func receive<Result>(
    timeout: Duration? = nil, acknowledging body: (Element) throws -> Result
  ) throws -> Result? {
    try _receivers.retry(atMost: timeout) { try _ring.receive(acknowledging: body, &$0) }
  }

  /// Receives the next message, and takes it only when `body` has returned.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
  ///   - body: Handles the message. It must not receive from this queue.
  /// - Returns: What `body` returns, or `nil` if the queue is finished and empty.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  @inlinable
  public nonisolated(nonsending) func receive<Result>(
    timeout: Duration? = nil, acknowledging body: (Element) throws -> Result
  ) async throws -> Result? {
    try await _receivers.retry(atMost: timeout) { try _ring.receive(acknowledging: body, &$0) }
  }

  // MARK: - Sequences

  /// The messages of a queue until it is finished.
  public struct Messages: AsyncSequence, Sendable {
    fileprivate let queue: SharedQueue

    /// Receives one message after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
      fileprivate let queue: SharedQueue

      /// The next message, or `nil` if the queue is finished and empty.
      ///
      /// - Throws: What `receive(timeout:)` throws.
      public mutating func next() async throws -> Element? { try await queue.receive() }
    }

    /// Makes an iterator; each message goes to only one of several iterators.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(queue: queue) }
  }

  /// The messages as they come, for `for try await`.
  ///
  /// Ends when the queue is finished and empty, and with `CancellationError` when the task is
  /// cancelled.
  public var messages: Messages { Messages(queue: self) }
}
