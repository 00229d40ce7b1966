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
}

/// How the threads of all processes take turns at one side of a queue, or one of them keeps it.
@usableFromInline
struct QueueEnd<Ring: MessageRing>: ~Copyable, Sendable {
  /// The role, if this handle has it.
  struct Role {
    var cursor: QueueCursor
    /// That of the process that took the role; a child that `fork` has made does not have it.
    let generation = Descriptor.generation
    /// The thread that uses the cursor, if one does.
    var thread: UInt?
  }

  let mode: QueueRole
  private let ring: Ring
  private let isSending: Bool
  private let lock: RobustLock
  private let role = Mutex<Role?>(nil)
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
  /// Waits for the turns of others, which are short.
  ///
  /// - Parameter memory: The segment, by the handle that this is a part of.
  /// - Throws: `roleTaken`, `corrupted` and `system`.
  @usableFromInline func enter(
    _ memory: borrowing SharedMemory
  ) throws(InterprocessError) -> QueueCursor {
    if mode == .one { return try enterRole(memory) }
    if !lock.lockAtOnce() {
      _ = try lock.lock(memory, atMost: nil, isRecovering: true)
    }
    do throws(InterprocessError) {
      return try cursor()
    } catch {
      lock.unlock()
      throw error
    }
  }

  private func enterRole(
    _ memory: borrowing SharedMemory
  ) throws(InterprocessError) -> QueueCursor {
    while true {
      let cursor = try role.withLock { role throws(InterprocessError) -> QueueCursor? in
        if role?.generation != Descriptor.generation {
          try claim(memory)
          do throws(InterprocessError) {
            role = Role(cursor: try self.cursor())
          } catch {
            lock.unlock()
            throw error
          }
        }
        let thread = Processors.currentThread
        precondition(role!.thread != thread, "This thread is at this side of the queue already")
        if role!.thread != nil { return nil }
        role!.thread = thread
        return role!.cursor
      }
      if let cursor { return cursor }
      Processors.giveWay()
    }
  }

  /// Ends the use of the side.
  @usableFromInline func leave(_ cursor: QueueCursor) {
    if mode == .one {
      role.withLock { role in
        role!.cursor = cursor
        role!.thread = nil
      }
    } else {
      lock.unlock()
    }
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

  /// As the form for threads, for a task.
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

  /// As the form for threads, for a task.
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

  /// As the form for threads, for a task.
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
  /// What the shared words say of that, others may have written: then it would be waited for
  /// something else than what is looked for, and perhaps without an end.
  private var ownPosition: UInt64? {
    if mode == .many { return nil }
    return role.withLock { $0?.cursor.position }
  }

  /// One turn of that wait.
  func attempt(
    _ stage: Waiting.Stage, _ byteCount: Int = 0, at position: UInt64? = nil
  ) throws(InterprocessError) -> Waiting.Turn<Void> {
    let turn = try side.gate.attempt(stage) { () throws(InterprocessError) in
      let position = position ?? side.position.loadRelaxed()
      let isThere =
        isSending
        ? ring.hasRoom(for: byteCount, at: position)
        : ring.hasMessage(at: position) || ring.isFinished
      return isThere ? () : nil
    }
    if stage != .spinning, case .wait = turn { side.countSleep() }
    return turn
  }

  /// One turn of that wait, which looks after a receiver that has died.
  ///
  /// What such a one had taken is given back by the next one that comes. Those who sleep do not
  /// come before there is a message; and perhaps there is no room for one until then.
  ///
  /// - Throws: `corrupted` and `system`.
  func attempt(
    _ stage: Waiting.Stage, at position: UInt64? = nil, in memory: borrowing SharedMemory
  ) throws(InterprocessError) -> Waiting.Turn<Void> {
    if stage == .checking, mode == .many, ring.isTakenUnfreed, try lock.claim(memory) {
      defer { lock.unlock() }
      _ = try ring.receivingCursor()
    }
    return try attempt(stage, at: position)
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

  func giveBack() { lock.unlock() }

  /// Gives back a role that this handle has, and lets it take none any more.
  func close() {
    let message = "A sender or receiver of the queue is in use, which was to be closed"
    role.withLock { role in
      guard let current = role.take(), current.generation == Descriptor.generation else { return }
      precondition(current.thread == nil, message)
      lock.unlock()
    }
    lock.close(orElse: message)
  }
}
