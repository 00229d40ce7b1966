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

// What is read here once may be anything.
extension SegmentContent {
  static func queue(
    _ memory: SegmentPeek, _ header: SegmentHeader
  ) throws(InterprocessError) -> SegmentContent {
    try check(header, in: memory, hasRoomFor: QueueHead.byteCount)
    let head = QueueHead(reading: memory, at: header.contentOffset)
    return .queue(
      dtype: header.description, capacity: header.capacity, isFinished: head.isFinished,
      QueueStatistics(head.sending, head.receiving, header.capacity))
  }

  static func byteQueue(
    _ memory: SegmentPeek, _ header: SegmentHeader
  ) throws(InterprocessError) -> SegmentContent {
    try check(header, in: memory, hasRoomFor: QueueHead.byteCount)
    let head = QueueHead(reading: memory, at: header.contentOffset)
    return .byteQueue(
      byteCapacity: header.capacity, isFinished: head.isFinished,
      QueueStatistics(ofBytes: head.sending, head.receiving))
  }

  static func topic(
    _ memory: SegmentPeek, _ header: SegmentHeader
  ) throws(InterprocessError) -> SegmentContent {
    try check(header, in: memory, hasRoomFor: TopicLayout.subscribersOffset)
    let layout = try TopicLayout(reading: memory, header)
    return .topic(
      dtype: header.description, history: layout.history,
      maximumElementCount: layout.maximumElementCount, slotByteCount: layout.slotStride,
      isFinished: QueueHead(reading: memory, at: header.contentOffset).isFinished,
      TopicStatistics(reading: memory, at: header.contentOffset, layout))
  }
}
