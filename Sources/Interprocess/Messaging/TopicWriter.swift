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
  /// Whether a message is being written, to be published later.
  private let isLoaned = Atomic(false)
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
    if ring.publishers == .one, generation == Descriptor.generation { ring.lock.unlock() }
  }

  private var isPatient: Bool { overflow != .overwrite }

  /// Begins a message, and keeps other publishers waiting until it ends.
  ///
  /// - Parameter timeout: How long to wait for the turns of others and for subscribers; `nil`: as
  ///   long as it takes.
  /// - Throws: `timedOut`, `corrupted` and `system`.
  @usableFromInline func begin(
    atMost timeout: Duration?
  ) throws(InterprocessError) -> TopicRing.Writing {
    precondition(!isLoaned.load(ordering: .acquiring), "The publisher has a message on loan")
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
      if ring.publishers == .many, !ring.lock.lockAtOnce() {
        let outcome = try ring.lock.lockInTime(
          ring.segment.memory, atMost: sleeps.timeLeft, isRecovering: true)
        if outcome == nil { throw turnTaken }
      }
      if let writing = try attempt() { return writing }
      guard try ring.waitForSubscribers(atMost: sleeps.timeLeft) else { throw isFull }
    }
  }

  /// As the form for threads, for a task.
  @usableFromInline nonisolated(nonsending) func begin(
    atMost timeout: Duration?
  ) async throws -> TopicRing.Writing {
    try Task.checkCancellation()
    precondition(!isLoaned.load(ordering: .acquiring), "The publisher has a message on loan")
    let sleeps = Sleeps(atMost: timeout)
    while true {
      if ring.publishers == .many, !ring.lock.lockAtOnce() {
        let outcome = try await ring.lock.lockInTime(
          ring.segment.memory, atMost: sleeps.timeLeft, isRecovering: true)
        if outcome == nil { throw turnTaken }
      }
      if let writing = try attempt() { return writing }
      guard try await ring.waitForSubscribers(atMost: sleeps.timeLeft) else { throw isFull }
    }
  }

  /// Begins a message if no subscriber has to be waited for.
  private func attempt() throws(InterprocessError) -> TopicRing.Writing? {
    do throws(InterprocessError) {
      if let writing = try ring.begin(isPatient: isPatient) { return writing }
    } catch {
      leave()
      throw error
    }
    leave()
    return nil
  }

  private func leave() { if ring.publishers == .many { ring.lock.unlock() } }

  /// Publishes a message.
  ///
  /// - Throws: `corrupted`.
  @usableFromInline
  func end(_ writing: TopicRing.Writing, count: Int) throws(InterprocessError) {
    defer { leave() }
    try ring.end(writing, count: count)
  }

  /// Lets a message be written for longer, also by another thread.
  func lend() {
    isLoaned.store(true, ordering: .relaxed)
    if ring.publishers == .many { ring.lock.setHolder(isRunning: false) }
  }

  /// Ends that by publishing the message.
  ///
  /// - Throws: `corrupted`.
  func publishLoan(_ writing: TopicRing.Writing, count: Int) throws(InterprocessError) {
    defer { isLoaned.store(false, ordering: .releasing) }
    try end(writing, count: count)
  }

  /// Ends that without publishing it.
  func cancelLoan(_ writing: TopicRing.Writing) {
    guard generation == Descriptor.generation else { return }
    ring.cancel(writing)
    leave()
    isLoaned.store(false, ordering: .releasing)
  }

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
