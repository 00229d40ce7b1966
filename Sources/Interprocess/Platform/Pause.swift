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

/// Sleeps for about that long; a signal may end it early.
///
/// - Returns: Whether none did.
@discardableResult
func pause(for duration: Duration) -> Bool {
  let (seconds, attoseconds) = duration.components
  var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
  return unsafe nanosleep(&time, nil) == 0
}

extension SuspendingClock.Instant {
  /// The moment at which a time-out ends that begins now.
  static func after(_ timeout: Duration) -> SuspendingClock.Instant {
    .now.advanced(by: timeout.asTimeout)
  }
}

extension Duration {
  /// Of a time-out, no less than nothing and no more than a century: any other could overflow the
  /// clock, or what tells it to people.
  var asTimeout: Duration { min(max(self, .zero), .seconds(1 << 32)) }

  /// In milliseconds, as `poll` takes them; rounded up, as a wait that ends before its time would
  /// be followed by many short ones.
  var wholeMilliseconds: CInt {
    if self <= .zero { return 0 }
    let (seconds, attoseconds) = components
    let (milliseconds, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    return overflow ? .max : CInt(clamping: milliseconds + attoseconds / 1_000_000_000_000_000 + 1)
  }
}
