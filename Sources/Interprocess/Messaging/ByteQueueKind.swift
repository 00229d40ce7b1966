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

enum ByteQueueKind: SegmentKind {
  static let number = UInt32(IPC_KIND_BYTE_QUEUE)
  static let summary = """
    its size, how many messages wait, whether it is finished, and how many were sent and received
    """

  static func facts(
    of memory: SegmentPeek, _ header: SegmentHeader
  ) throws(InterprocessError) -> [SegmentFact] {
    try header.checkRoom(for: QueueHead.byteCount, in: memory)
    let head = QueueHead(reading: memory, at: header.contentOffset)
    let statistics = QueueStatistics(ofBytes: head.sending, head.receiving)
    return [SegmentFact("byteCapacity", "capacity", .byteCount(header.capacity))]
      + statistics.facts(isFinished: head.isFinished)
  }
}
