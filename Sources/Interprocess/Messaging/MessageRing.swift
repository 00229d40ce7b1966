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

/// What the two ends of a queue need to know about the messages between them.
protocol MessageRing: AnyObject, Sendable {
  /// The words of the sending side, and of the receiving side.
  var sending: QueueSide { get }
  var receiving: QueueSide { get }
  /// The name of the segment, for errors.
  var name: String { get }
  /// Where to send next, as the last sender left it; only for the holder of that side.
  ///
  /// - Throws: `corrupted`.
  func sendingCursor() throws(InterprocessError) -> QueueCursor
  /// Where to receive next, as the last receiver left it; only for the holder of that side.
  ///
  /// - Throws: `corrupted`.
  func receivingCursor() throws(InterprocessError) -> QueueCursor
  /// Whether there is, or seems to be, room at a position for a message of `byteCount` bytes.
  func hasRoom(for byteCount: Int, at position: UInt64) -> Bool
  /// Whether there is, or seems to be, a message at a position.
  func hasMessage(at position: UInt64) -> Bool
  /// Whether no more messages will be sent.
  var isFinished: Bool { get }
  /// Whether a receiver has taken bytes that it has not freed: it is reading them, or has died.
  var isTakenUnfreed: Bool { get }
  /// Lets receivers get what is left, and then the end; only for the holder of the sending side.
  func finish()
}

extension MessageRing {
  /// Whether there seems to be room or a message for a side, or the queue is finished.
  ///
  /// - Parameter position: The position of the side; `nil`: where it is now.
  func isReady(_ byteCount: Int, isSending: Bool, at position: UInt64?) -> Bool {
    let position = position ?? (isSending ? sending : receiving).position.loadRelaxed()
    return isFinished
      || (isSending ? hasRoom(for: byteCount, at: position) : hasMessage(at: position))
  }
}
