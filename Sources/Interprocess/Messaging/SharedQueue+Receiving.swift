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

  /// Receives the next message if there is one.
  ///
  /// Does not block. Corresponds to `mq_receive` with `O_NONBLOCK` in C and to `Queue.get_nowait`
  /// in Python.
  ///
  /// - Returns: The message, or `nil` if the queue is empty or other receivers keep their turns for
  ///   more than some microseconds. `receive(timeout:)` with `.zero` shows whether the queue has
  ///   ended.
  /// - Throws: `roleTaken` if another handle or value is the only receiver; `corrupted` if
  ///   something other than this type has written into the queue; `system` for anything else.
  @inlinable
  public func tryReceive() throws(InterprocessError) -> Element? {
    guard var cursor = try enterToReceive(atMost: .zero) else { return nil }
    defer { receivers.leave(cursor) }
    return try ring.receive(Element.self, &cursor)
  }

  /// Receives the next message, waiting while the queue is empty.
  ///
  /// Blocks while the queue is empty and not finished, or while other receivers keep their turns:
  /// spins for some microseconds, and then sleeps in the kernel. Corresponds to `mq_timedreceive`
  /// in C and to `Queue.get` in Python.
  ///
  /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
  /// - Returns: The message, or `nil` if the queue is finished and empty.
  /// - Throws: What ``tryReceive()`` throws, and `timedOut`.
  @inlinable
  public func receive(timeout: Duration? = nil) throws(InterprocessError) -> Element? {
    if var cursor = try enterToReceiveAtOnce() {
      defer { receivers.leave(cursor) }
      if let element = try ring.receive(Element.self, &cursor) { return element }
    }
    return try waitAndReceive(timeout)
  }

  @inlinable @inline(never)
  func waitAndReceive(_ timeout: Duration?) throws(InterprocessError) -> Element? {
    let sleeps = Sleeps(atMost: timeout)
    while true {
      // First looks whether the queue is finished, and then for messages: if it is finished, a
      // look that finds none comes after the last message.
      let isFinished = isFinished
      let cursor = try enterToReceive(until: sleeps)
      if let element = try receive(cursor) { return element }
      if isFinished { return nil }
      guard try receivers.wait(atMost: sleeps.timeLeft) else { throw isEmpty }
    }
  }

  /// Receives, and ends the turn.
  @inlinable func receive(_ cursor: QueueCursor) throws(InterprocessError) -> Element? {
    var cursor = cursor
    defer { receivers.leave(cursor) }
    return try ring.receive(Element.self, &cursor)
  }

  /// Receives the next message, waiting while the queue is empty.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
  /// - Returns: The message, or `nil` if the queue is finished and empty.
  /// - Throws: What the blocking form throws, and `CancellationError`; after any error, no message
  ///   has been taken.
  @inlinable
  public nonisolated(nonsending) func receive(
    timeout: Duration? = nil
  ) async throws -> Element? {
    try Task.checkCancellation()
    let sleeps = Sleeps(atMost: timeout)
    while true {
      let isFinished = isFinished
      let cursor = try await enterToReceive(until: sleeps)
      if let element = try receive(cursor) { return element }
      if isFinished { return nil }
      guard try await receivers.wait(atMost: sleeps.timeLeft) else { throw isEmpty }
    }
  }

  /// Receives several messages at once.
  ///
  /// Blocks until there is a message, as `receive(timeout:)` does, and then takes what there is.
  ///
  /// - Parameters:
  ///   - maximumCount: The greatest number of messages to receive, at least 1.
  ///   - elements: The array to append the messages to.
  ///   - timeout: How long to wait for the first message; `nil`: as long as it takes.
  /// - Returns: How many messages were received; 0 if the queue is finished and empty.
  /// - Throws: What ``tryReceive()`` throws, and `timedOut`.
  /// - Complexity: Linear in the number of messages.
  @inlinable @discardableResult
  public func receive(
    upTo maximumCount: Int, into elements: inout [Element], timeout: Duration? = nil
  ) throws(InterprocessError) -> Int {
    precondition(maximumCount >= 1, "The maximum number of messages is less than one")
    let sleeps = Sleeps(atMost: timeout)
    while true {
      let isFinished = isFinished
      let cursor = try enterToReceive(until: sleeps)
      let count = try receive(cursor, upTo: maximumCount, into: &elements)
      if count > 0 || isFinished { return count }
      guard try receivers.wait(atMost: sleeps.timeLeft) else { throw isEmpty }
    }
  }

  /// Receives several messages at once.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - maximumCount: The greatest number of messages to receive, at least 1.
  ///   - elements: The array to append the messages to.
  ///   - timeout: How long to wait for the first message; `nil`: as long as it takes.
  /// - Returns: How many messages were received; 0 if the queue is finished and empty.
  /// - Throws: What the blocking form throws, and `CancellationError`; after any error, no message
  ///   has been taken.
  @inlinable @discardableResult
  public nonisolated(nonsending) func receive(
    upTo maximumCount: Int, into elements: inout [Element], timeout: Duration? = nil
  ) async throws -> Int {
    precondition(maximumCount >= 1, "The maximum number of messages is less than one")
    try Task.checkCancellation()
    let sleeps = Sleeps(atMost: timeout)
    while true {
      let isFinished = isFinished
      let cursor = try await enterToReceive(until: sleeps)
      let count = try receive(cursor, upTo: maximumCount, into: &elements)
      if count > 0 || isFinished { return count }
      guard try await receivers.wait(atMost: sleeps.timeLeft) else { throw isEmpty }
    }
  }

  /// Receives several messages, and ends the turn.
  @inlinable func receive(
    _ cursor: QueueCursor, upTo maximumCount: Int, into elements: inout [Element]
  ) throws(InterprocessError) -> Int {
    var cursor = cursor
    defer { receivers.leave(cursor) }
    return try ring.receiveAll(upTo: maximumCount, into: &elements, &cursor)
  }

  /// Receives the next message, and takes it only when `body` has returned.
  ///
  /// If this process dies in `body`, or `body` throws, the next receiver gets the message again:
  /// delivery is at least once instead of at most once. Other receivers wait until `body` has
  /// returned. Blocks as `receive(timeout:)` does.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
  ///   - body: Handles the message. It must not receive from this queue.
  /// - Returns: What `body` returns, or `nil` if the queue is finished and empty.
  /// - Throws: What `body` throws, and what `receive(timeout:)` throws.
  @inlinable
  public func receive<Result>(
    timeout: Duration? = nil, acknowledging body: (Element) throws -> Result
  ) throws -> Result? {
    let sleeps = Sleeps(atMost: timeout)
    while true {
      let isFinished = isFinished
      let cursor = try enterToReceive(until: sleeps)
      if let result = try receive(cursor, acknowledging: body) { return result }
      if isFinished { return nil }
      guard try receivers.wait(atMost: sleeps.timeLeft) else { throw isEmpty }
    }
  }

  /// Receives the next message, and takes it only when `body` has returned.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
  ///   - body: Handles the message. It must not receive from this queue.
  /// - Returns: What `body` returns, or `nil` if the queue is finished and empty.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  @inlinable
  public nonisolated(nonsending) func receive<Result>(
    timeout: Duration? = nil, acknowledging body: (Element) throws -> Result
  ) async throws -> Result? {
    try Task.checkCancellation()
    let sleeps = Sleeps(atMost: timeout)
    while true {
      let isFinished = isFinished
      let cursor = try await enterToReceive(until: sleeps)
      if let result = try receive(cursor, acknowledging: body) { return result }
      if isFinished { return nil }
      guard try await receivers.wait(atMost: sleeps.timeLeft) else { throw isEmpty }
    }
  }

  /// Receives, takes the message when `body` has returned, and ends the turn.
  @inlinable func receive<Result>(
    _ cursor: QueueCursor, acknowledging body: (Element) throws -> Result
  ) throws -> Result? {
    var cursor = cursor
    let generation = ring.generation.loadRelaxed()
    do {
      let result = try ring.receive(acknowledging: body, &cursor)
      receivers.leave(cursor, takenIn: generation)
      return result
    } catch {
      // The message is still there.
      receivers.leave(cursor, takenIn: generation, passingOn: 0)
      throw error
    }
  }

  // The inlinable functions above begin a turn of the receiving side by these.

  @usableFromInline func enterToReceiveAtOnce() throws(InterprocessError) -> QueueCursor? {
    try receivers.enterAtOnce()
  }

  @usableFromInline func enterToReceive(
    atMost timeout: Duration?
  ) throws(InterprocessError) -> QueueCursor? {
    try receivers.enter(atMost: timeout)
  }

  @usableFromInline func enterToReceive(
    until sleeps: borrowing Sleeps
  ) throws(InterprocessError) -> QueueCursor {
    try receivers.enter(until: sleeps)
  }

  @usableFromInline nonisolated(nonsending) func enterToReceive(
    until sleeps: borrowing Sleeps
  ) async throws -> QueueCursor {
    try await receivers.enter(until: sleeps)
  }

  @usableFromInline var isEmpty: InterprocessError {
    InterprocessError(
      code: .timedOut, name: name,
      message: "The queue \"\(name)\" stayed empty. Does a process send to it?")
  }

  @usableFromInline var receiverIsOfParent: InterprocessError { .ofParent("receiver", of: name) }

  // MARK: - Sequences

  /// The messages of a queue until it is finished.
  public struct Messages: AsyncSequence, Sendable {
    fileprivate let queue: SharedQueue

    /// Receives one message after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
      fileprivate let queue: SharedQueue

      /// The next message, or `nil` if the queue is finished and empty.
      ///
      /// - Throws: What `receive(timeout:)` throws.
      public mutating func next() async throws -> Element? { try await queue.receive() }
    }

    /// Makes an iterator; each message goes to only one of several iterators.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(queue: queue) }
  }

  /// The messages as they come, for `for try await`.
  ///
  /// Ends when the queue is finished and empty, and with `CancellationError` when the task is
  /// cancelled.
  public var messages: Messages { Messages(queue: self) }

  // MARK: - The one receiver

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
      if !taken.isOwn { throw queue.receiverIsOfParent }
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
    @inlinable
    public mutating func receive(
      timeout: Duration? = nil
    ) throws(InterprocessError) -> Element? {
      if taken.isOwn {
        for _ in 0..<lookCount {
          if let element = try ring.receive(Element.self, &cursor) { return element }
          Processors.spinHint()
        }
      }
      return try waitAndReceive(timeout)
    }

    @inlinable @inline(never)
    mutating func waitAndReceive(_ timeout: Duration?) throws(InterprocessError) -> Element? {
      try checkRole()
      let sleeps = Sleeps(atMost: timeout)
      while true {
        let isFinished = ring.isFinished
        if let element = try ring.receive(Element.self, &cursor) { return element }
        if isFinished { return nil }
        guard try queue.receivers.wait(at: cursor.position, atMost: sleeps.timeLeft)
        else { throw queue.isEmpty }
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
      try Task.checkCancellation()
      let sleeps = Sleeps(atMost: timeout)
      while true {
        let isFinished = ring.isFinished
        if let element = try ring.receive(Element.self, &cursor) { return element }
        if isFinished { return nil }
        guard try await queue.receivers.wait(at: cursor.position, atMost: sleeps.timeLeft)
        else { throw queue.isEmpty }
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
      let sleeps = Sleeps(atMost: timeout)
      while true {
        let isFinished = ring.isFinished
        let count = try ring.receiveAll(upTo: maximumCount, into: &elements, &cursor)
        if count > 0 || isFinished { return count }
        guard try queue.receivers.wait(at: cursor.position, atMost: sleeps.timeLeft)
        else { throw queue.isEmpty }
      }
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
      try Task.checkCancellation()
      let sleeps = Sleeps(atMost: timeout)
      while true {
        let isFinished = ring.isFinished
        let count = try ring.receiveAll(upTo: maximumCount, into: &elements, &cursor)
        if count > 0 || isFinished { return count }
        guard try await queue.receivers.wait(at: cursor.position, atMost: sleeps.timeLeft)
        else { throw queue.isEmpty }
      }
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
      let sleeps = Sleeps(atMost: timeout)
      while true {
        let isFinished = ring.isFinished
        if let result = try ring.receive(acknowledging: body, &cursor) { return result }
        if isFinished { return nil }
        guard try queue.receivers.wait(at: cursor.position, atMost: sleeps.timeLeft)
        else { throw queue.isEmpty }
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
      try Task.checkCancellation()
      let sleeps = Sleeps(atMost: timeout)
      while true {
        let isFinished = ring.isFinished
        if let result = try ring.receive(acknowledging: body, &cursor) { return result }
        if isFinished { return nil }
        guard try await queue.receivers.wait(at: cursor.position, atMost: sleeps.timeLeft)
        else { throw queue.isEmpty }
      }
    }
  }

  /// Takes the role of the only receiver.
  ///
  /// Does not block. The role of a process that has died is free at once.
  ///
  /// - Returns: The role, which is given back at the end of the value's life.
  /// - Throws: `roleTaken` if another handle or value holds it; `corrupted` if something other than
  ///   this type has written into the queue; `system` for anything else.
  /// - Precondition: The queue was created for one receiver; see ``receiverMultiplicity``.
  public func receiver() throws(InterprocessError) -> Receiver {
    precondition(receiverMultiplicity == .one, "The queue has many receivers, which take turns")
    try receivers.claim()
    return Receiver(self, ring.receivingCursor())
  }
}
