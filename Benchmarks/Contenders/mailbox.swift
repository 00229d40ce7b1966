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

// contender: name="Interprocess SharedMemory, mailbox by hand" group=messages
// sizes: 8,64,1K,4K,64K,1M
// curve: 8,64,1K,16K,256K,4M,64M,1G

import Harness
import Interprocess
import Synchronization

/// A message in each direction in one block of memory, each announced by a number that the other
/// side waits for.
@main
struct Mailbox {
  static func main() throws {
    Harness.begin()
    for size in Harness.sizes {
      let name = "benchmark-mailbox"
      let memory = try SharedMemory.create(name, byteCount: Layout.byteCount(of: size))
      Case(
        "Interprocess SharedMemory", test: "pingpong", "mailbox by hand", size: size,
        wait: .spinning
      ).measureRoundTrip { run in
        var memory = try SharedMemory.attach(name)
        var message = [UInt8](repeating: 0x5A, count: size)
        var answer = message
        run { number in
          message.withUnsafeMutableBytes { $0.storeBytes(of: number, as: UInt64.self) }
          memory.write(message, at: Layout.request)
          memory.announce(number, at: Layout.requestNumber)
          memory.wait(for: number, at: Layout.answerNumber)
          memory.read(into: &answer, at: Layout.answer(size))
          return answer.withUnsafeBytes { $0.load(as: UInt64.self) }
        }
      } server: { run in
        var memory = try SharedMemory.attach(name)
        var message = [UInt8](repeating: 0, count: size)
        var number: UInt64 = 0
        run {
          number += 1
          memory.wait(for: number, at: Layout.requestNumber)
          memory.read(into: &message, at: Layout.request)
          memory.write(message, at: Layout.answer(size))
          memory.announce(number, at: Layout.answerNumber)
        }
      }
      try memory.unlink()
    }
  }
}

/// The offsets in the memory, each on cache lines of its own.
enum Layout {
  static let requestNumber = 0
  static let answerNumber = 64
  static let request = 128
  static func answer(_ size: Int) -> Int { request + (size + 127) / 128 * 128 }
  static func byteCount(of size: Int) -> Int { answer(size) + size }
}

extension SharedMemory {
  mutating func write(_ message: [UInt8], at offset: Int) {
    withMutableBytes { bytes in
      bytes.withUnsafeMutableBytes { bytes in
        let place = UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<offset + message.count])
        place.copyBytes(from: message)
      }
    }
  }

  func read(into message: inout [UInt8], at offset: Int) {
    withBytes { bytes in
      bytes.withUnsafeBytes { bytes in
        let place = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + message.count])
        message.withUnsafeMutableBytes { $0.copyMemory(from: place) }
      }
    }
  }

  func announce(_ number: UInt64, at offset: Int) {
    withNumber(at: offset) { $0.pointee.store(number, ordering: .releasing) }
  }

  func wait(for number: UInt64, at offset: Int) {
    withNumber(at: offset) {
      while $0.pointee.load(ordering: .acquiring) != number { Harness.relax() }
    }
  }

  private func withNumber(at offset: Int, _ body: (UnsafePointer<Atomic<UInt64>>) -> Void) {
    withBytes { bytes in
      bytes.withUnsafeBytes { bytes in
        body((bytes.baseAddress! + offset).assumingMemoryBound(to: Atomic<UInt64>.self))
      }
    }
  }
}
