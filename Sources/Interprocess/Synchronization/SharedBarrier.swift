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
internal import Synchronization

/// A point at which processes wait for each other until all have arrived.
///
/// ```swift
/// let start = try SharedBarrier.attachOrCreate("start", partyCount: 4)
/// // ... in each of four processes:
/// try start.arriveAndWait()
/// // all of them continue from here, and can meet again at the same barrier
/// ```
///
/// Each handle is one party, from its first arrival until it is closed. If a party dies or is
/// closed, the parties that wait for it get `ownerDied` instead of waiting forever, and so does
/// every later arrival: the barrier is broken until ``reset()``. It also breaks if a party gives
/// up, by a time-out or because its task is cancelled; then the others get `timedOut`. The barrier
/// does not know a party that has never arrived, so only a time-out detects its death.
///
/// Tasks and threads of one process may use one handle at once; each of their arrivals counts.
///
/// The handle is closed when the last reference to it goes. Corresponds to a `pthread_barrier_t`
/// with `PTHREAD_PROCESS_SHARED` in C and to `multiprocessing.Barrier` in Python, both of which
/// block forever when a party dies.
public final class SharedBarrier: Sendable {
  // One word holds the whole state, so that each arrival is one compare-exchange: the number of the
  // round, how many parties have arrived in it, whether and why the barrier is broken, and the mark
  // that a waiter may sleep. The last party to arrive begins the next round. A party waits while
  // the word has the round of its arrival and is not broken. It sleeps only while the word keeps
  // the value that it had with the mark, and the process that clears the mark wakes all sleepers.
  //
  // An arrival is acquiring and releasing, so a party that continues sees what each party wrote
  // before it arrived: each compare-exchange of a round carries on the release of those before it.
  //
  // A party is a place of a `HolderTable` with the number of its handle. After its first 20 ms, a
  // waiter checks whether the number in each place still has a living holder, and breaks the
  // barrier if one of them has none.
  //
  // A party killed
  //   after it has arrived breaks the barrier as well, if the round is not yet over.
  //   as the last to arrive, before it wakes the others, does no harm: within a second they find
  //     out by themselves that the round is over.

  private static let waiters: UInt32 = 1
  private static let breakMask: UInt32 = 0b110
  private static let arrivedShift: UInt32 = 3
  private static let arrivedMask: UInt32 = 0xFFFF
  private static let roundShift: UInt32 = 19

  /// Why a barrier is broken, as stored in the word.
  private enum Break: UInt32 {
    case death = 0b010
    case timeout = 0b100
  }

  /// Where the gate of the parties' places lies, and where the places begin.
  static var gateOffset: Int { fieldOffset(\ipc_barrier.gate) }
  static let placesOffset = MemoryLayout<ipc_barrier>.size

  let segment: StructuredSegment
  private let word: SharedWord32
  private let places: HolderTable
  private let holder: HolderNumber
  /// The place that this handle has taken, which it may have lost since; -1 before it takes one.
  private let place = Atomic(-1)
  private let waiting: Waiting

  // MARK: - Create and attach

  /// Creates a barrier under a name that is not taken.
  ///
  /// Does not wait for other processes.
  ///
  /// - Parameters:
  ///   - name: The name, as for ``SharedMemory/create(_:byteCount:options:initializingWith:)``.
  ///   - partyCount: How many parties must arrive, 1 to 65,535.
  ///   - options: When the name is removed, who may use the barrier, and when its pages are taken.
  ///     Every user needs permission to write.
  /// - Returns: The barrier, at which no party has arrived.
  /// - Throws: What creating ``SharedMemory`` throws: `alreadyExists`, `invalidName`,
  ///   `invalidSize`, `outOfMemory`, `permissionDenied` and `system`.
  public static func create(
    _ name: String? = nil,
    partyCount: Int,
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedBarrier {
    SharedBarrier(
      try StructuredSegment.create(
        name, plan(partyCount), options: options))
  }

  /// Attaches to a barrier, or creates it if it does not exist.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - partyCount: How many parties must arrive at a new barrier, 1 to 65,535.
  ///   - options: The options of a new barrier.
  ///   - owner: Whose memory to accept.
  /// - Returns: The barrier; ``isCreator`` tells whether this call created it.
  /// - Throws: What creating and attaching throw.
  public static func attachOrCreate(
    _ name: String,
    partyCount: Int,
    options: SegmentOptions = SegmentOptions(),
    owner: SharedMemory.Owner = .currentUser
  ) throws(InterprocessError) -> SharedBarrier {
    try _open(
      StructuredSegment.attachOrCreate(
        name, plan(partyCount), options: options, owner: owner))
  }

  /// The bytes after the header; `nil` if no barrier can have this number of parties.
  static func byteCount(of partyCount: Int) -> Int? {
    (1...Int(arrivedMask)).contains(partyCount) ? placesOffset + 4 * partyCount : nil
  }

  private static func plan(
    _ partyCount: Int
  ) throws(InterprocessError) -> StructuredSegment.Plan<UInt32> {
    guard let byteCount = byteCount(of: partyCount) else {
      throw InterprocessError(
        code: .invalidSize,
        message: "A barrier has 1 to \(arrivedMask) parties, not \(partyCount).")
    }
    return StructuredSegment.Plan(
      kind: BarrierKind.self, capacity: partyCount, byteCount: byteCount)
  }

  init(_ segment: StructuredSegment) {
    let offset = segment.contentOffset
    word = segment.memory.range.word32(at: offset)
    places = HolderTable(
      in: segment, gateOffset: offset + Self.gateOffset,
      offset: offset + Self.placesOffset, stride: 4, count: segment.capacity, wakeCount: .max)
    holder = HolderNumber(in: segment)
    waiting = Waiting(for: "the other parties", in: segment.name)
    self.segment = segment
  }

  // MARK: - Basics

  /// How many have to arrive.
  public var partyCount: Int { segment.capacity }

  /// How many parties have arrived, and wait for the others.
  ///
  /// - Complexity: O(1), without blocking.
  public var arrivedCount: Int {
    segment.checkOpen()
    return Self.arrivedCount(of: word.loadRelaxed())
  }

  /// Whether a party has died or given up.
  ///
  /// - Complexity: O(1), without blocking.
  public var isBroken: Bool {
    segment.checkOpen()
    return word.loadRelaxed() & Self.breakMask != 0
  }

  /// Ends this handle's use of the barrier; the other parties treat it as a party that has died.
  ///
  /// Gives up its lease; a temporary name goes with the last lease of all processes. The same
  /// happens when the last reference to the handle goes, which also unmaps the memory. A closed
  /// handle can only report its name and what belongs to the name, and unlink it. Any other use is
  /// a failed precondition, even by a thread or task that was waiting here, when it resumes.
  /// Closing the handle again does nothing.
  ///
  /// Does not block, except as ``SharedMemory/close()`` does.
  public func close() {
    segment.close {
      guard let number = holder.close() else { return }
      // If this fails, the party leaves when the descriptor is closed.
      try? Lease.dropNumber(number, on: segment.memory.mapping.descriptor)
    }
  }

  // MARK: - Arriving

  /// Arrives, and waits until all parties have arrived.
  ///
  /// All parties that continue see what each party wrote before it arrived. Blocks: spins for some
  /// microseconds, and then sleeps in the kernel. A party whose wait ends with an error has given
  /// up, even if a signal ended the wait. Corresponds to `pthread_barrier_wait` in C and to
  /// `Barrier.wait()` in Python.
  ///
  /// - Parameter timeout: How long to wait for the others; `nil`: as long as it takes.
  /// - Returns: Whether this party was the last to arrive; one party of each round is.
  /// - Throws: `timedOut` if this or another party has given up; `ownerDied` if a party has died or
  ///   was closed; `roleTaken` if other handles have all the places; `corrupted` if something other
  ///   than this type has written there; `system` for anything else.
  @discardableResult
  public func arriveAndWait(timeout: Duration? = nil) throws(InterprocessError) -> Bool {
    let (number, round) = try arrive()
    guard let round else { return true }
    let isOver: Bool?
    do throws(InterprocessError) {
      isOver = try waiting.wait(atMost: timeout) { stage throws(InterprocessError) in
        try attempt(stage, round: round, as: number)
      }
    } catch {
      breakRound(round, .timeout)
      throw error
    }
    try finish(isOver, round)
    return false
  }

  /// Arrives, and waits until all parties have arrived.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled. A
  /// cancelled task has given up, as after a time-out.
  ///
  /// - Parameter timeout: How long to wait for the others; `nil`: as long as it takes.
  /// - Returns: Whether this party was the last to arrive; one party of each round is.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  @discardableResult
  public nonisolated(nonsending) func arriveAndWait(
    timeout: Duration? = nil
  ) async throws -> Bool {
    let (number, round) = try arrive()
    guard let round else { return true }
    let isOver: Bool?
    do {
      isOver = try await waiting.wait(atMost: timeout) { stage throws(InterprocessError) in
        try attempt(stage, round: round, as: number)
      }
    } catch {
      breakRound(round, .timeout)
      throw error
    }
    try finish(isOver, round)
    return false
  }

  /// Resets the barrier: no party has arrived, it is not broken, and dead parties have left.
  ///
  /// Present waiters get `timedOut`. Does not block. Corresponds to `Barrier.reset()` in Python.
  public func reset() {
    segment.checkOpen()
    // Living parties keep their places, so that the barrier still notices if one of them dies.
    places.dropDead(own: holder.valueIfTaken ?? 0)
    // Two rounds on, so that waiters do not take the reset for the end of their round.
    func next() -> (UInt32, UInt32) {
      let current = word.loadRelaxed()
      return (current, Self.word(round: Self.round(of: current) &+ 2))
    }
    let isReset = (0..<SharedWord32.attemptLimit).contains { _ in
      let (current, next) = next()
      return word.compareExchangeReleasing(current, next)
    }
    // Other processes keep changing the word, but not by arriving: overwrite it.
    if !isReset { _ = word.exchangeReleasing(next().1) }
    word.wake(.max)
  }

  // MARK: - Words

  /// Whether a barrier can be used, for inspection.
  package enum Condition: Sendable {
    case whole, partyDied, partyGaveUp
  }

  /// The state of the barrier whose word this is.
  static func state(of word: UInt32) -> (arrivedCount: Int, Condition) {
    let condition: Condition =
      switch word & breakMask {
      case 0: .whole
      case Break.timeout.rawValue: .partyGaveUp
      default: .partyDied
      }
    return (arrivedCount(of: word), condition)
  }

  private static func round(of word: UInt32) -> UInt32 { word >> roundShift }

  private static func arrivedCount(of word: UInt32) -> Int {
    Int(word >> arrivedShift & arrivedMask)
  }

  /// The word of a round in which no party has arrived yet.
  private static func word(round: UInt32) -> UInt32 { round << roundShift }

  /// Counts this party as arrived.
  ///
  /// - Returns: The number of the handle, and the round whose end to wait for; `nil` if this was
  ///   the last party.
  private func arrive() throws(InterprocessError) -> (UInt32, round: UInt32?) {
    let number = try number()
    try join(as: number)
    for _ in 0..<SharedWord32.attemptLimit {
      let current = word.loadRelaxed()
      try checkNotBroken(current)
      let arrivedCount = Self.arrivedCount(of: current) + 1
      guard arrivedCount <= partyCount else {
        throw .corrupted(name, "\(arrivedCount - 1) of \(partyCount) parties have arrived")
      }
      let round = Self.round(of: current)
      if arrivedCount < partyCount {
        let next = current + 1 << Self.arrivedShift
        if word.compareExchangeAcquiringAndReleasing(current, next) {
          checkpoint(.partyArrived)
          return (number, round)
        }
      } else if word.compareExchangeAcquiringAndReleasing(current, Self.word(round: round &+ 1)) {
        checkpoint(.partyArrived)
        if current & Self.waiters != 0 { word.wake(.max) }
        return (number, nil)
      }
    }
    throw isRestless
  }

  /// Takes a place for this handle, if it has none.
  private func join(as number: UInt32) throws(InterprocessError) {
    let found = place.load(ordering: .relaxed)
    if found >= 0, places.isTaken(found, by: number) { return }
    for _ in 0..<SharedWord32.attemptLimit {
      if let index = places.take(as: number) {
        // If two threads come here, one of them frees its place again.
        let isKept = place.compareExchange(
          expected: found, desired: index, ordering: .relaxed
        ).exchanged
        if !isKept { places.free(index, number) }
        return
      }
      let deadCount = try places.deadCount(own: number)
      // Another party has just freed places of dead parties.
      if places.freeCount > 0 { continue }
      switch deadCount {
      case 0:
        throw InterprocessError(
          code: .roleTaken, name: name,
          message: "Other handles have taken all \(partyCount) places of the barrier \"\(name)\".")
      case partyCount where arrivedCount == 0:
        // All parties are left over from an earlier use.
        try places.reclaim(own: number)
      default:
        breakRound(Self.round(of: word.loadRelaxed()), .death)
        throw ownerDied
      }
    }
    throw isRestless
  }

  private func number() throws(InterprocessError) -> UInt32 {
    try holder.value { places.forget($0) }
  }

  private func attempt(
    _ stage: Waiting.Stage, round: UInt32, as number: UInt32
  ) throws(InterprocessError) -> Waiting.Turn<Bool> {
    for _ in 0..<SharedWord32.attemptLimit {
      let current = word.loadAcquiring()
      if try isOver(round, current) { return .done(true) }
      if stage == .spinning { return .wait(word, while: current) }
      let marked = current | Self.waiters
      guard current == marked || word.compareExchangeRelaxed(current, marked) else { continue }
      guard stage == .checking, try places.deadCount(own: number) > 0 else {
        return .wait(word, while: marked, alike: Int(round))
      }
      breakRound(round, .death)
    }
    // Other processes keep changing the word: return, so that the wait checks its time.
    return .wait(word, while: word.loadRelaxed())
  }

  /// Whether a round has ended with all parties.
  ///
  /// - Throws: `ownerDied` and `timedOut` if it has ended without all parties.
  private func isOver(_ round: UInt32, _ current: UInt32) throws(InterprocessError) -> Bool {
    let found = Self.round(of: current)
    if found == Self.round(of: Self.word(round: round &+ 1)) { return true }
    guard found == round else { throw timedOut("The barrier was reset.") }
    try checkNotBroken(current)
    return false
  }

  private func finish(_ isOver: Bool?, _ round: UInt32) throws(InterprocessError) {
    if isOver != nil { return }
    // The round may have ended, or been broken, at the last moment.
    if !breakRound(round, .timeout), try self.isOver(round, word.loadAcquiring()) { return }
    throw timedOut("The wait has reached its time-out.")
  }

  /// Breaks the barrier, unless the round is over or the barrier is already broken.
  ///
  /// - Returns: Whether this call broke it.
  @discardableResult
  private func breakRound(_ round: UInt32, _ reason: Break) -> Bool {
    for _ in 0..<SharedWord32.attemptLimit {
      let current = word.loadRelaxed()
      guard Self.round(of: current) == round, current & Self.breakMask == 0 else { return false }
      let next = current & ~Self.waiters | reason.rawValue
      guard word.compareExchangeReleasing(current, next) else { continue }
      checkpoint(.barrierBroken)
      if current & Self.waiters != 0 { word.wake(.max) }
      return true
    }
    return false
  }

  // MARK: - Errors

  private func checkNotBroken(_ current: UInt32) throws(InterprocessError) {
    switch current & Self.breakMask {
    case 0: return
    case Break.timeout.rawValue: throw timedOut("A party has given up.")
    default: throw ownerDied
    }
  }

  private var isRestless: InterprocessError {
    .corrupted(name, "another process keeps changing its words")
  }

  private func timedOut(_ reason: String) -> InterprocessError {
    InterprocessError(
      code: .timedOut, name: name,
      message: "The parties of the barrier \"\(name)\" have not all arrived. \(reason)")
  }

  private var ownerDied: InterprocessError {
    InterprocessError(
      code: .ownerDied, name: name,
      message: """
        A party of the barrier "\(name)" has died or left. Call `reset()` once all remaining \
        parties know of it.
        """)
  }
}

extension SharedBarrier: StructuredObject {
  /// For the functions of ``StructuredObject``.
  public static func _open(
    _ memory: consuming SharedMemory
  ) throws(InterprocessError) -> SharedBarrier {
    SharedBarrier(
      try StructuredSegment(reading: memory, BarrierKind.self, of: UInt32.self) {
        byteCount(of: $0)
      })
  }

  /// For the functions of ``SharedObject``.
  public func _withMemory<Result, Failure: Error>(
    open isNeeded: Bool, _ body: (borrowing SharedMemory) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if isNeeded { segment.checkOpen() }
    return try body(segment.memory)
  }
}
