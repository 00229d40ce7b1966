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

/// Where the parts of a topic lie past the header, as its numbers determine.
struct TopicLayout: Sendable {
  /// How many of the latest messages are kept.
  let historyCount: Int
  let maximumSubscriberCount: Int
  /// The greatest number of samples that a subscriber holds.
  let maximumSampleCount: Int
  /// The greatest number of elements of a message.
  let maximumElementCount: Int
  /// Whether a message lies in its entry, and not in a slot.
  let isInEntries: Bool
  /// How many words an element has in an entry.
  let entryWordCount: Int
  /// The number of bytes from one entry to the next.
  let entryStride: Int
  let entryCount: Int
  /// The number of messages that there is room for.
  ///
  /// In slots: those that are kept, those that subscribers can hold, and the next two.
  let slotCount: Int
  /// The number of bytes of a slot before its elements.
  let slotHeadByteCount: Int
  /// The number of bytes from one slot to the next, a whole number of cache lines.
  let slotStride: Int
  /// The number of all bytes past the header.
  let byteCount: Int
  /// Where the entries, both lists of slots, and the slots lie; without slots, the last three are
  /// the end.
  let entriesOffset: Int
  let freeListOffset: Int
  let retiredListOffset: Int
  let slotsOffset: Int

  // The fields of `ipc_topic`.

  static var elementCountOffset: Int { fieldOffset(\ipc_topic.maximum_element_count) }
  static var subscriberCountOffset: Int { fieldOffset(\ipc_topic.maximum_subscriber_count) }
  static var sampleCountOffset: Int { fieldOffset(\ipc_topic.maximum_sample_count) }
  static var isInEntriesOffset: Int { fieldOffset(\ipc_topic.is_in_entries) }
  static var receivedTotalOffset: Int { fieldOffset(\ipc_topic.received_total) }
  static var missedTotalOffset: Int { fieldOffset(\ipc_topic.missed_total) }
  static var arrivalsOffset: Int { fieldOffset(\ipc_topic.arrivals) }
  /// Where the words of the first subscriber lie.
  static let subscribersOffset = MemoryLayout<ipc_topic>.size

  // The fields of `ipc_subscriber`.

  static var positionOffset: Int { fieldOffset(\ipc_subscriber.position) }
  static var receivedOffset: Int { fieldOffset(\ipc_subscriber.received_count) }
  static var missedOffset: Int { fieldOffset(\ipc_subscriber.missed_count) }
  static let pinsOffset = MemoryLayout<ipc_subscriber>.size

  /// The bytes of an entry, if messages lie in them, and those before the message.
  private static let entryByteCount = entryHeadByteCount + Int(IPC_TOPIC_ENTRY_BYTE_COUNT)
  static let entryHeadByteCount = 8

  /// A slot number plus 1 fits into 16 bits.
  static let maximumSlotCount = Int(UInt16.max)
  /// A subscriber keeps a flag for each sample.
  static let maximumSampleCount = 64

  /// Whether messages can lie in their entries.
  static func fitEntries(maximumElementCount: Int, elementByteCount: Int) -> Bool {
    maximumElementCount == 1 && elementByteCount <= IPC_TOPIC_ENTRY_BYTE_COUNT
  }

  /// - Parameter isInEntries: Whether messages lie in their entries; `nil`: if they can.
  /// - Returns: `nil` if no topic can have these numbers.
  init?(
    historyCount: Int, maximumSubscriberCount: Int, maximumSampleCount: Int,
    maximumElementCount: Int,
    elementByteCount: Int, elementStride: Int, elementAlignment: Int, isInEntries: Bool? = nil
  ) {
    let canBeInEntries = Self.fitEntries(
      maximumElementCount: maximumElementCount, elementByteCount: elementByteCount)
    let isInEntries = isInEntries ?? canBeInEntries
    let slotCounts = 1...Self.maximumSlotCount
    guard slotCounts.contains(historyCount), slotCounts.contains(maximumSubscriberCount),
      (1...Self.maximumSampleCount).contains(maximumSampleCount), maximumElementCount >= 1,
      elementStride >= 1, (1...64).contains(elementAlignment), canBeInEntries || !isInEntries
    else { return nil }
    self.historyCount = historyCount
    self.maximumSubscriberCount = maximumSubscriberCount
    self.maximumSampleCount = maximumSampleCount
    self.maximumElementCount = maximumElementCount
    let slotCount = historyCount + maximumSubscriberCount * maximumSampleCount + 2
    slotHeadByteCount = max(16, elementAlignment)
    let (messageByteCount, overflow) = elementStride.multipliedReportingOverflow(
      by: maximumElementCount)
    guard slotCount <= Self.maximumSlotCount, maximumElementCount < 1 << 48, !overflow,
      messageByteCount <= 1 << 60
    else { return nil }
    self.isInEntries = isInEntries
    entriesOffset =
      Self.subscribersOffset
      + maximumSubscriberCount * Self.subscriberStride(maximumSampleCount)
    if isInEntries {
      entryWordCount = (elementByteCount + 7) / 8
      entryStride = Self.entryByteCount
      // One more than are kept, so that writing a message replaces none of these.
      entryCount = 1 << (Int.bitWidth - historyCount.leadingZeroBitCount)
      self.slotCount = entryCount
      slotStride = entryStride
      byteCount = entriesOffset + entryStride * entryCount
      freeListOffset = byteCount
      retiredListOffset = byteCount
      slotsOffset = byteCount
      return
    }
    entryWordCount = 0
    entryStride = 8
    entryCount = historyCount
    self.slotCount = slotCount
    slotStride = Self.aligned(slotHeadByteCount + messageByteCount, to: 64)
    freeListOffset = Self.aligned(entriesOffset + 8 * historyCount, to: 128)
    retiredListOffset = freeListOffset + 4 * slotCount
    slotsOffset = Self.aligned(retiredListOffset + 4 * slotCount, to: 128)
    let (slotsByteCount, isTooMuch) = slotStride.multipliedReportingOverflow(by: slotCount)
    let (sum, isTooLarge) = slotsByteCount.addingReportingOverflow(slotsOffset)
    guard !isTooMuch, !isTooLarge else { return nil }
    byteCount = sum
  }

  /// Reads the numbers of a topic.
  ///
  /// - Throws: `corrupted`, including if the memory is too small for them.
  init<Bytes: SegmentBytes & ~Copyable>(
    reading memory: borrowing Bytes, _ header: SegmentHeader
  ) throws(InterprocessError) {
    try self.init(
      reading: memory, at: header.contentOffset, historyCount: header.capacity,
      elementByteCount: header.elementByteCount, elementStride: header.elementStride,
      elementAlignment: header.elementAlignment)
  }

  /// The same, after the header has been read.
  init<Bytes: SegmentBytes & ~Copyable>(
    reading memory: borrowing Bytes, at offset: Int, historyCount: Int, elementByteCount: Int,
    elementStride: Int, elementAlignment: Int
  ) throws(InterprocessError) {
    let subscriberCount = memory.loadUnaligned(
      at: offset + Self.subscriberCountOffset, as: UInt32.self)
    let sampleCount = memory.loadUnaligned(
      at: offset + Self.sampleCountOffset, as: UInt32.self)
    let elementCount = memory.loadUnaligned(
      at: offset + Self.elementCountOffset, as: UInt64.self)
    let isInEntries = memory.loadUnaligned(
      at: offset + Self.isInEntriesOffset, as: UInt32.self)
    guard isInEntries <= 1,
      let layout = TopicLayout(
        historyCount: historyCount, maximumSubscriberCount: Int(subscriberCount),
        maximumSampleCount: Int(sampleCount), maximumElementCount: Int(clamping: elementCount),
        elementByteCount: elementByteCount, elementStride: elementStride,
        elementAlignment: elementAlignment, isInEntries: isInEntries == 1),
      layout.byteCount <= memory.byteCount - offset
    else {
      throw .corrupted(
        memory.name,
        """
        it claims a history of \(historyCount) messages of up to \(elementCount) elements, and \
        \(subscriberCount) subscribers of \(sampleCount) samples, \
        \(isInEntries == 0 ? "in slots" : "in their entries (\(isInEntries))"), in \
        \(memory.byteCount) bytes
        """)
    }
    self = layout
  }

  /// The number of bytes from one subscriber's words to the next one's.
  var subscriberStride: Int { Self.subscriberStride(maximumSampleCount) }

  /// Where the words of a subscriber lie.
  func offset(ofSubscriber index: Int) -> Int {
    Self.subscribersOffset + index * subscriberStride
  }

  private static func subscriberStride(_ sampleCount: Int) -> Int {
    aligned(pinsOffset + 4 * sampleCount, to: 128)
  }

  private static func aligned(_ byteCount: Int, to alignment: Int) -> Int {
    (byteCount + alignment - 1) / alignment * alignment
  }

  /// Writes the numbers except the history, which is in the header.
  func write(_ publishers: Multiplicity, to bytes: inout MutableRawSpan, at offset: Int) {
    bytes.storeBytes(
      of: publishers.rawValue, toByteOffset: offset + fieldOffset(\ipc_topic.publishers),
      as: UInt32.self)
    bytes.storeBytes(
      of: isInEntries ? 1 : 0, toByteOffset: offset + Self.isInEntriesOffset, as: UInt32.self)
    bytes.storeBytes(
      of: UInt64(maximumElementCount), toByteOffset: offset + Self.elementCountOffset,
      as: UInt64.self)
    bytes.storeBytes(
      of: UInt32(maximumSubscriberCount), toByteOffset: offset + Self.subscriberCountOffset,
      as: UInt32.self)
    bytes.storeBytes(
      of: UInt32(maximumSampleCount), toByteOffset: offset + Self.sampleCountOffset,
      as: UInt32.self)
  }
}
