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

internal import SystemPackage

// Waiting for a version.
extension ValueSlots {
  /// Waits until there is a later version.
  ///
  /// - Returns: That version, or a later one.
  /// - Throws: `timedOut`, `corrupted` and `system`.
  func wait(
    after version: UInt64, atMost timeout: Duration?
  ) throws(InterprocessError) -> UInt64 {
    guard gate != nil else { return try lookOut(after: version, atMost: timeout) }
    let found = try waiting.wait(atMost: timeout) { stage throws(InterprocessError) in
      try attempt(stage, after: version)
    }
    guard let found else { throw unchanged }
    return found
  }

  /// Suspends the task where the blocking form waits.
  nonisolated(nonsending) func wait(
    after version: UInt64, atMost timeout: Duration?
  ) async throws -> UInt64 {
    guard gate != nil else { return try await lookOut(after: version, atMost: timeout) }
    let look = look(after: version)
    let found = try await waiting.wait(atMost: timeout, isDue: look.isDue) {
      stage throws(InterprocessError) in
      try attempt(stage, after: version)
    }
    guard let found else { throw unchanged }
    return found
  }

  /// One attempt of that wait.
  private func attempt(
    _ stage: Waiting.Stage, after version: UInt64
  ) throws(InterprocessError) -> Waiting.Outcome<UInt64> {
    try gate!.attempt(stage, alike: Int(truncatingIfNeeded: version)) {
      () throws(InterprocessError) in try later(than: version)
    }
  }

  /// Looks for a later version in place of a waiter, on another thread.
  struct Look: Sendable {
    fileprivate let latest: SharedWord
    fileprivate let version: UInt64

    /// Whether the waiter may find something, if only that the version is corrupted.
    @Sendable func isDue() -> Bool {
      let latest = latest.loadAcquiring()
      return latest == 0 || latest > version
    }
  }

  func look(after version: UInt64) -> Look { Look(latest: latestVersion, version: version) }

  /// The latest version, if it is later than the given one; else `nil`.
  ///
  /// - Throws: `corrupted`.
  func later(than version: UInt64) throws(InterprocessError) -> UInt64? {
    let latest = self.version
    // No version is 0.
    if latest == 0 { throw .corrupted(memory.name, "its version is 0") }
    return latest > version ? latest : nil
  }

  private var unchanged: InterprocessError {
    InterprocessError(
      code: .timedOut, name: memory.name,
      message: """
        The shared value "\(memory.name)" did not change in time. Does a process store into it?
        """)
  }

  // MARK: - Without writing

  // A read-only handle cannot notify the writer that it sleeps. So it checks by itself, every few
  // milliseconds. It sleeps at the gate, where it wakes earlier if a writable handle sleeps there,
  // too.

  /// How long a read-only handle sleeps at most.
  static let longestBlindSleep: Duration = .milliseconds(10)

  /// The sleeps of a read-only handle.
  private struct ShortSleeps {
    let sleeps: Sleeps
    private static let longestLength = ValueSlots.longestBlindSleep
    private var length: Duration = .milliseconds(1)

    init(atMost timeout: Duration?) { sleeps = Sleeps(atMost: timeout) }

    /// When the next sleep ends, or `nil` if the time is over.
    mutating func next() -> SuspendingClock.Instant? {
      defer { length = min(length * 2, Self.longestLength) }
      guard let timeLeft = sleeps.timeLeft else { return .now + length }
      return timeLeft > .zero ? .now + min(length, timeLeft) : nil
    }
  }

  /// The word on which waiters for a version sleep, for reading.
  var gateWord: SharedWord32 { memory._range.readOnlyWord32(at: layout.gateOffset) }

  /// One attempt without sleeping.
  private func attemptBlindly(
    after version: UInt64
  ) throws(InterprocessError) -> Waiting.Outcome<UInt64> {
    if let found = try later(than: version) { return .done(found) }
    return .wait(gateWord, while: 0)
  }

  /// Like `wait`, for memory that is attached for reading only.
  private func lookOut(
    after version: UInt64, atMost timeout: Duration?
  ) throws(InterprocessError) -> UInt64 {
    var sleeps = ShortSleeps(atMost: timeout)
    let looks = try waiting.look(until: sleeps.sleeps) { _ throws(InterprocessError) in
      try attemptBlindly(after: version)
    }
    if let found = try looks.result(orTimedOut: unchanged) { return found }
    while true {
      let value = gateWord.loadRelaxed()
      if let found = try later(than: version) { return found }
      guard let end = sleeps.next() else { throw unchanged }
      do throws(Errno) {
        try gateWord.sleep(while: value, until: end)
      } catch {
        throw .system(error, name: memory.name, action: "wait for a value")
      }
    }
  }

  /// Suspends the task where the blocking form waits.
  private nonisolated(nonsending) func lookOut(
    after version: UInt64, atMost timeout: Duration?
  ) async throws -> UInt64 {
    try Task.checkCancellation()
    var sleeps = ShortSleeps(atMost: timeout)
    let looks = try await waiting.look(until: sleeps.sleeps) { _ throws(InterprocessError) in
      try attemptBlindly(after: version)
    }
    if let found = try looks.result(orTimedOut: unchanged) { return found }
    while true {
      let value = gateWord.loadRelaxed()
      if let found = try later(than: version) { return found }
      guard let end = sleeps.next() else { throw unchanged }
      try await TaskWaiter.sleep(on: gateWord, while: value, until: end)
    }
  }
}
