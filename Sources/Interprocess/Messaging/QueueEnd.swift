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

/// What the ends of a queue have to know of the messages between them.
@usableFromInline
protocol MessageRing: Sendable {
  /// The words of the side that sends, and of the one that receives.
  var sending: QueueSide { get }
  var receiving: QueueSide { get }
  /// The name of the segment, for errors.
  var name: String { get }
  /// Where to send next, as the last sender has left it; for who has that side.
  ///
  /// - Throws: `corrupted`.
  func sendingCursor() throws(InterprocessError) -> QueueCursor
  /// Where to receive next, likewise.
  ///
  /// - Throws: `corrupted`.
  func receivingCursor() throws(InterprocessError) -> QueueCursor
  /// Whether there is room at a position for a message of so many bytes, or seems to be.
  func hasRoom(for byteCount: Int, at position: UInt64) -> Bool
  /// Whether there is a message at a position, or seems to be.
  func hasMessage(at position: UInt64) -> Bool
  /// Whether no more messages are sent.
  var isFinished: Bool { get }
  /// Whether a receiver has taken what it has not given back: it reads it, or has died.
  var isTakenUnfreed: Bool { get }
  /// Lets receivers get what there is, and then the end; for who has the sending side.
  func finish()
}

/// How the threads of all processes take turns at one side of a queue, or one of them keeps it.
@usableFromInline
struct QueueEnd<Ring: MessageRing>: ~Copyable, Sendable {
  /// The role, if this handle has it.
  struct Role: Sendable {
    var cursor: QueueCursor
    /// The thread that uses the cursor, if one does.
    var thread: UInt64?
    /// Whether another thread waits for its turn.
    var isAwaited = false
  }

  let mode: QueueRole
  private let ring: Ring
  private let isSending: Bool
  private let lock: RobustLock
  /// A child that `fork` has made does not have it.
  private let role = ThreadMutex<Role?>(nil)
  /// Where threads and tasks of this handle wait for their turns with the role.
  private let turns = OwnWord()
  private let waitingForTurns = Waiting()
  private let waiting = Waiting(longestSpin: .microseconds(50))

  init(_ mode: QueueRole, of ring: Ring, isSending: Bool) {
    self.mode = mode
    self.ring = ring
    self.isSending = isSending
    lock = (isSending ? ring.sending : ring.receiving).lock()
  }

  private var side: QueueSide { isSending ? ring.sending : ring.receiving }

  private func cursor() throws(InterprocessError) -> QueueCursor {
    isSending ? try ring.sendingCursor() : try ring.receivingCursor()
  }

  // MARK: - Taking turns

  /// Begins to use the side, until `leave`, while nobody else does.
  ///
  /// The turns of others are short, unless one is in its closure, or stopped. With no time at all,
  /// this waits for some microseconds.
  ///
  /// - Parameters:
  ///   - memory: The segment, by the handle that this is a part of.
  ///   - timeout: How long to wait for the turns of others; `nil`: as long as they take.
  /// - Returns: `nil` if the time is over.
  /// - Throws: `roleTaken`, `corrupted` and `system`.
  @usableFromInline func enter(
    _ memory: borrowing SharedMemory, atMost timeout: Duration?
  ) throws(InterprocessError) -> QueueCursor? {
    if let cursor = try enterAtOnce(memory) { return cursor }
    if mode == .one {
      return try waitingForTurns.wait(atMost: timeout) { stage throws(InterprocessError) in
        try attemptRole(stage, memory)
      } translatingErrors: { [name = ring.name] errno in
        .system(errno, name: name, action: "wait for a turn at the queue")
      }
    }
    let outcome = try lock.lockInTime(memory, atMost: timeout, isRecovering: true)
    return outcome == nil ? nil : try cursorOrUnlock()
  }

  /// As the other one, without waiting: takes the turn if nobody has it.
  ///
  /// Small, as it is what most turns cost.
  @usableFromInline func enterAtOnce(
    _ memory: borrowing SharedMemory
  ) throws(InterprocessError) -> QueueCursor? {
    if mode == .many { return lock.lockAtOnce() ? try cursorOrUnlock() : nil }
    guard case .done(let cursor) = try attemptRole(.spinning, memory) else { return nil }
    return cursor
  }

  /// The same for a task, which has to leave before it is suspended again.
  ///
  /// - Throws: Also `CancellationError`.
  @usableFromInline nonisolated(nonsending) func enter(
    _ memory: borrowing SharedMemory, atMost timeout: Duration?
  ) async throws -> QueueCursor? {
    if let cursor = try enterAtOnce(memory) { return cursor }
    if mode == .one {
      return try await waitingForTurns.wait(atMost: timeout) { stage throws(InterprocessError) in
        try attemptRole(stage, memory)
      }
    }
    let outcome = try await lock.lockInTime(memory, atMost: timeout, isRecovering: true)
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

  /// One turn of a wait for the turn with the role, which is taken if this handle does not have it.
  private func attemptRole(
    _ stage: Waiting.Stage, _ memory: borrowing SharedMemory
  ) throws(InterprocessError) -> Waiting.Turn<QueueCursor> {
    try role.withLock { role throws(InterprocessError) in
      if role == nil {
        try claim(memory)
        role = Role(cursor: try cursorOrUnlock())
      }
      let thread = Processors.currentThread
      if role!.thread == thread {
        failAsMisused("This thread is at this side of the queue already")
      }
      if role!.thread != nil {
        if stage != .spinning { role!.isAwaited = true }
        return .wait(turns.word, while: turns.word.loadRelaxed(), alike: 0)
      }
      role!.thread = thread
      return .done(role!.cursor)
    }
  }

  /// As `enter`, for one who may have been woken for what it will not get then.
  ///
  /// - Parameter byteCount: The bytes of the message that is to be sent.
  /// - Throws: `timedOut`, `roleTaken`, `corrupted` and `system`.
  @usableFromInline func enter(
    _ memory: borrowing SharedMemory, until sleeps: borrowing Sleeps, for byteCount: Int = 0
  ) throws(InterprocessError) -> QueueCursor {
    do throws(InterprocessError) {
      if let cursor = try enter(memory, atMost: sleeps.timeLeft) { return cursor }
      throw turnTaken
    } catch {
      passOn(byteCount)
      throw error
    }
  }

  /// The same for a task, which has to leave before it is suspended again.
  ///
  /// - Throws: Also `CancellationError`.
  @usableFromInline nonisolated(nonsending) func enter(
    _ memory: borrowing SharedMemory, until sleeps: borrowing Sleeps, for byteCount: Int = 0
  ) async throws -> QueueCursor {
    do {
      if let cursor = try await enter(memory, atMost: sleeps.timeLeft) { return cursor }
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
        Another \(isSending ? "sender" : "receiver") of the queue "\(ring.name)" kept its turn. \
        Is it in its closure, or has it been stopped?
        """)
  }

  /// Ends the use of the side, during which this process has not forked.
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
    // The mark was set under the lock, with the word as it is until now.
    if isAwaited { turns.ring(waking: .max) }
  }

  /// As the other one, after a closure; does nothing in a child that was forked there, whose parent
  /// has the side.
  ///
  /// - Parameters:
  ///   - generation: In which the use began.
  ///   - byteCount: If this leaves without what it was perhaps woken for: the bytes of the message
  ///     that was to be sent, or 0.
  @usableFromInline func leave(
    _ cursor: QueueCursor, takenIn generation: UInt32, passingOn byteCount: Int? = nil
  ) {
    guard generation == Descriptor.generation else { return }
    leave(cursor)
    if let byteCount { passOn(byteCount) }
  }

  // MARK: - Waiting

  /// Waits until the other side has made room, or a message, or has finished the queue.
  ///
  /// It may be gone by the time that this returns.
  ///
  /// - Parameters:
  ///   - byteCount: The bytes of the message that is to be sent.
  ///   - position: Where the side is, if a role value knows that.
  ///   - timeout: How long to wait; `nil`: as long as it takes.
  /// - Returns: Whether that came before the time was over.
  /// - Throws: `system`.
  @usableFromInline func wait(
    for byteCount: Int = 0, at position: UInt64? = nil, atMost timeout: Duration?
  ) throws(InterprocessError) -> Bool {
    try wait(at: position, atMost: timeout) { stage, position throws(InterprocessError) in
      try attempt(stage, byteCount, at: position)
    }
  }

  /// Suspends the task where the blocking form waits.
  @usableFromInline nonisolated(nonsending) func wait(
    for byteCount: Int = 0, at position: UInt64? = nil, atMost timeout: Duration?
  ) async throws -> Bool {
    try await wait(at: position, atMost: timeout) { stage, position throws(InterprocessError) in
      try attempt(stage, byteCount, at: position)
    }
  }

  /// As the other one, for receivers, and looks after one that has died.
  ///
  /// - Throws: `corrupted` and `system`.
  func wait(
    atMost timeout: Duration?, in memory: borrowing SharedMemory
  ) throws(InterprocessError) -> Bool {
    try wait(at: nil, atMost: timeout) { stage, position throws(InterprocessError) in
      try attempt(stage, at: position, in: memory)
    }
  }

  /// Suspends the task where the blocking form waits.
  nonisolated(nonsending) func wait(
    atMost timeout: Duration?, in memory: borrowing SharedMemory
  ) async throws -> Bool {
    try await wait(at: nil, atMost: timeout) { stage, position throws(InterprocessError) in
      try attempt(stage, at: position, in: memory)
    }
  }

  /// - Parameter attempt: One turn, for one at a position.
  private func wait(
    at position: UInt64?, atMost timeout: Duration?,
    _ attempt: (Waiting.Stage, UInt64?) throws(InterprocessError) -> Waiting.Turn<Void>
  ) throws(InterprocessError) -> Bool {
    // Whoever has the time for another look has had one.
    if let timeout, timeout <= .zero { return false }
    let position = position ?? ownPosition
    let outcome: Void? = try waiting.wait(atMost: timeout) { stage throws(InterprocessError) in
      try attempt(stage, position)
    } translatingErrors: { [name = ring.name] errno in
      .system(errno, name: name, action: "wait for the other side of the queue")
    }
    return outcome != nil
  }

  /// Suspends the task where the blocking form waits.
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

  /// Where this handle is, if it has the role.
  ///
  /// The shared position is not trusted: a hostile process could make this side wait for the wrong
  /// message, perhaps forever.
  private var ownPosition: UInt64? {
    if mode == .many { return nil }
    return role.withLock { $0?.cursor.position }
  }

  /// Lets another one of this side go on that sleeps, in the place of this one, which leaves
  /// without what it was perhaps woken for.
  ///
  /// - Parameter byteCount: The bytes of the message that was to be sent.
  @usableFromInline func passOn(_ byteCount: Int = 0) {
    if isReady(byteCount, at: side.position.loadRelaxed()) { side.gate.gate.open(waking: 1) }
  }

  /// Whether there seems to be room, or a message, or the queue is finished.
  private func isReady(_ byteCount: Int, at position: UInt64) -> Bool {
    ring.isFinished
      || (isSending
        ? ring.hasRoom(for: byteCount, at: position) : ring.hasMessage(at: position))
  }

  /// One turn of that wait.
  func attempt(
    _ stage: Waiting.Stage, _ byteCount: Int = 0, at position: UInt64? = nil
  ) throws(InterprocessError) -> Waiting.Turn<Void> {
    let turn = try side.gate.attempt(stage, alike: byteCount) { () throws(InterprocessError) in
      isReady(byteCount, at: position ?? side.position.loadRelaxed()) ? () : nil
    }
    if stage != .spinning, case .wait = turn { side.countSleep() }
    return turn
  }

  /// One turn of that wait, which looks after a receiver that has died.
  ///
  /// - Throws: `corrupted` and `system`.
  func attempt(
    _ stage: Waiting.Stage, at position: UInt64? = nil, in memory: borrowing SharedMemory
  ) throws(InterprocessError) -> Waiting.Turn<Void> {
    if stage == .checking { try recover(in: memory) }
    return try attempt(stage, at: position)
  }

  /// Gives back what a receiver had taken that has died.
  ///
  /// The next one that comes does so, too. But those who sleep do not come before there is a
  /// message; and perhaps there is no room for one until then.
  ///
  /// - Throws: `corrupted` and `system`.
  func recover(in memory: borrowing SharedMemory) throws(InterprocessError) {
    guard mode == .many, ring.isTakenUnfreed, try lock.claim(memory) else { return }
    defer { lock.unlock(takenIn: Descriptor.generation) }
    _ = try ring.receivingCursor()
  }

  /// Where this side sleeps.
  var gate: LightGate { side.gate }

  /// Whether this side can go on, or seems to be able to.
  var isReady: Bool { isReady(0, at: side.position.loadRelaxed()) }

  /// Counts one who is about to sleep.
  func countSleep() { side.countSleep() }

  // MARK: - Finishing

  /// Lets nobody send any more, in a turn of the sending side.
  ///
  /// - Throws: `timedOut`, `roleTaken`, `corrupted` and `system`.
  func finish(
    _ memory: borrowing SharedMemory, atMost timeout: Duration?
  ) throws(InterprocessError) {
    let turn = try enter(memory, until: Sleeps(atMost: timeout))
    ring.finish()
    leave(turn)
  }

  /// Suspends the task where the blocking form waits.
  ///
  /// - Throws: Also `CancellationError`.
  nonisolated(nonsending) func finish(
    _ memory: borrowing SharedMemory, atMost timeout: Duration?
  ) async throws {
    try Task.checkCancellation()
    let turn = try await enter(memory, until: Sleeps(atMost: timeout))
    ring.finish()
    leave(turn)
  }

  // MARK: - Roles

  /// Takes the role of the only one at this side.
  ///
  /// - Throws: `roleTaken`, `corrupted` and `system`.
  func claim(_ memory: borrowing SharedMemory) throws(InterprocessError) {
    guard try lock.claim(memory) else {
      throw InterprocessError(
        code: .roleTaken, name: memory.name,
        message: """
          The queue "\(memory.name)" has its only \(isSending ? "sender" : "receiver") already, by \
          another handle or value. Make it for many, if there are to be several.
          """)
    }
  }

  /// Gives back the role; does nothing in a child of the process that claimed it.
  ///
  /// - Parameter generation: In which it was claimed.
  func giveBack(_ generation: UInt32) { lock.unlock(takenIn: generation) }

  /// Gives back a role that this handle has, and lets it take none any more.
  func close() {
    let message = "A sender or receiver of the queue is in use, which was to be closed"
    role.withLock { role in
      guard let current = role.take() else { return }
      if current.thread != nil { failAsMisused(message) }
      giveBack(Descriptor.generation)
    }
    lock.close(orElse: message)
  }
}
