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

extension SharedTopic {
  /// Who gets the messages of a topic, for as long as this lives.
  ///
  /// ```swift
  /// var subscriber = try topic.subscriber()
  /// while let sample = try subscriber.next() { print(sample.elements[0]) }
  /// ```
  public struct Subscriber: ~Copyable, Sendable {
    @usableFromInline let reader: TopicReader
    @usableFromInline var cursor: TopicCursor

    fileprivate init(_ reader: TopicReader, _ cursor: TopicCursor) {
      self.reader = reader
      self.cursor = cursor
    }

    /// Gives the place back, as the end of its life does.
    ///
    /// Samples and sets that wait for it keep it. Does not block.
    public consuming func close() {}

    /// How many messages this subscriber was too slow for so far, or has skipped by ``latest()``.
    public var missedCount: UInt64 { reader.missedCount }

    /// The next message, if there is one.
    ///
    /// Does not block.
    ///
    /// - Returns: The message, which is not written over while it is held; `nil` if there is none.
    ///   Whether the topic has ended is told by `next(timeout:)` with `.zero`.
    /// - Throws: `limitReached` if as many samples are held as can be; `corrupted` if something
    ///   else than this type has written there.
    /// - Complexity: O(1).
    @inlinable
    public mutating func tryNext() throws(InterprocessError) -> Sample? {
      guard let hold = try reader.tryNext(&cursor) else { return nil }
      return Sample(reader, hold)
    }

    /// The next message.
    ///
    /// Blocks until there is one, or the topic is finished: spins for some microseconds, and then
    /// sleeps in the kernel.
    ///
    /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
    /// - Returns: The message, which is not written over while it is held; `nil` if the topic is
    ///   finished and this subscriber has had all messages.
    /// - Throws: As ``tryNext()``; `timedOut`; `system` for anything else.
    @inlinable
    public mutating func next(timeout: Duration? = nil) throws(InterprocessError) -> Sample? {
      if let sample = try tryNext() { return sample }
      return try waitForNext(timeout)
    }

    @inlinable @inline(never)
    mutating func waitForNext(_ timeout: Duration?) throws(InterprocessError) -> Sample? {
      let sleeps = Sleeps(atMost: timeout)
      while true {
        let isFinished = reader.isFinished
        if let sample = try tryNext() { return sample }
        if isFinished { return nil }
        guard try reader.wait(cursor, atMost: sleeps.timeLeft) else { throw reader.isEmpty }
      }
    }

    /// The next message.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
    /// - Returns: The message, which is not written over while it is held; `nil` if the topic is
    ///   finished and this subscriber has had all messages.
    /// - Throws: As the blocking form, and `CancellationError`; with any error, no message was
    ///   taken.
    @inlinable
    public nonisolated(nonsending) mutating func next(
      timeout: Duration? = nil
    ) async throws -> Sample? {
      try Task.checkCancellation()
      if let sample = try tryNext() { return sample }
      let sleeps = Sleeps(atMost: timeout)
      while true {
        let isFinished = reader.isFinished
        if let sample = try tryNext() { return sample }
        if isFinished { return nil }
        guard try await reader.wait(cursor, atMost: sleeps.timeLeft) else { throw reader.isEmpty }
      }
    }

    /// The newest message, if this subscriber has not received it yet.
    ///
    /// Does not block. The messages before it are skipped, and counted as missed.
    ///
    /// - Returns: The message, which is not written over while it is held.
    /// - Throws: As ``tryNext()``.
    /// - Complexity: O(1).
    @inlinable
    public mutating func latest() throws(InterprocessError) -> Sample? {
      guard let hold = try reader.tryLatest(&cursor) else { return nil }
      return Sample(reader, hold)
    }
  }

  /// A message as a subscriber has received it.
  ///
  /// It lies in the shared memory, and is given back at the end of the life of this.
  public struct Sample: ~Copyable, Sendable {
    @usableFromInline let reader: TopicReader
    @usableFromInline let hold: TopicHold

    @inlinable init(_ reader: TopicReader, _ hold: TopicHold) {
      self.reader = reader
      self.hold = hold
    }

    @inlinable deinit { reader.giveBack(hold) }

    /// Which message it is: the first one of a topic is number 0, and each has the next number.
    public var sequence: UInt64 { hold.position }

    /// How many elements it has, at least 1.
    public var count: Int { hold.count }

    /// The elements.
    @inlinable
    public var elements: Span<Element> {
      @_lifetime(borrow self)
      borrowing get {
        // SAFETY: the slot has so many elements, as was checked, and is mapped as long as the
        // reader lives; every bit pattern is one.
        let span = unsafe Span(
          _unsafeStart: UnsafePointer(SharedTopic.pointer(to: hold.elements)), count: hold.count)
        return unsafe _overrideLifetime(span, borrowing: self)
      }
    }

    /// The element at an index.
    ///
    /// - Parameter index: 0 up to, and without, ``count``.
    @inlinable
    public subscript(index: Int) -> Element { elements[index] }
  }

  /// Subscribes.
  ///
  /// Does not block. The place of a process that has died is free at once.
  ///
  /// - Parameter includesHistory: Whether to begin with the oldest message that is kept, or with
  ///   the next one that is published. Where there was a publisher that waits for subscribers, the
  ///   oldest one is left out, as it may be replaced just then.
  /// - Returns: The subscriber, whose place is given back at the end of its life and that of its
  ///   samples.
  /// - Throws: `limitReached` if there are ``maximumSubscriberCount`` already; `corrupted` if
  ///   something else than this type has written there; `system` for anything else.
  public func subscriber(
    includesHistory: Bool = true
  ) throws(InterprocessError) -> Subscriber {
    let (reader, cursor) = try TopicReader.subscribe(to: ring, includesHistory: includesHistory)
    return Subscriber(reader, cursor)
  }

  // MARK: - In tasks

  /// The messages of a topic until it is finished, each as an array.
  public struct Messages: AsyncSequence, Sendable {
    fileprivate let topic: SharedTopic
    fileprivate let includesHistory: Bool

    /// Receives one message after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
      fileprivate let messages: Messages
      private var subscription: (TopicReader, TopicCursor)?

      fileprivate init(_ messages: Messages) { self.messages = messages }

      /// A copy of the next message, or `nil` if the topic is finished and all have been received.
      ///
      /// The first call subscribes.
      ///
      /// - Throws: As ``SharedTopic/subscriber(includesHistory:)`` and the async form of
      ///   `next(timeout:)`.
      public mutating func next() async throws -> [Element]? {
        try Task.checkCancellation()
        var (reader, cursor) =
          try subscription
          ?? TopicReader.subscribe(
            to: messages.topic.ring, includesHistory: messages.includesHistory)
        defer { subscription = (reader, cursor) }
        while true {
          let isFinished = reader.isFinished
          if let hold = try reader.tryNext(&cursor) {
            let sample = Sample(reader, hold)
            return unsafe sample.elements.withUnsafeBufferPointer { unsafe Array($0) }
          }
          if isFinished { return nil }
          _ = try await reader.wait(cursor, atMost: nil)
        }
      }
    }

    /// An iterator, which is a subscriber of its own.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }
  }

  /// Copies of the messages as they come, for `for try await`.
  ///
  /// Ends when the topic is finished and all have been received, and with `CancellationError` when
  /// the task is cancelled.
  ///
  /// - Parameter includesHistory: As for ``subscriber(includesHistory:)``.
  public func messages(includesHistory: Bool = true) -> Messages {
    Messages(topic: self, includesHistory: includesHistory)
  }
}
