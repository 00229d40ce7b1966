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
internal import SystemPackage

/// A segment with a header, held by a handle and by the locks, tables and rings in it.
@usableFromInline
final class StructuredSegment: Sendable {
  let memory: SharedMemory
  /// Where the content begins.
  let contentOffset: Int
  /// The capacity in the header, whose meaning depends on the kind.
  let capacity: Int
  @usableFromInline let isClosed = Atomic(false)

  /// The name of the segment, for errors.
  var name: String { memory.name }

  /// The composition of a segment of some kind.
  struct Plan<Element: Shareable> {
    var kind: any SegmentKind.Type
    var capacity = 1
    /// The size of the content, in bytes.
    var byteCount: Int
    /// Writes the content, whose bytes are zero before: into the whole memory, from an offset on.
    var initialize: (inout MutableRawSpan, Int) -> Void = { _, _ in }

    /// The size of the whole segment; if the sum overflows, a size that no memory has.
    func byteCount(behind contentOffset: Int) -> Int {
      let (sum, overflow) = contentOffset.addingReportingOverflow(byteCount)
      return overflow ? .max : sum
    }
  }

  static func create<Element: Shareable>(
    _ name: String?, _ plan: Plan<Element>, options: SegmentOptions
  ) throws(InterprocessError) -> StructuredSegment {
    let layout = ElementLayout(of: Element.self)
    let contentOffset = SegmentHeader.contentOffset(of: layout)
    let memory = try SharedMemory.create(
      name, byteCount: plan.byteCount(behind: contentOffset), options: options
    ) { bytes in
      write(plan, layout, contentOffset, to: &bytes)
    }
    return StructuredSegment(
      memory: memory, contentOffset: contentOffset, capacity: plan.capacity)
  }

  /// - Returns: The memory, whose header is still to be read.
  static func attachOrCreate<Element: Shareable>(
    _ name: String, _ plan: Plan<Element>, options: SegmentOptions, owner: SharedMemory.Owner
  ) throws(InterprocessError) -> SharedMemory {
    let layout = ElementLayout(of: Element.self)
    let contentOffset = SegmentHeader.contentOffset(of: layout)
    return try SharedMemory.attachOrCreate(
      name, byteCount: plan.byteCount(behind: contentOffset), options: options, owner: owner
    ) { bytes in
      write(plan, layout, contentOffset, to: &bytes)
    }
  }

  /// A part of memory without a header, used in the same way by a separate handle.
  ///
  /// - Parameters:
  ///   - capacity: The number that a header would contain.
  ///   - byteCount: The size of the content; `nil` if that capacity is impossible.
  ///   - alignment: The offset must be a multiple of this.
  static func part(
    of memory: borrowing SharedMemory, at offset: Int, capacity: Int = 1, byteCount: Int?,
    alignment: Int
  ) throws(InterprocessError) -> StructuredSegment {
    precondition(
      offset.isMultiple(of: alignment), "Offset not a multiple of \(alignment), as needed there")
    guard let byteCount, offset >= 0, offset <= memory.byteCount,
      byteCount <= memory.byteCount - offset
    else { preconditionFailure("Offset out of range of the shared memory") }
    return StructuredSegment(
      memory: try memory.duplicate(), contentOffset: offset, capacity: capacity)
  }

  /// Takes a lease for this process, a child created by `fork`.
  func takeLease() throws(InterprocessError) {
    checkOpen()
    try memory.takeLease()
  }

  // MARK: - Close

  /// Ends the use of the segment by a handle that several threads may share.
  ///
  /// Its lease and a temporary name are given up. The mapping stays until the last reference to the
  /// handle is gone, so that no thread within one of its functions touches unmapped memory.
  ///
  /// - Parameter giveUp: Gives up what the handle holds in the segment; called once.
  func close(_ giveUp: () -> Void = {}) {
    if isClosed.exchange(true, ordering: .acquiringAndReleasing) { return }
    giveUp()
    memory.mapping.giveUp()
  }

  /// For functions that never need the number of the handle, whose absence would also show that it
  /// is closed.
  @inlinable @inline(__always)
  func checkOpen() {
    if isClosed.load(ordering: .relaxed) { failAsClosed() }
  }

  private static func write<Element: Shareable>(
    _ plan: Plan<Element>, _ layout: ElementLayout, _ contentOffset: Int,
    to bytes: inout MutableRawSpan
  ) {
    SegmentHeader.write(
      plan.kind, of: Element.self, layout: layout, capacity: plan.capacity, to: &bytes)
    plan.initialize(&bytes, contentOffset)
  }

  private init(memory: consuming SharedMemory, contentOffset: Int, capacity: Int) {
    self.memory = memory
    self.contentOffset = contentOffset
    self.capacity = capacity
  }

  convenience init<Element: Shareable>(
    reading memory: consuming SharedMemory, _ kind: any SegmentKind.Type, of type: Element.Type,
    byteCount: (_ capacity: Int) -> Int?
  ) throws(InterprocessError) {
    let header = try SegmentHeader.read(kind, of: type, from: memory)
    try header.checkRoom(for: byteCount(header.capacity), in: memory)
    self.init(memory: memory, contentOffset: header.contentOffset, capacity: header.capacity)
  }
}
