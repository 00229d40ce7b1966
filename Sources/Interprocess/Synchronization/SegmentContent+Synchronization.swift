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
    _ memory: borrowing SharedMemory, _ header: SegmentHeader
  ) throws(InterprocessError) -> SegmentContent {
    // The same sum as in `LockLayout`, of a value whose type is not known here.
    let needed = header.elementByteCount.addingReportingOverflow(LockLayout<UInt8>.valueOffset)
    try check(header, in: memory, hasRoomFor: needed.overflow ? nil : needed.partialValue)
    return .mutex(
      dtype: header.description, try holding(ofLockAt: header.contentOffset, in: memory))
  }

  static func semaphore(
    _ memory: borrowing SharedMemory
  ) throws(InterprocessError) -> SegmentContent {
    let header = try SegmentHeader.read(.semaphore, of: UInt32.self, from: memory)
    try check(header, in: memory, hasRoomFor: SharedSemaphore.byteCount(of: header.capacity))
    let begin = header.contentOffset + SharedSemaphore.permitsOffset
    let end = begin + 4 * header.capacity
    var (takenCount, orphanedCount) = (0, 0)
    var offset = begin
    // Where nobody has written anything all permits are free, and a look would take pages.
    while offset < end, let data = try offsetOfData(from: offset, in: memory), data < end {
      let pieceEnd = min(end, (data / pieceByteCount + 1) * pieceByteCount)
      for permit in stride(from: data, to: pieceEnd, by: 4) {
        guard let isOrphaned = try isOrphaned(permitAt: permit, (permit - begin) / 4, in: memory)
        else { continue }
        takenCount += 1
        if isOrphaned { orphanedCount += 1 }
      }
      offset = pieceEnd
    }
    return .semaphore(
      permitCount: header.capacity, freeCount: header.capacity - takenCount,
      orphanedCount: orphanedCount)
  }

  static func event(_ memory: borrowing SharedMemory) throws(InterprocessError) -> SegmentContent {
    let header = try SegmentHeader.read(.event, of: UInt32.self, from: memory)
    try check(header, in: memory, hasRoomFor: SharedEvent.byteCount)
    let word = memory.load(fromByteOffset: header.contentOffset, as: UInt32.self)
    let (isSet, generation) = SharedEvent.state(of: word)
    return .event(isSet: isSet, generation: generation)
  }

  static func atomic(
    _ memory: borrowing SharedMemory, _ header: SegmentHeader
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
    _ type: Value.Type, in memory: borrowing SharedMemory
  ) throws(InterprocessError) -> Int128 {
    let header = try SegmentHeader.read(.atomic, of: type, from: memory)
    try check(header, in: memory, hasRoomFor: SharedAtomic<Value>.byteCount)
    return Int128(memory.load(fromByteOffset: header.contentOffset, as: type))
  }

  /// - Parameter byteCount: What the content needs; `nil` if that is more than any memory has.
  static func check(
    _ header: SegmentHeader, in memory: borrowing SharedMemory, hasRoomFor byteCount: Int?
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

  /// No page is smaller.
  private static let pieceByteCount = 4096

  private static func holding(
    ofLockAt offset: Int, in memory: borrowing SharedMemory
  ) throws(InterprocessError) -> LockHolding {
    var isAbandoned = false
    let found = try holder { () throws(InterprocessError) in
      let word = memory.load(fromByteOffset: offset, as: UInt32.self)
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
    return found.isAlive ? .held(by: process(of: found.number, in: memory)) : .ownerDied
  }

  /// - Returns: Whether the holder of a permit is dead; `nil` if nobody has the permit.
  private static func isOrphaned(
    permitAt offset: Int, _ index: Int, in memory: borrowing SharedMemory
  ) throws(InterprocessError) -> Bool? {
    let found = try holder { () throws(InterprocessError) in
      let number = memory.load(fromByteOffset: offset, as: UInt32.self)
      guard number == 0 || HolderNumber.range.contains(number) else {
        throw .corrupted(
          memory.name, "permit \(index) is held by \(number), which is no holder's number")
      }
      return number == 0 ? nil : number
    } isTaken: { number throws(InterprocessError) in
      try isTaken(number, in: memory)
    }
    return found.map { !$0.isAlive }
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

  private static func isTaken(
    _ number: UInt32, in memory: borrowing SharedMemory
  ) throws(InterprocessError) -> Bool {
    do {
      return try Lease.isNumberTaken(number, byOthersThan: memory.mapping.descriptor)
    } catch {
      throw .system(error, name: memory.name, action: "ask whether a holder lives")
    }
  }

  private static func process(
    of number: UInt32, in memory: borrowing SharedMemory
  ) -> SegmentInfo.Process? {
    let identity = memory.identity
    guard let processes = try? ProcessTable(device: identity.device),
      let entry = processes.holder(
        ofLockOnByte: Lease.byteOffset(ofNumber: number), of: identity)
    else { return nil }
    return SegmentInfo.Process(processID: entry.processID, command: entry.command)
  }

  private static func offsetOfData(
    from offset: Int, in memory: borrowing SharedMemory
  ) throws(InterprocessError) -> Int? {
    do {
      return try Files.offsetOfData(from: offset, of: memory.mapping.descriptor)
    } catch {
      throw .system(error, name: memory.name, action: "look for what has been written")
    }
  }
}
