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

/// Whether somebody holds a lock.
package enum LockHolding: Sendable, Hashable {
  case free
  /// A process holds it; `nil` if this user cannot see which.
  case held(by: SegmentInfo.Process?)
  /// Its last holder died, and nobody has repaired the value since.
  case ownerDied
}

// What is read here once may be anything. What a number in a word stands for, the kernel is asked.
extension SegmentContent {
  static func mutex(
    _ memory: SegmentPeek, _ header: SegmentHeader
  ) throws(InterprocessError) -> SegmentContent {
    // The same sum as in `LockLayout`, of a value whose type is not known here.
    let needed = header.elementByteCount.addingReportingOverflow(LockLayout<UInt8>.valueOffset)
    try check(header, in: memory, hasRoomFor: needed.overflow ? nil : needed.partialValue)
    return .mutex(
      dtype: header.description, try holding(ofLockAt: header.contentOffset, in: memory))
  }

  static func readWriteLock(
    _ memory: SegmentPeek, _ header: SegmentHeader
  ) throws(InterprocessError) -> SegmentContent {
    // The same sum as in `SharedReadWriteLock`, of a value whose type is not known here.
    typealias Layout = SharedReadWriteLock<UInt8>
    let needed = Layout.valueOffset(header.capacity)?
      .addingReportingOverflow(header.elementByteCount)
    let byteCount = needed?.overflow == false ? needed?.partialValue : nil
    try check(header, in: memory, hasRoomFor: byteCount)
    return .readWriteLock(
      dtype: header.description, writer: try holding(ofLockAt: header.contentOffset, in: memory),
      maximumReaderCount: header.capacity,
      readers: try PlaceHolding(
        in: memory, at: header.contentOffset + Layout.placesOffset, stride: Layout.placeStride,
        count: header.capacity, called: "the place of reader"))
  }

  static func semaphore(_ memory: SegmentPeek) throws(InterprocessError) -> SegmentContent {
    let header = try SegmentHeader.read(.semaphore, of: UInt32.self, from: memory)
    try check(header, in: memory, hasRoomFor: SharedSemaphore.byteCount(of: header.capacity))
    return .semaphore(
      permitCount: header.capacity,
      try PlaceHolding(
        in: memory, at: header.contentOffset + SharedSemaphore.permitsOffset, stride: 4,
        count: header.capacity, called: "permit"))
  }

  static func barrier(_ memory: SegmentPeek) throws(InterprocessError) -> SegmentContent {
    let header = try SegmentHeader.read(.barrier, of: UInt32.self, from: memory)
    try check(header, in: memory, hasRoomFor: SharedBarrier.byteCount(of: header.capacity))
    let (arrivedCount, condition) = SharedBarrier.state(
      of: memory.currentWord32(at: header.contentOffset))
    guard arrivedCount < header.capacity else {
      throw .corrupted(
        memory.name, "\(arrivedCount) of \(header.capacity) parties have arrived, and still wait")
    }
    return .barrier(
      partyCount: header.capacity, arrivedCount: arrivedCount, condition,
      parties: try PlaceHolding(
        in: memory, at: header.contentOffset + SharedBarrier.placesOffset, stride: 4,
        count: header.capacity, called: "the place of party"))
  }

  static func event(_ memory: SegmentPeek) throws(InterprocessError) -> SegmentContent {
    let header = try SegmentHeader.read(.event, of: UInt32.self, from: memory)
    try check(header, in: memory, hasRoomFor: SharedEvent.byteCount)
    let word = memory.currentWord32(at: header.contentOffset)
    let (isSet, generation) = SharedEvent.state(of: word)
    return .event(isSet: isSet, generation: generation)
  }

  static func atomic(
    _ memory: SegmentPeek, _ header: SegmentHeader
  ) throws(InterprocessError) -> SegmentContent {
    let value: Int128 =
      switch header.description {
      case "'|i1'": try integer(Int8.self, in: memory)
      case "'<i2'": try integer(Int16.self, in: memory)
      case "'<i4'": try integer(Int32.self, in: memory)
      case "'<i8'": try integer(Int64.self, in: memory)
      case "'|u1'": try integer(UInt8.self, in: memory)
      case "'<u2'": try integer(UInt16.self, in: memory)
      case "'<u4'": try integer(UInt32.self, in: memory)
      case "'<u8'": try integer(UInt64.self, in: memory)
      default:
        throw .corrupted(memory.name, "it holds \(header.description), which is no integer")
      }
    return .atomic(dtype: header.description, value: value)
  }

  private static func integer<Value: SharedAtomicValue>(
    _ type: Value.Type, in memory: SegmentPeek
  ) throws(InterprocessError) -> Int128 {
    let header = try SegmentHeader.read(.atomic, of: type, from: memory)
    try check(header, in: memory, hasRoomFor: SharedAtomic<Value>.byteCount)
    return Int128(memory.loadUnaligned(at: header.contentOffset, as: type))
  }

  /// - Parameter byteCount: What the content needs; `nil` if that is more than any memory has.
  static func check(
    _ header: SegmentHeader, in memory: SegmentPeek, hasRoomFor byteCount: Int?
  ) throws(InterprocessError) {
    let room = memory.byteCount - header.contentOffset
    guard let byteCount, byteCount <= room else {
      throw .corrupted(
        memory.name,
        """
        its header says a capacity of \(header.capacity) and elements of \
        \(header.elementByteCount) bytes, and there is room for \(room)
        """)
    }
  }

  // MARK: - Holders

  private static func holding(
    ofLockAt offset: Int, in memory: SegmentPeek
  ) throws(InterprocessError) -> LockHolding {
    var isAbandoned = false
    let found = try holder { () throws(InterprocessError) in
      let word = memory.currentWord32(at: offset)
      let state = RobustLock.state(of: word)
      isAbandoned = state == .abandoned
      switch state {
      case .free, .abandoned: return nil
      case .held(let number): return number
      case .corrupted:
        throw .corrupted(memory.name, "its lock holds \(word), which is no holder's number")
      }
    } isTaken: { number throws(InterprocessError) in
      try isTaken(number, in: memory)
    }
    guard let found else { return isAbandoned ? .ownerDied : .free }
    return found.isAlive
      ? .held(by: HolderSearch(memory).process(of: found.number)) : .ownerDied
  }

  /// Finds out whether the holder lives whose number a word has.
  ///
  /// - Parameters:
  ///   - number: Reads the word; `nil` if it has no number.
  ///   - isTaken: Asks whether anybody has a number.
  /// - Returns: `nil` if the word has no number.
  static func holder(
    number: () throws(InterprocessError) -> UInt32?,
    isTaken: (UInt32) throws(InterprocessError) -> Bool
  ) throws(InterprocessError) -> (number: UInt32, isAlive: Bool)? {
    guard var found = try number() else { return nil }
    for _ in 0..<16 {
      if try isTaken(found) { break }
      // A holder that lives takes its number out of the word before it gives the number back.
      guard let now = try number() else { return nil }
      if now == found { return (found, false) }
      found = now
    }
    // Or one after the other comes and goes, and the latest has just been there.
    return (found, true)
  }

  static func isTaken(
    _ number: UInt32, in memory: SegmentPeek
  ) throws(InterprocessError) -> Bool {
    do {
      return try Lease.isNumberTaken(number, byOthersThan: memory.descriptor)
    } catch {
      throw .system(error, name: memory.name, action: "ask whether a holder lives")
    }
  }
}
