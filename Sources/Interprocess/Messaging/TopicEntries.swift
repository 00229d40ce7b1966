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

public import Synchronization

/// The entries of a topic in which its messages lie: those of one element of up to 56 bytes.
@usableFromInline
struct TopicEntries: Sendable {
  // An entry is a cache line: a word, and the message. The word has the position of the message,
  // and says whether the message is being written, or is there. No slot, pin or list is needed.
  // There is at least one entry more than messages are kept, and their number is a power of two.
  // All words are atomic. A publisher, which has the role or holds the lock:
  //
  //   P0  if the word of the tail's entry says that the tail's message is there: tail = tail + 1
  //       only before the first message of a publisher that has the role
  //   E1  word of the tail's entry = being written      releasing
  //   E2  fence                                         releasing
  //   E3  store the message                             relaxed, each word
  //   E4  word = there                                  releasing
  //   E5  tail = position + 1                           releasing
  //   E6  wake waiting subscribers: R2' of `AsymmetricEventCount`, for which E4 is R1
  //
  // A subscriber:
  //
  //   C0  load the word of the position's entry         acquiring, pairs with E4
  //       if it says that the message of this position is being written, or has an older one: there
  //       is no message; if it has a newer one, being written or there: start again with a message
  //       that is kept
  //   C1  copy the message into memory of its own       relaxed, each word
  //   C2  fence                                         acquiring, pairs with E2
  //   C3  check that the word is the same; if not, start again with C0
  //                                                     relaxed
  //   C4  position = position + 1                       releasing; wake publishers that wait
  //
  // C0 sees E4, so C1 reads what E3 wrote for that message, or something later. If C1 reads a word
  // of a later message, C3 sees, because of E2 and C2, the E1 of that message, or something later.
  // No word ever comes back, as no position does. So no subscriber takes a torn message. A
  // subscriber holds a copy, which no publisher touches.
  //
  // A newer message lies in the entry only if its position is the tail or less, as C0 sees the
  // stores of the tail before E1. Then the messages from the tail less the history on are in other
  // entries, as there is one entry more than these.
  //
  // A publisher killed
  //   before E1 has done nothing.
  //   between E1 and E4 has published nothing; the entry says "being written" for the tail, and the
  //     next publisher writes it again. The message that it replaced was none of the history.
  //   between E4 and E5 has published its message; the next publisher finds that in P0, and must
  //     not write the entry again: a subscriber that has copied words of both messages would find,
  //     in C3, the word that C0 has found.
  //   before E6 leaves sleepers that look again by themselves within a second.
  //
  // A subscriber killed at any step has changed only its place.
  //
  // The steps F0 to F3, Q0 to Q3 and J1 to J5 are the same as for messages in slots.
  //
  // `Models/topicentry.pml` explores this in every order, with deaths; see `scripts/verify`.
  // `TopicEntryModelTests` checks the orderings.

  @usableFromInline let range: MappedRange
  /// The number of entries less one.
  @usableFromInline let mask: UInt64

  /// - Parameter range: The memory of the topic.
  /// - Returns: `nil` if its messages lie in slots.
  init?(in range: MappedRange, _ layout: TopicLayout) {
    guard layout.isInEntries else { return nil }
    self.range = range.part(
      at: layout.entriesOffset, byteCount: layout.entryStride * layout.entryCount)
    mask = UInt64(layout.entryCount - 1)
  }

  /// The place of a message.
  @inlinable @inline(__always) func index(of position: UInt64) -> Int {
    Int(truncatingIfNeeded: position & mask)
  }

  /// The word of the entry at a place.
  @inlinable @inline(__always) func word(at index: Int) -> SharedWord {
    // SAFETY: the entries are cache lines, and `index(of:)` gives a place of one of them.
    unsafe SharedWord(
      pointer: UnsafePointer(
        (range.start + index << 6).assumingMemoryBound(to: Atomic<UInt64>.self)))
  }

  /// The words of the message at a place.
  @inlinable @inline(__always) func words(at index: Int, count: Int) -> SharedWords {
    // SAFETY: as for `word(at:)`; a message has at most 7 words, as the layout has ensured.
    unsafe SharedWords(
      start: UnsafePointer(
        (range.start + (index << 6 + 8)).assumingMemoryBound(to: Atomic<UInt64>.self)),
      count: count)
  }

  /// E1 to E4.
  @inlinable @inline(__always) func store(_ message: Span<UInt64>, as position: UInt64) {
    let index = index(of: position)
    let word = word(at: index)
    word.storeReleasing(TopicEntry.unwritten(position).bits)
    atomicMemoryFence(ordering: .releasing)
    checkpoint(.entryMarked)
    words(at: index, count: message.count).store(message)
    checkpoint(.messageWritten)
    word.storeReleasing(TopicEntry.written(position).bits)
    checkpoint(.messageSent)
  }

  /// C0: whether a message is there, whose entry is at `index`.
  @inlinable @inline(__always) func has(_ position: UInt64, at index: Int) -> Bool {
    word(at: index).loadAcquiring() == TopicEntry.written(position).bits
  }

  /// C1 to C3: copies the words of the message that C0 has found.
  ///
  /// - Returns: Whether the copy is whole.
  @inlinable @inline(__always)
  func load(_ position: UInt64, at index: Int, into message: inout MutableSpan<UInt64>) -> Bool {
    words(at: index, count: message.count).load(into: &message)
    checkpoint(.messageRead)
    atomicMemoryFence(ordering: .acquiring)
    return word(at: index).loadRelaxed() == TopicEntry.written(position).bits
  }
}
