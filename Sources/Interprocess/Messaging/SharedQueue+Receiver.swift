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
  /// The role of a queue's only receiver, held for as long as this value exists.
  ///
  /// It is the fastest way to receive, as it takes no lock and keeps its own position.
  ///
  /// ```swift
  /// var receiver = try queue.receiver()
  /// while let order = try receiver.receive() { process(order) }
  /// ```
  public struct Receiver: ~Copyable, Sendable {
    @usableFromInline let queue: SharedQueue
    @usableFromInline let ring: QueueRing
    @usableFromInline var cursor: QueueCursor
    /// How often to look for a message before preparing to sleep: once with one processor.
    @usableFromInline let lookCount: Int
    @usableFromInline let taken = Taken()

    fileprivate init(_ queue: SharedQueue, _ cursor: QueueCursor) {
      self.queue = queue
      ring = queue.ring
      self.cursor = cursor
      lookCount = Processors.count > 1 ? 256 : 1
    }

    deinit {
      queue.receivers.giveBack(taken.generation)
    }

    /// Keeps a child created by `fork`, which has a copy of this value, from receiving its parent's
    /// messages.
    ///
    /// - Throws: `roleTaken`.
    @inlinable @inline(__always) func checkRole() throws(InterprocessError) {
      if !taken.isOwn { throw queue.receivers.isOfParent }
    }

    /// Gives the role back, as does the end of this value's life.
    ///
    /// Does not block.
    public consuming func close() {}

    /// Receives the next message if there is one, as ``SharedQueue/tryReceive()`` does.
    ///
    /// Does not block.
    ///
    /// - Returns: The message, or `nil` if the queue is empty.
    /// - Throws: `corrupted` if something other than this type has written into the queue;
    ///   `roleTaken` in a forked child.
    @inlinable
    public mutating func tryReceive() throws(InterprocessError) -> Element? {
      try checkRole()
      return try ring.receive(Element.self, &cursor)
    }

    /// Receives the next message, as the queue's own function does.
    ///
    /// Blocks while the queue is empty and not finished.
    ///
    /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
    /// - Returns: The message, or `nil` if the queue is finished and empty.
    /// - Throws: `timedOut`; `corrupted` if something other than this type has written into the
    ///   queue; `roleTaken` in a forked child; `system` for anything else.
    @inlinable @inline(__always)
    public mutating func receive(
      timeout: Duration? = nil
    ) throws(InterprocessError) -> Element? {
      if taken.isOwn, let element = try ring.receive(Element.self, &cursor) { return element }
      return try lookAndReceive(timeout)
    }

    // Kept apart, so that the function above, which is inlined, stays small.
    @inlinable @inline(never)
    mutating func lookAndReceive(_ timeout: Duration?) throws(InterprocessError) -> Element? {
      try checkRole()
      for _ in 0..<lookCount {
        Processors.spinHint()
        if let element = try ring.receive(Element.self, &cursor) { return element }
      }
      let ring = ring
      return try queue.receivers.retry(as: &cursor, atMost: timeout) {
        cursor throws(InterprocessError) in
        try ring.receive(Element.self, &cursor)
      }
    }

    /// Receives the next message, as the queue's own function does.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
    /// - Returns: The message, or `nil` if the queue is finished and empty.
    /// - Throws: What the blocking form throws, and `CancellationError`.
    @inlinable
    public nonisolated(nonsending) mutating func receive(
      timeout: Duration? = nil
    ) async throws -> Element? {
      try checkRole()
      let ring = ring
      return try await queue.receivers.retry(as: &cursor, atMost: timeout) {
        try ring.receive(Element.self, &$0)
      }
    }

    /// Receives several messages at once, as the queue's own function does.
    ///
    /// Blocks until there is a message, and then takes what there is.
    ///
    /// - Parameters:
    ///   - maximumCount: The greatest number of messages to receive, at least 1.
    ///   - elements: The array to append the messages to.
    ///   - timeout: How long to wait for the first message; `nil`: as long as it takes.
    /// - Returns: How many messages were received; 0 if the queue is finished and empty.
    /// - Throws: What `receive(timeout:)` throws.
    @inlinable @discardableResult
    public mutating func receive(
      upTo maximumCount: Int, into elements: inout [Element], timeout: Duration? = nil
    ) throws(InterprocessError) -> Int {
      precondition(maximumCount >= 1, "The maximum number of messages is less than one")
      try checkRole()
      let ring = ring
      let count = try queue.receivers.retry(as: &cursor, atMost: timeout) {
        cursor throws(InterprocessError) in
        try ring.receiveAll(upTo: maximumCount, into: &elements, &cursor)
      }
      return count ?? 0
    }

    /// Receives several messages at once, as the queue's own function does.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameters:
    ///   - maximumCount: The greatest number of messages to receive, at least 1.
    ///   - elements: The array to append the messages to.
    ///   - timeout: How long to wait for the first message; `nil`: as long as it takes.
    /// - Returns: How many messages were received; 0 if the queue is finished and empty.
    /// - Throws: What the blocking form throws, and `CancellationError`.
    @inlinable @discardableResult
    public nonisolated(nonsending) mutating func receive(
      upTo maximumCount: Int, into elements: inout [Element], timeout: Duration? = nil
    ) async throws -> Int {
      precondition(maximumCount >= 1, "The maximum number of messages is less than one")
      try checkRole()
      let ring = ring
      let count = try await queue.receivers.retry(as: &cursor, atMost: timeout) {
        try ring.receiveAll(upTo: maximumCount, into: &elements, &$0)
      }
      return count ?? 0
    }

    /// Receives the next message, and takes it only when `body` has returned.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
    ///   - body: Handles the message.
    /// - Returns: What `body` returns, or `nil` if the queue is finished and empty.
    /// - Throws: What `body` throws, and what `receive(timeout:)` throws.
    @inlinable
    public mutating func receive<Result>(
      timeout: Duration? = nil, acknowledging body: (Element) throws -> Result
    ) throws -> Result? {
      try checkRole()
      let ring = ring
      return try queue.receivers.retry(as: &cursor, atMost: timeout) {
        try ring.receive(acknowledging: body, &$0)
      }
    }

    /// Receives the next message, and takes it only when `body` has returned.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
    ///   - body: Handles the message.
    /// - Returns: What `body` returns, or `nil` if the queue is finished and empty.
    /// - Throws: What the blocking form throws, and `CancellationError`.
    @inlinable
    public nonisolated(nonsending) mutating func receive<Result>(
      timeout: Duration? = nil, acknowledging body: (Element) throws -> Result
    ) async throws -> Result? {
      try checkRole()
      let ring = ring
      return try await queue.receivers.retry(as: &cursor, atMost: timeout) {
        try ring.receive(acknowledging: body, &$0)
      }
    }
  }

  /// Takes the role of the only receiver.
  ///
  /// Does not block. The role of a process that has died is free at once.
  ///
  /// - Returns: The role, which is given back at the end of the value's life.
  /// - Throws: `roleTaken` if another value holds it; `wrongKind` if the queue is for many
  ///   receivers; `corrupted` if something other than this type has written into the queue;
  ///   `system` for anything else.
  public func receiver() throws(InterprocessError) -> Receiver {
    Receiver(self, try receivers.takeRole())
  }
}
