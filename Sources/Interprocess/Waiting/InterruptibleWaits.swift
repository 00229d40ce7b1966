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
/// Otherwise, a waiting thread handles a signal and continues to wait, so that its time-out holds
/// whatever happens. Within the closure, a wait throws ``InterprocessError/Code/interrupted`` once
/// a signal handler has run in the sleeping thread. The wait has then taken and changed nothing,
/// and can be repeated; only a party of a barrier has given up:
///
/// ```swift
/// while let order = try withInterruptibleWaits({ try orders.receive() }) { fill(order) }
/// ```
///
/// A handler that runs before the sleep begins does not end it. A program that must not miss such a
/// signal gives the wait a time-out, and each time checks what the handler has set. Signals without
/// a handler end no wait, nor do signals that are blocked in this thread; and no signal ends a wait
/// that polls (``WaitStrategy/polling``). A ``WaitSet`` continues to wait after handlers that were
/// installed with `SA_RESTART`.
///
/// The waits of tasks are not affected: they end when the task is cancelled. Corresponds to `EINTR`
/// in C, and to the way Python's functions handle Ctrl-C while they wait.
///
/// - Parameter body: What to do. It runs once, on the caller's thread.
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
