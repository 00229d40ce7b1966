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

/// The right to publish, for as long as this lives.
@usableFromInline
final class TopicWriter: Sendable {
  @usableFromInline let ring: TopicRing
  let overflow: TopicOverflow
  /// The generation in which a message is being written, to be published later, and one; or 0.
  private let loan = Atomic<UInt64>(0)
  /// A child that `fork` has made has a copy of this, and not the role.
  private let generation = Descriptor.generation

  /// Takes the role, if there is one.
  ///
  /// - Throws: `roleTaken`, `corrupted` and `system`.
  init(_ ring: TopicRing, _ overflow: TopicOverflow) throws(InterprocessError) {
    ring.segment.checkOpen()
    // Before there is anything that gives it back.
    if ring.publishers == .one {
      guard try ring.lock.claim(ring.segment.memory) else { throw Self.roleTaken(ring.name) }
    }
    self.ring = ring
    self.overflow = overflow
    if isPatient { ring.becomePatient() }
  }

  deinit {
    if ring.publishers == .one { ring.lock.unlock(takenIn: generation) }
  }

  /// Refuses what a child that `fork` has made must not do in its parent's place.
  ///
  /// Where there are many publishers, its copy is one more.
  ///
  /// - Throws: `roleTaken`.
  private func checkRole() throws(InterprocessError) {
    guard ring.publishers == .many || generation == Descriptor.generation else {
      throw .ofParent("publisher", of: ring.name)
    }
    if loan.load(ordering: .acquiring) == Self.currentLoan {
      failAsMisused("The publisher has a message on loan")
    }
  }

  private static var currentLoan: UInt64 { UInt64(Descriptor.generation) + 1 }

  private var isPatient: Bool { overflow != .overwrite }

  /// Begins a message, and keeps other publishers waiting until it ends.
  ///
  /// - Parameter timeout: How long to wait for the turns of others and for subscribers; `nil`: as
  ///   long as it takes.
  /// - Throws: `timedOut`, `finished`, `roleTaken`, `corrupted` and `system`.
  @usableFromInline func begin(
    atMost timeout: Duration?
  ) throws(InterprocessError) -> TopicRing.Writing {
    try checkRole()
    if ring.publishers == .one || ring.lock.lockAtOnce(), let writing = try attempt() {
      return writing
    }
    return try waitAndBegin(timeout)
  }

  // The clock is nothing for the function above, which is to be small.
  @inline(never) private func waitAndBegin(
    _ timeout: Duration?
  ) throws(InterprocessError) -> TopicRing.Writing {
    let sleeps = Sleeps(atMost: timeout)
    while true {
      try enter(atMost: sleeps.timeLeft)
      if let writing = try attempt() { return writing }
      guard try ring.waitForSubscribers(atMost: sleeps.timeLeft) else { throw isFull }
    }
  }

  /// Suspends the task where the blocking form waits.
  @usableFromInline nonisolated(nonsending) func begin(
    atMost timeout: Duration?
  ) async throws -> TopicRing.Writing {
    try Task.checkCancellation()
    try checkRole()
    let sleeps = Sleeps(atMost: timeout)
    while true {
      try await enter(atMost: sleeps.timeLeft)
      if let writing = try attempt() { return writing }
      guard try await ring.waitForSubscribers(atMost: sleeps.timeLeft) else { throw isFull }
    }
  }

  /// Begins a message if no subscriber has to be waited for.
  private func attempt() throws(InterprocessError) -> TopicRing.Writing? {
    do throws(InterprocessError) {
      // With one publisher, only that one can finish the topic, and then it is no publisher.
      if ring.publishers == .many { try checkUnfinished() }
      if let writing = try ring.begin(isPatient: isPatient) { return writing }
    } catch {
      leave(Descriptor.generation)
      throw error
    }
    leave(Descriptor.generation)
    return nil
  }

  // MARK: - Turns

  /// Waits until no other publisher has its turn.
  ///
  /// - Throws: `timedOut`, `corrupted` and `system`.
  private func enter(atMost timeout: Duration?) throws(InterprocessError) {
    if ring.publishers == .one || ring.lock.lockAtOnce() { return }
    let outcome = try ring.lock.lockInTime(
      ring.segment.memory, atMost: timeout, isRecovering: true)
    if outcome == nil { throw turnTaken }
  }

  /// The same for a task, which has to leave before it is suspended again.
  private nonisolated(nonsending) func enter(atMost timeout: Duration?) async throws {
    if ring.publishers == .one || ring.lock.lockAtOnce() { return }
    let outcome = try await ring.lock.lockInTime(
      ring.segment.memory, atMost: timeout, isRecovering: true)
    if outcome == nil { throw turnTaken }
  }

  private func leave(_ generation: UInt32) {
    if ring.publishers == .many { ring.lock.unlock(takenIn: generation) }
  }

  // MARK: - Finishing

  /// Lets nobody publish any more.
  ///
  /// - Throws: `timedOut`, `roleTaken`, `corrupted` and `system`.
  func finish(atMost timeout: Duration?) throws(InterprocessError) {
    try checkRole()
    try enter(atMost: timeout)
    finishInTurn()
  }

  /// Suspends the task where the blocking form waits.
  ///
  /// - Throws: Also `CancellationError`.
  nonisolated(nonsending) func finish(atMost timeout: Duration?) async throws {
    try Task.checkCancellation()
    try checkRole()
    try await enter(atMost: timeout)
    finishInTurn()
  }

  private func finishInTurn() {
    // The role stays until then.
    withExtendedLifetime(self) { ring.finish() }
    leave(Descriptor.generation)
  }

  func checkUnfinished() throws(InterprocessError) {
    guard ring.isFinished else { return }
    throw InterprocessError(
      code: .finished, name: ring.name,
      message: "The topic \"\(ring.name)\" is finished, and takes no more messages.")
  }

  // MARK: - Messages

  /// Publishes a message.
  ///
  /// - Throws: `corrupted`.
  @usableFromInline
  func end(_ writing: TopicRing.Writing, count: Int) throws(InterprocessError) {
    defer { leave(writing.generation) }
    try ring.end(writing, count: count)
  }

  /// Lets a message be written for longer, also by another thread.
  func lend() {
    loan.store(Self.currentLoan, ordering: .relaxed)
    if ring.publishers == .many { ring.lock.setHolder(isRunning: false) }
  }

  /// Ends that by publishing the message.
  ///
  /// - Throws: `roleTaken` and `corrupted`.
  func publishLoan(_ writing: TopicRing.Writing, count: Int) throws(InterprocessError) {
    guard writing.generation == Descriptor.generation else {
      throw .ofParent("message", of: ring.name)
    }
    defer { loan.store(0, ordering: .releasing) }
    try end(writing, count: count)
  }

  /// Ends that without publishing it.
  func cancelLoan(_ writing: TopicRing.Writing) {
    guard writing.generation == Descriptor.generation else { return }
    ring.cancel(writing)
    leave(writing.generation)
    loan.store(0, ordering: .releasing)
  }

  // MARK: - Errors

  private static func roleTaken(_ name: String) -> InterprocessError {
    InterprocessError(
      code: .roleTaken, name: name,
      message: """
        The topic "\(name)" has its only publisher already, by another handle or value. Make it \
        for many, if there are to be several.
        """)
  }

  private var turnTaken: InterprocessError {
    InterprocessError(
      code: .timedOut, name: ring.name,
      message: """
        Another publisher of "\(ring.name)" kept its turn. Has it a message on loan, or has it \
        been stopped?
        """)
  }

  private var isFull: InterprocessError {
    InterprocessError(
      code: .timedOut, name: ring.name,
      message: """
        A subscriber of "\(ring.name)" stayed \(ring.layout.history) messages behind. Does it \
        still receive?
        """)
  }
}
