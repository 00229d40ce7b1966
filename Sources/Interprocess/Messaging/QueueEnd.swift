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

/// What the two ends of a queue need to know about the messages between them.
@usableFromInline
protocol MessageRing: Sendable {
  /// The words of the sending side, and of the receiving side.
  var sending: QueueSide { get }
  var receiving: QueueSide { get }
  /// The name of the segment, for errors.
  var name: String { get }
  /// Where to send next, as the last sender left it; only for the holder of that side.
  ///
  /// - Throws: `corrupted`.
  func sendingCursor() throws(InterprocessError) -> QueueCursor
  /// Where to receive next, as the last receiver left it; only for the holder of that side.
  ///
  /// - Throws: `corrupted`.
  func receivingCursor() throws(InterprocessError) -> QueueCursor
  /// Whether there is, or seems to be, room at a position for a message of `byteCount` bytes.
  func hasRoom(for byteCount: Int, at position: UInt64) -> Bool
  /// Whether there is, or seems to be, a message at a position.
  func hasMessage(at position: UInt64) -> Bool
  /// Whether no more messages will be sent.
  var isFinished: Bool { get }
  /// Whether a receiver has taken bytes that it has not freed: it is reading them, or has died.
  var isTakenUnfreed: Bool { get }
  /// Lets receivers get what is left, and then the end; only for the holder of the sending side.
  func finish()
}

/// One side of a queue: threads of all processes take turns at it, or one of them keeps it.
@usableFromInline
struct QueueEnd<Ring: MessageRing>: ~Copyable, Sendable {
  /// The role, while this handle holds it.
  struct Role: Sendable {
    var cursor: QueueCursor
    /// The thread that is using the cursor, if any.
    var thread: UInt64?
    /// Whether another thread is waiting for its turn.
    var isAwaited = false
  }

  let mode: Multiplicity
  private let ring: Ring
  private let isSending: Bool
  private let lock: RobustLock
  /// A child created by `fork` does not hold it.
  private let role = ThreadMutex<Role?>(nil)
  /// Where threads and tasks of this handle wait for their turns with the role.
  private let turns = OwnWord()
  private let waitingForTurns: Waiting
  private let waiting: Waiting

  init(_ mode: Multiplicity, of ring: Ring, in segment: StructuredSegment, isSending: Bool) {
    self.mode = mode
    self.ring = ring
    self.isSending = isSending
    waitingForTurns = Waiting(for: "a turn at the queue", in: ring.name)
    waiting = Waiting(
      for: "the other side of the queue", in: ring.name, longestSpin: .microseconds(50))
    lock = (isSending ? ring.sending : ring.receiving).lock(in: segment)
  }

  private var side: QueueSide { isSending ? ring.sending : ring.receiving }

  private func cursor() throws(InterprocessError) -> QueueCursor {
    isSending ? try ring.sendingCursor() : try ring.receivingCursor()
  }

  // MARK: - Taking turns

  /// Begins exclusive use of the side, until `leave`.
  ///
  /// Other turns are short, unless a thread is in its closure, or has been stopped. With a time-out
  /// of zero, this still waits for some microseconds.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for other turns; `nil`: as long as they take.
  /// - Returns: `nil` if the time-out has passed.
  /// - Throws: `roleTaken`, `corrupted` and `system`.
  @usableFromInline func enter(
    atMost timeout: Duration?
  ) throws(InterprocessError) -> QueueCursor? {
    if let cursor = try enterAtOnce() { return cursor }
    if mode == .one {
      return try waitingForTurns.wait(atMost: timeout) { stage throws(InterprocessError) in
        try attemptRole(stage)
      }
    }
    let outcome = try lock.lockInTime(atMost: timeout, isRecovering: true)
    return outcome == nil ? nil : try cursorOrUnlock()
  }

  /// The same without waiting: takes the turn if it is free.
  ///
  /// Kept small, as most turns need no more than this.
  @usableFromInline func enterAtOnce() throws(InterprocessError) -> QueueCursor? {
    if mode == .many { return lock.lockAtOnce() ? try cursorOrUnlock() : nil }
    guard case .done(let cursor) = try attemptRole(.spinning) else { return nil }
    return cursor
  }

  /// The same for a task, which must leave before it is suspended again.
  ///
  /// - Throws: What the blocking form throws, and `CancellationError`.
  @usableFromInline nonisolated(nonsending) func enter(
    atMost timeout: Duration?
  ) async throws -> QueueCursor? {
    if let cursor = try enterAtOnce() { return cursor }
    if mode == .one {
      return try await waitingForTurns.wait(atMost: timeout) { stage throws(InterprocessError) in
        try attemptRole(stage)
      }
    }
    let outcome = try await lock.lockInTime(atMost: timeout, isRecovering: true)
    return outcome == nil ? nil : try cursorOrUnlock()
  }

  private func cursorOrUnlock() throws(InterprocessError) -> QueueCursor {
    do throws(InterprocessError) {
      return try cursor()
    } catch {
      lock.unlock(takenIn: Descriptor.generation)
      throw error
    }
  }

  /// One attempt to get a turn with the role; claims the role if this handle does not hold it.
  private func attemptRole(
    _ stage: Waiting.Stage
  ) throws(InterprocessError) -> Waiting.Turn<QueueCursor> {
    try role.withLock { role throws(InterprocessError) in
      if role == nil {
        try claim()
        role = Role(cursor: try cursorOrUnlock())
      }
      let thread = Processors.currentThread
      if role!.thread == thread {
        failAsMisused("This thread is already using this side of the queue")
      }
      if role!.thread != nil {
        if stage != .spinning { role!.isAwaited = true }
        return .wait(turns.word, while: turns.word.loadRelaxed(), alike: 0)
      }
      role!.thread = thread
      return .done(role!.cursor)
    }
  }

  /// The same for a waiter that may have been woken for room or a message; if it gets no turn, it
  /// passes the wake-up on.
  ///
  /// - Parameter byteCount: The number of bytes of the message to send.
  /// - Throws: `timedOut`, `roleTaken`, `corrupted` and `system`.
  @usableFromInline func enter(
    until sleeps: borrowing Sleeps, for byteCount: Int = 0
  ) throws(InterprocessError) -> QueueCursor {
    do throws(InterprocessError) {
      if let cursor = try enter(atMost: sleeps.timeLeft) { return cursor }
      throw turnTaken
    } catch {
      passOn(byteCount)
      throw error
    }
  }

  /// The same for a task, which must leave before it is suspended again.
  ///
  /// - Throws: What the blocking form throws, and `CancellationError`.
  @usableFromInline nonisolated(nonsending) func enter(
    until sleeps: borrowing Sleeps, for byteCount: Int = 0
  ) async throws -> QueueCursor {
    do {
      if let cursor = try await enter(atMost: sleeps.timeLeft) { return cursor }
      throw turnTaken
    } catch {
      passOn(byteCount)
      throw error
    }
  }

  private var turnTaken: InterprocessError {
    InterprocessError(
      code: .timedOut, name: ring.name,
      message: """
        Another \(isSending ? "sender" : "receiver") of the queue "\(ring.name)" kept its turn \
        until the time-out. Is it in its closure, or has it been stopped?
        """)
  }

  /// Ends the use of the side, for a turn during which this process has not forked.
  @usableFromInline func leave(_ cursor: QueueCursor) {
    if mode == .many {
      lock.unlock(takenIn: Descriptor.generation)
      return
    }
    let isAwaited = role.withLock { role in
      role!.cursor = cursor
      role!.thread = nil
      defer { role!.isAwaited = false }
      return role!.isAwaited
    }
    // A waiter sets the mark and reads the word under the lock, so it sleeps on the word's present
    // value, which this changes.
    if isAwaited { turns.ring(waking: .max) }
  }

  /// The same after a closure; does nothing in a child that was forked in the closure, as its
  /// parent holds the side.
  ///
  /// - Parameters:
  ///   - generation: The generation in which the use began.
  ///   - byteCount: Not `nil` if the thread leaves without using what it may have been woken for:
  ///     the number of bytes of the message that it wanted to send, or 0.
  @usableFromInline func leave(
    _ cursor: QueueCursor, takenIn generation: UInt32, passingOn byteCount: Int? = nil
  ) {
    guard generation == Descriptor.generation else { return }
    leave(cursor)
    if let byteCount { passOn(byteCount) }
  }

  // MARK: - Waiting

  /// Waits until the other side has made room, or has sent a message, or the queue is finished.
  ///
  /// Another thread may take the room or the message before this returns.
  ///
  /// - Parameters:
  ///   - byteCount: The number of bytes of the message to send.
  ///   - position: The position of the side, if a role value knows it.
  ///   - timeout: How long to wait; `nil`: as long as it takes.
  /// - Returns: Whether that happened before the time-out.
  /// - Throws: `system`.
  @usableFromInline func wait(
    for byteCount: Int = 0, at position: UInt64? = nil, atMost timeout: Duration?
  ) throws(InterprocessError) -> Bool {
    try wait(at: position, atMost: timeout) { stage, position throws(InterprocessError) in
      try attempt(stage, byteCount, at: position)
    }
  }

  /// The same, suspending the task while it waits.
  @usableFromInline nonisolated(nonsending) func wait(
    for byteCount: Int = 0, at position: UInt64? = nil, atMost timeout: Duration?
  ) async throws -> Bool {
    try await wait(at: position, atMost: timeout) { stage, position throws(InterprocessError) in
      try attempt(stage, byteCount, at: position)
    }
  }

  /// - Parameter attempt: One attempt of the wait, at a position.
  private func wait(
    at position: UInt64?, atMost timeout: Duration?,
    _ attempt: (Waiting.Stage, UInt64?) throws(InterprocessError) -> Waiting.Turn<Void>
  ) throws(InterprocessError) -> Bool {
    // With no time left, one look is enough, and the caller has just made it.
    if let timeout, timeout <= .zero { return false }
    let position = position ?? ownPosition
    let outcome: Void? = try waiting.wait(atMost: timeout) { stage throws(InterprocessError) in
      try attempt(stage, position)
    }
    return outcome != nil
  }

  /// The same, suspending the task while it waits.
  private nonisolated(nonsending) func wait(
    at position: UInt64?, atMost timeout: Duration?,
    _ attempt: (Waiting.Stage, UInt64?) throws(InterprocessError) -> Waiting.Turn<Void>
  ) async throws -> Bool {
    if let timeout, timeout <= .zero {
      try Task.checkCancellation()
      return false
    }
    let position = position ?? ownPosition
    let outcome: Void? = try await waiting.wait(atMost: timeout) {
      stage throws(InterprocessError) in
      try attempt(stage, position)
    }
    return outcome != nil
  }

  /// The position of this handle, if it holds the role.
  ///
  /// The shared position is not trusted: a hostile process could make this side wait for the wrong
  /// message, perhaps forever.
  private var ownPosition: UInt64? {
    if mode == .many { return nil }
    return role.withLock { $0?.cursor.position }
  }

  /// Wakes another sleeper of this side in place of this thread, which leaves without using what it
  /// may have been woken for.
  ///
  /// - Parameter byteCount: The number of bytes of the message that it wanted to send.
  @usableFromInline func passOn(_ byteCount: Int = 0) {
    if isReady(byteCount, at: side.position.loadRelaxed()) { side.gate.gate.open(waking: 1) }
  }

  /// Whether there seems to be room or a message, or the queue is finished.
  private func isReady(_ byteCount: Int, at position: UInt64) -> Bool {
    ring.isFinished
      || (isSending
        ? ring.hasRoom(for: byteCount, at: position) : ring.hasMessage(at: position))
  }

  /// One attempt of that wait, which also frees what a dead receiver had taken.
  ///
  /// - Throws: `corrupted` and `system`.
  private func attempt(
    _ stage: Waiting.Stage, _ byteCount: Int, at position: UInt64?
  ) throws(InterprocessError) -> Waiting.Turn<Void> {
    if stage == .checking, !isSending { try recover() }
    let turn = try side.gate.attempt(stage, alike: byteCount) { () throws(InterprocessError) in
      isReady(byteCount, at: position ?? side.position.loadRelaxed()) ? () : nil
    }
    if stage != .spinning, case .wait = turn { side.countSleep() }
    return turn
  }

  /// Frees what a dead receiver had taken.
  ///
  /// The next receiver that takes a turn does so as well. But sleeping receivers take no turn until
  /// there is a message, and perhaps there is no room for one until this is done.
  ///
  /// - Throws: `corrupted` and `system`.
  func recover() throws(InterprocessError) {
    guard mode == .many, ring.isTakenUnfreed, try lock.claim() else { return }
    defer { lock.unlock(takenIn: Descriptor.generation) }
    _ = try ring.receivingCursor()
  }

  /// The gate on which this side sleeps.
  var gate: AsymmetricEventCount { side.gate }

  /// Whether this side can, or seems to be able to, go on.
  var isReady: Bool { isReady(0, at: side.position.loadRelaxed()) }

  /// Counts one more sleep of this side.
  func countSleep() { side.countSleep() }

  // MARK: - Finishing

  /// Finishes the queue, in a turn of the sending side.
  ///
  /// - Throws: `timedOut`, `roleTaken`, `corrupted` and `system`.
  func finish(
    atMost timeout: Duration?
  ) throws(InterprocessError) {
    let turn = try enter(until: Sleeps(atMost: timeout))
    ring.finish()
    leave(turn)
  }

  /// The same, suspending the task while it waits.
  ///
  /// - Throws: What the blocking form throws, and `CancellationError`.
  nonisolated(nonsending) func finish(
    atMost timeout: Duration?
  ) async throws {
    try Task.checkCancellation()
    let turn = try await enter(until: Sleeps(atMost: timeout))
    ring.finish()
    leave(turn)
  }

  // MARK: - Roles

  /// Takes the role of the only sender or receiver.
  ///
  /// - Throws: `roleTaken`, `corrupted` and `system`.
  func claim() throws(InterprocessError) {
    guard try lock.claim() else {
      throw InterprocessError(
        code: .roleTaken, name: ring.name,
        message: """
          Another handle or value is already the only \(isSending ? "sender" : "receiver") of the \
          queue "\(ring.name)". To use several, create the queue for many.
          """)
    }
  }

  /// Gives back the role; does nothing in a child of the process that claimed it.
  ///
  /// - Parameter generation: The generation in which it was claimed.
  func giveBack(_ generation: UInt32) { lock.unlock(takenIn: generation) }

  /// Gives back any role that this handle holds, and lets it take no other.
  func close() {
    let message = "The queue was to be closed while a sender or receiver of it was in use"
    role.withLock { role in
      guard let current = role.take() else { return }
      if current.thread != nil { failAsMisused(message) }
      giveBack(Descriptor.generation)
    }
    lock.close(orElse: message)
  }
}
