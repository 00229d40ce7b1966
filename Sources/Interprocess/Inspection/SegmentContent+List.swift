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

// A list has no magic number. So memory counts as a list if all of its tables and its elements make
// sense, and if it has exactly the size of that list. An empty list is nothing but zeros, like
// fresh memory, and counts as bytes.
extension SegmentContent {
  /// How many bytes of elements to examine at most: a list with holes can have any size and cost
  /// its creator nothing.
  private static let maximumElementsByteCount = 64 << 20

  /// The elements of memory that is a list, as far as they are examined; `nil` if it is not a list.
  static func list(
    in memory: SegmentPeek
  ) -> (count: Int, elements: [ShareableList.Element])? {
    guard let layout = listLayout(of: memory) else { return nil }
    var elements: [ShareableList.Element] = []
    var lookedAtByteCount = 0
    for index in 0..<layout.count {
      lookedAtByteCount += layout[index].capacity
      guard lookedAtByteCount <= maximumElementsByteCount else { break }
      guard let element = element(index, of: layout, in: memory) else { return nil }
      elements.append(element)
    }
    return (layout.count, elements)
  }

  /// Calls a closure with each element of a list in turn.
  ///
  /// - Parameter count: How many elements; `nil` for all.
  /// - Throws: `corrupted` if an element makes no sense, `invalidSize` if the list becomes smaller;
  ///   and what `body` throws.
  package static func forEachElement(
    ofListIn memory: SegmentPeek, count: Int?, _ body: (ShareableList.Element) throws -> Void
  ) throws {
    guard let layout = listLayout(of: memory) else {
      try memory.checkWhole()
      throw InterprocessError.corrupted(memory.name, "it is no longer a list")
    }
    for index in 0..<min(count ?? layout.count, layout.count) {
      let element = element(index, of: layout, in: memory)
      try memory.checkWhole()
      guard let element else {
        throw InterprocessError.corrupted(memory.name, "element \(index) makes no sense")
      }
      try body(element)
    }
  }

  private static func listLayout(of memory: SegmentPeek) -> ListLayout? {
    // Most memory is not a list, as its first bytes show.
    guard memory.byteCount >= ListLayout.smallestByteCount,
      case let count = memory.loadUnaligned(at: 0, as: UInt64.self), count > 0,
      count <= UInt64(memory.byteCount) / 25,
      let layout = try? ListLayout(reading: memory), layout.byteCount == memory.byteCount
    else { return nil }
    return layout
  }

  /// An element; `nil` if it makes no sense.
  private static func element(
    _ index: Int, of layout: ListLayout, in memory: SegmentPeek
  ) -> ShareableList.Element? {
    let slot = layout[index]
    // A copy of its three parts, one after another.
    let parts = [
      slot.formatByteOffset..<slot.formatByteOffset + 8,
      slot.byteOffset..<slot.byteOffset + slot.capacity,
      slot.codeByteOffset..<slot.codeByteOffset + 1,
    ]
    var bytes = parts.flatMap { memory.bytesOrZeros($0, isFresh: false) }
    let copy = ListLayout.Slot(
      byteOffset: 8, capacity: slot.capacity, formatByteOffset: 0,
      codeByteOffset: 8 + slot.capacity)
    return unsafe bytes.withUnsafeMutableBytes { buffer in
      // SAFETY: the range is the buffer, and is used only within the closure.
      let range = unsafe MappedRange(
        start: buffer.baseAddress!, byteCount: buffer.count, isWritable: false)
      return try? StoredForm(of: copy, in: range).element(in: range)
    }
  }
}
