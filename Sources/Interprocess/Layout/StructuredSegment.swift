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

/// A segment with a header, for the kinds whose content has a size that its maker decides.
@usableFromInline
struct StructuredSegment: ~Copyable, Sendable {
  let memory: SharedMemory
  /// Where the content begins.
  let contentOffset: Int
  /// What the header calls the capacity, which the kind says the meaning of.
  let capacity: Int
  @usableFromInline let isClosed = Atomic(false)

  /// What a kind of segment is made of.
  struct Plan<Element: Shareable> {
    var kind: any SegmentKind.Type
    var capacity = 1
    /// The bytes of the content.
    var byteCount: Int
    /// Writes the content, whose bytes are zero before: into all bytes, from an offset on.
    var initialize: (inout MutableRawSpan, Int) -> Void = { _, _ in }

    /// The bytes of the whole segment; if the sum overflows, so many that no memory has them.
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

  /// - Parameter byteCount: The bytes that the content has at least, for a capacity.
  static func attach<Element: Shareable>(
    _ name: String, _ kind: any SegmentKind.Type, of type: Element.Type, owner: SharedMemory.Owner,
    waitingUpTo timeout: Duration?, byteCount: (_ capacity: Int) -> Int?
  ) throws(InterprocessError) -> StructuredSegment {
    let memory = try SharedMemory.attach(
      name, access: .readWrite, owner: owner, waitingUpTo: timeout)
    return try StructuredSegment(reading: memory, kind, of: type, byteCount: byteCount)
  }

  static func attachOrCreate<Element: Shareable>(
    _ name: String, _ plan: Plan<Element>, options: SegmentOptions,
    owner: SharedMemory.Owner, byteCount: (_ capacity: Int) -> Int?
  ) throws(InterprocessError) -> StructuredSegment {
    let layout = ElementLayout(of: Element.self)
    let contentOffset = SegmentHeader.contentOffset(of: layout)
    let memory = try SharedMemory.attachOrCreate(
      name, byteCount: plan.byteCount(behind: contentOffset), options: options, owner: owner
    ) { bytes in
      write(plan, layout, contentOffset, to: &bytes)
    }
    return try StructuredSegment(
      reading: memory, plan.kind, of: Element.self, byteCount: byteCount)
  }

  /// A part of memory that has no header, used in the same way by a handle of its own.
  ///
  /// - Parameters:
  ///   - capacity: As a header would tell it.
  ///   - byteCount: The bytes of the content; `nil` if there is none of that capacity.
  ///   - alignment: What the offset has to be a multiple of.
  static func part(
    of memory: borrowing SharedMemory, at offset: Int, capacity: Int = 1, byteCount: Int?,
    alignment: Int
  ) throws(InterprocessError) -> StructuredSegment {
    precondition(
      offset.isMultiple(of: alignment), "Offset not a multiple of \(alignment) for what lies there")
    guard let byteCount, offset >= 0, offset <= memory.byteCount,
      byteCount <= memory.byteCount - offset
    else { preconditionFailure("Offset out of range of the shared memory") }
    return StructuredSegment(
      memory: try memory.duplicate(), contentOffset: offset, capacity: capacity)
  }

  /// Takes a lease of this process, in a child that `fork` has made.
  func takeLease() throws(InterprocessError) {
    checkOpen()
    try memory.takeLease()
  }

  // MARK: - Close

  /// Ends the use of the segment by a handle that several threads may have.
  ///
  /// Its lease and a temporary name are given up. The mapping stays until the last reference to the
  /// handle is gone, so that no thread within one of its functions touches memory that is not
  /// there.
  ///
  /// - Parameter giveUp: Gives up what the handle has in the segment; called once.
  func close(_ giveUp: () -> Void = {}) {
    if isClosed.exchange(true, ordering: .acquiringAndReleasing) { return }
    giveUp()
    memory.mapping.giveUp()
  }

  /// For functions that do not come to a number of the handle, which is the other thing that
  /// closing takes away.
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

  init<Element: Shareable>(
    reading memory: consuming SharedMemory, _ kind: any SegmentKind.Type, of type: Element.Type,
    byteCount: (_ capacity: Int) -> Int?
  ) throws(InterprocessError) {
    let header = try SegmentHeader.read(kind, of: type, from: memory)
    try header.checkRoom(for: byteCount(header.capacity), in: memory)
    self.init(memory: memory, contentOffset: header.contentOffset, capacity: header.capacity)
  }
}
