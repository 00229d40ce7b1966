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

import Foundation

@testable import Interprocess

/// A sender that is stopped before it wakes sleepers.
enum SilentSender: String, CaseIterable, Codable {
  case queue, byteQueue, topic, value

  /// The last step before that.
  var step: Checkpoint { self == .value ? .storePublished : .messageSent }
}

/// Stops each thread that comes to a step, and counts them.
func stopThreads(at stop: Checkpoint) -> Counter {
  let count = Counter()
  unsafe Checkpoint.handler = { step in
    guard step == stop else { return }
    count.increment()
    while true { sleep(1000) }
  }
  return count
}
