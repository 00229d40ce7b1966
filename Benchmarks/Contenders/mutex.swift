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

// contender: name="Interprocess SharedMutex" group=lock

import Harness
import Interprocess

/// The cost of a lock without contention.
@main
struct Mutex {
  static func main() throws {
    Harness.begin()
    Harness.pin()
    let mutex = try SharedMutex<UInt64>.create(nil, initialValue: 0)
    try mutex.unlink()
    let count = 100
    Case("Interprocess SharedMutex", test: "lock", "lock+unlock, alone").measure(
      operationCount: count
    ) {
      for _ in 0..<count { try mutex.withLock { $0 += 1 } }
    }
  }
}
