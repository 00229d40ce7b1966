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

/// Runs a closure in which a signal ends the waits of this thread.
///
/// Without this, a thread that waits handles a signal and goes on waiting, so that a time-out is
/// kept whatever comes. Within it, a wait ends with ``InterprocessError/Code/interrupted`` once a
/// signal handler has run in the sleeping thread. It has taken and changed nothing, and may begin
/// again; only a party of a barrier has given up:
///
/// ```swift
/// while let order = try withInterruptibleWaits({ try orders.receive() }) { fill(order) }
/// ```
///
/// A handler that runs before the sleep begins does not end it. A program that must not miss that
/// gives the wait a time-out, and looks each time at what the handler has set. Signals without a
/// handler end no wait, nor do those that are blocked in this thread. A ``WaitSet`` goes on after
/// handlers that were set with `SA_RESTART`.
///
/// The waits of tasks are not concerned: they end when the task is cancelled. Corresponds to what
/// `EINTR` is in C, and to what the functions of Python do to handle Ctrl-C while they wait.
///
/// - Parameter body: What to do. It runs once, on this thread.
/// - Returns: What `body` returns.
/// - Throws: What `body` throws.
public func withInterruptibleWaits<Result: ~Copyable, Failure: Error>(
  _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
  let before = Interruption.endsWaits
  Interruption.endsWaits = true
  defer { Interruption.endsWaits = before }
  return try body()
}
