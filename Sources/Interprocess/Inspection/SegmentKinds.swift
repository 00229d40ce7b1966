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

/// All kinds of structured segments, in the order of their numbers.
package enum SegmentKinds {
  package static let all: [any SegmentKind.Type] = [
    ValueKind.self,
    MutexKind.self,
    ReadWriteLockKind.self,
    SemaphoreKind.self,
    EventKind.self,
    BarrierKind.self,
    AtomicKind.self,
    QueueKind.self,
    ByteQueueKind.self,
    TopicKind.self,
  ]

  static func kind(_ number: UInt32) -> (any SegmentKind.Type)? {
    all.first { $0.number == number }
  }
}
