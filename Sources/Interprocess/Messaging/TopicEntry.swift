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

/// Which message lies in which slot: the position and one, without its upper 16 bits; and the slot
/// and one.
struct TopicEntry: Sendable, Hashable {
  let bits: UInt64

  init(_ bits: UInt64) { self.bits = bits }

  init(_ position: UInt64, _ slot: Int) {
    bits = (position &+ 1) << 16 | UInt64(slot + 1)
  }

  /// As it was found; `nil` if there is no message.
  var slot: Int? { bits & 0xFFFF == 0 ? nil : Int(bits & 0xFFFF) - 1 }

  /// How many positions behind another one it is; `nil` if there is no message.
  func distance(from position: UInt64) -> Int64? {
    if bits & 0xFFFF == 0 { return nil }
    // The sign is that of the 48 bits.
    return Int64(bitPattern: (bits >> 16 &- (position &+ 1)) << 16) >> 16
  }
}
