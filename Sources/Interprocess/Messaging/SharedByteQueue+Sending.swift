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
  // MARK: - Sending

  /// Sends a message, written in place, if there is room.
  ///
  /// Does not block.
  ///
  /// - Parameters:
  ///   - byteCount: The number of bytes of the message.
  ///   - body: Writes the message. Bytes that it does not write are sent with whatever they held
  ///     before. It must not send to this queue. If it throws, nothing is sent.
  /// - Returns: Whether the message was sent; it was not if there is no room, or if other senders
  ///   keep their turns for more than some microseconds.
  /// - Throws: What `body` throws, and ``InterprocessError``: `invalidSize` if the message is
  ///   longer than ``maximumByteCount``; `finished`; `wrongKind` if the queue is for one sender,
  ///   which ``sender()`` returns; `corrupted` if something other than this type has written into
  ///   the queue; `system` for anything else.
  public func trySend(
    byteCount: Int, _ body: (inout MutableRawSpan) throws -> Void
  ) throws -> Bool {
    try check(byteCount)
    return try senders.attemptSoon(for: byteCount) {
      try ring.send(byteCount: byteCount, &$0, body) ? () : nil
    } != nil
  }

  /// Sends a message, written in place, waiting while there is no room.
  ///
  /// Blocks while there is no room, or while other senders keep their turns: spins for some
  /// microseconds, and then sleeps in the kernel.
  ///
  /// - Parameters:
  ///   - byteCount: The number of bytes of the message.
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  ///   - body: Writes the message, as for `trySend(byteCount:_:)`.
  /// - Throws: What `trySend(byteCount:_:)` throws, and `timedOut`.
  public func send(
    byteCount: Int, timeout: Duration? = nil, _ body: (inout MutableRawSpan) throws -> Void
  ) throws {
    try check(byteCount)
    _ = try senders.retry(for: byteCount, atMost: timeout) {
      try ring.send(byteCount: byteCount, &$0, body) ? () : nil
    }
  }

  /// Sends a message, written in place, waiting while there is no room.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - byteCount: The number of bytes of the message.
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  ///   - body: Writes the message, as for `trySend(byteCount:_:)`.
  /// - Throws: What the blocking form throws, and `CancellationError`; after any error, nothing has
  ///   been sent.
  public nonisolated(nonsending) func send(
    byteCount: Int, timeout: Duration? = nil, _ body: (inout MutableRawSpan) throws -> Void
  ) async throws {
    try check(byteCount)
    _ = try await senders.retry(for: byteCount, atMost: timeout) {
      try ring.send(byteCount: byteCount, &$0, body) ? () : nil
    }
  }

  /// Sends a copy of the given bytes, waiting while there is no room.
  ///
  /// Blocks while there is no room. Corresponds to `mq_timedsend` in C and to
  /// `Connection.send_bytes` in Python.
  ///
  /// - Parameters:
  ///   - bytes: The message.
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  /// - Throws: What `send(byteCount:timeout:_:)` throws.
  public func send(_ bytes: RawSpan, timeout: Duration? = nil) throws {
    try send(byteCount: bytes.byteCount, timeout: timeout) { Self.copy(bytes, to: &$0) }
  }

  /// Sends a copy of the given bytes, waiting while there is no room.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - bytes: The message.
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  /// - Throws: What the blocking form throws, and `CancellationError`; after any error, nothing has
  ///   been sent.
  public nonisolated(nonsending) func send(
    _ bytes: RawSpan, timeout: Duration? = nil
  ) async throws {
    try await send(byteCount: bytes.byteCount, timeout: timeout) { Self.copy(bytes, to: &$0) }
  }

  static func copy(_ bytes: RawSpan, to span: inout MutableRawSpan) {
    unsafe span.withUnsafeMutableBytes { to in
      // SAFETY: both have the same number of bytes.
      unsafe bytes.withUnsafeBytes { from in unsafe to.copyMemory(from: from) }
    }
  }

  func check(_ byteCount: Int) throws(InterprocessError) {
    precondition(byteCount >= 0, "The number of bytes of a message is negative")
    guard byteCount <= maximumByteCount else {
      throw InterprocessError(
        code: .invalidSize, name: name,
        message: """
          The message has \(byteCount) bytes, but messages in "\(name)" have at most \
          \(maximumByteCount).
          """)
    }
  }
}
