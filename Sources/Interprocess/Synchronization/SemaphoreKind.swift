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

enum SemaphoreKind: SegmentKind {
  static let number = UInt32(IPC_KIND_SEMAPHORE)
  static let summary = """
    how many permits are free, the processes that hold the others, and how many permits were \
    orphaned by processes that died, and go to the next waiters
    """

  static func facts(
    of memory: SegmentPeek, _ found: SegmentHeader
  ) throws(InterprocessError) -> [SegmentFact] {
    let header = try SegmentHeader.read(SemaphoreKind.self, of: UInt32.self, from: memory)
    try header.checkRoom(for: SharedSemaphore.byteCount(of: header.capacity), in: memory)
    let permits = try PlaceHolding(
      in: memory, at: header.contentOffset + SharedSemaphore.permitsOffset, stride: 4,
      count: header.capacity, called: "permit")
    let freeCount = header.capacity - permits.heldCount - permits.orphanedCount
    return [
      SegmentFact("permitCount", "permits", count: header.capacity),
      SegmentFact("freeCount", "free", count: freeCount),
      SegmentFact("orphanedCount", "orphaned", count: permits.orphanedCount),
      SegmentFact("holders", "held by", .holders(permits.holders)),
    ]
  }
}
