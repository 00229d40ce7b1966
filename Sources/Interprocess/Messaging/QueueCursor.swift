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

/// Where one side of a queue sends or receives next.
@usableFromInline
struct QueueCursor: Sendable {
  /// The position of the next message.
  @usableFromInline var position: UInt64
  /// The position up to which there is known to be room, or up to which there are messages.
  @usableFromInline var limit: UInt64
  /// Where the group of the next message lies, in bytes, and the place of the message in it.
  @usableFromInline var groupOffset: Int
  @usableFromInline var index: Int

  /// For a variable whose cursor each turn sets.
  @inlinable static var beforeTurn: QueueCursor {
    QueueCursor(position: 0, limit: 0, groupOffset: 0, index: 0)
  }

  @inlinable init(position: UInt64, limit: UInt64, groupOffset: Int, index: Int) {
    self.position = position
    self.limit = limit
    self.groupOffset = groupOffset
    self.index = index
  }
}
