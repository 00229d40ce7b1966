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
    @usableFromInline let _queue: SharedQueue
    @usableFromInline let _ring: QueueRing
    @usableFromInline var _cursor: QueueCursor
    /// How often all looks may be in vain before this value prepares to sleep at once.
    @usableFromInline var _lookCredit: Int
    @usableFromInline let _taken = Taken()

    fileprivate init(_ queue: SharedQueue, _ cursor: QueueCursor) {
      self._queue = queue
      _ring = queue._ring
      self._cursor = cursor
      _lookCredit = queue._receivers.lookCredit
    }

    deinit {
      _queue._receivers.giveBack(_taken.generation)
    }

    /// Keeps a child created by `fork`, which has a copy of this value, from receiving its parent's
    /// messages.
    ///
    /// - Throws: `roleTaken`.
    @inlinable @inline(__always) func _checkRole() throws(InterprocessError) {
      if !_taken.isOwn { throw _queue._receivers.isOfParent }
    }

    /// Looks for the next message for some time, if looks have not been in vain too often.
    ///
    /// - Returns: Whether there seems to be one.
    @inlinable @inline(__always) mutating func _look() -> Bool {
      if _lookCredit == 0 { return false }
      guard _ring.look(at: _cursor) else {
        _lookCredit -= 1
        return false
      }
      if _lookCredit < 16 { _lookCredit += 1 }
      return true
    }

    /// Lets this value look again after a wait, if such waits can end while they spin.
    @inlinable mutating func _renewCredit() {
      if _lookCredit == 0 { _lookCredit = _queue._receivers.lookCredit }
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
      try _checkRole()
      return try _ring.receive(Element.self, &_cursor)
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
      if _taken.isOwn, let element = try _ring.receive(Element.self, &_cursor) { return element }
      return try _lookAndReceive(timeout)
    }

    // Kept apart, so that the function above, which is inlined, stays small.
    @inlinable @inline(never)
    mutating func _lookAndReceive(_ timeout: Duration?) throws(InterprocessError) -> Element? {
      try _checkRole()
      if _look(), let element = try _ring.receive(Element.self, &_cursor) { return element }
      return try _waitAndReceive(timeout)
    }

    // Kept apart, with its closure and its clock.
    @inlinable @inline(never)
    mutating func _waitAndReceive(_ timeout: Duration?) throws(InterprocessError) -> Element? {
      defer { _renewCredit() }
      let ring = _ring
      return try _queue._receivers.retry(as: &_cursor, atMost: timeout) {
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
      try _checkRole()
      let ring = _ring
      return try await _queue._receivers.retry(as: &_cursor, atMost: timeout) {
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
      try _checkRole()
      let ring = _ring
      let count = try _queue._receivers.retry(as: &_cursor, atMost: timeout) {
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
      try _checkRole()
      let ring = _ring
      let count = try await _queue._receivers.retry(as: &_cursor, atMost: timeout) {
        try ring.receiveAll(upTo: maximumCount, into: &elements, &$0)
      }
      return count ?? 0
    }

    /// Receives the next message, which `body` reads in place, and takes it only when `body` has
    /// returned.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
    ///   - body: Handles the message.
    /// - Returns: What `body` returns, or `nil` if the queue is finished and empty.
    /// - Throws: What `body` throws, and what `receive(timeout:)` throws.
    @inlinable @inline(__always)
    public mutating func receive<Result>(
      timeout: Duration? = nil, acknowledging body: (Element) throws -> Result
    ) throws -> Result? {
      if _taken.isOwn, let result = try _ring.receive(acknowledging: body, &_cursor) {
        return result
      }
      return try _lookAndReceive(timeout, acknowledging: body)
    }

    @inlinable @inline(never)
    mutating func _lookAndReceive<Result>(
      _ timeout: Duration?, acknowledging body: (Element) throws -> Result
    ) throws -> Result? {
      try _checkRole()
      if _look(), let result = try _ring.receive(acknowledging: body, &_cursor) { return result }
      return try _waitAndReceive(timeout, acknowledging: body)
    }

    @inlinable @inline(never)
    mutating func _waitAndReceive<Result>(
      _ timeout: Duration?, acknowledging body: (Element) throws -> Result
    ) throws -> Result? {
      defer { _renewCredit() }
      let ring = _ring
      return try _queue._receivers.retry(as: &_cursor, atMost: timeout) {
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
      try _checkRole()
      let ring = _ring
      return try await _queue._receivers.retry(as: &_cursor, atMost: timeout) {
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
    Receiver(self, try _receivers.takeRole())
  }
}
