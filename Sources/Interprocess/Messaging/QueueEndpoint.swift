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

/// One side of a queue: threads of all processes take turns at it, or one of them keeps it.
@usableFromInline
struct QueueEndpoint: ~Copyable, Sendable {
  let multiplicity: Multiplicity
  private let segment: StructuredSegment
  let ring: any MessageRing
  let isSending: Bool
  private let lock: RobustLock
  private let waiting: Waiting

  init(
    _ multiplicity: Multiplicity, of ring: any MessageRing, in segment: StructuredSegment,
    isSending: Bool
  ) {
    self.multiplicity = multiplicity
    self.segment = segment
    self.ring = ring
    self.isSending = isSending
    lock = (isSending ? ring.sending : ring.receiving).lock(in: segment)
    waiting = Waiting(
      for: "the other side of the queue", in: segment, usualSpin: .microseconds(50))
  }

  private var side: QueueSide { isSending ? ring.sending : ring.receiving }

  private var cursor: QueueCursor {
    get throws(InterprocessError) {
      isSending ? try ring.sendingCursor() : try ring.receivingCursor()
    }
  }

  /// Whether there is nothing to receive but what is in the queue now.
  @usableFromInline var isOver: Bool {
    segment.checkOpen()
    return !isSending && ring.isFinished
  }

  @usableFromInline var currentGeneration: UInt32 { Descriptor.generation }

  // MARK: - Turns

  /// Begins a turn, until `leave`, if the side is free.
  ///
  /// - Throws: `wrongKind`, `finished`, `corrupted` and `system`.
  @usableFromInline func enterAtOnce() throws(InterprocessError) -> QueueCursor? {
    try checkShared()
    return lock.lockAtOnce() ? try cursorOrUnlock() : nil
  }

  /// The same, waiting for other turns.
  ///
  /// They are short, unless a thread is in its closure, or has been stopped. With a time-out of
  /// zero, this still waits for some microseconds.
  ///
  /// - Parameter timeout: How long to wait; `nil`: as long as it takes.
  /// - Returns: `nil` if the time-out has passed.
  @usableFromInline func enter(
    atMost timeout: Duration?
  ) throws(InterprocessError) -> QueueCursor? {
    if let cursor = try enterAtOnce() { return cursor }
    let outcome = try lock.lockInTime(atMost: timeout, isRecovering: true)
    return outcome == nil ? nil : try cursorOrUnlock()
  }

  /// The same for a task, which must leave before it is suspended again.
  ///
  /// - Throws: What the form for threads throws, and `CancellationError`.
  private nonisolated(nonsending) func enter(
    atMost timeout: Duration?
  ) async throws -> QueueCursor? {
    if let cursor = try enterAtOnce() { return cursor }
    let outcome = try await lock.lockInTime(atMost: timeout, isRecovering: true)
    return outcome == nil ? nil : try cursorOrUnlock()
  }

  private func cursorOrUnlock() throws(InterprocessError) -> QueueCursor {
    do throws(InterprocessError) {
      if isSending { try checkUnfinished() }
      return try cursor
    } catch {
      leave()
      throw error
    }
  }

  /// Begins a turn of a waiter; the holder of the role needs none.
  ///
  /// The waiter may have been woken for room or a message. If it gets no turn, it passes that
  /// wake-up on.
  ///
  /// - Throws: `timedOut`, `wrongKind`, `finished`, `corrupted` and `system`.
  @usableFromInline func begin(
    _ cursor: inout QueueCursor, until sleeps: borrowing Sleeps, for byteCount: Int
  ) throws(InterprocessError) {
    if multiplicity == .one { return }
    do throws(InterprocessError) {
      guard let entered = try enter(atMost: sleeps.timeLeft) else { throw turnTaken }
      cursor = entered
    } catch {
      passOn(byteCount)
      throw error
    }
  }

  /// The same for a task.
  ///
  /// - Throws: What the form for threads throws, and `CancellationError`.
  @usableFromInline nonisolated(nonsending) func begin(
    _ cursor: inout QueueCursor, until sleeps: borrowing Sleeps, for byteCount: Int
  ) async throws {
    if multiplicity == .one { return }
    do {
      guard let entered = try await enter(atMost: sleeps.timeLeft) else { throw turnTaken }
      cursor = entered
    } catch {
      passOn(byteCount)
      throw error
    }
  }

  /// Ends a turn during which this process has not forked.
  @usableFromInline func leave() { lock.unlock(takenIn: Descriptor.generation) }

  /// Ends a turn, if it is one; does nothing in a child that was forked during the turn, as its
  /// parent holds the side.
  ///
  /// - Parameters:
  ///   - generation: The generation in which the turn began.
  ///   - byteCount: Not `nil` if the thread leaves without using what it may have been woken for:
  ///     the number of bytes of the message that it wanted to send, or 0.
  @usableFromInline func end(takenIn generation: UInt32, passingOn byteCount: Int? = nil) {
    guard multiplicity == .many, generation == Descriptor.generation else { return }
    leave()
    if let byteCount { passOn(byteCount) }
  }

  // MARK: - Waiting

  /// Waits until the other side has made room, or has sent a message, or the queue is finished.
  ///
  /// Another thread may take the room or the message before this returns.
  ///
  /// - Parameters:
  ///   - byteCount: The number of bytes of the message to send.
  ///   - cursor: The cursor of the role's holder.
  ///   - sleeps: How long to wait.
  /// - Throws: `timedOut`, `interrupted`, `corrupted` and `system`.
  @usableFromInline func wait(
    for byteCount: Int, at cursor: QueueCursor, until sleeps: borrowing Sleeps
  ) throws(InterprocessError) {
    let timeout = sleeps.timeLeft
    // With no time left, one look is enough, and the caller has just made it.
    if let timeout, timeout <= .zero { throw timedOut }
    let outcome: Void? = try waiting.wait(atMost: timeout) { stage throws(InterprocessError) in
      try attempt(stage, byteCount, at: cursor)
    }
    if outcome == nil { throw timedOut }
  }

  /// The same, suspending the task while it waits.
  ///
  /// - Throws: What the form for threads throws, and `CancellationError`.
  @usableFromInline nonisolated(nonsending) func wait(
    for byteCount: Int, at cursor: QueueCursor, until sleeps: borrowing Sleeps
  ) async throws {
    let timeout = sleeps.timeLeft
    if let timeout, timeout <= .zero {
      try Task.checkCancellation()
      throw timedOut
    }
    let outcome: Void? = try await waiting.wait(
      atMost: timeout, isDue: look(byteCount, at: cursor).isDue
    ) { stage throws(InterprocessError) in
      try attempt(stage, byteCount, at: cursor)
    }
    if outcome == nil { throw timedOut }
  }

  /// One attempt of that wait, which also frees what a dead receiver had taken.
  ///
  /// - Throws: `corrupted` and `system`.
  private func attempt(
    _ stage: Waiting.Stage, _ byteCount: Int, at cursor: QueueCursor
  ) throws(InterprocessError) -> Waiting.Outcome<Void> {
    if stage.isChecking, !isSending { try recover() }
    let outcome = try side.gate.attempt(stage, alike: byteCount) { () throws(InterprocessError) in
      isReady(byteCount, at: cursor) ? () : nil
    }
    if stage.isMarking, case .wait = outcome { side.countSleep() }
    return outcome
  }

  /// Wakes another sleeper of this side in place of this thread, which leaves without using what it
  /// may have been woken for.
  ///
  /// - Parameter byteCount: The number of bytes of the message that it wanted to send.
  private func passOn(_ byteCount: Int) {
    if isReady(byteCount) { side.gate.gate.open(waking: 1) }
  }

  /// Whether there seems to be room or a message, or the queue is finished.
  ///
  /// - Parameter cursor: The cursor of the role's holder; without it, any position may be the next.
  private func isReady(_ byteCount: Int, at cursor: QueueCursor? = nil) -> Bool {
    ring.isReady(byteCount, isSending: isSending, at: position(of: cursor))
  }

  /// The position of the only holder of the role; `nil` if that of the side counts.
  private func position(of cursor: QueueCursor?) -> UInt64? {
    // The holder of the role does not trust the shared position: a hostile process could make it
    // wait for the wrong message, perhaps forever.
    multiplicity == .one ? cursor?.position : nil
  }

  /// Looks for room or a message in place of a waiter, on another thread; changes nothing.
  struct Look: Sendable {
    fileprivate let ring: any MessageRing
    fileprivate let isSending: Bool
    fileprivate let byteCount: Int
    fileprivate let position: UInt64?
    /// The lock of the receiving side, if its last holder may have left something to recover.
    fileprivate let lock: RobustLock.Look?

    /// Whether the waiter may find something, such as what a dead receiver had taken.
    @Sendable func isDue() -> Bool {
      ring.isReady(byteCount, isSending: isSending, at: position)
        || (ring.isTakenUnfreed && lock?.seemsFree() == true)
    }
  }

  func look(_ byteCount: Int = 0, at cursor: QueueCursor? = nil) -> Look {
    Look(
      ring: ring, isSending: isSending, byteCount: byteCount, position: position(of: cursor),
      lock: isSending || multiplicity == .one ? nil : lock.look(as: lock.numberIfTaken))
  }

  /// Frees what a dead receiver had taken.
  ///
  /// The next receiver that takes a turn does so as well. But sleeping receivers take no turn until
  /// there is a message, and perhaps there is no room for one until this is done.
  ///
  /// - Throws: `corrupted` and `system`.
  func recover() throws(InterprocessError) {
    guard multiplicity == .many, ring.isTakenUnfreed, try lock.claim() else { return }
    defer { leave() }
    _ = try ring.receivingCursor()
  }

  /// The gate on which this side sleeps.
  var gate: AsymmetricEventCount { side.gate }

  /// Whether this side can, or seems to be able to, go on.
  var isReady: Bool { isReady(0) }

  /// How often a receiver may look in vain before it prepares to sleep at once: not at all if
  /// recent waits did not end while they spun.
  @usableFromInline var lookCredit: Int { waiting.isSpinningUseful ? 4 : 0 }

  /// Counts one more sleep of this side.
  func countSleep() { side.countSleep() }

  // MARK: - Finishing

  /// Finishes the queue: in a turn of the sending side, or as its only sender for the moment.
  ///
  /// - Throws: `timedOut`, `roleTaken`, `corrupted` and `system`.
  func finish(atMost timeout: Duration?) throws(InterprocessError) {
    segment.checkOpen()
    if multiplicity == .one {
      try claim()
    } else if try lock.lockInTime(atMost: timeout, isRecovering: true) == nil {
      throw turnTaken
    }
    ring.finish()
    leave()
  }

  /// The same, suspending the task while it waits.
  ///
  /// - Throws: What the form for threads throws, and `CancellationError`.
  nonisolated(nonsending) func finish(atMost timeout: Duration?) async throws {
    segment.checkOpen()
    try Task.checkCancellation()
    if multiplicity == .one {
      try claim()
    } else if try await lock.lockInTime(atMost: timeout, isRecovering: true) == nil {
      throw turnTaken
    }
    ring.finish()
    leave()
  }

  // MARK: - Roles

  /// Takes the role of the only sender or receiver.
  ///
  /// - Returns: Where the last holder left off.
  /// - Throws: `wrongKind`, `roleTaken`, `finished`, `corrupted` and `system`.
  func takeRole() throws(InterprocessError) -> QueueCursor {
    guard multiplicity == .one else { throw roleMissing }
    try claim()
    return try cursorOrUnlock()
  }

  private func claim() throws(InterprocessError) {
    guard try lock.claim() else { throw roleTaken }
  }

  /// Gives back the role; does nothing in a child of the process that took it.
  ///
  /// - Parameter generation: The generation in which it was taken.
  func giveBack(_ generation: UInt32) { lock.unlock(takenIn: generation) }

  /// Keeps this handle from taking turns and roles from now on.
  func close() {
    lock.close(orElse: "The queue was to be closed while a sender or receiver of it was in use")
  }
}
