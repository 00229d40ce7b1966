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

public import Synchronization

/// The right to publish, for as long as this object exists.
@usableFromInline
final class TopicWriter: Sendable {
  @usableFromInline let ring: TopicRing
  let overflow: TopicOverflow
  /// Where the next message is written, if it will lie in its entry.
  @usableFromInline let copy: PrivateLines?
  /// While a message is on loan, the generation in which the loan began, plus 1; otherwise 0.
  @usableFromInline let loan = Atomic<UInt64>(0)
  /// A child created by `fork` has a copy of this object, but not the role.
  @usableFromInline let taken = Taken()
  /// Whether the role alone allows publishing.
  @usableFromInline let isAlone: Bool
  /// The position after this publisher's last message, for which no other one has left anything.
  ///
  /// P0 would load the entry, which takes as long as storing the message: a subscriber that looks
  /// at it has it in its cache.
  @usableFromInline let knownPosition = Atomic<UInt64>(.max)

  /// Takes the role, if the topic has a single publisher.
  ///
  /// - Throws: `roleTaken`, `corrupted` and `system`.
  init(_ ring: TopicRing, _ overflow: TopicOverflow) throws(InterprocessError) {
    ring.segment.checkOpen()
    // Before all properties are set, so that no `deinit` gives back a role that was not taken.
    if ring.publishers == .one {
      guard try ring.lock.claim() else { throw Self.roleTaken(ring.name) }
    }
    self.ring = ring
    self.overflow = overflow
    copy = ring.entries == nil ? nil : PrivateLines(count: 1)
    isAlone = ring.publishers == .one && overflow == .overwrite
    if isPatient { ring.becomePatient() }
  }

  deinit {
    if ring.publishers == .one { ring.lock.unlock(takenIn: taken.generation) }
    copy?.free()
  }

  /// Keeps a child created by `fork` from publishing in its parent's place.
  ///
  /// If there are many publishers, the child's copy is one more publisher.
  ///
  /// - Throws: `roleTaken`.
  private func checkRole() throws(InterprocessError) {
    guard ring.publishers == .many || taken.isOwn else {
      throw .ofParent("publisher", of: ring.name)
    }
    if loan.load(ordering: .acquiring) == currentLoan {
      failAsMisused("The publisher has a message on loan")
    }
  }

  @inlinable var currentLoan: UInt64 { UInt64(taken.current.loadRelaxed()) + 1 }

  private var isPatient: Bool { overflow != .overwrite }

  /// Begins a message, which keeps other publishers waiting until it ends.
  ///
  /// - Parameter timeout: How long to wait for other publishers' turns and for subscribers; `nil`:
  ///   as long as it takes.
  /// - Throws: `timedOut`, `finished`, `roleTaken`, `corrupted` and `system`.
  @usableFromInline func begin(
    atMost timeout: Duration?
  ) throws(InterprocessError) -> TopicRing.Writing {
    if ring.entries == nil, let writing = beginInSlot() { return writing }
    try checkRole()
    if ring.publishers == .one || ring.lock.lockAtOnce(), let writing = try attempt() {
      return writing
    }
    return try waitAndBegin(timeout)
  }

  /// Begins a message in a slot if only the role is needed for it, and the last publisher has left
  /// nothing to do.
  @inline(__always) private func beginInSlot() -> TopicRing.Writing? {
    guard let position = beginAtOnce(), let slot = ring.number(ring.nextSlot) else { return nil }
    return TopicRing.Writing(
      position: position, slot: slot, elements: ring.elements(ofSlot: slot),
      generation: taken.generation)
  }

  // Kept apart, with its clock, so that the function above stays small.
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

  /// The same, suspending the task while it waits.
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

  /// Begins a message, or ends the turn if that would mean waiting for a subscriber.
  private func attempt() throws(InterprocessError) -> TopicRing.Writing? {
    do throws(InterprocessError) {
      // A single publisher is the only one that can finish the topic, and is then no publisher.
      if ring.publishers == .many { try checkUnfinished() }
      // Where there are many, another one may have died there meanwhile.
      let known = ring.publishers == .one ? knownPosition.load(ordering: .relaxed) : nil
      if let writing = try ring.begin(isPatient: isPatient, at: known, in: copy) { return writing }
    } catch {
      leave(Descriptor.generation)
      throw error
    }
    leave(Descriptor.generation)
    return nil
  }

  // MARK: - Turns

  /// Waits for a turn, if there are many publishers.
  ///
  /// - Throws: `timedOut`, `corrupted` and `system`.
  private func enter(atMost timeout: Duration?) throws(InterprocessError) {
    if ring.publishers == .one || ring.lock.lockAtOnce() { return }
    let outcome = try ring.lock.lockInTime(atMost: timeout, isRecovering: true)
    if outcome == nil { throw turnTaken }
  }

  /// The same for a task, which must leave before it is suspended again.
  private nonisolated(nonsending) func enter(atMost timeout: Duration?) async throws {
    if ring.publishers == .one || ring.lock.lockAtOnce() { return }
    let outcome = try await ring.lock.lockInTime(atMost: timeout, isRecovering: true)
    if outcome == nil { throw turnTaken }
  }

  private func leave(_ generation: UInt32) {
    if ring.publishers == .many { ring.lock.unlock(takenIn: generation) }
  }

  // MARK: - Finishing

  /// Finishes the topic: no more messages can be published.
  ///
  /// - Throws: `timedOut`, `roleTaken`, `corrupted` and `system`.
  func finish(atMost timeout: Duration?) throws(InterprocessError) {
    try checkRole()
    try enter(atMost: timeout)
    try finishInTurn()
  }

  /// The same, suspending the task while it waits.
  ///
  /// - Throws: What the blocking form throws, and `CancellationError`.
  nonisolated(nonsending) func finish(atMost timeout: Duration?) async throws {
    try Task.checkCancellation()
    try checkRole()
    try await enter(atMost: timeout)
    try finishInTurn()
  }

  private func finishInTurn() throws(InterprocessError) {
    defer { leave(Descriptor.generation) }
    // The role must not be given back before that.
    try withExtendedLifetime(self) { () throws(InterprocessError) in try ring.finish() }
  }

  func checkUnfinished() throws(InterprocessError) {
    guard ring.isFinished else { return }
    throw InterprocessError(
      code: .finished, name: ring.name,
      message: "The topic \"\(ring.name)\" is finished, and accepts no more messages.")
  }

  // MARK: - Messages

  // What the functions below leave to the others: other roles, patience, and P0.

  /// Begins a message if only the role is needed for it, and the last publisher has left nothing to
  /// do.
  ///
  /// - Returns: Its position; `nil` if `begin` is needed.
  @inlinable @inline(__always) func beginAtOnce() -> UInt64? {
    guard isAlone, taken.isOwn, loan.load(ordering: .acquiring) == 0 else { return nil }
    let position = ring.publishing.position.loadRelaxed()
    guard position == knownPosition.load(ordering: .relaxed) else { return nil }
    checkpoint(.messageBegun)
    return position
  }

  /// Begins a message, to be lent, if only the role is needed for it.
  @inlinable @inline(__always) func lendAtOnce() -> TopicRing.Writing? {
    guard let position = beginAtOnce(), let copy else { return nil }
    return TopicRing.Writing(
      position: position, slot: nil, elements: copy.range(ofLine: 0),
      generation: taken.generation)
  }

  /// Publishes a message of one element if only the role is needed for it.
  ///
  /// - Returns: Whether it did.
  @inlinable @inline(__always)
  func publishAtOnce<Element: Shareable>(_ element: Element) throws(InterprocessError) -> Bool {
    guard let position = beginAtOnce(), let entries = ring.entries else { return false }
    try ValueWords.withWords(of: element) { entries.store($0, as: position) }
    count(position)
    return true
  }

  /// E5 and E6.
  @inlinable @inline(__always) func count(_ position: UInt64) {
    ring.countMessage(position)
    knownPosition.store(position &+ 1, ordering: .relaxed)
    ring.letSubscribersGoOn()
  }

  /// Publishes a message.
  ///
  /// - Throws: `corrupted`.
  @usableFromInline
  func end(_ writing: TopicRing.Writing, count: Int) throws(InterprocessError) {
    defer { leave(writing.generation) }
    try ring.end(writing, count: count, from: copy)
    knownPosition.store(writing.position &+ 1, ordering: .relaxed)
  }

  /// Begins a loan: the message may take longer to write, and any thread may end the loan.
  @inlinable @inline(__always) func lend() {
    loan.store(currentLoan, ordering: .relaxed)
    if !isAlone { noteLoan() }
  }

  @usableFromInline func noteLoan() {
    if ring.publishers == .many { ring.lock.setHolder(isRunning: false) }
  }

  /// Ends the loan by publishing the message.
  ///
  /// - Parameter wordCount: The number of words of an element, which a client's compiler knows.
  /// - Throws: `roleTaken` and `corrupted`.
  @inlinable @inline(__always) func publishLoan(
    _ writing: TopicRing.Writing, count: Int, wordCount: Int
  ) throws(InterprocessError) {
    guard isAlone, taken.isOwn, let entries = ring.entries, let copy else {
      return try publishLoan(writing, count: count)
    }
    copy.withWords(ofLine: 0, count: wordCount) {
      entries.store($0.span, as: writing.position)
    }
    self.count(writing.position)
    loan.store(0, ordering: .releasing)
  }

  @usableFromInline
  func publishLoan(_ writing: TopicRing.Writing, count: Int) throws(InterprocessError) {
    guard writing.generation == Descriptor.generation else {
      throw .ofParent("message", of: ring.name)
    }
    defer { loan.store(0, ordering: .releasing) }
    try end(writing, count: count)
  }

  /// Ends the loan without publishing the message.
  @usableFromInline func cancelLoan(_ writing: TopicRing.Writing) {
    guard writing.generation == Descriptor.generation else { return }
    leave(writing.generation)
    loan.store(0, ordering: .releasing)
  }

  // MARK: - Errors

  private static func roleTaken(_ name: String) -> InterprocessError {
    InterprocessError(
      code: .roleTaken, name: name,
      message: """
        Another handle or value is already the only publisher of the topic "\(name)". To use \
        several, create the topic for many.
        """)
  }

  private var turnTaken: InterprocessError {
    InterprocessError(
      code: .timedOut, name: ring.name,
      message: """
        Another publisher of "\(ring.name)" kept its turn until the time-out. Does it have a \
        message on loan, or has it been stopped?
        """)
  }

  private var isFull: InterprocessError {
    InterprocessError(
      code: .timedOut, name: ring.name,
      message: """
        A subscriber of "\(ring.name)" stayed \(ring.layout.historyCount) messages behind. Is it \
        still receiving?
        """)
  }
}
