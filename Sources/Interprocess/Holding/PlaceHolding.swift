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

internal import SystemPackage

/// Which processes hold the places of a segment: permits of a semaphore, places of readers or
/// parties.
struct PlaceHolding: Sendable {
  /// In the order of process IDs; all processes that this user cannot see come last, as one.
  private(set) var holders: [SegmentFact.Holder] = []
  /// The places whose holders are dead.
  private(set) var orphanedCount = 0

  /// The places of all living holders.
  var heldCount: Int { holders.reduce(0) { $0 + $1.count } }

  /// How many holders to identify at most; each costs a look into `/proc`.
  private static let maximumSearchCount = 64

  /// - Parameters:
  ///   - begin: Where the first place lies.
  ///   - stride: The bytes from one place to the next, which divide a page.
  ///   - count: How many places there are; they lie within the memory.
  ///   - name: What messages call a place, before its index.
  /// - Throws: `corrupted` and `system`.
  init(
    in memory: SegmentPeek, at begin: Int, stride: Int, count: Int, called name: String
  ) throws(InterprocessError) {
    let end = begin + stride * count
    var placeCounts: [UInt32: Int] = [:]
    var offset = begin
    // Places in a hole of the file have never been written, and are free.
    while offset < end, let data = try memory.data(in: offset..<end) {
      // The first place that begins there or later.
      offset = begin + (data.lowerBound - begin + stride - 1) / stride * stride
      while offset < data.upperBound {
        if memory.loadUnaligned(at: offset, as: UInt32.self) != 0,
          let found = try Self.holder(ofPlaceAt: offset, (offset - begin) / stride, name, memory)
        {
          if found.isAlive {
            placeCounts[found.number, default: 0] += 1
          } else {
            orphanedCount += 1
          }
        }
        offset += stride
      }
    }
    let search = HolderSearch(memory)
    var found: [Int32: SegmentFact.Holder] = [:]
    var hiddenCount = 0
    for (index, (number, placeCount)) in placeCounts.enumerated() {
      if index < Self.maximumSearchCount, let process = search.process(of: number) {
        found[process.processID, default: SegmentFact.Holder(process: process, count: 0)].count +=
          placeCount
      } else {
        hiddenCount += placeCount
      }
    }
    holders = found.sorted { $0.key < $1.key }.map(\.value)
    if hiddenCount > 0 { holders.append(SegmentFact.Holder(process: nil, count: hiddenCount)) }
  }

  private static func holder(
    ofPlaceAt offset: Int, _ index: Int, _ name: String, _ memory: SegmentPeek
  ) throws(InterprocessError) -> NumberSighting? {
    try NumberSighting.find { () throws(InterprocessError) in
      let number = memory.currentWord32(at: offset)
      if number == 0 { return nil }
      guard HolderNumber.range.contains(number) else {
        throw .corrupted(
          memory.name, "\(name) \(index) is held by \(number), which is no holder's number")
      }
      return number
    } isTaken: { number throws(InterprocessError) in
      try NumberSighting.isTaken(number, in: memory)
    }
  }
}

/// Finds, among the processes that have a segment mapped, the one whose handle has a given number.
final class HolderSearch {
  private let memory: SegmentPeek
  private let look = ProcessLook()
  private lazy var file = KernelFile(
    memory.descriptor, memory.identity, mounts: look.mounts)

  init(_ memory: SegmentPeek) {
    self.memory = memory
  }

  /// The process whose handle has a number; `nil` if this user cannot see it.
  func process(of number: UInt32) -> SegmentInfo.Process? {
    look.table(file.device).holder(ofLockOnByte: Lease.byteOffset(ofNumber: number), of: file)
      .map { SegmentInfo.Process($0) }
  }
}
