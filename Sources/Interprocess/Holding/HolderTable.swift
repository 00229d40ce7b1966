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

internal import Synchronization
internal import SystemPackage

/// Places in shared memory that handles take and free, each of which always names its holder; and a
/// gate at which waiters sleep until a place becomes free.
struct HolderTable: Sendable {
  // A place is a word: 0 if it is free, or the number of the handle that holds it. A handle takes
  // it (A3 of `EventCount`, acquiring) and frees it (R1, releasing) by one compare-exchange, so
  // that the word always names the holder.
  //
  // A process killed while it holds a place leaves its number there, which then belongs to no
  // living holder. After its first 20 ms, a sleeper asks the kernel about each number, and frees
  // the places of the dead.
  //
  // A handle that needs a place, and finds none free, checks all of them again:
  //
  //   H1  if the holder is dead, take the place over: dead -> number         acquiring
  //   H2  if H1 failed, or a place was free, another handle has taken or freed it: start again
  //   H3  if all places name the same holders as in the previous pass, and all of these live, give
  //       up: there is no place
  //
  // Because of H1, no other handle comes between the dead holder and the next one. Because of H2
  // and H3, if the holder of a place dies after H1 has asked about it, the place is checked again
  // if anything has changed. If nothing changed from one pass to the next, then at some moment
  // between the two all places were taken, and their holders, which the second pass found alive,
  // were alive at that moment.

  private let segment: StructuredSegment
  private let range: MappedRange
  let gate: EventCount
  private let offset: Int
  private let stride: Int
  private let count: Int
  /// How many sleepers to wake when a place becomes free.
  private let wakeCount: Int

  /// - Parameters:
  ///   - segment: The segment.
  ///   - part: The part of its memory that the offsets below count from; `nil`: all of it.
  ///   - gateOffset: Where the gate lies, 4 bytes.
  ///   - offset: Where the first place lies.
  ///   - stride: The bytes from one place to the next, a multiple of 4.
  ///   - count: How many places there are; they lie within the memory.
  ///   - wakeCount: How many sleepers to wake when a place becomes free.
  init(
    in segment: StructuredSegment, _ part: MappedRange? = nil, gateOffset: Int, offset: Int,
    stride: Int, count: Int, wakeCount: Int
  ) {
    let range = part ?? segment.memory._range
    self.segment = segment
    self.range = range
    gate = EventCount(range.word32(at: gateOffset))
    self.offset = offset
    self.stride = stride
    self.count = count
    self.wakeCount = wakeCount
  }

  private var places: Range<Int> { 0..<count }

  private func place(at index: Int) -> SharedWord32 {
    range.word32(at: offset + stride * index)
  }

  /// How many places are free.
  var freeCount: Int { places.count { place(at: $0).loadRelaxed() == 0 } }

  /// Whether all places are free; if so, the caller sees what their last holders wrote.
  var isFree: Bool { places.allSatisfy { place(at: $0).loadAcquiring() == 0 } }

  /// A3: takes a free place.
  ///
  /// - Returns: Its index; `nil` if none is free.
  func take(as number: UInt32) -> Int? {
    let taken = places.first {
      let place = place(at: $0)
      return place.loadRelaxed() == 0 && place.compareExchangeAcquiring(0, number)
    }
    if taken != nil { checkpoint(.permitTaken) }
    return taken
  }

  /// How many passes to make over all places while other handles keep changing some of them.
  private static let lookLimit = 16

  /// Takes a place that is free or has a dead holder, H1 to H3.
  ///
  /// - Returns: Its index; `nil` if living holders have all places.
  /// - Throws: `corrupted` and `system`.
  func takeAlsoOfDead(
    as number: UInt32
  ) throws(InterprocessError) -> Int? {
    if let index = take(as: number) { return index }
    var seen = places.map { place(at: $0).loadRelaxed() }
    for _ in 0..<Self.lookLimit {
      var found: [UInt32] = []
      for index in places {
        let current = place(at: index).loadRelaxed()
        found.append(current)
        let isTaken = current != 0
        if isTaken, try !isDead(current, at: index, own: number) { continue }
        checkpoint(.placeSeen)
        if place(at: index).compareExchangeAcquiring(current, number) {
          checkpoint(.permitTaken)
          // Other waiters may wait for the places of further dead holders. If that fails, they
          // report the error themselves.
          if isTaken { _ = try? reclaim(own: number) }
          return index
        }
        // Another handle was faster, so this pass proves nothing.
        found[index] = 0
      }
      if found == seen && !found.contains(0) { return nil }
      seen = found
    }
    return nil
  }

  /// Frees a place, R1 to R5.
  ///
  /// - Returns: Whether that holder had it.
  @discardableResult
  func free(_ index: Int, _ number: UInt32) -> Bool {
    guard place(at: index).compareExchangeReleasing(number, 0) else { return false }
    checkpoint(.permitFreed)
    gate.open(waking: wakeCount)
    return true
  }

  /// One attempt of a wait, A0 to A4.
  ///
  /// - Parameters:
  ///   - stage: What the attempt may do.
  ///   - number: The number of the waiting handle.
  ///   - alike: As for `Waiting.Outcome`.
  ///   - body: A0 and A3, what the wait is for.
  /// - Throws: `corrupted` and `system`.
  func attempt<Result>(
    _ stage: Waiting.Stage, as number: UInt32, alike: Int,
    _ body: () throws(InterprocessError) -> Result?
  ) throws(InterprocessError) -> Waiting.Outcome<Result> {
    if stage.isChecking { try reclaim(own: number) }
    return try gate.attempt(stage, alike: alike, body)
  }

  /// One attempt of a wait for a place.
  ///
  /// - Returns: If done, its index.
  /// - Throws: `corrupted` and `system`.
  func attemptToTake(
    _ stage: Waiting.Stage, as number: UInt32
  ) throws(InterprocessError) -> Waiting.Outcome<Int> {
    try attempt(stage, as: number, alike: 0) { () throws(InterprocessError) in
      // This may be the last attempt of the wait.
      stage.isChecking ? try takeAlsoOfDead(as: number) : take(as: number)
    }
  }

  /// Frees the places whose holders are dead.
  ///
  /// - Returns: How many it freed.
  /// - Throws: `corrupted` and `system`.
  @discardableResult
  func reclaim(
    own number: UInt32
  ) throws(InterprocessError) -> Int {
    var freedCount = 0
    for index in places {
      let current = place(at: index).loadRelaxed()
      guard try isDead(current, at: index, own: number) else { continue }
      checkpoint(.placeSeen)
      if free(index, current) { freedCount += 1 }
    }
    return freedCount
  }

  /// How many places have dead holders.
  ///
  /// - Throws: `corrupted` and `system`.
  func deadCount(
    own number: UInt32
  ) throws(InterprocessError) -> Int {
    var count = 0
    for index in places {
      let current = place(at: index).loadRelaxed()
      if try isDead(current, at: index, own: number) { count += 1 }
    }
    return count
  }

  /// Whether a place seems to have a dead holder, for a thread that looks in place of a waiter.
  func seemsDead(own number: UInt32) -> Bool {
    places.contains {
      let current = place(at: $0).loadRelaxed()
      return current != 0 && HolderNumber.seemsDead(current, own: number, in: segment)
    }
  }

  /// Whether a place seems to be free or to have a dead holder, likewise.
  func seemsFree(own number: UInt32) -> Bool { freeCount > 0 || seemsDead(own: number) }

  /// Whether the word found in a place is the number of a dead holder.
  private func isDead(
    _ current: UInt32, at index: Int, own number: UInt32
  ) throws(InterprocessError) -> Bool {
    if current == 0 { return false }
    guard HolderNumber.range.contains(current) else {
      throw .corrupted(
        segment.name, "place \(index) is held by \(current), which is no holder's number")
    }
    do {
      return try HolderNumber.isDead(current, own: number, on: segment.memory.mapping.descriptor)
    } catch {
      throw .system(error, name: segment.name, action: "ask whether a holder lives")
    }
  }

  /// Whether a place is taken.
  func isTaken(_ index: Int) -> Bool { place(at: index).loadAcquiring() != 0 }

  /// Whether a holder has a place.
  func isTaken(_ index: Int, by number: UInt32) -> Bool {
    place(at: index).loadRelaxed() == number
  }

  /// Whether a holder has any place.
  func isAnyTaken(by number: UInt32) -> Bool { places.contains { isTaken($0, by: number) } }

  /// Frees the places whose holders are dead, and those that contain no holder's number.
  ///
  /// - Parameter number: The number of the calling handle, or 0 if it has none.
  func dropDead(own number: UInt32) {
    for index in places {
      let current = place(at: index).loadRelaxed()
      if current == 0 { continue }
      let mayLive =
        HolderNumber.range.contains(current)
        && (try? HolderNumber.isDead(current, own: number, on: segment.memory.mapping.descriptor))
          != true
      if !mayLive { free(index, current) }
    }
  }

  /// Frees the places that name a number that is about to be used for the first time, or no longer.
  func forget(_ number: UInt32) {
    for index in places { free(index, number) }
  }
}
