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
  // MARK: - Any handle

  /// Sends a message if there is room.
  ///
  /// Does not block. Corresponds to `mq_send` with `O_NONBLOCK` in C and to `Queue.put_nowait` in
  /// Python.
  ///
  /// - Parameter element: The message.
  /// - Returns: Whether the message was sent; it was not if there is no room, or if other senders
  ///   keep their turns for more than some microseconds.
  /// - Throws: `finished`; `roleTaken` if another handle or value is the only sender; `corrupted`
  ///   if something other than this type has written into the queue; `system` for anything else.
  @inlinable
  public func trySend(_ element: Element) throws(InterprocessError) -> Bool {
    guard let cursor = try enterToSend(atMost: .zero) else { return false }
    return try send(element, cursor)
  }

  /// Sends, and ends the turn.
  @inlinable func send(_ element: Element, _ cursor: QueueCursor) throws(InterprocessError) -> Bool
  {
    var cursor = cursor
    defer { senders.leave(cursor) }
    return try ring.send(element, &cursor)
  }

  /// Sends a message, waiting while the queue is full.
  ///
  /// Blocks while the queue is full: spins for some microseconds, and then sleeps in the kernel.
  /// Corresponds to `mq_timedsend` in C and to `Queue.put` in Python.
  ///
  /// - Parameters:
  ///   - element: The message.
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  /// - Throws: What ``trySend(_:)`` throws, and `timedOut`.
  @inlinable
  public func send(
    _ element: Element, timeout: Duration? = nil
  ) throws(InterprocessError) {
    if let cursor = try enterToSendAtOnce(), try send(element, cursor) { return }
    try waitAndSend(element, timeout)
  }

  // Kept apart, with its clock, so that the function above stays small.
  @inlinable @inline(never)
  func waitAndSend(_ element: Element, _ timeout: Duration?) throws(InterprocessError) {
    let sleeps = Sleeps(atMost: timeout)
    while true {
      let cursor = try enterToSend(until: sleeps)
      if try send(element, cursor) { return }
      guard try senders.wait(atMost: sleeps.timeLeft) else { throw isFull }
    }
  }

  /// Sends a message, waiting while the queue is full.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - element: The message.
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  /// - Throws: What the blocking form throws, and `CancellationError`; after any error, the message
  ///   has not been sent.
  @inlinable
  public nonisolated(nonsending) func send(
    _ element: Element, timeout: Duration? = nil
  ) async throws {
    try Task.checkCancellation()
    let sleeps = Sleeps(atMost: timeout)
    while true {
      let cursor = try await enterToSend(until: sleeps)
      if try send(element, cursor) { return }
      guard try await senders.wait(atMost: sleeps.timeLeft) else { throw isFull }
    }
  }

  /// Sends messages in order, several at once where there is room.
  ///
  /// Messages of other senders may come between them. Blocks as `send(_:timeout:)` does.
  ///
  /// - Parameters:
  ///   - elements: The messages.
  ///   - timeout: How long to wait for room in total; `nil`: as long as it takes.
  /// - Returns: How many messages were sent: all; or fewer, perhaps 0, if the time-out passed; or
  ///   fewer, but at least 1, if the queue was finished meanwhile, which the next call reports.
  /// - Throws: `finished` if no message was sent; `roleTaken`, `corrupted` and `system` as
  ///   ``trySend(_:)`` does, even when some messages were sent.
  /// - Complexity: Linear in the number of messages.
  @inlinable @discardableResult
  public func send(
    contentsOf elements: Span<Element>, timeout: Duration? = nil
  ) throws(InterprocessError) -> Int {
    let sleeps = Sleeps(atMost: timeout)
    var sentCount = 0
    while sentCount < elements.count {
      do throws(InterprocessError) {
        let cursor = try enterToSend(until: sleeps)
        sentCount = try send(elements, from: sentCount, cursor)
        if sentCount == elements.count { break }
        guard try senders.wait(atMost: sleeps.timeLeft) else { break }
      } catch {
        guard error.code == .timedOut || error.code == .finished && sentCount > 0 else {
          throw error
        }
        break
      }
    }
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
  public nonisolated(nonsending) func send(
    contentsOf elements: Span<Element>, timeout: Duration? = nil
  ) async throws -> Int {
    try Task.checkCancellation()
    let sleeps = Sleeps(atMost: timeout)
    var sentCount = 0
    while sentCount < elements.count {
      do {
        let cursor = try await enterToSend(until: sleeps)
        sentCount = try send(elements, from: sentCount, cursor)
        if sentCount == elements.count { break }
        guard try await senders.wait(atMost: sleeps.timeLeft) else { break }
      } catch let error as InterprocessError where error.code == .timedOut {
        break
      } catch let error as InterprocessError where error.code == .finished && sentCount > 0 {
        break
      } catch is CancellationError where sentCount > 0 {
        break
      }
    }
    return sentCount
  }

  /// Sends several messages, and ends the turn.
  ///
  /// - Returns: How many of `elements` have been sent, including those before `start`.
  @inlinable func send(
    _ elements: Span<Element>, from start: Int, _ cursor: QueueCursor
  ) throws(InterprocessError) -> Int {
    var cursor = cursor
    defer { senders.leave(cursor) }
    return try ring.sendAll(elements, from: start, &cursor)
  }

  // The inlinable functions above begin a turn of the sending side by these, which throw if the
  // queue is finished.

  @usableFromInline func enterToSendAtOnce() throws(InterprocessError) -> QueueCursor? {
    try unfinished(try senders.enterAtOnce())
  }

  @usableFromInline func enterToSend(
    atMost timeout: Duration?
  ) throws(InterprocessError) -> QueueCursor? {
    try unfinished(try senders.enter(atMost: timeout))
  }

  @usableFromInline func enterToSend(
    until sleeps: borrowing Sleeps
  ) throws(InterprocessError) -> QueueCursor {
    try unfinished(try senders.enter(until: sleeps))!
  }

  @usableFromInline nonisolated(nonsending) func enterToSend(
    until sleeps: borrowing Sleeps
  ) async throws -> QueueCursor {
    try unfinished(try await senders.enter(until: sleeps))!
  }

  private func unfinished(_ turn: QueueCursor?) throws(InterprocessError) -> QueueCursor? {
    if let turn, isFinished {
      senders.leave(turn)
      throw finished
    }
    return turn
  }

  fileprivate var finished: InterprocessError {
    InterprocessError(
      code: .finished, name: name,
      message: "The queue \"\(name)\" is finished, and accepts no more messages.")
  }

  @usableFromInline var senderIsOfParent: InterprocessError { .ofParent("sender", of: name) }

  @usableFromInline var isFull: InterprocessError {
    InterprocessError(
      code: .timedOut, name: name,
      message: "The queue \"\(name)\" stayed full. Does a process receive from it?")
  }

  // MARK: - The one sender

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
    @usableFromInline let queue: SharedQueue
    @usableFromInline let ring: QueueRing
    @usableFromInline var cursor: QueueCursor
    @usableFromInline let taken = Taken()

    fileprivate init(_ queue: SharedQueue, _ cursor: QueueCursor) {
      self.queue = queue
      ring = queue.ring
      self.cursor = cursor
    }

    deinit {
      queue.senders.giveBack(taken.generation)
    }

    /// Keeps a child created by `fork`, which has a copy of this value, from sending in its
    /// parent's place.
    ///
    /// - Throws: `roleTaken`.
    @inlinable @inline(__always) func checkRole() throws(InterprocessError) {
      if !taken.isOwn { throw queue.senderIsOfParent }
    }

    /// Sends a message if there is room, as ``SharedQueue/trySend(_:)`` does.
    ///
    /// Does not block.
    ///
    /// - Parameter element: The message.
    /// - Returns: Whether there was room.
    /// - Throws: `corrupted` if something other than this type has written into the queue;
    ///   `roleTaken` in a forked child.
    @inlinable
    public mutating func trySend(_ element: Element) throws(InterprocessError) -> Bool {
      try checkRole()
      return try ring.send(element, &cursor)
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
    @inlinable
    public mutating func send(
      _ element: Element, timeout: Duration? = nil
    ) throws(InterprocessError) {
      if taken.isOwn, try ring.send(element, &cursor) { return }
      try waitAndSend(element, timeout)
    }

    @inlinable @inline(never)
    mutating func waitAndSend(
      _ element: Element, _ timeout: Duration?
    ) throws(InterprocessError) {
      try checkRole()
      let sleeps = Sleeps(atMost: timeout)
      repeat {
        guard try queue.senders.wait(at: cursor.position, atMost: sleeps.timeLeft)
        else { throw queue.isFull }
      } while try !ring.send(element, &cursor)
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
      try checkRole()
      try Task.checkCancellation()
      if try ring.send(element, &cursor) { return }
      let sleeps = Sleeps(atMost: timeout)
      repeat {
        guard try await queue.senders.wait(at: cursor.position, atMost: sleeps.timeLeft)
        else { throw queue.isFull }
      } while try !ring.send(element, &cursor)
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
      try checkRole()
      var sentCount = try ring.sendAll(elements, from: 0, &cursor)
      if sentCount == elements.count { return sentCount }
      let sleeps = Sleeps(atMost: timeout)
      while sentCount < elements.count {
        guard try queue.senders.wait(at: cursor.position, atMost: sleeps.timeLeft)
        else { break }
        sentCount = try ring.sendAll(elements, from: sentCount, &cursor)
      }
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
      try checkRole()
      try Task.checkCancellation()
      var sentCount = try ring.sendAll(elements, from: 0, &cursor)
      if sentCount == elements.count { return sentCount }
      let sleeps = Sleeps(atMost: timeout)
      while sentCount < elements.count {
        do {
          guard
            try await queue.senders.wait(at: cursor.position, atMost: sleeps.timeLeft)
          else { break }
        } catch is CancellationError where sentCount > 0 {
          break
        }
        sentCount = try ring.sendAll(elements, from: sentCount, &cursor)
      }
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
      if taken.isOwn { ring.finish() }
    }
  }

  /// Takes the role of the only sender.
  ///
  /// Does not block. The role of a process that has died is free at once.
  ///
  /// - Returns: The role, which is given back at the end of the value's life.
  /// - Throws: `roleTaken` if another handle or value holds it; `finished`; `corrupted` if
  ///   something other than this type has written into the queue; `system` for anything else.
  /// - Precondition: The queue was created for one sender; see ``senderMultiplicity``.
  public func sender() throws(InterprocessError) -> Sender {
    precondition(senderMultiplicity == .one, "The queue has many senders, which take turns")
    try senders.claim()
    do throws(InterprocessError) {
      if isFinished { throw finished }
      return Sender(self, try ring.sendingCursor())
    } catch {
      senders.giveBack(Descriptor.generation)
      throw error
    }
  }
}
