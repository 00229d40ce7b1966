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

/// Where the parts of a shared value lie after its header: `ipc_value` and the slots in C.
struct ValueLayout: Sendable {
  /// How many slots a new value has.
  ///
  /// A reader fails only if the writer stores that many values, less one, during its load.
  private static let newSlotCount = 8

  /// The word that contains the latest version.
  let versionOffset: Int
  /// The bytes from one slot to the next; the word after the version contains the same number.
  let slotStride: Int
  /// The two words of an `AsymmetricEventCount`, on which waiters for a version sleep: after the
  /// two words above, in the same cache line, which the writer owns whenever it reads them.
  var gateOffset: Int { versionOffset + fieldOffset(\ipc_value.gate) }
  /// A power of two.
  let slotCount: Int

  /// Where the number of bytes from one slot to the next lies.
  var strideOffset: Int { versionOffset + fieldOffset(\ipc_value.slot_stride) }
  /// The number of bytes of a slot before the words of its value.
  static var slotHeadByteCount: Int { MemoryLayout<ipc_value_slot>.size }

  /// The layout of a new value of the given size.
  init(contentOffset: Int, valueByteCount: Int) {
    versionOffset = contentOffset
    slotStride = Self.slotStride(of: valueByteCount)
    slotCount = Self.newSlotCount
  }

  /// Reads the layout of a value that another process may have created, and checks it against the
  /// memory.
  ///
  /// - Throws: `corrupted`.
  init<Bytes: SegmentBytes & ~Copyable>(
    reading memory: borrowing Bytes, _ header: SegmentHeader
  ) throws(InterprocessError) {
    let alignment = SegmentHeader.contentAlignment
    let room = memory.byteCount - header.contentOffset - alignment
    guard room >= 0 else { throw .corrupted(memory.name, "it has no room for a version") }
    let slotStride = memory.loadUnaligned(
      at: header.contentOffset + fieldOffset(\ipc_value.slot_stride), as: UInt64.self)
    let slotCount = header.capacity
    let (slotsByteCount, overflow) = slotStride.multipliedReportingOverflow(by: UInt64(slotCount))
    guard slotCount >= 2, slotCount & (slotCount - 1) == 0, !overflow, slotsByteCount <= room,
      slotStride.isMultiple(of: UInt64(alignment)),
      // Compared first, so that rounding up cannot overflow.
      header.elementByteCount <= room, slotStride >= Self.slotStride(of: header.elementByteCount)
    else {
      throw .corrupted(
        memory.name,
        """
        its header says \(slotCount) slots of \(slotStride) bytes, and there is room for \(room) \
        bytes
        """)
    }
    versionOffset = header.contentOffset
    self.slotStride = Int(slotStride)
    self.slotCount = slotCount
  }

  /// The size of the whole segment, in bytes.
  var byteCount: Int { slotsOffset + slotCount * slotStride }

  /// The offset of the slot of a version.
  func slotOffset(of version: UInt64) -> Int {
    slotsOffset + Int(version & UInt64(slotCount - 1)) * slotStride
  }

  private var slotsOffset: Int { versionOffset + SegmentHeader.contentAlignment }

  /// A slot contains its version and the words of a value, and shares no pair of cache lines.
  private static func slotStride(of valueByteCount: Int) -> Int {
    let alignment = SegmentHeader.contentAlignment
    let byteCount = slotHeadByteCount + (valueByteCount + 7) / 8 * 8
    return (byteCount + alignment - 1) / alignment * alignment
  }
}
