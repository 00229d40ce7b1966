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
  // MARK: - Sending

  /// Sends a message if there is room, S1 to S5.
  ///
  /// - Throws: `corrupted`.
  @inlinable @inline(__always)
  func send<Element: Shareable>(
    _ element: Element, _ cursor: inout QueueCursor
  ) throws(InterprocessError) -> Bool {
    guard try hasRoom(&cursor) else { return false }
    checkpoint(.messageBegun)
    unsafe slot(of: cursor, as: Element.self).pointee = element
    publish(1, &cursor)
    return true
  }

  /// Lets `body` write a message into its slot if there is room, and sends it, S1 to S5.
  ///
  /// - Throws: `corrupted`, and what `body` throws, after which nothing is sent; `roleTaken` in a
  ///   child that was forked in `body`.
  @inlinable @inline(__always)
  func send<Element: Shareable>(
    _ cursor: inout QueueCursor, writing body: (inout Element) throws -> Void
  ) throws -> Bool {
    guard try hasRoom(&cursor) else { return false }
    checkpoint(.messageBegun)
    let begun = generation.loadRelaxed()
    unsafe try body(&slot(of: cursor, as: Element.self).pointee)
    guard generation.loadRelaxed() == begun else { throw isOfParent }
    publish(1, &cursor)
    return true
  }

  /// Sends as many messages as there is room for in one group.
  ///
  /// - Returns: How many messages were sent.
  /// - Throws: `corrupted`.
  @inlinable @inline(__always)
  func send<Element: Shareable>(
    _ elements: Span<Element>, from start: Int, _ cursor: inout QueueCursor
  ) throws(InterprocessError) -> Int {
    guard try hasRoom(&cursor) else { return 0 }
    let room = min(
      UInt64(truncatingIfNeeded: layout.groupCapacity &- cursor.index),
      cursor.limit &- cursor.position)
    let count = min(elements.count - start, Int(truncatingIfNeeded: room))
    checkpoint(.messageBegun)
    for index in 0..<count {
      unsafe slot(of: cursor, plus: index, as: Element.self).pointee = elements[start + index]
    }
    publish(count, &cursor)
    return count
  }

  /// Sends as many messages as there is room for.
  ///
  /// - Returns: How many of `elements` have been sent, including those before `start`.
  /// - Throws: `corrupted`.
  @inlinable func sendAll<Element: Shareable>(
    _ elements: Span<Element>, from start: Int, _ cursor: inout QueueCursor
  ) throws(InterprocessError) -> Int {
    var sentCount = start
    while sentCount < elements.count {
      let count = try send(elements, from: sentCount, &cursor)
      if count == 0 { break }
      sentCount += count
    }
    return sentCount
  }

  /// The same, where `body` writes each message into its slot, and gets its number.
  ///
  /// - Parameter sentCount: How many of `messageCount` messages have been sent; also right if this
  ///   throws.
  /// - Returns: Whether all have been sent.
  /// - Throws: `corrupted`, and what `body` throws; `roleTaken` in a child that was forked in
  ///   `body`.
  @inlinable func sendAll<Element: Shareable>(
    _ messageCount: Int, from sentCount: inout Int, _ cursor: inout QueueCursor,
    writing body: (inout Element, Int) throws -> Void
  ) throws -> Bool {
    while sentCount < messageCount {
      guard try send(&cursor, writing: { try body(&$0, sentCount) }) else { return false }
      sentCount += 1
    }
    return true
  }

  /// S3 to S5.
  @inlinable @inline(__always)
  func publish(_ messageCount: Int, _ cursor: inout QueueCursor) {
    checkpoint(.messageWritten)
    let count = count(at: cursor)
    move(&cursor, by: messageCount)
    count.storeReleasing(cursor.position)
    checkpoint(.messageSent)
    if cursor.index == 0 || storesEachTail { sending.position.storeRelaxed(cursor.position) }
    checkpoint(.tailStored)
    if receiving.gate.isAwaited { sending.open(receiving.gate, waking: messageCount) }
  }

  /// S1.
  ///
  /// - Throws: `corrupted`.
  @inlinable @inline(__always)
  func hasRoom(_ cursor: inout QueueCursor) throws(InterprocessError) -> Bool {
    if cursor.position != cursor.limit { return true }
    cursor.limit = try newLimit(at: cursor.position)
    return cursor.position != cursor.limit
  }

  // Kept apart, without the cursor, which so may stay in registers.
  @usableFromInline func newLimit(at position: UInt64) throws(InterprocessError) -> UInt64 {
    let taken = receiving.position.loadAcquiring()
    guard position &- taken <= capacity else {
      throw .corrupted(
        name, "\(taken) of \(position) messages were taken, in a queue that holds \(capacity)")
    }
    let limit = taken &+ capacity
    sending.limit.storeRelaxed(limit)
    return limit
  }
}
