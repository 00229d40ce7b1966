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

enum BarrierKind: SegmentKind {
  static let number = UInt32(IPC_KIND_BARRIER)
  static let summary = """
    how many parties have arrived, why it is broken if it is, and the processes that are its \
    parties
    """

  static func facts(
    of memory: SegmentPeek, _ found: SegmentHeader
  ) throws(InterprocessError) -> [SegmentFact] {
    let header = try SegmentHeader.read(BarrierKind.self, of: UInt32.self, from: memory)
    try header.checkRoom(for: SharedBarrier.byteCount(of: header.capacity), in: memory)
    let (arrivedCount, condition) = SharedBarrier.state(
      of: memory.currentWord32(at: header.contentOffset))
    guard arrivedCount < header.capacity else {
      throw .corrupted(
        memory.name, "\(arrivedCount) of \(header.capacity) parties have arrived and still wait")
    }
    let parties = try PlaceHolding(
      in: memory, at: header.contentOffset + SharedBarrier.placesOffset, stride: 4,
      count: header.capacity, called: "the place of party")
    return [
      SegmentFact("partyCount", "parties", count: header.capacity),
      SegmentFact("arrivedCount", "arrived", count: arrivedCount),
      SegmentFact("state", "state", condition.fact),
      SegmentFact("deadCount", "dead", count: parties.orphanedCount),
      SegmentFact("parties", "party", .holders(parties.holders)),
    ]
  }
}

extension SharedBarrier.Condition {
  fileprivate var fact: SegmentFact.Value {
    switch self {
    case .whole: .state("whole", "whole")
    case .partyDied: .state("partyDied", "broken: a party died or left")
    case .partyGaveUp: .state("partyGaveUp", "broken: a party gave up")
    }
  }
}
