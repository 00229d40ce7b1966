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

import TestSupport

@testable import Interprocess

// Support for the tests of what looking at a segment reports.

/// The bytes of one segment of each kind by which processes wait for each other.
func synchronizationSegments() throws -> [(kind: String, bytes: [UInt8])] {
  [
    (
      "mutex",
      try SharedMemory.create(copying: { _ = try SharedMutex.create($0, initialValue: 1) })
    ),
    (
      "semaphore",
      try SharedMemory.create(copying: { _ = try SharedSemaphore.create($0, permitCount: 3) })
    ),
    ("event", try SharedMemory.create(copying: { _ = try SharedEvent.create($0) })),
    (
      "atomic",
      try SharedMemory.create(copying: { _ = try SharedAtomic.create($0, initialValue: 7) })
    ),
    (
      "read-write-lock",
      try SharedMemory.create(
        copying: {
          _ = try SharedReadWriteLock.create($0, initialValue: 1, maximumReaderCount: 2)
        })
    ),
    (
      "barrier",
      try SharedMemory.create(copying: { _ = try SharedBarrier.create($0, partyCount: 3) })
    ),
  ]
}

extension [SegmentFact] {
  var byKey: [String: SegmentFact.Value] {
    Dictionary(uniqueKeysWithValues: map { ($0.key, $0.value) })
  }
}

/// What a structured segment tells about itself; nothing if it is something else.
func facts(_ name: String) throws -> [String: SegmentFact.Value] {
  guard case .structured(_, let facts) = try SegmentContent(ofSegment: name) else { return [:] }
  return facts.byKey
}

extension SharedMemory {
  /// The bytes of the segment that a body makes under a name.
  static func create(copying make: (String) throws -> Void) throws -> [UInt8] {
    let name = uniqueName()
    try make(name)
    let memory = try attach(name)
    let bytes = (0..<memory.byteCount).map { memory[$0] }
    try memory.unlink()
    return bytes
  }

  /// Overwrites all bytes, with zeros behind the given ones.
  mutating func replace(with bytes: ArraySlice<UInt8>) {
    withMutableBytes { span in
      span.withUnsafeMutableBytes { buffer in
        _ = buffer.initializeMemory(as: UInt8.self, repeating: 0)
        buffer.copyBytes(from: bytes)
      }
    }
  }
}
