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
import Interprocess
import TestSupport
import Testing

// Calls that a closed handle refuses, in forms that `CloseTests.Use` lacks.
extension CloseTests {
  @Test("A task cannot wait with a closed handle", arguments: [false, true])
  func task(hasGeneration: Bool) async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [hasGeneration] in
      alarm(60)
      let event = try SharedEvent.create(options: .whileAttached)
      event.close()
      if hasGeneration {
        _ = try await event.wait(after: 7, timeout: .zero)
      } else {
        try await event.wait(timeout: .zero)
      }
    }
    #expect(result.says("used after close()", isAlwaysThere: true))
  }

  @Test("A closed handle takes no lease", arguments: Kind.allCases)
  func lease(kind: Kind) async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [kind] in
      alarm(60)
      try kind.takeLeaseWhenClosed()
    }
    #expect(result.says("used after close()", isAlwaysThere: true), "\(kind)")
  }
}

extension CloseTests.Kind {
  fileprivate func takeLeaseWhenClosed() throws {
    switch self {
    case .mutex:
      let handle = try SharedMutex.create(initialValue: 1, options: .whileAttached)
      handle.close()
      try handle.takeLease()
    case .readWriteLock:
      let handle = try SharedReadWriteLock.create(initialValue: 1, options: .whileAttached)
      handle.close()
      try handle.takeLease()
    case .semaphore:
      let handle = try SharedSemaphore.create(permitCount: 1, options: .whileAttached)
      handle.close()
      try handle.takeLease()
    case .event:
      let handle = try SharedEvent.create(options: .whileAttached)
      handle.close()
      try handle.takeLease()
    case .barrier:
      let handle = try SharedBarrier.create(partyCount: 1, options: .whileAttached)
      handle.close()
      try handle.takeLease()
    case .atomic:
      let handle = try SharedAtomic<UInt64>.create(initialValue: 0, options: .whileAttached)
      handle.close()
      try handle.takeLease()
    case .queue:
      let handle = try SharedQueue<Int>.create(capacity: 4, options: .whileAttached)
      handle.close()
      try handle.takeLease()
    case .byteQueue:
      let handle = try SharedByteQueue.create(
        byteCapacity: 64, maximumByteCount: 8, options: .whileAttached)
      handle.close()
      try handle.takeLease()
    case .topic:
      let handle = try SharedTopic<Int>.create(options: .whileAttached)
      handle.close()
      try handle.takeLease()
    }
  }
}
