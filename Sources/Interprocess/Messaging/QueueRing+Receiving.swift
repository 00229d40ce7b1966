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

extension QueueRing {
  // MARK: - Receiving

  /// Receives the next message if there is one, T0 to T3.
  ///
  /// - Throws: `corrupted`.
  @inlinable @inline(__always)
  func receive<Element: Shareable>(
    _ type: Element.Type, _ cursor: inout QueueCursor
  ) throws(InterprocessError) -> Element? {
    guard try hasMessage(&cursor) else { return nil }
    let element = unsafe slot(of: cursor, as: type).pointee
    checkpoint(.messageRead)
    take(1, &cursor)
    return element
  }

  /// Receives the next message into a variable if there is one, T0 to T3.
  ///
  /// - Returns: Whether there was one.
  /// - Throws: `corrupted`.
  @inlinable @inline(__always)
  func receive<Element: Shareable>(
    into element: inout Element, _ cursor: inout QueueCursor
  ) throws(InterprocessError) -> Bool {
    guard try hasMessage(&cursor) else { return false }
    element = unsafe slot(of: cursor, as: Element.self).pointee
    checkpoint(.messageRead)
    take(1, &cursor)
    return true
  }

  /// Receives messages of one group, up to a number.
  ///
  /// - Returns: How many messages were appended to `elements`.
  /// - Throws: `corrupted`.
  @inlinable @inline(__always)
  func receive<Element: Shareable>(
    upTo maximumCount: Int, into elements: inout [Element], _ cursor: inout QueueCursor
  ) throws(InterprocessError) -> Int {
    guard try hasMessage(&cursor) else { return 0 }
    let count = min(maximumCount, Int(truncatingIfNeeded: cursor.limit &- cursor.position))
    for index in 0..<count {
      elements.append(unsafe slot(of: cursor, plus: index, as: Element.self).pointee)
    }
    checkpoint(.messageRead)
    take(count, &cursor)
    return count
  }

  /// Receives all messages there are, up to a number.
  ///
  /// - Returns: How many messages were appended to `elements`; `nil` if the queue was empty.
  /// - Throws: `corrupted`.
  @inlinable func receiveAll<Element: Shareable>(
    upTo maximumCount: Int, into elements: inout [Element], _ cursor: inout QueueCursor
  ) throws(InterprocessError) -> Int? {
    var receivedCount = 0
    while receivedCount < maximumCount {
      let count = try receive(upTo: maximumCount - receivedCount, into: &elements, &cursor)
      if count == 0 { break }
      receivedCount += count
    }
    return receivedCount > 0 ? receivedCount : nil
  }

  /// Lends the next message, if there is one, to `body`, and then takes it: T2 comes after `body`,
  /// and never in a child that was forked in `body`.
  ///
  /// - Throws: `corrupted`, and what `body` throws, after which the message is not taken.
  @inlinable @inline(__always)
  func receive<Element: Shareable, Result>(
    acknowledging body: (Element) throws -> Result, _ cursor: inout QueueCursor
  ) throws -> Result? {
    guard try hasMessage(&cursor) else { return nil }
    let begun = generation.loadRelaxed()
    let result = try body(unsafe slot(of: cursor, as: Element.self).pointee)
    checkpoint(.messageRead)
    if generation.loadRelaxed() == begun { take(1, &cursor) }
    return result
  }

  /// Lends messages, up to a number, to `body`, and then takes all of them at once: T2 comes after
  /// the last T1, and never in a child that was forked in `body`.
  ///
  /// - Returns: How many messages were taken; `nil` if the queue was empty.
  /// - Throws: `corrupted`, and what `body` throws, after which only the messages before that one
  ///   are taken.
  @inlinable func receiveAll<Element: Shareable>(
    upTo maximumCount: Int, acknowledging body: (Element) throws -> Void,
    _ cursor: inout QueueCursor
  ) throws -> Int? {
    let begun = generation.loadRelaxed()
    var readCount = 0
    defer { if readCount > 0, generation.loadRelaxed() == begun { free(readCount, cursor) } }
    while readCount < maximumCount, try hasMessage(&cursor) {
      try body(unsafe slot(of: cursor, as: Element.self).pointee)
      checkpoint(.messageRead)
      move(&cursor, by: 1)
      readCount += 1
      if generation.loadRelaxed() != begun { break }
    }
    return readCount > 0 ? readCount : nil
  }

  /// T0.
  ///
  /// - Throws: `corrupted`.
  @inlinable @inline(__always)
  func hasMessage(_ cursor: inout QueueCursor) throws(InterprocessError) -> Bool {
    if cursor.position != cursor.limit { return true }
    let count = count(at: cursor).loadAcquiring()
    if count <= cursor.position { return false }
    guard count <= groupEnd(cursor) else { throw corrupted(count, at: cursor) }
    checkpoint(.messageSeen)
    cursor.limit = count
    return true
  }

  /// Looks for the next message for some time, or until there seems to be one.
  ///
  /// Without a clock, which takes as long as several looks; and with nothing between two looks but
  /// the hint, as each more instruction makes the answer later.
  @inlinable @inline(__always)
  func look(at cursor: QueueCursor) -> Bool {
    let count = count(at: cursor)
    for _ in 0..<256 {
      Processors.spinHint()
      if count.loadRelaxed() > cursor.position { return true }
    }
    return false
  }

  /// T2 and T3.
  @inlinable @inline(__always)
  func take(_ messageCount: Int, _ cursor: inout QueueCursor) {
    move(&cursor, by: messageCount)
    free(messageCount, cursor)
  }

  /// T2 and T3, after the cursor has moved on.
  @inlinable @inline(__always)
  func free(_ messageCount: Int, _ cursor: QueueCursor) {
    receiving.position.storeReleasing(cursor.position)
    checkpoint(.messageTaken)
    if sending.gate.isAwaited { receiving.open(sending.gate, waking: messageCount) }
  }
}
