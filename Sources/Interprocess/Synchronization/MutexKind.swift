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

enum MutexKind: SegmentKind {
  static let number = UInt32(IPC_KIND_MUTEX)
  static let summary = """
    the type of its value, and the process that holds the lock, or that its holder died, until \
    another process repairs the value
    """

  static func facts(
    of memory: SegmentPeek, _ header: SegmentHeader
  ) throws(InterprocessError) -> [SegmentFact] {
    // The same sum as in `LockLayout`, for a value whose type is not known here.
    let needed = header.elementByteCount.addingReportingOverflow(LockLayout<UInt8>.valueOffset)
    try header.checkRoom(for: needed.overflow ? nil : needed.partialValue, in: memory)
    return [.dtype(header)]
      + (try LockHolding(ofLockAt: header.contentOffset, in: memory).facts)
  }
}
