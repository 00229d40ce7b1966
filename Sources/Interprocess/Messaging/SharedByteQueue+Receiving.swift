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
  // MARK: - Receiving

  /// Receives the next message, read in place, if there is one.
  ///
  /// The message is lost if this process dies in `body`, or if `body` throws. Other receivers wait
  /// until `body` has returned. Does not block.
  ///
  /// - Parameter body: Reads the message. It must not receive from this queue.
  /// - Returns: What `body` returns, or `nil` if there is no message, or if other receivers keep
  ///   their turns for more than some microseconds. `receive` with a time-out of zero shows whether
  ///   the queue has ended.
  /// - Throws: What `body` throws, and ``InterprocessError``: `wrongKind` if the queue is for one
  ///   receiver, which ``receiver()`` returns; `corrupted` if something other than this type has
  ///   written into the queue; `system` for anything else.
  public func tryReceive<Result>(_ body: (RawSpan) throws -> Result) throws -> Result? {
    try receivers.attemptSoon { try ring.receive(isAcknowledging: false, &$0, body) }
  }

  /// Receives the next message, read in place, waiting while the queue is empty.
  ///
  /// Blocks while the queue is empty and not finished, or while other receivers keep their turns:
  /// spins for some microseconds, and then sleeps in the kernel.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
  ///   - body: Reads the message, as for `tryReceive(_:)`.
  /// - Returns: What `body` returns, or `nil` if the queue is finished and empty.
  /// - Throws: What `tryReceive(_:)` throws, and `timedOut`.
  public func receive<Result>(
    timeout: Duration? = nil, _ body: (RawSpan) throws -> Result
  ) throws -> Result? {
    try receivers.retry(atMost: timeout) {
      try ring.receive(isAcknowledging: false, &$0, body)
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
  public func receive<Result>(
    timeout: Duration? = nil, acknowledging body: (RawSpan) throws -> Result
  ) throws -> Result? {
    try receivers.retry(atMost: timeout) {
      try ring.receive(isAcknowledging: true, &$0, body)
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
  public nonisolated(nonsending) func receive<Result>(
    timeout: Duration? = nil, _ body: (RawSpan) throws -> Result
  ) async throws -> Result? {
    try await receivers.retry(atMost: timeout) {
      try ring.receive(isAcknowledging: false, &$0, body)
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
  public nonisolated(nonsending) func receive<Result>(
    timeout: Duration? = nil, acknowledging body: (RawSpan) throws -> Result
  ) async throws -> Result? {
    try await receivers.retry(atMost: timeout) {
      try ring.receive(isAcknowledging: true, &$0, body)
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
  public func receive(timeout: Duration? = nil) throws -> [UInt8]? {
    try receive(timeout: timeout, Self.copy)
  }

  /// Receives a copy of the next message, waiting while the queue is empty.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
  /// - Returns: The message, or `nil` if the queue is finished and empty.
  /// - Throws: What the blocking form throws, and `CancellationError`, after which no message has
  ///   been taken.
  public nonisolated(nonsending) func receive(
    timeout: Duration? = nil
  ) async throws -> [UInt8]? {
    try await receive(timeout: timeout, Self.copy)
  }

  static func copy(_ bytes: RawSpan) -> [UInt8] {
    unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
  }

  // MARK: - Sequences

  /// The messages of a queue until it is finished.
  public struct Messages: AsyncSequence, Sendable {
    fileprivate let queue: SharedByteQueue

    /// Receives one message after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
      fileprivate let queue: SharedByteQueue

      /// A copy of the next message, or `nil` if the queue is finished and empty.
      ///
      /// - Throws: What `receive(timeout:)` throws.
      public mutating func next() async throws -> [UInt8]? { try await queue.receive() }
    }

    /// Makes an iterator; each message goes to only one of several iterators.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(queue: queue) }
  }

  /// Copies of the messages as they come, for `for try await`.
  ///
  /// Ends when the queue is finished and empty, and with `CancellationError` when the task is
  /// cancelled.
  public var messages: Messages { Messages(queue: self) }
}
