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

// contender: name="Interprocess SharedEvent" group=wake also=asleep

import Harness
import Interprocess

/// Two processes that wake each other.
@main
struct Event {
  static func main() throws {
    Harness.begin()
    let there = try SharedEvent.create("benchmark-there")
    let back = try SharedEvent.create("benchmark-back")
    Case(
      "Interprocess SharedEvent", test: "wake", "wait/wake round trip", wait: .sleeping
    ).measureRoundTrip { run in
      let there = try SharedEvent.attach("benchmark-there")
      let back = try SharedEvent.attach("benchmark-back")
      var seen = back.generation
      run { number in
        there.pulse()
        seen = try back.wait(after: seen)
        return UInt64(seen)
      }
    } server: { run in
      let there = try SharedEvent.attach("benchmark-there")
      let back = try SharedEvent.attach("benchmark-back")
      var seen = there.generation
      run {
        seen = try there.wait(after: seen)
        back.pulse()
      }
    }
    try there.unlink()
    try back.unlink()
  }
}
