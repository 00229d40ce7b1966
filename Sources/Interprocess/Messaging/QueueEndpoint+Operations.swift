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

extension QueueEndpoint {
  // MARK: - Operations

  // An operation is a closure that sends or receives at a cursor, and returns `nil` if there is no
  // room or no message yet. A handle runs it in a turn, which begins where the last one left off;
  // the holder of the role runs it with a cursor of its own.

  /// Runs an operation once, in a turn, if the side is free.
  ///
  /// Kept small, as most operations need no more than this.
  ///
  /// - Returns: `nil` if the side is not free, or if the operation returned `nil`.
  /// - Throws: `wrongKind`, `finished`, `corrupted`, `system`, and what the operation throws.
  @inlinable @inline(__always)
  func attempt<Result>(
    _ operation: (inout QueueCursor) throws(InterprocessError) -> Result?
  ) throws(InterprocessError) -> Result? {
    guard var cursor = try enterAtOnce() else { return nil }
    defer { leave() }
    return try operation(&cursor)
  }

  /// Runs an operation once, in a turn, waiting for the turn for some microseconds.
  ///
  /// - Parameters:
  ///   - byteCount: The number of bytes of the message to send.
  ///   - operation: The operation.
  /// - Returns: `nil` if others kept their turns, or if the operation returned `nil`.
  /// - Throws: `wrongKind`, `finished`, `corrupted`, `system`, and what the operation throws.
  @inlinable
  func attemptSoon<Result, Failure: Error>(
    for byteCount: Int = 0,
    _ operation: (inout QueueCursor) throws(Failure) -> Result?
  ) throws(Failure) -> Result? {
    var cursor: QueueCursor
    do throws(InterprocessError) {
      guard let entered = try enter(atMost: .zero) else { return nil }
      cursor = entered
    } catch {
      throw error._cast()
    }
    return try use(&cursor, for: byteCount, operation)
  }

  /// Runs an operation in turns until it has a result.
  ///
  /// - Parameters:
  ///   - byteCount: The number of bytes of the message to send.
  ///   - timeout: How long to wait in total; `nil`: as long as it takes.
  ///   - operation: The operation.
  /// - Returns: The result; `nil` if there is nothing to receive and the queue is finished.
  /// - Throws: `timedOut`, `finished` for senders, `wrongKind`, `corrupted`, `system`, and what the
  ///   operation throws.
  @inlinable
  func retry<Result, Failure: Error>(
    for byteCount: Int = 0, atMost timeout: Duration?,
    _ operation: (inout QueueCursor) throws(Failure) -> Result?
  ) throws(Failure) -> Result? {
    do throws(InterprocessError) {
      try checkShared()
    } catch {
      throw error._cast()
    }
    var cursor = QueueCursor.beforeTurn
    return try retry(
      as: &cursor, for: byteCount, atMost: timeout, operation)
  }

  /// The same, suspending the task while it waits.
  ///
  /// - Throws: What the form for threads throws, and `CancellationError`.
  @inlinable
  nonisolated(nonsending) func retry<Result>(
    for byteCount: Int = 0, atMost timeout: Duration?,
    _ operation: (inout QueueCursor) throws -> Result?
  ) async throws -> Result? {
    try checkShared()
    var cursor = QueueCursor.beforeTurn
    return try await retry(as: &cursor, for: byteCount, atMost: timeout, operation)
  }

  /// Runs an operation until it has a result: with the cursor of the role's holder, or in turns if
  /// the side is for many.
  @inlinable
  func retry<Result, Failure: Error>(
    as cursor: inout QueueCursor, for byteCount: Int = 0, atMost timeout: Duration?,
    _ operation: (inout QueueCursor) throws(Failure) -> Result?
  ) throws(Failure) -> Result? {
    let sleeps = Sleeps(atMost: timeout)
    while true {
      // First looks whether the queue is finished, and then for messages: if it is finished, a look
      // that finds none comes after the last message.
      let isOver = isOver
      do throws(InterprocessError) {
        try begin(&cursor, until: sleeps, for: byteCount)
      } catch {
        throw error._cast()
      }
      if let result = try use(&cursor, for: byteCount, operation) { return result }
      if isOver { return nil }
      do throws(InterprocessError) {
        try wait(for: byteCount, at: cursor, until: sleeps)
      } catch {
        throw error._cast()
      }
    }
  }

  /// The same, suspending the task while it waits.
  @inlinable
  nonisolated(nonsending) func retry<Result>(
    as cursor: inout QueueCursor, for byteCount: Int = 0, atMost timeout: Duration?,
    _ operation: (inout QueueCursor) throws -> Result?
  ) async throws -> Result? {
    try Task.checkCancellation()
    let sleeps = Sleeps(atMost: timeout)
    while true {
      let isOver = isOver
      try await begin(&cursor, until: sleeps, for: byteCount)
      if let result = try use(&cursor, for: byteCount, operation) { return result }
      if isOver { return nil }
      try await wait(for: byteCount, at: cursor, until: sleeps)
    }
  }

  /// Runs an operation, and ends the turn, if it is one.
  @inlinable
  func use<Result, Failure: Error>(
    _ cursor: inout QueueCursor, for byteCount: Int,
    _ operation: (inout QueueCursor) throws(Failure) -> Result?
  ) throws(Failure) -> Result? {
    let generation = currentGeneration
    do throws(Failure) {
      let result = try operation(&cursor)
      end(takenIn: generation)
      return result
    } catch {
      end(takenIn: generation, passingOn: byteCount)
      throw error
    }
  }
}

extension InterprocessError {
  /// The same error as one of the type that an operation throws: this type, or any error.
  @inlinable func _cast<Failure: Error>() -> Failure { self as! Failure }
}
