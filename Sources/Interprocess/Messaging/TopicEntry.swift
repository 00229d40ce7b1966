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
///
/// If the message lies in the entry, this is its word, whose low bits say whether the message is
/// being written. A slot begins with such a word too; there, "being written" means that the slot is
/// announced for the message.
@usableFromInline
struct TopicEntry: Sendable, Hashable {
  @usableFromInline let bits: UInt64

  /// `IPC_TOPIC_UNWRITTEN` and `IPC_TOPIC_WRITTEN`.
  @inlinable static var unwrittenMark: UInt64 { 1 }
  @inlinable static var writtenMark: UInt64 { 2 }

  @inlinable init(_ bits: UInt64) { self.bits = bits }

  init(_ position: UInt64, _ slot: Int) {
    bits = (position &+ 1) << 16 | UInt64(slot + 1)
  }

  /// The word of a message that is being written.
  @inlinable static func unwritten(_ position: UInt64) -> TopicEntry {
    TopicEntry((position &+ 1) << 16 | unwrittenMark)
  }

  /// The word of a message that has been written.
  @inlinable static func written(_ position: UInt64) -> TopicEntry {
    TopicEntry((position &+ 1) << 16 | writtenMark)
  }

  /// The word of a slot that is retired, and pinned.
  static var pinned: TopicEntry { unwritten(.max) }

  var isUnwritten: Bool { bits & 0xFFFF == Self.unwrittenMark }

  var isWritten: Bool { bits & 0xFFFF == Self.writtenMark }

  /// The slot, unchecked; `nil` if there is no message.
  var slot: Int? { bits & 0xFFFF == 0 ? nil : Int(bits & 0xFFFF) - 1 }

  /// How many positions the message is past the given one; `nil` if there is no message.
  func distance(from position: UInt64) -> Int64? {
    if bits & 0xFFFF == 0 { return nil }
    // The sign is that of the 48-bit difference.
    return Int64(bitPattern: (bits >> 16 &- (position &+ 1)) << 16) >> 16
  }
}

/// The second word of a slot: the number of elements of its message, and in the low 16 bits the
/// slot of the next message plus 1.
struct TopicLink: Sendable {
  let bits: UInt64

  init(_ bits: UInt64) { self.bits = bits }

  init(count: Int, next: Int?) {
    bits = UInt64(count) << 16 | UInt64(next.map { $0 + 1 } ?? 0)
  }

  /// The number of elements, unchecked.
  var count: UInt64 { bits >> 16 }

  /// The slot of the next message, unchecked; `nil` if none has been announced.
  var next: Int? { bits & 0xFFFF == 0 ? nil : Int(bits & 0xFFFF) - 1 }
}
