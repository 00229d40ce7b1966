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
  /// A subscriber of a topic, for as long as this value exists.
  ///
  /// ```swift
  /// var subscriber = try topic.subscriber()
  /// while let sample = try subscriber.next() { print(sample.elements[0]) }
  /// ```
  public struct Subscriber: ~Copyable, Sendable {
    @usableFromInline let _reader: TopicReader
    @usableFromInline var _cursor: TopicCursor
    /// How often all looks may be in vain before this value prepares to sleep at once.
    @usableFromInline var _lookCredit: Int

    fileprivate init(_ reader: TopicReader, _ cursor: TopicCursor) {
      self._reader = reader
      self._cursor = cursor
      _lookCredit = reader.isSpinningUseful ? 4 : 0
    }

    /// Gives the subscriber's place back, as does the end of this value's life.
    ///
    /// Samples, and wait sets with this subscriber, keep the place. Does not block.
    public consuming func close() {}

    /// How many messages this subscriber has missed so far, by being slow or through ``latest()``.
    public var missedCount: UInt64 { _reader.missedCount }

    /// Receives the next message, if there is one.
    ///
    /// Does not block.
    ///
    /// - Returns: The message, which is not overwritten while it is held; `nil` if there is no
    ///   message.
    ///   `next(timeout:)` with `.zero` shows whether the topic has ended.
    /// - Throws: `limitReached` if this subscriber holds as many samples as it can; `corrupted` if
    ///   something other than this type has written into the topic.
    /// - Complexity: O(1).
    @inlinable @inline(__always)
    public mutating func tryNext() throws(InterprocessError) -> Sample? {
      try _tryNext(isWaiting: false)
    }

    @inlinable @inline(__always)
    mutating func _tryNext(isWaiting: Bool) throws(InterprocessError) -> Sample? {
      if let hold = try _copyNext() { return Sample(_reader, hold) }
      guard let hold = try _reader.tryNext(&_cursor, isWaiting: isWaiting) else { return nil }
      return Sample(_reader, hold)
    }

    /// The next message, if all that it needs is a copy.
    @inlinable @inline(__always)
    mutating func _copyNext() throws(InterprocessError) -> TopicHold? {
      guard SharedTopic._canBeInEntries else { return nil }
      return try _reader.copyNext(&_cursor, wordCount: ValueWords<Element>.count)
    }

    /// Receives the next message, waiting until there is one.
    ///
    /// Blocks until there is a message, or the topic is finished: spins for some microseconds, and
    /// then sleeps in the kernel.
    ///
    /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
    /// - Returns: The message, which is not overwritten while it is held; `nil` if the topic is
    ///   finished and this subscriber has had all messages.
    /// - Throws: What ``tryNext()`` throws; `timedOut`; `system` for anything else.
    @inlinable @inline(__always)
    public mutating func next(timeout: Duration? = nil) throws(InterprocessError) -> Sample? {
      if let hold = try _copyNext() { return Sample(_reader, hold) }
      return try _lookForNext(timeout)
    }

    // Kept apart, so that the function above, which is inlined, stays small.
    @inlinable @inline(never)
    mutating func _lookForNext(_ timeout: Duration?) throws(InterprocessError) -> Sample? {
      if let sample = try tryNext() { return sample }
      if _lookCredit > 0 {
        // No clock, which takes as long as several looks.
        var watch = _reader.watch(_cursor)
        for _ in 0..<256 {
          Processors.spinHint()
          guard watch.hasChanged else { continue }
          if let sample = try _tryNext(isWaiting: true) {
            if _lookCredit < 16 { _lookCredit += 1 }
            return sample
          }
          watch = _reader.watch(_cursor)
        }
        _lookCredit -= 1
      }
      defer { if _lookCredit == 0, _reader.isSpinningUseful { _lookCredit = 4 } }
      let sleeps = Sleeps(atMost: timeout)
      while true {
        let isFinished = _reader.isFinished
        if let sample = try tryNext() { return sample }
        if isFinished { return nil }
        guard try _reader.wait(_cursor, atMost: sleeps.timeLeft) else { throw _reader.isEmpty }
      }
    }

    /// Receives the next message, waiting until there is one.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
    /// - Returns: The message, which is not overwritten while it is held; `nil` if the topic is
    ///   finished and this subscriber has had all messages.
    /// - Throws: What the blocking form throws, and `CancellationError`; after any error, no
    ///   message has been taken.
    @inlinable
    public nonisolated(nonsending) mutating func next(
      timeout: Duration? = nil
    ) async throws -> Sample? {
      try Task.checkCancellation()
      if let sample = try tryNext() { return sample }
      let sleeps = Sleeps(atMost: timeout)
      while true {
        let isFinished = _reader.isFinished
        if let sample = try tryNext() { return sample }
        if isFinished { return nil }
        guard try await _reader.wait(_cursor, atMost: sleeps.timeLeft) else {
          throw _reader.isEmpty
        }
      }
    }

    /// Receives the newest message, if this subscriber has not received it yet.
    ///
    /// Does not block. The messages before it are skipped, and counted as missed.
    ///
    /// - Returns: The message, which is not overwritten while it is held; otherwise `nil`.
    /// - Throws: What ``tryNext()`` throws.
    /// - Complexity: O(1).
    @inlinable
    public mutating func latest() throws(InterprocessError) -> Sample? {
      guard let hold = try _reader.tryLatest(&_cursor) else { return nil }
      return Sample(_reader, hold)
    }
  }

  /// A message that a subscriber has received.
  ///
  /// It lies in the shared memory, and is given back at the end of this value's life. If messages
  /// are single elements of at most 56 bytes, it is a copy.
  public struct Sample: ~Copyable, Sendable {
    @usableFromInline let _reader: TopicReader
    @usableFromInline let _hold: TopicHold

    @inlinable init(_ reader: TopicReader, _ hold: TopicHold) {
      self._reader = reader
      self._hold = hold
    }

    @inlinable deinit { _reader.giveBack(_hold) }

    /// The number of the message; the messages of a topic are numbered in order from 0.
    @inlinable public var sequence: UInt64 { _hold.position }

    /// The number of elements of the message, at least 1.
    @inlinable public var count: Int { _hold.count }

    /// The elements.
    @inlinable
    public var elements: Span<Element> {
      @_lifetime(borrow self)
      borrowing get {
        // SAFETY: the slot has room for `count` elements, as was checked, and is mapped as long as
        // the reader exists; every bit pattern is a valid element.
        let span = unsafe Span(
          _unsafeStart: UnsafePointer(SharedTopic._pointer(to: _hold.elements)), count: _hold.count)
        return unsafe _overrideLifetime(span, borrowing: self)
      }
    }

    /// The element at an index.
    ///
    /// - Parameter index: At least 0, and less than ``count``.
    @inlinable
    public subscript(index: Int) -> Element { elements[index] }
  }

  /// Subscribes to the topic.
  ///
  /// Does not block. The place of a process that has died is free at once.
  ///
  /// - Parameter includesHistory: Whether to begin with the oldest message that is kept, or with
  ///   the next one that is published. If the topic has ever had a publisher that waits for
  ///   subscribers, the oldest one is left out, as it may be replaced at that moment.
  /// - Returns: The subscriber, whose place is given back when its life and those of its samples
  ///   have ended.
  /// - Throws: `limitReached` if there are ``maximumSubscriberCount`` already; `corrupted` if
  ///   something other than this type has written into the topic; `system` for anything else.
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

      /// A copy of the next message, or `nil` if the topic is finished and all messages have been
      /// received.
      ///
      /// The first call subscribes.
      ///
      /// - Throws: What ``SharedTopic/subscriber(includesHistory:)`` and the async form of
      ///   `next(timeout:)` throw.
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

    /// Makes an iterator, which is a subscriber of its own.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }
  }

  /// Copies of the messages as they come, for `for try await`.
  ///
  /// Ends when the topic is finished and all messages have been received, and with
  /// `CancellationError` when the task is cancelled.
  ///
  /// - Parameter includesHistory: As for ``subscriber(includesHistory:)``.
  public func messages(includesHistory: Bool = true) -> Messages {
    Messages(topic: self, includesHistory: includesHistory)
  }
}
