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

enum EventKind: SegmentKind {
  static let number = UInt32(IPC_KIND_EVENT)
  static let summary = "whether it is set, and how often it was set or pulsed"

  static func facts(
    of memory: SegmentPeek, _ found: SegmentHeader
  ) throws(InterprocessError) -> [SegmentFact] {
    let header = try SegmentHeader.read(EventKind.self, of: UInt32.self, from: memory)
    try header.checkRoom(for: SharedEvent.byteCount, in: memory)
    let (isSet, generation) = SharedEvent.state(
      of: memory.currentWord32(at: header.contentOffset))
    return [
      SegmentFact("isSet", "set", .flag(isSet)),
      SegmentFact("generation", "generation", count: generation),
    ]
  }
}
