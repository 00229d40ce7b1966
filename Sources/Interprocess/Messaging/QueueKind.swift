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

enum QueueKind: SegmentKind {
  static let number = UInt32(IPC_KIND_QUEUE)
  static let summary = """
    the type of its messages, how many wait, whether it is finished, and how many were sent and \
    received
    """

  static func facts(
    of memory: SegmentPeek, _ header: SegmentHeader
  ) throws(InterprocessError) -> [SegmentFact] {
    let layout = try QueueLayout(of: header, in: memory)
    var head = QueueHead(reading: memory, at: header.contentOffset)
    let tail = head.sending.position
    let place = layout.place(of: tail, groupCount: layout.groupCount(of: header.capacity)!)
    let count = memory.currentWord(
      at: header.contentOffset + QueueHead.byteCount + place.groupOffset)
    head.sending.position = layout.nextPosition(tail: tail, count: count)
    let statistics = QueueStatistics(head.sending, head.receiving, header.capacity)
    return [.dtype(header), SegmentFact("capacity", "capacity", count: header.capacity)]
      + statistics.facts(isFinished: head.isFinished)
  }
}

extension QueueStatistics {
  func facts(isFinished: Bool) -> [SegmentFact] {
    [
      SegmentFact("count", "messages", count: count),
      SegmentFact("isFinished", "finished", .flag(isFinished)),
      SegmentFact("sentCount", "sent", count: sentCount),
      SegmentFact("receivedCount", "received", count: receivedCount),
      SegmentFact("fullCount", "slept, full", count: fullCount),
      SegmentFact("emptyCount", "slept, empty", count: emptyCount),
      SegmentFact("wokenCount", "woken", count: wokenCount),
    ]
  }
}
