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

// contender: name="Interprocess, by number of segments" group=segments only=curve
// curve: 1,10,100,1000,10000

import Harness
import Interprocess

/// How the cost of a segment grows with the number of segments in `/dev/shm`.
@main
struct Segments {
  static func main() throws {
    Harness.begin()
    Harness.pin()
    for count in Harness.sizes {
      try live(count)
      try stale(count)
    }
  }

  static func row(_ what: String, _ count: Int) -> Case {
    Case("Interprocess", test: "segments", what, size: count)
  }

  static func name(_ index: Int) -> String { "benchmark-\(index)" }

  static func live(_ count: Int) throws {
    for index in 0..<count {
      try SharedMemory.create(
        name(index), byteCount: 4096, options: SegmentOptions(reservation: .onDemand)
      ).close()
    }
    row("create and unlink", count).measure {
      let memory = try SharedMemory.create(
        "benchmark-one", byteCount: 4096, options: SegmentOptions(reservation: .onDemand))
      try memory.unlink()
    }
    let other = name(count / 2)
    row("attach and close", count).measure { try SharedMemory.attach(other).close() }
    row("list", count).measure {
      guard try SharedMemory.segments().count >= count else { fatalError("Some are missing") }
    }
    row("sweep, none stale", count).measure { _ = try SharedMemory.sweep() }
    for index in 0..<count { try SharedMemory.unlink(name(index)) }
  }

  static func stale(_ count: Int) throws {
    let row = row("sweep, all stale", count)
    guard Harness.allowFiles(count + 100) else {
      return row.skip("A process may not open that many files")
    }
    Harness.inChild {
      var kept: [Kept] = []
      for index in 0..<count { kept.append(try Kept(name(index))) }
      withExtendedLifetime(kept) {}
      // The process ends without closing the segments, as in a crash.
      Harness.endAbruptly()
    }
    try row.measureOnce {
      guard try SharedMemory.sweep().count == count else { fatalError("Some are left") }
    }
  }
}

final class Kept {
  let memory: SharedMemory

  init(_ name: String) throws {
    memory = try SharedMemory.create(
      name, byteCount: 4096,
      options: SegmentOptions(lifetime: .whileAttached, reservation: .onDemand))
  }
}
