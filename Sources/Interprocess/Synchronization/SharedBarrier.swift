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

/// A place where processes wait for each other, until all of them have arrived.
///
/// ```swift
/// let start = try SharedBarrier.attachOrCreate("start", partyCount: 4)
/// // ... in each of four processes:
/// try start.arriveAndWait()
/// // all of them go on from here, and can meet again at the same barrier
/// ```
///
/// Each handle is one party, from its first arrival until it is closed. If a party dies, or is
/// closed, those who wait for it get `ownerDied` instead of waiting for ever, and so does everybody
/// who arrives later: the barrier is broken, until ``reset()`` makes it anew. It breaks also if a
/// party gives up, by a time-out or because its task is cancelled; then the others get `timedOut`.
/// A party that has never arrived is not known, so that its death is found out by a time-out only.
///
/// Tasks and threads of one process may use one handle at once; each of their arrivals counts.
///
/// The handle is closed when the last reference to it goes. Corresponds to a `pthread_barrier_t`
/// with `PTHREAD_PROCESS_SHARED` in C and to `multiprocessing.Barrier` in Python, both of which
/// block when a party dies.
public final class SharedBarrier: Sendable {
  // The word says everything, so that each arrival is one compare-exchange: the number of the
  // round, how many have arrived in it, whether and why the barrier is broken, and whether somebody
  // may sleep. The last one to arrive begins the next round. Whoever waits does so while the word
  // has the round of its arrival, and is not broken; it sleeps only while the word is as it was
  // with the mark, and whoever clears the mark wakes all.
  //
  // An arrival is acquiring and releasing, so that whoever goes on has seen what each party wrote
  // before it arrived: each of the compare-exchanges of a round carries on those before.
  //
  // A party is a place of `HolderTable` with the number of its handle. One who waits looks, after
  // its first 20 ms, whether the number in each place still has a holder, and breaks the barrier if
  // not. A party that dies after it has arrived breaks it as well, if the round is not over by
  // then. It does no harm if the last one to arrive is killed before it wakes the others: they find
  // out by themselves within a second, also that the round is over.

  private static let waiters: UInt32 = 1
  private static let breakMask: UInt32 = 0b110
  private static let arrivedShift: UInt32 = 3
  private static let arrivedMask: UInt32 = 0xFFFF
  private static let roundShift: UInt32 = 19

  /// Why a barrier is broken, as the word has it.
  private enum Break: UInt32 {
    case death = 0b010
    case timeout = 0b100
  }

  /// Where the gate of the parties' places lies, and where the places begin.
  static let gateOffset = 4
  static let placesOffset = 8

  let segment: StructuredSegment
  private let word: SharedWord32
  private let places: HolderTable
  private let holder = HolderNumber()
  /// The place that this handle has taken, perhaps not its own any more; -1 before there is one.
  private let place = Atomic(-1)
  private let waiting = Waiting()

  // MARK: - Create and attach

  /// Creates a barrier under a name that is not taken.
  ///
  /// Does not wait for other processes.
  ///
  /// - Parameters:
  ///   - name: The name, as for
  ///     ``SharedMemory/create(_:byteCount:options:initializingWith:)``.
  ///   - partyCount: How many have to arrive, 1 to 65,535.
  ///   - options: When its name goes, who may use it, and when its pages are taken. Everybody who
  ///     uses it has to be allowed to write.
  /// - Returns: The barrier, at which nobody has arrived.
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

  /// Attaches to a barrier that another process has created.
  ///
  /// Waits only if asked to, and not for other parties.
  ///
  /// - Parameters:
  ///   - name: The name that it was created under.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait for the segment if there is none yet; `nil`: not at all.
  /// - Returns: The barrier.
  /// - Throws: `wrongKind` if something else lies under that name, `unsupportedVersion`,
  ///   `corrupted`, and what attaching to ``SharedMemory`` throws: `notFound`, `timedOut`,
  ///   `invalidSize`, `foreignOwner`, `permissionDenied`, `invalidName` and `system`.
  public static func attach(
    _ name: String,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration? = nil
  ) throws(InterprocessError) -> SharedBarrier {
    SharedBarrier(
      try StructuredSegment.attach(
        name, BarrierKind.self, of: UInt32.self, owner: owner, waitingUpTo: timeout
      ) { byteCount(of: $0) })
  }

  /// Attaches to a barrier, or creates it if there is none.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - partyCount: How many have to arrive at a new barrier, 1 to 65,535.
  ///   - options: Those of a new barrier.
  ///   - owner: Whose memory to accept.
  /// - Returns: The barrier; ``isCreator`` tells which of both has happened.
  /// - Throws: What creating and attaching throw.
  public static func attachOrCreate(
    _ name: String,
    partyCount: Int,
    options: SegmentOptions = SegmentOptions(),
    owner: SharedMemory.Owner = .currentUser
  ) throws(InterprocessError) -> SharedBarrier {
    SharedBarrier(
      try StructuredSegment.attachOrCreate(
        name, plan(partyCount), options: options, owner: owner
      ) { byteCount(of: $0) })
  }

  /// The bytes behind the header; `nil` for a number of parties that no barrier has.
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

  init(_ segment: consuming StructuredSegment) {
    let offset = segment.contentOffset
    word = segment.memory.range.word32(at: offset)
    places = HolderTable(
      in: segment.memory.range, gateOffset: offset + Self.gateOffset,
      offset: offset + Self.placesOffset, stride: 4, count: segment.capacity, wakeCount: .max)
    self.segment = segment
  }

  // MARK: - Basics

  /// How many have to arrive.
  public var partyCount: Int { segment.capacity }

  /// How many have arrived, and wait for the others.
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

  /// Ends this handle's use of the barrier, which has one party less, as if that had
  /// died.
  ///
  /// Its lease is given up, and with the last one of all processes a temporary name. The same
  /// happens when the last reference to the handle goes, and then the memory is unmapped.
  /// Afterwards the handle only tells its name and what belongs to that, and unlinks it; all else
  /// is a failed precondition, also for a thread or task that waits here meanwhile, when it goes
  /// on. To close it once more does nothing.
  ///
  /// Does not block, but as ``SharedMemory/close()``.
  public func close() {
    segment.close {
      guard let number = holder.close() else { return }
      // What fails leaves a party that leaves with the descriptor.
      try? Lease.dropNumber(number, on: segment.memory.mapping.descriptor)
    }
  }

  // MARK: - Arriving

  /// Arrives, and waits until all parties have.
  ///
  /// What each party has written before it arrived is seen by all who go on. Blocks: spins for some
  /// microseconds, and then sleeps in the kernel. A party whose wait ends with an error has given
  /// up, also if a signal has ended it. Corresponds to `pthread_barrier_wait` in C and to
  /// `Barrier.wait()` in Python.
  ///
  /// - Parameter timeout: How long to wait for the others; `nil`: as long as it takes.
  /// - Returns: Whether this party was the last one to arrive, as one of each round is.
  /// - Throws: `timedOut` if this or another party has given up; `ownerDied` if one has died;
  ///   `roleTaken` if all parties are there, and this handle is none of them; `corrupted` if
  ///   something else than this type has written there; `system` for anything else.
  @discardableResult
  public func arriveAndWait(timeout: Duration? = nil) throws(InterprocessError) -> Bool {
    let (number, round) = try arrive()
    guard let round else { return true }
    let isOver: Bool?
    do throws(InterprocessError) {
      isOver = try waiting.wait(atMost: timeout) { stage throws(InterprocessError) in
        try attempt(stage, round: round, as: number)
      } translatingErrors: { [name] errno in
        .system(errno, name: name, action: "wait for the other parties")
      }
    } catch {
      breakRound(round, .timeout)
      throw error
    }
    try finish(isOver, round)
    return false
  }

  /// Arrives, and waits until all parties have.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// A task that is cancelled has given up, as by a time-out.
  ///
  /// - Parameter timeout: How long to wait for the others; `nil`: as long as it takes.
  /// - Returns: Whether this party was the last one to arrive, as one of each round is.
  /// - Throws: As the blocking form, and `CancellationError`.
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

  /// Makes a barrier anew: nobody has arrived, it is not broken, and dead parties have left.
  ///
  /// Those who wait get `timedOut`. Does not block. Corresponds to `Barrier.reset()` in Python.
  public func reset() {
    segment.checkOpen()
    // Those who live keep their places, so that nobody waits for a party that is not known.
    places.dropDead(own: holder.valueIfTaken ?? 0, segment.memory)
    // Two rounds on: who waits for the next one does not take this for it.
    func next() -> (UInt32, UInt32) {
      let current = word.loadRelaxed()
      return (current, Self.word(round: Self.round(of: current) &+ 2))
    }
    let isReset = (0..<SharedWord32.attemptLimit).contains { _ in
      let (current, next) = next()
      return word.compareExchangeReleasing(current, next)
    }
    // Whatever it is that others write there all the time, it is no arrival.
    if !isReset { _ = word.exchangeReleasing(next().1) }
    word.wake(.max)
  }

  // MARK: - Words

  /// Whether a barrier can be used, for those who look at it.
  package enum Condition: Sendable {
    case whole, partyDied, partyGaveUp
  }

  /// What a word tells.
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

  /// The word of a round in which nobody has arrived yet.
  private static func word(round: UInt32) -> UInt32 { round << roundShift }

  /// Counts this party in.
  ///
  /// - Returns: The number of the handle, and the round whose end is to be waited for; `nil` if
  ///   this was the last party.
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
        // Of two threads that come here, one gives its place back.
        let isKept = place.compareExchange(
          expected: found, desired: index, ordering: .relaxed
        ).exchanged
        if !isKept { places.free(index, number) }
        return
      }
      let deadCount = try places.deadCount(own: number, segment.memory)
      // Another party is just freeing those of an earlier time.
      if places.freeCount > 0 { continue }
      switch deadCount {
      case 0:
        throw InterprocessError(
          code: .roleTaken, name: name,
          message: "All \(partyCount) parties of the barrier \"\(name)\" are there already.")
      case partyCount where arrivedCount == 0:
        // All of them are of an earlier time.
        try places.reclaim(own: number, segment.memory)
      default:
        breakRound(Self.round(of: word.loadRelaxed()), .death)
        throw ownerDied
      }
    }
    throw isRestless
  }

  private func number() throws(InterprocessError) -> UInt32 {
    try holder.value(segment.memory) { places.forget($0) }
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
      guard stage == .checking, try places.deadCount(own: number, segment.memory) > 0 else {
        return .wait(word, while: marked, alike: Int(round))
      }
      breakRound(round, .death)
    }
    // Others change the word all the time: the wait looks at its time.
    return .wait(word, while: word.loadRelaxed())
  }

  /// Whether a round has ended with all parties.
  ///
  /// - Throws: `ownerDied` and `timedOut` if it has ended without.
  private func isOver(_ round: UInt32, _ current: UInt32) throws(InterprocessError) -> Bool {
    let found = Self.round(of: current)
    if found == Self.round(of: Self.word(round: round &+ 1)) { return true }
    guard found == round else { throw timedOut("Somebody has made it anew.") }
    try checkNotBroken(current)
    return false
  }

  private func finish(_ isOver: Bool?, _ round: UInt32) throws(InterprocessError) {
    if isOver != nil { return }
    // It may have ended, or been broken, in that moment.
    if !breakRound(round, .timeout), try self.isOver(round, word.loadAcquiring()) { return }
    throw timedOut("Others have not come in time.")
  }

  /// Breaks the barrier, unless a round is over, or broken already.
  ///
  /// - Returns: Whether this has broken it.
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
    .corrupted(name, "somebody changes its words all the time")
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
        A party of the barrier "\(name)" has died or left. Call `reset()` when all who are left \
        know of it.
        """)
  }
}

extension SharedBarrier: SharedObject {
  /// For the functions of ``SharedObject``.
  public func _withMemory<Result, Failure: Error>(
    open isNeeded: Bool, _ body: (borrowing SharedMemory) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if isNeeded { segment.checkOpen() }
    return try body(segment.memory)
  }
}
