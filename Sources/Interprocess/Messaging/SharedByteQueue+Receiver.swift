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
  /// The role of a queue's only receiver, held for as long as this value exists.
  ///
  /// It takes no lock and keeps its own position.
  ///
  /// ```swift
  /// var receiver = try texts.receiver()
  /// while let message = try receiver.receive() { print(String(decoding: message, as: UTF8.self)) }
  /// ```
  public struct Receiver: ~Copyable, Sendable {
    private let queue: SharedByteQueue
    private var cursor: QueueCursor
    private let taken = Taken()

    fileprivate init(_ queue: SharedByteQueue, _ cursor: QueueCursor) {
      self.queue = queue
      self.cursor = cursor
    }

    deinit {
      queue.receivers.giveBack(taken.generation)
    }

    /// Keeps a child created by `fork`, which has a copy of this value, from receiving its parent's
    /// messages.
    ///
    /// - Throws: `roleTaken`.
    private func checkRole() throws(InterprocessError) {
      if !taken.isOwn { throw queue.receivers.isOfParent }
    }

    /// Gives the role back, as does the end of this value's life.
    ///
    /// Does not block.
    public consuming func close() {}

    /// Receives the next message, read in place, if there is one.
    ///
    /// The message is lost if this process dies in `body`, or if `body` throws. Does not block.
    ///
    /// - Parameter body: Reads the message.
    /// - Returns: What `body` returns, or `nil` if there is no message.
    /// - Throws: What `body` throws, and ``InterprocessError``: `corrupted` if something other than
    ///   this type has written into the queue; `roleTaken` in a forked child.
    public mutating func tryReceive<Result>(_ body: (RawSpan) throws -> Result) throws -> Result? {
      try checkRole()
      return try queue.ring.receive(isAcknowledging: false, &cursor, body)
    }

    /// Receives the next message, read in place, waiting while the queue is empty.
    ///
    /// Blocks while the queue is empty and not finished.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
    ///   - body: Reads the message, as for `tryReceive(_:)`.
    /// - Returns: What `body` returns, or `nil` if the queue is finished and empty.
    /// - Throws: What `tryReceive(_:)` throws, `timedOut`, and `system` for anything else.
    public mutating func receive<Result>(
      timeout: Duration? = nil, _ body: (RawSpan) throws -> Result
    ) throws -> Result? {
      try checkRole()
      let queue = queue
      return try queue.receivers.retry(as: &cursor, atMost: timeout) {
        try queue.ring.receive(isAcknowledging: false, &$0, body)
      }
    }

    /// Receives the next message, and takes it only when `body` has returned.
    ///
    /// If this process dies in `body`, or `body` throws, the next receiver gets the message again:
    /// delivery is at least once instead of at most once. Blocks as `receive(timeout:_:)` does.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
    ///   - body: Reads the message.
    /// - Returns: What `body` returns, or `nil` if the queue is finished and empty.
    /// - Throws: What `receive(timeout:_:)` throws.
    @_disfavoredOverload  // a trailing closure, which has no label, belongs to the other form
    public mutating func receive<Result>(
      timeout: Duration? = nil, acknowledging body: (RawSpan) throws -> Result
    ) throws -> Result? {
      try checkRole()
      let queue = queue
      return try queue.receivers.retry(as: &cursor, atMost: timeout) {
        try queue.ring.receive(isAcknowledging: true, &$0, body)
      }
    }

    /// Receives the next message, read in place, waiting while the queue is empty.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
    ///   - body: Reads the message.
    /// - Returns: What `body` returns, or `nil` if the queue is finished and empty.
    /// - Throws: What the blocking form throws, and `CancellationError`, after which no message has
    ///   been taken.
    public nonisolated(nonsending) mutating func receive<Result>(
      timeout: Duration? = nil, _ body: (RawSpan) throws -> Result
    ) async throws -> Result? {
      try checkRole()
      let queue = queue
      return try await queue.receivers.retry(as: &cursor, atMost: timeout) {
        try queue.ring.receive(isAcknowledging: false, &$0, body)
      }
    }

    /// Receives the next message, and takes it only when `body` has returned.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
    ///   - body: Reads the message.
    /// - Returns: What `body` returns, or `nil` if the queue is finished and empty.
    /// - Throws: What the blocking form throws, and `CancellationError`, after which no message has
    ///   been taken.
    @_disfavoredOverload
    public nonisolated(nonsending) mutating func receive<Result>(
      timeout: Duration? = nil, acknowledging body: (RawSpan) throws -> Result
    ) async throws -> Result? {
      try checkRole()
      let queue = queue
      return try await queue.receivers.retry(as: &cursor, atMost: timeout) {
        try queue.ring.receive(isAcknowledging: true, &$0, body)
      }
    }

    /// Receives a copy of the next message, waiting while the queue is empty.
    ///
    /// Blocks as `receive(timeout:_:)` does. Corresponds to `mq_timedreceive` in C and to
    /// `Connection.recv_bytes` in Python.
    ///
    /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
    /// - Returns: The message, or `nil` if the queue is finished and empty.
    /// - Throws: What `receive(timeout:_:)` throws.
    public mutating func receive(timeout: Duration? = nil) throws -> [UInt8]? {
      try receive(timeout: timeout, SharedByteQueue.copy)
    }

    /// Receives a copy of the next message, waiting while the queue is empty.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
    /// - Returns: The message, or `nil` if the queue is finished and empty.
    /// - Throws: What the blocking form throws, and `CancellationError`, after which no message has
    ///   been taken.
    public nonisolated(nonsending) mutating func receive(
      timeout: Duration? = nil
    ) async throws -> [UInt8]? {
      try await receive(timeout: timeout, SharedByteQueue.copy)
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
