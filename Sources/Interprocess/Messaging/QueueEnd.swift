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

/// How the threads of all processes take turns at one side of a queue, or one of them keeps it.
@usableFromInline
struct QueueEnd: ~Copyable, Sendable {
  /// The role, if this handle has it.
  struct Role {
    var cursor: QueueCursor
    /// That of the process that took the role; a child that `fork` has made does not have it.
    let generation = Descriptor.generation
    /// Whether a thread is using the cursor.
    var isBusy = false
  }

  let mode: QueueRole
  private let ring: QueueRing
  private let isSending: Bool
  private let lock: RobustLock
  private let role = Mutex<Role?>(nil)
  private let waiting = Waiting(longestSpin: .microseconds(50))

  init(_ mode: QueueRole, of ring: QueueRing, isSending: Bool) {
    self.mode = mode
    self.ring = ring
    self.isSending = isSending
    lock = (isSending ? ring.sending : ring.receiving).lock()
  }

  private var side: QueueSide { isSending ? ring.sending : ring.receiving }

  private func cursor() throws(InterprocessError) -> QueueCursor {
    isSending ? try ring.sendingCursor() : ring.receivingCursor()
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
        if role!.isBusy { return nil }
        role!.isBusy = true
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
        role!.isBusy = false
      }
    } else {
      side.limit.storeRelaxed(cursor.limit)
      lock.unlock()
    }
  }

  // MARK: - Waiting

  /// Waits until the other side has made room, or a message, or has finished the queue.
  ///
  /// It may be gone by the time that this returns.
  ///
  /// - Returns: Whether that came before the time was over.
  /// - Throws: `system`.
  @usableFromInline func wait(atMost timeout: Duration?) throws(InterprocessError) -> Bool {
    let outcome: Void? = try waiting.wait(atMost: timeout) { stage throws(InterprocessError) in
      try attempt(stage)
    } translatingErrors: { [name = ring.name] errno in
      .system(errno, name: name, action: "wait for the other side of the queue")
    }
    return outcome != nil
  }

  /// As the form for threads, for a task.
  @usableFromInline nonisolated(nonsending) func wait(
    atMost timeout: Duration?
  ) async throws -> Bool {
    let outcome: Void? = try await waiting.wait(atMost: timeout) {
      stage throws(InterprocessError) in
      try attempt(stage)
    }
    return outcome != nil
  }

  private func attempt(
    _ stage: Waiting.Stage
  ) throws(InterprocessError) -> Waiting.Turn<Void> {
    let turn = try side.gate.attempt(stage) { () throws(InterprocessError) in
      let isThere = isSending ? ring.hasRoom : ring.hasMessage || ring.isFinished
      return isThere ? () : nil
    }
    if stage != .spinning, case .wait = turn { side.countSleep() }
    return turn
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
}
