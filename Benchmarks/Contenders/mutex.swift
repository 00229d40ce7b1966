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

// contender: name="Interprocess SharedMutex" mode=alone group=lock
// contender: name="Interprocess SharedMutex, contended" mode=contended group=contended
// contender: name="Interprocess SharedMutex, handed over" mode=passing group=asleep
// contender: name="Interprocess SharedMutex, condition" mode=condition group=asleep

import Harness
import Interprocess

/// A lock that nobody else wants, that several processes want, and that a sleeper waits for.
@main
struct Mutex {
  private static let contender = "Interprocess SharedMutex"
  private static let name = "benchmark-mutex"

  static func main() throws {
    Harness.begin()
    let mutex = try SharedMutex<UInt64>.create(name, initialValue: 0)
    switch Harness.mode {
    case "alone": alone(mutex)
    case "contended": for count in [2, 4, 8] { try contended(mutex, count) }
    case "passing": passing()
    case "condition": condition()
    default: fatalError("Unknown mode \(Harness.mode)")
    }
    try mutex.unlink()
  }

  static func alone(_ mutex: SharedMutex<UInt64>) {
    Harness.pin()
    let count = 100
    Case(contender, test: "lock", "lock+unlock, alone").measure(operationCount: count) {
      for _ in 0..<count { try mutex.withLock { $0 += 1 } }
    }
  }

  static func contended(_ mutex: SharedMutex<UInt64>, _ processCount: Int) throws {
    try mutex.withLock { $0 = 0 }
    Case(
      contender, test: "contended", "\(processCount) processes", unit: .operationsPerSecond
    ).measureContention(of: processCount) { run in
      let mutex = try SharedMutex<UInt64>.attach(name)
      run { try mutex.withLock { $0 += 1 } }
    } isRight: { count in
      try mutex.withLock { $0 } == UInt64(count)
    }
  }

  static func passing() {
    Case(contender, test: "passing", wait: .sleeping).measurePassing { run in
      let mutex = try SharedMutex<UInt64>.attach(name)
      run { body in try mutex.withLock { _ in body() } }
    }
  }

  /// The value counts questions and answers: after a question, it is odd.
  static func condition() {
    Case(contender, test: "wake", "condition", wait: .sleeping).measureRoundTrip { run in
      let mutex = try SharedMutex<UInt64>.attach(name)
      run { number in
        try mutex.withLock { $0 = 2 * number - 1 }
        return try mutex.withLock(until: { $0 == 2 * number }) { $0 / 2 }
      }
    } server: { run in
      let mutex = try SharedMutex<UInt64>.attach(name)
      run { try mutex.withLock(until: { $0 % 2 == 1 }) { $0 += 1 } }
    }
  }
}
