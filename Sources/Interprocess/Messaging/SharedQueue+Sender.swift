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
  /// The role of a queue's only sender, held for as long as this value exists.
  ///
  /// It is the fastest way to send, as it takes no lock and keeps its own position.
  ///
  /// ```swift
  /// var sender = try queue.sender()
  /// for number in 0..<1_000_000 { try sender.send(number) }
  /// sender.finish()
  /// ```
  public struct Sender: ~Copyable, Sendable {
    @usableFromInline let _queue: SharedQueue
    @usableFromInline let _ring: QueueRing
    @usableFromInline var _cursor: QueueCursor
    @usableFromInline let _taken = Taken()

    fileprivate init(_ queue: SharedQueue, _ cursor: QueueCursor) {
      self._queue = queue
      _ring = queue._ring
      self._cursor = cursor
    }

    deinit {
      _queue._senders.giveBack(_taken.generation)
    }

    /// Keeps a child created by `fork`, which has a copy of this value, from sending in its
    /// parent's place.
    ///
    /// - Throws: `roleTaken`.
    @inlinable @inline(__always) func _checkRole() throws(InterprocessError) {
      if !_taken.isOwn { throw _queue._senders.isOfParent }
    }

    /// Sends a message if there is room, as `SharedQueue.trySend(_:)` does.
    ///
    /// Does not block.
    ///
    /// - Parameter element: The message.
    /// - Returns: Whether there was room.
    /// - Throws: `corrupted` if something other than this type has written into the queue;
    ///   `roleTaken` in a forked child.
    @inlinable
    public mutating func trySend(_ element: Element) throws(InterprocessError) -> Bool {
      try _checkRole()
      return try _ring.send(element, &_cursor)
    }

    /// Sends a message, as the queue's own function does.
    ///
    /// Blocks while the queue is full.
    ///
    /// - Parameters:
    ///   - element: The message.
    ///   - timeout: How long to wait for room; `nil`: as long as it takes.
    /// - Throws: `timedOut`; `corrupted` if something other than this type has written into the
    ///   queue; `roleTaken` in a forked child; `system` for anything else.
    @inlinable @inline(__always)
    public mutating func send(
      _ element: Element, timeout: Duration? = nil
    ) throws(InterprocessError) {
      if _taken.isOwn, try _ring.send(element, &_cursor) { return }
      try _checkRole()
      try _queue._waitAndSend(element, as: &_cursor, timeout)
    }

    /// Sends a message, as the queue's own function does.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameters:
    ///   - element: The message.
    ///   - timeout: How long to wait for room; `nil`: as long as it takes.
    /// - Throws: What the blocking form throws, and `CancellationError`.
    @inlinable
    public nonisolated(nonsending) mutating func send(
      _ element: Element, timeout: Duration? = nil
    ) async throws {
      try _checkRole()
      let ring = _ring
      _ = try await _queue._senders.retry(as: &_cursor, atMost: timeout) {
        try ring.send(element, &$0) ? () : nil
      }
    }

    /// Sends messages in order, several at once where there is room.
    ///
    /// Blocks while the queue is full.
    ///
    /// - Parameters:
    ///   - elements: The messages.
    ///   - timeout: How long to wait for room in total; `nil`: as long as it takes.
    /// - Returns: How many messages were sent: all, or fewer, perhaps 0, if the time-out passed.
    /// - Throws: `corrupted` and `system`, even when some messages were sent; `roleTaken` in a
    ///   forked child.
    @inlinable @discardableResult
    public mutating func send(
      contentsOf elements: Span<Element>, timeout: Duration? = nil
    ) throws(InterprocessError) -> Int {
      try _checkRole()
      let ring = _ring
      var sentCount = 0
      do throws(InterprocessError) {
        _ = try _queue._senders.retry(as: &_cursor, atMost: timeout) {
          cursor throws(InterprocessError) in
          sentCount = try ring.sendAll(elements, from: sentCount, &cursor)
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
    public nonisolated(nonsending) mutating func send(
      contentsOf elements: Span<Element>, timeout: Duration? = nil
    ) async throws -> Int {
      try _checkRole()
      let ring = _ring
      var sentCount = 0
      do {
        _ = try await _queue._senders.retry(as: &_cursor, atMost: timeout) {
          sentCount = try ring.sendAll(elements, from: sentCount, &$0)
          return sentCount == elements.count ? () : nil
        }
      } catch let error as InterprocessError where error._endsBatch(of: sentCount) {
      } catch is CancellationError where sentCount > 0 {}
      return sentCount
    }

    /// Gives the role back, as does the end of this value's life.
    ///
    /// Does not block.
    public consuming func close() {}

    /// Finishes the queue and gives the role back: no more messages can be sent; receivers get what
    /// is left, and then `nil`.
    ///
    /// Does not block; does nothing in a child created by `fork`.
    public consuming func finish() {
      if _taken.isOwn { _ring.finish() }
    }
  }

  /// Takes the role of the only sender.
  ///
  /// Does not block. The role of a process that has died is free at once.
  ///
  /// - Returns: The role, which is given back at the end of the value's life.
  /// - Throws: `roleTaken` if another value holds it; `wrongKind` if the queue is for many senders;
  ///   `finished`; `corrupted` if something other than this type has written into the queue;
  ///   `system` for anything else.
  public func sender() throws(InterprocessError) -> Sender {
    Sender(self, try _senders.takeRole())
  }
}
