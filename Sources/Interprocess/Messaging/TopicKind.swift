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

internal import CInterprocess

enum TopicKind: SegmentKind {
  static let number = UInt32(IPC_KIND_TOPIC)
  static let summary = """
    the type of its elements, its memory, how many subscribers there are, and how many messages \
    were published, received and missed
    """

  static func facts(
    of memory: SegmentPeek, _ header: SegmentHeader
  ) throws(InterprocessError) -> [SegmentFact] {
    try header.checkRoom(for: TopicLayout.subscribersOffset, in: memory)
    let layout = try TopicLayout(reading: memory, header)
    let isFinished = QueueHead(reading: memory, at: header.contentOffset).isFinished
    let statistics = TopicStatistics(reading: memory, at: header.contentOffset, layout)
    return [
      .dtype(header),
      SegmentFact("maximumElementCount", "elements, at most", count: layout.maximumElementCount),
      SegmentFact("historyCount", "history", count: layout.historyCount),
      SegmentFact("slotCount", "slots", count: statistics.slotCount),
      SegmentFact("slotByteCount", "slot size", .byteCount(layout.slotStride)),
      SegmentFact("isFinished", "finished", .flag(isFinished)),
      SegmentFact("subscriberCount", "subscribers", count: statistics.subscriberCount),
      SegmentFact("heldCount", "held", count: statistics.heldCount),
      SegmentFact("publishedCount", "published", count: statistics.publishedCount),
      SegmentFact("receivedCount", "received", count: statistics.receivedCount),
      SegmentFact("missedCount", "missed", count: statistics.missedCount),
      SegmentFact("fullCount", "slept, full", count: statistics.fullCount),
      SegmentFact("emptyCount", "slept, empty", count: statistics.emptyCount),
      SegmentFact("wokenCount", "woken", count: statistics.wokenCount),
    ]
  }
}
