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
    self.init(
      elementStride: MemoryLayout<Element>.stride, alignment: MemoryLayout<Element>.alignment)
  }

  private init(elementStride stride: Int, alignment: Int) {
    let head = max(8, alignment)
    groupCapacity = max(1, (64 - head) / stride)
    groupStride =
      (head + groupCapacity * stride + max(64, alignment) - 1) / max(64, alignment)
      * max(64, alignment)
  }

  /// The layout of a queue that another process may have created, checked against the memory.
  ///
  /// - Throws: `corrupted`.
  init<Bytes: SegmentBytes & ~Copyable>(
    of header: SegmentHeader, in memory: borrowing Bytes
  ) throws(InterprocessError) {
    let (stride, alignment) = (header.elementStride, header.elementAlignment)
    guard 1...memory.byteCount ~= stride, 1...memory.byteCount ~= alignment,
      alignment & (alignment - 1) == 0
    else {
      throw .corrupted(
        memory.name,
        "its header says elements every \(stride) bytes, aligned to \(alignment) bytes")
    }
    self.init(elementStride: stride, alignment: alignment)
    try header.checkRoom(for: byteCount(of: header.capacity), in: memory)
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

  /// Where a message lies: its group, in bytes after the first one, and its place in the group.
  ///
  /// - Parameter groupCount: The number of groups, a power of two.
  func place(of position: UInt64, groupCount: Int) -> (groupOffset: Int, index: Int) {
    let (group, index) = position.quotientAndRemainder(dividingBy: UInt64(groupCapacity))
    return (Int(group & UInt64(groupCount - 1)) * groupStride, Int(index))
  }

  /// The position of the next message to send.
  ///
  /// - Parameters:
  ///   - tail: The tail, which may be the position of an earlier message.
  ///   - count: The count of the group of that message.
  func nextPosition(tail: UInt64, count: UInt64) -> UInt64 {
    let rest = UInt64(groupCapacity) - tail % UInt64(groupCapacity)
    return count > tail && count - tail <= rest ? count : tail
  }

  /// The number of bytes after the header; `nil` for a capacity that no queue has.
  func byteCount(of capacity: Int) -> Int? {
    guard let groupCount = groupCount(of: capacity) else { return nil }
    let (byteCount, overflow) = groupCount.multipliedReportingOverflow(by: groupStride)
    let (sum, isTooLarge) = byteCount.addingReportingOverflow(QueueHead.byteCount)
    return overflow || isTooLarge ? nil : sum
  }
}
