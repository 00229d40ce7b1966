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

enum ReadWriteLockKind: SegmentKind {
  static let number = UInt32(IPC_KIND_READ_WRITE_LOCK)
  static let summary = """
    the type of its value, the process that writes, or that its writer died, the processes that \
    read, and how many readers died, whose places go to the next readers
    """

  static func facts(
    of memory: SegmentPeek, _ header: SegmentHeader
  ) throws(InterprocessError) -> [SegmentFact] {
    // The same sum as in `SharedReadWriteLock`, for a value whose type is not known here.
    typealias Layout = SharedReadWriteLock<UInt8>
    let needed = Layout.valueOffset(header.capacity)?
      .addingReportingOverflow(header.elementByteCount)
    try header.checkRoom(
      for: needed?.overflow == false ? needed?.partialValue : nil, in: memory)
    let writer = try LockHolding(ofLockAt: header.contentOffset, in: memory)
    let readers = try PlaceHolding(
      in: memory, at: header.contentOffset + Layout.placesOffset, stride: Layout.placeStride,
      count: header.capacity, called: "the place of reader")
    return [.dtype(header)] + writer.facts + [
      SegmentFact("maximumReaderCount", "maximum readers", count: header.capacity),
      SegmentFact("readerCount", "readers", count: readers.heldCount),
      SegmentFact("orphanedCount", "orphaned", count: readers.orphanedCount),
      SegmentFact("readers", "reading", .holders(readers.holders)),
    ]
  }
}
