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

/// How the messages of a queue are laid out.
@usableFromInline
struct QueueLayout: Sendable {
  /// How many messages share a group: as many as a cache line holds, but at least one.
  @usableFromInline let groupCapacity: Int
  /// The number of bytes from one group to the next, a whole number of cache lines.
  @usableFromInline let groupStride: Int

  init<Element: Shareable>(of type: Element.Type) {
    let head = Self.headByteCount(of: type)
    let stride = MemoryLayout<Element>.stride
    let alignment = max(64, MemoryLayout<Element>.alignment)
    groupCapacity = max(1, (64 - head) / stride)
    groupStride = (head + groupCapacity * stride + alignment - 1) / alignment * alignment
  }

  /// The number of bytes of a group before its messages.
  @inlinable static func headByteCount<Element: Shareable>(of type: Element.Type) -> Int {
    max(8, MemoryLayout<Element>.alignment)
  }

  /// The number of groups of a queue, a power of two; `nil` for a capacity that no queue has.
  func groupCount(of capacity: Int) -> Int? {
    guard capacity >= 1, capacity <= Int.max / 4 else { return nil }
    // One more than hold that many messages, so that a group is empty when it is filled again.
    let least = (capacity - 1) / groupCapacity + 2
    return 1 << (Int.bitWidth - (least - 1).leadingZeroBitCount)
  }

  /// The number of bytes after the header; `nil` for a capacity that no queue has.
  func byteCount(of capacity: Int) -> Int? {
    guard let groupCount = groupCount(of: capacity) else { return nil }
    let (byteCount, overflow) = groupCount.multipliedReportingOverflow(by: groupStride)
    let (sum, isTooLarge) = byteCount.addingReportingOverflow(QueueHead.byteCount)
    return overflow || isTooLarge ? nil : sum
  }
}
