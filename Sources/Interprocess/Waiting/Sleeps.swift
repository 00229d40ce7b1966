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

/// The successive sleeps of one wait.
@usableFromInline
struct Sleeps {
  static let firstLength: Duration = .milliseconds(20)
  static let longestLength: Duration = .seconds(1)

  /// When the time of the wait is over; `nil`: never.
  let deadline: SuspendingClock.Instant?
  private var length = Sleeps.firstLength
  /// When the present sleep ends by itself.
  private var end: SuspendingClock.Instant?

  /// - Parameter timeout: How long the whole wait may take; `nil`: as long as it takes.
  @usableFromInline
  init(atMost timeout: Duration?) {
    deadline = timeout.map { .after($0) }
  }

  /// The time that is left for the wait; `nil`: as long as it takes.
  @usableFromInline var timeLeft: Duration? { deadline.map { $0 - .now } }

  /// Begins the next sleep.
  ///
  /// - Returns: When it ends by itself, or `nil` if the time is over.
  mutating func begin() -> SuspendingClock.Instant? {
    let now = SuspendingClock.now
    var end = now + length
    #if DEBUG
      if unsafe Sleeping.isEndless { end = now + .seconds(1 << 30) }
    #endif
    if let deadline {
      guard deadline > now else { return nil }
      end = min(end, deadline)
    }
    self.end = end
    return end
  }

  /// Ends a sleep.
  ///
  /// - Parameter isOver: Whether it has ended by itself; `nil`: find out by the clock.
  /// - Returns: What the next attempt may do.
  mutating func end(isOver: Bool? = nil) -> Waiting.Stage {
    guard isOver ?? (SuspendingClock.now >= end!) else { return .sleeping }
    length = min(length * 2, Self.longestLength)
    return .checking
  }
}
