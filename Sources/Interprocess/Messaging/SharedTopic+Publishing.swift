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
  /// Who publishes messages, for as long as this lives.
  ///
  /// ```swift
  /// var publisher = try topic.publisher()
  /// try publisher.publish(1)
  /// ```
  public struct Publisher: ~Copyable, Sendable {
    @usableFromInline let writer: TopicWriter

    fileprivate init(_ writer: TopicWriter) { self.writer = writer }

    /// Gives the role back, if there is one, as the end of its life does.
    ///
    /// A message on loan keeps it. Does not block.
    public consuming func close() {}

    /// Publishes a message of one element.
    ///
    /// Blocks while one of many other publishers keeps its turn, and while a subscriber is too
    /// slow, if the publisher was made to wait for that.
    ///
    /// - Parameters:
    ///   - element: The message.
    ///   - timeout: How long to wait; `nil`: as long as it takes.
    /// - Throws: `timedOut`; `finished` if another publisher, or a handle, has finished the topic;
    ///   `corrupted` if something else than this type has written there; `system` for anything
    ///   else. With any error, the message was not published.
    /// - Precondition: No message of this publisher is on loan.
    /// - Complexity: O(1).
    @inlinable
    public mutating func publish(
      _ element: Element, timeout: Duration? = nil
    ) throws(InterprocessError) {
      let writing = try writer.begin(atMost: timeout)
      unsafe SharedTopic.pointer(to: writing.elements).pointee = element
      try writer.end(writing, count: 1)
    }

    /// Publishes a message of one element.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameters:
    ///   - element: The message.
    ///   - timeout: How long to wait; `nil`: as long as it takes.
    /// - Throws: As the blocking form, and `CancellationError`; with any error, the message was
    ///   not published.
    @inlinable
    public nonisolated(nonsending) mutating func publish(
      _ element: Element, timeout: Duration? = nil
    ) async throws {
      let writing = try await writer.begin(atMost: timeout)
      unsafe SharedTopic.pointer(to: writing.elements).pointee = element
      try writer.end(writing, count: 1)
    }

    /// Publishes a message of several elements, which are copied.
    ///
    /// Blocks as `publish(_:timeout:)` does.
    ///
    /// - Parameters:
    ///   - elements: The message, at least one element.
    ///   - timeout: How long to wait; `nil`: as long as it takes.
    /// - Throws: As `publish(_:timeout:)`; `invalidSize` if the message has no elements, or more
    ///   than ``SharedTopic/maximumElementCount``.
    /// - Complexity: Linear in the number of elements.
    @inlinable
    public mutating func publish(
      contentsOf elements: Span<Element>, timeout: Duration? = nil
    ) throws(InterprocessError) {
      try check(elements.count)
      try publish(elements, in: try writer.begin(atMost: timeout))
    }

    /// Publishes a message of several elements, which are copied.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameters:
    ///   - elements: The message, at least one element.
    ///   - timeout: How long to wait; `nil`: as long as it takes.
    /// - Throws: As the blocking form, and `CancellationError`; with any error, the message was
    ///   not published.
    @inlinable
    public nonisolated(nonsending) mutating func publish(
      contentsOf elements: Span<Element>, timeout: Duration? = nil
    ) async throws {
      try check(elements.count)
      try publish(elements, in: try await writer.begin(atMost: timeout))
    }

    @inlinable func publish(
      _ elements: Span<Element>, in writing: TopicRing.Writing
    ) throws(InterprocessError) {
      let pointer = unsafe SharedTopic.pointer(to: writing.elements)
      for index in 0..<elements.count {
        // SAFETY: a slot has room for so many elements, as has been checked.
        unsafe pointer[index] = elements[index]
      }
      try writer.end(writing, count: elements.count)
    }

    /// Lends the memory of a new message, to be written where subscribers will read it.
    ///
    /// Blocks as `publish(_:timeout:)` does; other publishers wait until the message is published,
    /// or is gone.
    ///
    /// - Parameters:
    ///   - count: How many elements it has, at least 1.
    ///   - timeout: How long to wait; `nil`: as long as it takes.
    /// - Returns: The message. What it has not written before it is published is what an old one
    ///   has left there.
    /// - Throws: As `publish(_:timeout:)`; `invalidSize` if the message has no elements, or more
    ///   than ``SharedTopic/maximumElementCount``.
    /// - Precondition: No message of this publisher is on loan.
    /// - Complexity: O(1).
    public mutating func loan(
      count: Int = 1, timeout: Duration? = nil
    ) throws(InterprocessError) -> Loan {
      try check(count)
      return Loan(writer, try writer.begin(atMost: timeout), count)
    }

    /// Lends the memory of a new message, to be written where subscribers will read it.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameters:
    ///   - count: How many elements it has, at least 1.
    ///   - timeout: How long to wait; `nil`: as long as it takes.
    /// - Returns: The message.
    /// - Throws: As the blocking form, and `CancellationError`.
    public nonisolated(nonsending) mutating func loan(
      count: Int = 1, timeout: Duration? = nil
    ) async throws -> Loan {
      try check(count)
      return Loan(writer, try await writer.begin(atMost: timeout), count)
    }

    /// Gives the role back, if there is one, and lets nobody publish any more: subscribers get what
    /// there is, and then the end.
    ///
    /// Blocks only while one of many other publishers keeps its turn.
    ///
    /// - Parameter timeout: How long to wait for the turns of others; `nil`: as long as they take.
    /// - Throws: `timedOut`, `corrupted` and `system`, none of them where there is one publisher;
    ///   with any error, the topic is not finished.
    /// - Precondition: No message of this publisher is on loan.
    public consuming func finish(timeout: Duration? = nil) throws(InterprocessError) {
      try writer.finish(atMost: timeout)
    }

    /// Gives the role back, if there is one, and lets nobody publish any more: subscribers get what
    /// there is, and then the end.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameter timeout: How long to wait for the turns of others; `nil`: as long as they take.
    /// - Throws: As the blocking form, and `CancellationError`.
    public nonisolated(nonsending) consuming func finish(
      timeout: Duration? = nil
    ) async throws {
      try await writer.finish(atMost: timeout)
    }

    @usableFromInline func check(_ count: Int) throws(InterprocessError) {
      let maximum = writer.ring.layout.maximumElementCount
      guard count >= 1, count <= maximum else {
        throw InterprocessError(
          code: .invalidSize, name: writer.ring.name,
          message: """
            A message of \(count) elements cannot be published in "\(writer.ring.name)", where \
            they have 1 to \(maximum).
            """)
      }
    }
  }

  /// A message that is not published yet.
  ///
  /// At the end of its life without that, it was none.
  public struct Loan: ~Copyable, Sendable {
    /// `nil` when the message is published.
    private var writer: TopicWriter?
    private let writing: TopicRing.Writing
    /// How many elements it has.
    public let count: Int

    fileprivate init(_ writer: TopicWriter, _ writing: TopicRing.Writing, _ count: Int) {
      self.writer = writer
      self.writing = writing
      self.count = count
      writer.lend()
    }

    deinit {
      writer?.cancelLoan(writing)
    }

    /// The elements, to be written.
    public var elements: MutableSpan<Element> {
      @_lifetime(&self)
      mutating get {
        // SAFETY: the slot is this message's until the end of its life, and has room for so many
        // elements; every bit pattern is one.
        let span = unsafe MutableSpan(
          _unsafeStart: SharedTopic.pointer(to: writing.elements), count: count)
        return unsafe _overrideLifetime(span, mutating: &self)
      }
    }

    /// The element at an index.
    ///
    /// - Parameter index: 0 up to, and without, ``count``.
    public subscript(index: Int) -> Element {
      mutating get { elements[index] }
      set {
        var elements = elements
        elements[index] = newValue
      }
    }

    /// Publishes the message.
    ///
    /// Does not block.
    ///
    /// - Throws: `corrupted` if something else than this type has written into the topic.
    public consuming func publish() throws(InterprocessError) {
      guard let writer else { return }
      self.writer = nil
      try writer.publishLoan(writing, count: count)
    }
  }

  /// Makes a publisher.
  ///
  /// Does not block. Where there is only one, the role of a process that has died is free at once.
  ///
  /// - Parameter overflow: What to do when a slow subscriber has not received what a new message
  ///   replaces.
  /// - Returns: The publisher; where there is only one, the role is given back at the end of its
  ///   life.
  /// - Throws: `roleTaken` if there can be only one, and another handle or value is; `finished`;
  ///   `corrupted` if something else than this type has written there; `system` for anything else.
  public func publisher(
    overflow: TopicOverflow = .overwrite
  ) throws(InterprocessError) -> Publisher {
    let writer = try TopicWriter(ring, overflow)
    try writer.checkUnfinished()
    return Publisher(writer)
  }

  /// Where the elements of a message lie.
  @inlinable @unsafe
  static func pointer(to elements: MappedRange) -> UnsafeMutablePointer<Element> {
    unsafe elements.start.assumingMemoryBound(to: Element.self)
  }
}
