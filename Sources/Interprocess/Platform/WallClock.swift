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

/// The time of day, in which file times are given.
enum WallClock {
  /// The time that has passed since a given time; zero if that lies in the future, as the clock may
  /// have been set.
  static func timeSince(_ time: timespec) -> Duration {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    let passed =
      Duration.seconds(now.tv_sec - time.tv_sec) + .nanoseconds(now.tv_nsec - time.tv_nsec)
    return max(.zero, passed)
  }
}
