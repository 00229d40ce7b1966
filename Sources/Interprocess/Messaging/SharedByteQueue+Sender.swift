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

extension SharedByteQueue {
  /// The role of a queue's only sender, held for as long as this value exists.
  ///
  /// It takes no lock and keeps its own position.
  ///
  /// ```swift
  /// var sender = try texts.sender()
  /// for line in lines { try sender.send(Array(line.utf8).span.bytes) }
  /// sender.finish()
  /// ```
  public struct Sender: ~Copyable, Sendable {
    private let queue: SharedByteQueue
    private var cursor: QueueCursor
    private let taken = Taken()

    fileprivate init(_ queue: SharedByteQueue, _ cursor: QueueCursor) {
      self.queue = queue
      self.cursor = cursor
    }

    deinit {
      queue.senders.giveBack(taken.generation)
    }

    /// Keeps a child created by `fork`, which has a copy of this value, from sending in its
    /// parent's place.
    ///
    /// - Throws: `roleTaken`.
    private func checkRole() throws(InterprocessError) {
      if !taken.isOwn { throw queue.senders.isOfParent }
    }

    /// Sends a message, written in place, if there is room.
    ///
    /// Does not block.
    ///
    /// - Parameters:
    ///   - byteCount: The number of bytes of the message.
    ///   - body: Writes the message, as for the queue's own function.
    /// - Returns: Whether there was room.
    /// - Throws: What `body` throws, and ``InterprocessError``: `invalidSize` if the message is
    ///   longer than ``SharedByteQueue/maximumByteCount``; `corrupted` if something other than this
    ///   type has written into the queue; `roleTaken` in a forked child.
    public mutating func trySend(
      byteCount: Int, _ body: (inout MutableRawSpan) throws -> Void
    ) throws -> Bool {
      try queue.check(byteCount)
      try checkRole()
      return try queue.ring.send(byteCount: byteCount, &cursor, body)
    }

    /// Sends a message, written in place, waiting while there is no room.
    ///
    /// Blocks while there is no room.
    ///
    /// - Parameters:
    ///   - byteCount: The number of bytes of the message.
    ///   - timeout: How long to wait for room; `nil`: as long as it takes.
    ///   - body: Writes the message, as for the queue's own function.
    /// - Throws: What `trySend(byteCount:_:)` throws, `timedOut`, and `system` for anything else.
    public mutating func send(
      byteCount: Int, timeout: Duration? = nil, _ body: (inout MutableRawSpan) throws -> Void
    ) throws {
      try queue.check(byteCount)
      try checkRole()
      let queue = queue
      _ = try queue.senders.retry(as: &cursor, for: byteCount, atMost: timeout) {
        try queue.ring.send(byteCount: byteCount, &$0, body) ? () : nil
      }
    }

    /// Sends a message, written in place, waiting while there is no room.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameters:
    ///   - byteCount: The number of bytes of the message.
    ///   - timeout: How long to wait for room; `nil`: as long as it takes.
    ///   - body: Writes the message, as for the queue's own function.
    /// - Throws: What the blocking form throws, and `CancellationError`; after any error, nothing
    ///   has been sent.
    public nonisolated(nonsending) mutating func send(
      byteCount: Int, timeout: Duration? = nil, _ body: (inout MutableRawSpan) throws -> Void
    ) async throws {
      try queue.check(byteCount)
      try checkRole()
      let queue = queue
      _ = try await queue.senders.retry(as: &cursor, for: byteCount, atMost: timeout) {
        try queue.ring.send(byteCount: byteCount, &$0, body) ? () : nil
      }
    }

    /// Sends a copy of the given bytes, waiting while there is no room.
    ///
    /// Blocks while there is no room.
    ///
    /// - Parameters:
    ///   - bytes: The message.
    ///   - timeout: How long to wait for room; `nil`: as long as it takes.
    /// - Throws: What `send(byteCount:timeout:_:)` throws.
    public mutating func send(_ bytes: RawSpan, timeout: Duration? = nil) throws {
      try send(byteCount: bytes.byteCount, timeout: timeout) {
        SharedByteQueue.copy(bytes, to: &$0)
      }
    }

    /// Sends a copy of the given bytes, waiting while there is no room.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameters:
    ///   - bytes: The message.
    ///   - timeout: How long to wait for room; `nil`: as long as it takes.
    /// - Throws: What the blocking form throws, and `CancellationError`; after any error, nothing
    ///   has been sent.
    public nonisolated(nonsending) mutating func send(
      _ bytes: RawSpan, timeout: Duration? = nil
    ) async throws {
      try await send(byteCount: bytes.byteCount, timeout: timeout) {
        SharedByteQueue.copy(bytes, to: &$0)
      }
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
      if taken.isOwn { queue.ring.finish() }
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
    Sender(self, try senders.takeRole())
  }
}
