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

enum ValueKind: SegmentKind {
  static let number = UInt32(IPC_KIND_VALUE)
  static let summary = "its type, and the number of values stored so far"

  static func facts(
    of memory: SegmentPeek, _ header: SegmentHeader
  ) throws(InterprocessError) -> [SegmentFact] {
    let layout = try ValueLayout(reading: memory, header)
    return [
      .dtype(header),
      SegmentFact("version", "version", count: memory.currentWord(at: layout.versionOffset)),
    ]
  }
}
