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

// contender: name="Interprocess SharedByteQueue" group=messages also=asleep
// sizes: 8,64,1K,4K

import Harness
import Interprocess

/// A queue of bytes in each direction, and one with a stream of messages.
@main
struct ByteQueue {
  private static let contender = "Interprocess SharedByteQueue"

  static func main() throws {
    Harness.begin()
    for size in Harness.sizes {
      try roundTrip(size)
      try stream(size)
    }
  }

  static func create(_ name: String, _ size: Int) throws -> SharedByteQueue {
    try SharedByteQueue.create(
      name, byteCapacity: max(64 << 10, 256 * size), maximumByteCount: size, senders: .one,
      receivers: .one)
  }

  static func roundTrip(_ size: Int) throws {
    let names = ["benchmark-there", "benchmark-back"]
    let queues = try names.map { try create($0, size) }
    Case(
      contender, test: "pingpong", "one and one", size: size, wait: .spinning
    ).measureRoundTrip { run in
      let there = try SharedByteQueue.attach(names[0])
      let back = try SharedByteQueue.attach(names[1])
      var sender = try there.sender()
      var receiver = try back.receiver()
      var message = Message(size)
      run { number in
        message.number = number
        try sender.send(message.bytes.span.bytes)
        try receiver.receive { message.copy($0) }
        return message.number
      }
    } server: { run in
      let there = try SharedByteQueue.attach(names[0])
      let back = try SharedByteQueue.attach(names[1])
      var receiver = try there.receiver()
      var sender = try back.sender()
      var message = Message(size)
      run {
        try receiver.receive { message.copy($0) }
        try sender.send(message.bytes.span.bytes)
      }
    }
    for queue in queues { try queue.unlink() }
  }

  static func stream(_ size: Int) throws {
    let name = "benchmark-queue"
    let queue = try create(name, size)
    Case(
      contender, test: "stream", "one and one", size: size, wait: .spinning,
      unit: .messagesPerSecond
    ).measureStream { run in
      let queue = try SharedByteQueue.attach(name)
      var sender = try queue.sender()
      var message = Message(size)
      run { numbers in
        for number in numbers {
          message.number = number
          try sender.send(message.bytes.span.bytes)
        }
      }
    } receiver: { run in
      let queue = try SharedByteQueue.attach(name)
      var receiver = try queue.receiver()
      var message = Message(size)
      run { numbers in
        var wrongCount = 0
        for number in numbers {
          try receiver.receive { message.copy($0) }
          if message.number != number { wrongCount += 1 }
        }
        return wrongCount
      }
    }
    try queue.unlink()
  }
}

/// A payload in private memory, which carries a number.
struct Message {
  private(set) var bytes: [UInt8]

  init(_ byteCount: Int) { bytes = [UInt8](repeating: 0x5A, count: byteCount) }

  var number: UInt64 {
    get { bytes.withUnsafeBytes { $0.load(as: UInt64.self) } }
    set { bytes.withUnsafeMutableBytes { $0.storeBytes(of: newValue, as: UInt64.self) } }
  }

  mutating func copy(_ message: RawSpan) {
    bytes.withUnsafeMutableBytes { bytes in
      message.withUnsafeBytes { bytes.copyMemory(from: $0) }
    }
  }
}
