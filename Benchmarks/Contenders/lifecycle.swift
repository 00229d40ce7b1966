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

// contender: name="Interprocess SharedMemory" group=lifecycle
// sizes: 4K,64M
// curve: 4K,64K,1M,16M,256M,1G

import Harness
import Interprocess

@main
struct Lifecycle {
  static func main() throws {
    Harness.begin()
    Harness.pin()
    let contender = "Interprocess SharedMemory"
    let name = "benchmark-lifecycle"
    for size in Harness.sizes {
      let reservations: [(String, SharedMemory.Reservation)] = [
        ("create and unlink", .onDemand), ("create and unlink, pages reserved", .reserved),
      ]
      for (what, reservation) in reservations {
        Case(contender, test: "lifecycle", what, size: size).measure {
          var memory = try SharedMemory.create(
            name, byteCount: size, options: SegmentOptions(reservation: reservation))
          memory[0] = 1
          try memory.unlink()
        }
      }

      var memory = try SharedMemory.create(
        name, byteCount: size, options: SegmentOptions(reservation: .onDemand))
      memory[0] = 1
      Case(contender, test: "lifecycle", "attach and close", size: size).measure {
        let memory = try SharedMemory.attach(name)
        Harness.keep(UInt64(memory[0]))
        memory.close()
      }
      try memory.unlink()
    }
  }
}
