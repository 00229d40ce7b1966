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
  /// - Returns: Whether it was sent; it was not if there is no room, or if others keep their turns
  ///   for more than some microseconds.
  /// - Throws: `finished`; `roleTaken` if another handle or value is the one sender; `corrupted` if
  ///   something else than this type has written there; `system` for anything else.
  @inlinable
  public func trySend(_ element: Element) throws(InterprocessError) -> Bool {
    guard let cursor = try enterToSend(atMost: .zero) else { return false }
    return try send(element, cursor)
  }

  /// Sends in a turn, which ends.
  @inlinable func send(_ element: Element, _ cursor: QueueCursor) throws(InterprocessError) -> Bool
  {
    var cursor = cursor
    defer { senders.leave(cursor) }
    return try ring.send(element, &cursor)
  }

  /// Sends a message.
  ///
  /// Blocks while the queue is full: spins for some microseconds, and then sleeps in the kernel.
  /// Corresponds to `mq_timedsend` in C and to `Queue.put` in Python.
  ///
  /// - Parameters:
  ///   - element: The message.
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  /// - Throws: As ``trySend(_:)``, and `timedOut`.
  @inlinable
  public func send(
    _ element: Element, timeout: Duration? = nil
  ) throws(InterprocessError) {
    if let cursor = try enterToSendAtOnce(), try send(element, cursor) { return }
    try waitAndSend(element, timeout)
  }

  // The clock is nothing for the function above, which is to be small.
  @inlinable @inline(never)
  func waitAndSend(_ element: Element, _ timeout: Duration?) throws(InterprocessError) {
    let sleeps = Sleeps(atMost: timeout)
    while true {
      let cursor = try enterToSend(until: sleeps)
      if try send(element, cursor) { return }
      guard try senders.wait(atMost: sleeps.timeLeft) else { throw isFull }
    }
  }

  /// Sends a message.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - element: The message.
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  /// - Throws: As the blocking form, and `CancellationError`; with any error, the message was
  ///   not sent.
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

  /// Sends messages, one behind the other, several of them at once where there is room.
  ///
  /// Those of other senders may come between them. Blocks as `send(_:timeout:)` does.
  ///
  /// - Parameters:
  ///   - elements: The messages.
  ///   - timeout: How long to wait for room in all; `nil`: as long as it takes.
  /// - Returns: How many were sent: all; or fewer, perhaps 0, if the time was over before; or
  ///   fewer, and at least 1, if the queue was finished meanwhile, of which the next call tells.
  /// - Throws: `finished` if none was sent; `roleTaken`, `corrupted` and `system` as
  ///   ``trySend(_:)``, also when some were sent.
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

  /// Sends messages, one behind the other, several of them at once where there is room.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - elements: The messages.
  ///   - timeout: How long to wait for room in all; `nil`: as long as it takes.
  /// - Returns: As the blocking form; also fewer than all, and at least 1, if the task was
  ///   cancelled meanwhile, of which the next call tells.
  /// - Throws: As the blocking form; `CancellationError` if none was sent.
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

  /// Sends several in a turn, which ends.
  ///
  /// - Returns: How many of all have been sent by then.
  @inlinable func send(
    _ elements: Span<Element>, from start: Int, _ cursor: QueueCursor
  ) throws(InterprocessError) -> Int {
    var cursor = cursor
    defer { senders.leave(cursor) }
    return try ring.sendAll(elements, from: start, &cursor)
  }

  // Begin to use the sending side, as long as the queue is not finished, for those that clients
  // have inlined.

  @usableFromInline func enterToSendAtOnce() throws(InterprocessError) -> QueueCursor? {
    try unfinished(try senders.enterAtOnce(segment.memory))
  }

  @usableFromInline func enterToSend(
    atMost timeout: Duration?
  ) throws(InterprocessError) -> QueueCursor? {
    try unfinished(try senders.enter(segment.memory, atMost: timeout))
  }

  @usableFromInline func enterToSend(
    until sleeps: borrowing Sleeps
  ) throws(InterprocessError) -> QueueCursor {
    try unfinished(try senders.enter(segment.memory, until: sleeps))!
  }

  @usableFromInline nonisolated(nonsending) func enterToSend(
    until sleeps: borrowing Sleeps
  ) async throws -> QueueCursor {
    try unfinished(try await senders.enter(segment.memory, until: sleeps))!
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
      message: "The queue \"\(name)\" is finished, and takes no more messages.")
  }

  @usableFromInline var senderIsOfParent: InterprocessError { .ofParent("sender", of: name) }

  @usableFromInline var isFull: InterprocessError {
    InterprocessError(
      code: .timedOut, name: name,
      message: "The queue \"\(name)\" stayed full. Does a process receive from it?")
  }

  // MARK: - The one sender

  /// The role of the one sender of a queue, for as long as this lives.
  ///
  /// The fastest way to send: it takes no lock, and knows where it is.
  ///
  /// ```swift
  /// var sender = try queue.sender()
  /// for number in 0..<1_000_000 { try sender.send(number) }
  /// try sender.finish()
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

    /// Keeps a child that `fork` has made, which has a copy of this, from sending in its parent's
    /// place.
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
    /// - Throws: `corrupted` if something else than this type has written there.
    @inlinable
    public mutating func trySend(_ element: Element) throws(InterprocessError) -> Bool {
      try checkRole()
      return try ring.send(element, &cursor)
    }

    /// Sends a message, as the function of the queue does.
    ///
    /// Blocks while the queue is full.
    ///
    /// - Parameters:
    ///   - element: The message.
    ///   - timeout: How long to wait for room; `nil`: as long as it takes.
    /// - Throws: `timedOut`; `corrupted` if something else than this type has written there;
    ///   `system` for anything else.
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

    /// Sends a message, as the function of the queue does.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameters:
    ///   - element: The message.
    ///   - timeout: How long to wait for room; `nil`: as long as it takes.
    /// - Throws: As the blocking form, and `CancellationError`.
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

    /// Sends messages, one behind the other, several of them at once where there is room.
    ///
    /// Blocks while the queue is full.
    ///
    /// - Parameters:
    ///   - elements: The messages.
    ///   - timeout: How long to wait for room in all; `nil`: as long as it takes.
    /// - Returns: How many were sent: all of them, or fewer if the time was over before, perhaps 0.
    /// - Throws: `corrupted` and `system`, also when some were sent.
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

    /// Sends messages, one behind the other, several of them at once where there is room.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameters:
    ///   - elements: The messages.
    ///   - timeout: How long to wait for room in all; `nil`: as long as it takes.
    /// - Returns: As the blocking form; also fewer than all, and at least 1, if the task was
    ///   cancelled meanwhile, of which the next call tells.
    /// - Throws: As the blocking form; `CancellationError` if none was sent.
    @inlinable @discardableResult
    public nonisolated(nonsending) mutating func send(
      contentsOf elements: Span<Element>, timeout: Duration? = nil
    ) async throws -> Int {
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

    /// Gives the role back, as the end of its life does.
    ///
    /// Does not block.
    public consuming func close() {}

    /// Gives the role back, and lets nobody send any more: receivers get what there is, and then
    /// the end.
    ///
    /// Does not block; does nothing in a child that `fork` has made.
    public consuming func finish() {
      if taken.isOwn { ring.finish() }
    }
  }

  /// Takes the role of the one sender.
  ///
  /// Does not block. That of a process that has died is free at once.
  ///
  /// - Returns: The role, which is given back at the end of its life.
  /// - Throws: `roleTaken` if another handle or value has it; `finished`; `corrupted` if something
  ///   else than this type has written there; `system` for anything else.
  /// - Precondition: The queue was made for one sender; see ``senderRole``.
  public func sender() throws(InterprocessError) -> Sender {
    precondition(senderRole == .one, "The queue has many senders, who take turns")
    try senders.claim(segment.memory)
    do throws(InterprocessError) {
      if isFinished { throw finished }
      return Sender(self, try ring.sendingCursor())
    } catch {
      senders.giveBack(Descriptor.generation)
      throw error
    }
  }
}
