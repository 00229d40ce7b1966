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

/// An entry, which says which message lies in which slot: the low 48 bits of the position plus 1,
/// and in the low 16 bits the slot plus 1.
struct TopicEntry: Sendable, Hashable {
  let bits: UInt64

  init(_ bits: UInt64) { self.bits = bits }

  init(_ position: UInt64, _ slot: Int) {
    bits = (position &+ 1) << 16 | UInt64(slot + 1)
  }

  /// The slot, unchecked; `nil` if there is no message.
  var slot: Int? { bits & 0xFFFF == 0 ? nil : Int(bits & 0xFFFF) - 1 }

  /// How many positions the message is past the given one; `nil` if there is no message.
  func distance(from position: UInt64) -> Int64? {
    if bits & 0xFFFF == 0 { return nil }
    // The sign is that of the 48-bit difference.
    return Int64(bitPattern: (bits >> 16 &- (position &+ 1)) << 16) >> 16
  }
}
