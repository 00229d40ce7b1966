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
// sizes: 4K,64M,256M
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
      if 2 << 20...256 << 20 ~= size {
        try touch(size, SegmentOptions(), "")
        try touch(size, SegmentOptions(pages: .small), ", small pages")
      }
    }
  }

  /// Large memory that is touched for the first time: by its creator, and by a process that
  /// attaches.
  ///
  /// - Parameter pages: Words for the rows.
  static func touch(_ size: Int, _ options: SegmentOptions, _ pages: String) throws {
    func row(_ what: String) -> Case {
      Case("Interprocess SharedMemory", test: "lifecycle", what + pages, size: size)
    }
    let name = "benchmark-lifecycle"
    row("create, write all and unlink, pages reserved").measure {
      var memory = try SharedMemory.create(name, byteCount: size, options: options)
      write(&memory)
      try memory.unlink()
    }
    var memory = try SharedMemory.create(name, byteCount: size, options: options)
    write(&memory)
    row("attach, read each page and close").measure {
      let memory = try SharedMemory.attach(name)
      readEachPage(memory)
      memory.close()
    }
    row("attach, read each page and close, prefaulted").measure {
      let memory = try SharedMemory.attach(name)
      try memory.prefault()
      readEachPage(memory)
      memory.close()
    }
    try memory.unlink()
  }

  static func readEachPage(_ memory: borrowing SharedMemory) {
    var sum: UInt64 = 0
    memory.withBytes { bytes in
      for offset in stride(from: 0, to: bytes.byteCount, by: 4096) {
        sum &+= UInt64(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
      }
    }
    Harness.keep(sum)
  }

  static func write(_ memory: inout SharedMemory) {
    memory.withMutableBytes { bytes in
      bytes.withUnsafeMutableBytes { _ = $0.initializeMemory(as: UInt8.self, repeating: 1) }
    }
    Harness.touchMemory()
  }
}
