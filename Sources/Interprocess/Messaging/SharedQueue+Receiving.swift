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
  /// - Returns: The message, or `nil` if there is none, or if others keep their turns for more than
  ///   some microseconds. Whether the queue has ended is told by `receive(timeout:)` with `.zero`.
  /// - Throws: `roleTaken` if another handle or value is the one receiver; `corrupted` if something
  ///   else than this type has written there; `system` for anything else.
  @inlinable
  public func tryReceive() throws(InterprocessError) -> Element? {
    guard var cursor = try enterToReceive(atMost: .zero) else { return nil }
    defer { receivers.leave(cursor) }
    return try ring.receive(Element.self, &cursor)
  }

  /// Receives the next message.
  ///
  /// Blocks while the queue is empty and not finished, or others keep their turns: spins for some
  /// microseconds, and then sleeps in the kernel. Corresponds to `mq_timedreceive` in C and to
  /// `Queue.get` in Python.
  ///
  /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
  /// - Returns: The message, or `nil` if the queue is finished and all have been received.
  /// - Throws: As ``tryReceive()``, and `timedOut`.
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
      // First whether it is finished, and then whether there are messages: then there is none
      // behind the last one.
      let isFinished = isFinished
      let cursor = try enterToReceive(until: sleeps)
      if let element = try receive(cursor) { return element }
      if isFinished { return nil }
      guard try receivers.wait(atMost: sleeps.timeLeft) else { throw isEmpty }
    }
  }

  /// Receives in a turn, which ends.
  @inlinable func receive(_ cursor: QueueCursor) throws(InterprocessError) -> Element? {
    var cursor = cursor
    defer { receivers.leave(cursor) }
    return try ring.receive(Element.self, &cursor)
  }

  /// Receives the next message.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
  /// - Returns: The message, or `nil` if the queue is finished and all have been received.
  /// - Throws: As the blocking form, and `CancellationError`; with any error, no message was
  ///   taken.
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
  /// Blocks until there is one, as `receive(timeout:)` does, and takes what there is then.
  ///
  /// - Parameters:
  ///   - maximumCount: How many at most, at least 1.
  ///   - elements: What they are appended to.
  ///   - timeout: How long to wait for the first message; `nil`: as long as it takes.
  /// - Returns: How many there were; 0 if the queue is finished and all have been received.
  /// - Throws: As ``tryReceive()``, and `timedOut`.
  /// - Complexity: Linear in the number of messages.
  @inlinable @discardableResult
  public func receive(
    upTo maximumCount: Int, into elements: inout [Element], timeout: Duration? = nil
  ) throws(InterprocessError) -> Int {
    precondition(maximumCount >= 1, "At least one message has to be asked for")
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
  ///   - maximumCount: How many at most, at least 1.
  ///   - elements: What they are appended to.
  ///   - timeout: How long to wait for the first message; `nil`: as long as it takes.
  /// - Returns: How many there were; 0 if the queue is finished and all have been received.
  /// - Throws: As the blocking form, and `CancellationError`; with any error, no message was
  ///   taken.
  @inlinable @discardableResult
  public nonisolated(nonsending) func receive(
    upTo maximumCount: Int, into elements: inout [Element], timeout: Duration? = nil
  ) async throws -> Int {
    precondition(maximumCount >= 1, "At least one message has to be asked for")
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

  /// Receives several in a turn, which ends.
  @inlinable func receive(
    _ cursor: QueueCursor, upTo maximumCount: Int, into elements: inout [Element]
  ) throws(InterprocessError) -> Int {
    var cursor = cursor
    defer { receivers.leave(cursor) }
    return try ring.receiveAll(upTo: maximumCount, into: &elements, &cursor)
  }

  /// Receives the next message, which counts as taken only when `body` has returned.
  ///
  /// If this process dies in `body`, or `body` throws, the next receiver gets the message, perhaps
  /// once more: at least once instead of at most once. With many receivers, the others wait
  /// meanwhile. Blocks as `receive(timeout:)` does.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
  ///   - body: What is to be done with the message. It must not receive from this queue.
  /// - Returns: What `body` returns, or `nil` if the queue is finished and all have been received.
  /// - Throws: What `body` throws, and as `receive(timeout:)`.
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

  /// Receives the next message, which counts as taken only when `body` has returned.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
  ///   - body: What is to be done with the message. It must not receive from this queue.
  /// - Returns: What `body` returns, or `nil` if the queue is finished and all have been received.
  /// - Throws: As the blocking form, and `CancellationError`.
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

  /// Receives in a turn, which ends, and counts the message as taken when `body` has returned.
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

  // Begin to use the receiving side, for those that clients have inlined.

  @usableFromInline func enterToReceiveAtOnce() throws(InterprocessError) -> QueueCursor? {
    try receivers.enterAtOnce(segment.memory)
  }

  @usableFromInline func enterToReceive(
    atMost timeout: Duration?
  ) throws(InterprocessError) -> QueueCursor? {
    try receivers.enter(segment.memory, atMost: timeout)
  }

  @usableFromInline func enterToReceive(
    until sleeps: borrowing Sleeps
  ) throws(InterprocessError) -> QueueCursor {
    try receivers.enter(segment.memory, until: sleeps)
  }

  @usableFromInline nonisolated(nonsending) func enterToReceive(
    until sleeps: borrowing Sleeps
  ) async throws -> QueueCursor {
    try await receivers.enter(segment.memory, until: sleeps)
  }

  @usableFromInline var isEmpty: InterprocessError {
    InterprocessError(
      code: .timedOut, name: name,
      message: "The queue \"\(name)\" stayed empty. Does a process send to it?")
  }

  @usableFromInline var receiverIsOfParent: InterprocessError { .ofParent("receiver", of: name) }

  // MARK: - Sequences

  /// The messages of a queue until it is finished.
  public struct Elements: AsyncSequence, Sendable {
    fileprivate let queue: SharedQueue

    /// Receives one message after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
      fileprivate let queue: SharedQueue

      /// The next message, or `nil` if the queue is finished and all have been received.
      ///
      /// - Throws: As `receive(timeout:)`.
      public mutating func next() async throws -> Element? { try await queue.receive() }
    }

    /// An iterator; several of them share the messages.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(queue: queue) }
  }

  /// The messages as they come, for `for try await`.
  ///
  /// Ends when the queue is finished and all have been received, and with `CancellationError` when
  /// the task is cancelled.
  public var elements: Elements { Elements(queue: self) }

  // MARK: - The one receiver

  /// The role of the one receiver of a queue, for as long as this lives.
  ///
  /// The fastest way to receive: it takes no lock, and knows where it is.
  ///
  /// ```swift
  /// var receiver = try queue.receiver()
  /// while let order = try receiver.receive() { process(order) }
  /// ```
  public struct Receiver: ~Copyable, Sendable {
    @usableFromInline let queue: SharedQueue
    @usableFromInline let ring: QueueRing
    @usableFromInline var cursor: QueueCursor
    /// How often to look before sleep is thought of: not at all with one processor.
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

    /// Keeps a child that `fork` has made, which has a copy of this, from what its parent receives.
    ///
    /// - Throws: `roleTaken`.
    @inlinable @inline(__always) func checkRole() throws(InterprocessError) {
      if !taken.isOwn { throw queue.receiverIsOfParent }
    }

    /// Gives the role back, as the end of its life does.
    ///
    /// Does not block.
    public consuming func close() {}

    /// Receives the next message if there is one, as ``SharedQueue/tryReceive()`` does.
    ///
    /// Does not block.
    ///
    /// - Returns: The message, or `nil` if there is none.
    /// - Throws: `corrupted` if something else than this type has written there.
    @inlinable
    public mutating func tryReceive() throws(InterprocessError) -> Element? {
      try checkRole()
      return try ring.receive(Element.self, &cursor)
    }

    /// Receives the next message, as the function of the queue does.
    ///
    /// Blocks while the queue is empty and not finished.
    ///
    /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
    /// - Returns: The message, or `nil` if the queue is finished and all have been received.
    /// - Throws: `timedOut`; `corrupted` if something else than this type has written there;
    ///   `system` for anything else.
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

    /// Receives the next message, as the function of the queue does.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
    /// - Returns: The message, or `nil` if the queue is finished and all have been received.
    /// - Throws: As the blocking form, and `CancellationError`.
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

    /// Receives several messages at once, as the function of the queue does.
    ///
    /// Blocks until there is one, and takes what there is then.
    ///
    /// - Parameters:
    ///   - maximumCount: How many at most, at least 1.
    ///   - elements: What they are appended to.
    ///   - timeout: How long to wait for the first message; `nil`: as long as it takes.
    /// - Returns: How many there were; 0 if the queue is finished and all have been received.
    /// - Throws: As `receive(timeout:)`.
    @inlinable @discardableResult
    public mutating func receive(
      upTo maximumCount: Int, into elements: inout [Element], timeout: Duration? = nil
    ) throws(InterprocessError) -> Int {
      precondition(maximumCount >= 1, "At least one message has to be asked for")
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

    /// Receives several messages at once, as the function of the queue does.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameters:
    ///   - maximumCount: How many at most, at least 1.
    ///   - elements: What they are appended to.
    ///   - timeout: How long to wait for the first message; `nil`: as long as it takes.
    /// - Returns: How many there were; 0 if the queue is finished and all have been received.
    /// - Throws: As the blocking form, and `CancellationError`.
    @inlinable @discardableResult
    public nonisolated(nonsending) mutating func receive(
      upTo maximumCount: Int, into elements: inout [Element], timeout: Duration? = nil
    ) async throws -> Int {
      precondition(maximumCount >= 1, "At least one message has to be asked for")
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

    /// Receives the next message, which counts as taken only when `body` has returned.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
    ///   - body: What is to be done with the message.
    /// - Returns: What `body` returns, or `nil` if the queue is finished and all have been
    ///   received.
    /// - Throws: What `body` throws, and as `receive(timeout:)`.
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

    /// Receives the next message, which counts as taken only when `body` has returned.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
    ///   - body: What is to be done with the message.
    /// - Returns: What `body` returns, or `nil` if the queue is finished and all have been
    ///   received.
    /// - Throws: As the blocking form, and `CancellationError`.
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

  /// Takes the role of the one receiver.
  ///
  /// Does not block. That of a process that has died is free at once.
  ///
  /// - Returns: The role, which is given back at the end of its life.
  /// - Throws: `roleTaken` if another handle or value has it; `corrupted` if something else than
  ///   this type has written there; `system` for anything else.
  /// - Precondition: The queue was made for one receiver; see ``receiverRole``.
  public func receiver() throws(InterprocessError) -> Receiver {
    precondition(receiverRole == .one, "The queue has many receivers, who take turns")
    try receivers.claim(segment.memory)
    return Receiver(self, ring.receivingCursor())
  }
}
