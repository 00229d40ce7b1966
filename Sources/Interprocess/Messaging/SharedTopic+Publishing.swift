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
  /// A publisher of a topic, for as long as this value exists.
  ///
  /// ```swift
  /// var publisher = try topic.publisher()
  /// try publisher.publish(1)
  /// ```
  public struct Publisher: ~Copyable, Sendable {
    @usableFromInline let _writer: TopicWriter

    fileprivate init(_ writer: TopicWriter) { self._writer = writer }

    /// Gives the role back, if the topic has a single publisher; so does the end of this value's
    /// life.
    ///
    /// A message on loan keeps the role. Does not block.
    public consuming func close() {}

    /// Publishes a message of one element.
    ///
    /// Blocks while another of many publishers keeps its turn, and while a subscriber is too slow,
    /// if this publisher was created to wait for subscribers.
    ///
    /// - Parameters:
    ///   - element: The message.
    ///   - timeout: How long to wait; `nil`: as long as it takes.
    /// - Throws: `timedOut`; `finished` if another publisher, or a handle, has finished the topic;
    ///   `corrupted` if something other than this type has written into the topic; `system` for
    ///   anything else. After any error but `corrupted`, the message has not been published.
    /// - Precondition: No message of this publisher is on loan.
    /// - Complexity: O(1).
    @inlinable @inline(__always)
    public mutating func publish(
      _ element: Element, timeout: Duration? = nil
    ) throws(InterprocessError) {
      if SharedTopic._canBeInEntries, try _writer.publishAtOnce(element) { return }
      try _publish(element, timeout)
    }

    // Kept apart, so that the function above, which is inlined, stays small.
    @inlinable @inline(never)
    func _publish(_ element: Element, _ timeout: Duration?) throws(InterprocessError) {
      let writing = try _writer.begin(atMost: timeout)
      unsafe SharedTopic._pointer(to: writing.elements).pointee = element
      try _writer.end(writing, count: 1)
    }

    /// Publishes a message of one element.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameters:
    ///   - element: The message.
    ///   - timeout: How long to wait; `nil`: as long as it takes.
    /// - Throws: What the blocking form throws, and `CancellationError`; after any error but
    ///   `corrupted`, the message has not been published.
    @inlinable
    public nonisolated(nonsending) mutating func publish(
      _ element: Element, timeout: Duration? = nil
    ) async throws {
      let writing = try await _writer.begin(atMost: timeout)
      unsafe SharedTopic._pointer(to: writing.elements).pointee = element
      try _writer.end(writing, count: 1)
    }

    /// Publishes a message of several elements by copying them.
    ///
    /// Blocks as `publish(_:timeout:)` does.
    ///
    /// - Parameters:
    ///   - elements: The message, at least one element.
    ///   - timeout: How long to wait; `nil`: as long as it takes.
    /// - Throws: What `publish(_:timeout:)` throws; `invalidSize` if the message has no elements,
    ///   or more than ``SharedTopic/maximumElementCount``.
    /// - Complexity: Linear in the number of elements.
    @inlinable
    public mutating func publish(
      contentsOf elements: Span<Element>, timeout: Duration? = nil
    ) throws(InterprocessError) {
      try _check(elements.count)
      try _publish(elements, in: try _writer.begin(atMost: timeout))
    }

    /// Publishes a message of several elements by copying them.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameters:
    ///   - elements: The message, at least one element.
    ///   - timeout: How long to wait; `nil`: as long as it takes.
    /// - Throws: What the blocking form throws, and `CancellationError`; after any error but
    ///   `corrupted`, the message has not been published.
    @inlinable
    public nonisolated(nonsending) mutating func publish(
      contentsOf elements: Span<Element>, timeout: Duration? = nil
    ) async throws {
      try _check(elements.count)
      try _publish(elements, in: try await _writer.begin(atMost: timeout))
    }

    @inlinable func _publish(
      _ elements: Span<Element>, in writing: TopicRing.Writing
    ) throws(InterprocessError) {
      let pointer = unsafe SharedTopic._pointer(to: writing.elements)
      for index in 0..<elements.count {
        // SAFETY: the slot has room for all the elements, as the callers have checked.
        unsafe pointer[index] = elements[index]
      }
      try _writer.end(writing, count: elements.count)
    }

    /// Lends the memory of a new message, so that the caller writes it where subscribers read it.
    ///
    /// Blocks as `publish(_:timeout:)` does; other publishers wait until the loan has ended.
    ///
    /// - Parameters:
    ///   - count: The number of elements of the message, at least 1.
    ///   - timeout: How long to wait; `nil`: as long as it takes.
    /// - Returns: The message. Elements that the caller does not write are published with what an
    ///   old message has left there. A single element of at most 56 bytes is lent as memory of this
    ///   process, and copied when it is published.
    /// - Throws: What `publish(_:timeout:)` throws; `invalidSize` if the message has no elements,
    ///   or more than ``SharedTopic/maximumElementCount``.
    /// - Precondition: No message of this publisher is on loan.
    /// - Complexity: O(1).
    @inlinable @inline(__always)
    public mutating func loan(
      count: Int = 1, timeout: Duration? = nil
    ) throws(InterprocessError) -> Loan {
      if SharedTopic._canBeInEntries, count == 1, let writing = _writer.lendAtOnce() {
        return _lend(writing, 1)
      }
      return try _loan(count, timeout)
    }

    // Kept apart, so that the function above, which is inlined, stays small.
    @inlinable @inline(never)
    func _loan(_ count: Int, _ timeout: Duration?) throws(InterprocessError) -> Loan {
      try _check(count)
      return _lend(try _writer.begin(atMost: timeout), count)
    }

    @inlinable @inline(__always)
    func _lend(_ writing: TopicRing.Writing, _ count: Int) -> Loan {
      _writer.lend()
      return Loan(_writer, writing, count)
    }

    /// Lends the memory of a new message, so that the caller writes it where subscribers read it.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameters:
    ///   - count: The number of elements of the message, at least 1.
    ///   - timeout: How long to wait; `nil`: as long as it takes.
    /// - Returns: The message.
    /// - Throws: What the blocking form throws, and `CancellationError`.
    @inlinable
    public nonisolated(nonsending) mutating func loan(
      count: Int = 1, timeout: Duration? = nil
    ) async throws -> Loan {
      try _check(count)
      return _lend(try await _writer.begin(atMost: timeout), count)
    }

    /// Finishes the topic, and ends this publisher: no more messages can be published; subscribers
    /// get what is left, and then the end.
    ///
    /// Gives the role back, if the topic has a single publisher. Blocks only while another of many
    /// publishers keeps its turn.
    ///
    /// - Parameter timeout: How long to wait for other publishers' turns; `nil`: as long as they
    ///   take.
    /// - Throws: `timedOut`, `corrupted` and `system`, but none of them if the topic has a single
    ///   publisher; after any error, the topic is not finished.
    /// - Precondition: No message of this publisher is on loan.
    public consuming func finish(timeout: Duration? = nil) throws(InterprocessError) {
      try _writer.finish(atMost: timeout)
    }

    /// Finishes the topic, and ends this publisher: no more messages can be published; subscribers
    /// get what is left, and then the end.
    ///
    /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
    ///
    /// - Parameter timeout: How long to wait for other publishers' turns; `nil`: as long as they
    ///   take.
    /// - Throws: What the blocking form throws, and `CancellationError`.
    public nonisolated(nonsending) consuming func finish(
      timeout: Duration? = nil
    ) async throws {
      try await _writer.finish(atMost: timeout)
    }

    @usableFromInline func _check(_ count: Int) throws(InterprocessError) {
      let maximum = _writer.ring.layout.maximumElementCount
      guard count >= 1, count <= maximum else {
        throw InterprocessError(
          code: .invalidSize, name: _writer.ring.name,
          message: """
            A message of \(count) elements cannot be published in "\(_writer.ring.name)", whose \
            messages have 1 to \(maximum) elements.
            """)
      }
    }
  }

  /// A message on loan to its publisher, which has yet to publish it.
  ///
  /// If its life ends before that, no message is published.
  public struct Loan: ~Copyable, Sendable {
    @usableFromInline let _writer: TopicWriter
    /// Whether the message is yet to be published; not the writer as an optional, which would count
    /// references once more.
    @usableFromInline var _isOpen = true
    @usableFromInline let _writing: TopicRing.Writing
    /// The number of elements of the message.
    public let count: Int

    @inlinable @inline(__always)
    init(_ writer: TopicWriter, _ writing: TopicRing.Writing, _ count: Int) {
      self._writer = writer
      self._writing = writing
      self.count = count
    }

    @inlinable deinit {
      if _isOpen { _writer.cancelLoan(_writing) }
    }

    /// The elements, for writing.
    @inlinable
    public var elements: MutableSpan<Element> {
      @_lifetime(&self)
      mutating get {
        // SAFETY: the slot belongs to this message until the end of its life, and has room for
        // `count` elements; every bit pattern is a valid element.
        let span = unsafe MutableSpan(
          _unsafeStart: SharedTopic._pointer(to: _writing.elements), count: count)
        return unsafe _overrideLifetime(span, mutating: &self)
      }
    }

    /// The element at an index.
    ///
    /// - Parameter index: At least 0, and less than ``count``.
    @inlinable
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
    /// - Throws: `corrupted` if something other than this type has written into the topic.
    @inlinable @inline(__always)
    public consuming func publish() throws(InterprocessError) {
      _isOpen = false
      guard SharedTopic._canBeInEntries else {
        return try _writer.publishLoan(_writing, count: count)
      }
      try _writer.publishLoan(_writing, count: count, wordCount: ValueWords<Element>.count)
    }
  }

  /// Creates a publisher, taking the role if the topic has a single publisher.
  ///
  /// Does not block. The role of a process that has died is free at once.
  ///
  /// - Parameter overflow: What to do if a slow subscriber has not received the message that a new
  ///   one replaces.
  /// - Returns: The publisher, which gives back any role at the end of its life.
  /// - Throws: `roleTaken` if the topic is for a single publisher, and another handle or value
  ///   holds the role; `finished`; `corrupted` if something other than this type has written into
  ///   the topic; `system` for anything else.
  public func publisher(
    overflow: TopicOverflow = .overwrite
  ) throws(InterprocessError) -> Publisher {
    let writer = try TopicWriter(ring, overflow)
    try writer.checkUnfinished()
    return Publisher(writer)
  }

  /// Whether a message can lie in its entry, which a client's compiler knows for its elements.
  @inlinable static var _canBeInEntries: Bool { MemoryLayout<Element>.size <= 56 }

  /// A pointer to the elements of a message.
  @inlinable @unsafe
  static func _pointer(to elements: MappedRange) -> UnsafeMutablePointer<Element> {
    unsafe elements.start.assumingMemoryBound(to: Element.self)
  }
}
