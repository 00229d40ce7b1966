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

/// Places of shared memory that handles take and give back, so that it is always known whose each
/// is; and a gate on which those sleep who wait for some to become free.
struct HolderTable: Sendable {
  // A place is a word: 0 if it is free, or the number of the handle that has it. It is taken (A3 of
  // `Gate`, acquiring) and given back (R1, releasing) by one compare-exchange, so that it is always
  // known whose it is.
  //
  // Killed with a place, a process leaves its number, which is no holder's any more: after its
  // first 20 ms a sleeper asks the kernel for each, and frees those.
  //
  // Whoever needs a place, and finds none free, looks at all of them once more:
  //
  //   H1  the holder is dead?  then take the place over: dead -> number      acquiring
  //   H2  H1 came too late, or a place was free: somebody has taken or given back one: all anew
  //   H3  all places name whom they named in the look before, and all of those live?  then none is
  //       to be had
  //
  // By H1 nobody comes between the dead holder and the next one. By H2 and H3 a place of which the
  // holder dies after H1 has asked for it is looked at again if anything has changed; and with
  // nothing changed from one look to the next, there was a moment, between the two, at which all
  // places were taken, and those asked for in the second one were alive in that moment.

  private let range: MappedRange
  let gate: Gate
  private let offset: Int
  private let stride: Int
  private let count: Int
  /// How many of those who sleep are woken when a place becomes free.
  private let wakeCount: Int

  /// - Parameters:
  ///   - range: The memory.
  ///   - gateOffset: Where the gate lies, 4 bytes.
  ///   - offset: Where the first place lies.
  ///   - stride: The bytes from one place to the next, a multiple of 4.
  ///   - count: How many places there are; they lie within the memory.
  ///   - wakeCount: How many of those who sleep are woken when a place becomes free.
  init(
    in range: MappedRange, gateOffset: Int, offset: Int, stride: Int, count: Int, wakeCount: Int
  ) {
    self.range = range
    gate = Gate(range.word32(at: gateOffset))
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

  /// Whether all places are free; what their last holders wrote is seen then.
  var isFree: Bool { places.allSatisfy { place(at: $0).loadAcquiring() == 0 } }

  /// A3: takes a free place.
  ///
  /// - Returns: Which one.
  func take(as number: UInt32) -> Int? {
    let taken = places.first {
      let place = place(at: $0)
      return place.loadRelaxed() == 0 && place.compareExchangeAcquiring(0, number)
    }
    if taken != nil { checkpoint(.permitTaken) }
    return taken
  }

  /// How often all places are looked at, while others change some of them each time.
  private static let lookLimit = 16

  /// Takes a place that is free or that of a dead holder, H1 to H3.
  ///
  /// - Returns: Which one; `nil` if all are held by who lives.
  /// - Throws: `corrupted` and `system`.
  func takeAlsoOfDead(
    as number: UInt32, _ memory: borrowing SharedMemory
  ) throws(InterprocessError) -> Int? {
    if let index = take(as: number) { return index }
    var seen = places.map { place(at: $0).loadRelaxed() }
    for _ in 0..<Self.lookLimit {
      var found: [UInt32] = []
      for index in places {
        let current = place(at: index).loadRelaxed()
        found.append(current)
        let isTaken = current != 0
        if isTaken, try !isDead(current, at: index, own: number, memory) { continue }
        checkpoint(.placeSeen)
        if place(at: index).compareExchangeAcquiring(current, number) {
          checkpoint(.permitTaken)
          // Others may wait for the rest. What is wrong with it is for them to say.
          if isTaken { _ = try? reclaim(own: number, memory) }
          return index
        }
        // Another one was quicker, so that this look tells nothing.
        found[index] = 0
      }
      if found == seen && !found.contains(0) { return nil }
      seen = found
    }
    return nil
  }

  /// Gives back a place, R1 and what follows it.
  ///
  /// - Returns: Whether it was that holder's.
  @discardableResult
  func free(_ index: Int, _ number: UInt32) -> Bool {
    guard place(at: index).compareExchangeReleasing(number, 0) else { return false }
    checkpoint(.permitFreed)
    gate.open(waking: wakeCount)
    return true
  }

  /// One turn of a wait, A1 to A4.
  ///
  /// - Parameters:
  ///   - stage: What the turn may do.
  ///   - number: The number of the handle that waits.
  ///   - memory: The segment, by that handle.
  ///   - alike: As for `Waiting.Turn`.
  ///   - body: What is waited for: A3.
  /// - Throws: `corrupted` and `system`.
  func attempt<Result>(
    _ stage: Waiting.Stage, as number: UInt32, _ memory: borrowing SharedMemory, alike: Int,
    _ body: () throws(InterprocessError) -> Result?
  ) throws(InterprocessError) -> Waiting.Turn<Result> {
    if stage == .checking { try reclaim(own: number, memory) }
    return try gate.attempt(stage, alike: alike, body)
  }

  /// One turn of a wait for a place.
  ///
  /// - Returns: Which one.
  /// - Throws: `corrupted` and `system`.
  func attemptToTake(
    _ stage: Waiting.Stage, as number: UInt32, _ memory: borrowing SharedMemory
  ) throws(InterprocessError) -> Waiting.Turn<Int> {
    try attempt(stage, as: number, memory, alike: 0) { () throws(InterprocessError) in
      // Perhaps the last look of the wait.
      stage == .checking ? try takeAlsoOfDead(as: number, memory) : take(as: number)
    }
  }

  /// Frees the places whose holders are dead.
  ///
  /// - Returns: How many there were.
  /// - Throws: `corrupted` and `system`.
  @discardableResult
  func reclaim(
    own number: UInt32, _ memory: borrowing SharedMemory
  ) throws(InterprocessError) -> Int {
    var freedCount = 0
    for index in places {
      let current = place(at: index).loadRelaxed()
      guard try isDead(current, at: index, own: number, memory) else { continue }
      checkpoint(.placeSeen)
      if free(index, current) { freedCount += 1 }
    }
    return freedCount
  }

  /// How many places have holders that are dead.
  ///
  /// - Throws: `corrupted` and `system`.
  func deadCount(
    own number: UInt32, _ memory: borrowing SharedMemory
  ) throws(InterprocessError) -> Int {
    var count = 0
    for index in places {
      let current = place(at: index).loadRelaxed()
      if try isDead(current, at: index, own: number, memory) { count += 1 }
    }
    return count
  }

  /// Whether what was found in a place is the number of a holder that is dead.
  private func isDead(
    _ current: UInt32, at index: Int, own number: UInt32, _ memory: borrowing SharedMemory
  ) throws(InterprocessError) -> Bool {
    if current == 0 { return false }
    guard HolderNumber.range.contains(current) else {
      throw .corrupted(
        memory.name, "place \(index) is held by \(current), which is no holder's number")
    }
    do {
      return try HolderNumber.isDead(current, own: number, on: memory.mapping.descriptor)
    } catch {
      throw .system(error, name: memory.name, action: "ask whether a holder lives")
    }
  }

  /// Whether a place is somebody's.
  func isTaken(_ index: Int) -> Bool { place(at: index).loadAcquiring() != 0 }

  /// Whether a place is that of a holder.
  func isTaken(_ index: Int, by number: UInt32) -> Bool {
    place(at: index).loadRelaxed() == number
  }

  /// Whether any place is that of a holder.
  func isAnyTaken(by number: UInt32) -> Bool { places.contains { isTaken($0, by: number) } }

  /// Frees the places whose holders are dead, and those that hold no holder's number.
  ///
  /// - Parameter number: That of the handle that asks, or 0 if it has none.
  func dropDead(own number: UInt32, _ memory: borrowing SharedMemory) {
    for index in places {
      let current = place(at: index).loadRelaxed()
      if current == 0 { continue }
      let mayLive =
        HolderNumber.range.contains(current)
        && (try? HolderNumber.isDead(current, own: number, on: memory.mapping.descriptor)) != true
      if !mayLive { free(index, current) }
    }
  }

  /// Frees the places that name a number, which is about to be used anew, or no more.
  func forget(_ number: UInt32) {
    for index in places { free(index, number) }
  }
}
