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

// contender: name="Interprocess SharedMemory, ring by hand" group=messages

import Harness
import Interprocess
import Synchronization

/// A hand-written ring in shared memory for one sender and one receiver: the two positions lie on
/// separate cache lines, and each side keeps a copy of the other's.
@main
struct Ring {
  static func main() throws {
    Harness.begin()
    try stream(UInt64.self)
    try stream(Message64.self)
    try stream(Message1024.self)
    try stream(Message4096.self)
  }

  static func stream<Message: Numbered>(_ type: Message.Type) throws {
    let size = MemoryLayout<Message>.stride
    let slotCount = size < 1024 ? 4096 : 256
    let byteCount = 256 + slotCount * size
    let name = "benchmark-ring"
    let memory = try SharedMemory.create(name, byteCount: byteCount)
    Case(
      "Interprocess SharedMemory", test: "stream", "ring by hand", size: size, wait: .spinning,
      unit: .messagesPerSecond
    ).measureStream { run in
      let memory = try SharedMemory.attach(name)
      let bytes = memory.bytes
      bytes.withUnsafeBytes { bytes in
        let ring = Slots<Message>(bytes)
        var head = 0
        var tail = 0
        run { numbers in
          for number in numbers {
            while head - tail == slotCount {
              tail = ring.tail.pointee.load(ordering: .acquiring)
              if head - tail == slotCount { Harness.relax() }
            }
            ring.slots[head & (slotCount - 1)] = Message(number: number)
            head += 1
            ring.head.pointee.store(head, ordering: .releasing)
          }
        }
      }
    } receiver: { run in
      let memory = try SharedMemory.attach(name)
      let bytes = memory.bytes
      bytes.withUnsafeBytes { bytes in
        let ring = Slots<Message>(bytes)
        var head = 0
        var tail = 0
        run { numbers in
          var wrongCount = 0
          for number in numbers {
            while head == tail {
              head = ring.head.pointee.load(ordering: .acquiring)
              if head == tail { Harness.relax() }
            }
            let message = ring.slots[tail & (slotCount - 1)]
            if message.number != number { wrongCount += 1 }
            tail += 1
            ring.tail.pointee.store(tail, ordering: .releasing)
          }
          return wrongCount
        }
      }
    }
    try memory.unlink()
  }
}

struct Slots<Message> {
  let head: UnsafePointer<Atomic<Int>>
  let tail: UnsafePointer<Atomic<Int>>
  let slots: UnsafeMutablePointer<Message>

  init(_ bytes: UnsafeRawBufferPointer) {
    let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress!)
    head = UnsafePointer(start.assumingMemoryBound(to: Atomic<Int>.self))
    tail = UnsafePointer((start + 128).assumingMemoryBound(to: Atomic<Int>.self))
    slots = (start + 256).assumingMemoryBound(to: Message.self)
  }
}
