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

internal import Glibc

/// Sleeps for approximately the given time; a signal may end it early.
///
/// - Returns: Whether no signal did.
@discardableResult
func pause(for duration: Duration) -> Bool {
  let (seconds, attoseconds) = duration.components
  var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
  return unsafe nanosleep(&time, nil) == 0
}

extension SuspendingClock.Instant {
  /// The moment at which a time-out that begins now ends.
  static func after(_ timeout: Duration) -> SuspendingClock.Instant {
    .now.advanced(by: timeout.asTimeout)
  }
}

extension Duration {
  /// A time-out limited to the range from zero to a century: any other could overflow the clock, or
  /// the text of a message.
  var asTimeout: Duration { min(max(self, .zero), .seconds(1 << 32)) }

  /// The time in milliseconds, as `poll` takes it; rounded up, as a wait that ends too early would
  /// be followed by many short ones.
  var wholeMilliseconds: CInt {
    if self <= .zero { return 0 }
    let (seconds, attoseconds) = components
    let (milliseconds, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    return overflow ? .max : CInt(clamping: milliseconds + attoseconds / 1_000_000_000_000_000 + 1)
  }
}
