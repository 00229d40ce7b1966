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

  static let waiters: UInt32 = 1
  static let breakMask: UInt32 = 0b110
  static let arrivedShift: UInt32 = 3
  private static let arrivedMask: UInt32 = 0xFFFF
  private static let roundShift: UInt32 = 19

  /// Why a barrier is broken, as stored in the word.
  enum Break: UInt32 {
    case death = 0b010
    case timeout = 0b100
  }

  /// Where the gate of the parties' places lies, and where the places begin.
  static var gateOffset: Int { fieldOffset(\ipc_barrier.gate) }
  static let placesOffset = MemoryLayout<ipc_barrier>.size

  let segment: StructuredSegment
  let word: SharedWord32
  let places: HolderTable
  let holder: HolderNumber
  /// The place that this handle has taken, which it may have lost since; -1 before it takes one.
  let place = Atomic(-1)
  let waits: Waiting

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
    word = segment.memory._range.word32(at: offset)
    places = HolderTable(
      in: segment, gateOffset: offset + Self.gateOffset,
      offset: offset + Self.placesOffset, stride: 4, count: segment.capacity, wakeCount: .max)
    holder = HolderNumber(in: segment)
    waits = Waiting(for: "the other parties", in: segment)
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

  static func round(of word: UInt32) -> UInt32 { word >> roundShift }

  static func arrivedCount(of word: UInt32) -> Int {
    Int(word >> arrivedShift & arrivedMask)
  }

  /// The word of a round in which no party has arrived yet.
  static func word(round: UInt32) -> UInt32 { round << roundShift }
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
