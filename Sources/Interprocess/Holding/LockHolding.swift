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

/// Whether a process holds a robust lock, according to its word.
enum LockHolding: Sendable, Hashable {
  case free
  case held(by: SegmentFact.Holder)
  /// Its last holder died, and no process has repaired the value since.
  case ownerDied

  /// Reads the word of a lock.
  ///
  /// - Throws: `corrupted` and `system`.
  init(ofLockAt offset: Int, in memory: SegmentPeek) throws(InterprocessError) {
    var isAbandoned = false
    let found = try NumberSighting.find { () throws(InterprocessError) in
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
      try NumberSighting.isTaken(number, in: memory)
    }
    self =
      switch found {
      case nil: isAbandoned ? .ownerDied : .free
      case let found? where found.isAlive:
        .held(by: SegmentFact.Holder(process: HolderSearch(memory).process(of: found.number)))
      default: .ownerDied
      }
  }

  /// The state, and the process that holds the lock.
  var facts: [SegmentFact] {
    let (state, holder): (SegmentFact.Value, SegmentFact.Holder?) =
      switch self {
      case .free: (.state("free", "free"), nil)
      case .held(let holder): (.state("held", "held"), holder)
      case .ownerDied: (.state("ownerDied", "its holder died"), nil)
      }
    return [
      SegmentFact("lock", "lock", state), SegmentFact("holder", "held by", .holder(holder)),
    ]
  }
}

/// A holder's number that was found in a word, and whether that holder lives.
struct NumberSighting: Sendable {
  var number: UInt32
  var isAlive: Bool

  /// Finds out whether the holder lives whose number a word contains.
  ///
  /// - Parameters:
  ///   - number: Reads the word; `nil` if it contains no number.
  ///   - isTaken: Asks whether any handle has a number.
  /// - Returns: `nil` if the word contains no number.
  static func find(
    number: () throws(InterprocessError) -> UInt32?,
    isTaken: (UInt32) throws(InterprocessError) -> Bool
  ) throws(InterprocessError) -> NumberSighting? {
    guard var found = try number() else { return nil }
    for _ in 0..<16 {
      if try isTaken(found) { break }
      // A living holder takes its number out of the word before it gives the number back.
      guard let now = try number() else { return nil }
      if now == found { return NumberSighting(number: found, isAlive: false) }
      found = now
    }
    // Either the holder lives, or holders keep changing, and the latest was there a moment ago.
    return NumberSighting(number: found, isAlive: true)
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
