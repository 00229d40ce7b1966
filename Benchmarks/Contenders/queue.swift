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

// contender: name="Interprocess SharedQueue" group=messages also=asleep
// sizes: 8,64,1K,4K
// contender: name="Interprocess SharedQueue, crowd" mode=crowd group=crowd

import Harness
import Interprocess

/// A queue in each direction, one with a stream of messages, and one between many processes.
@main
struct Queue {
  static func main() throws {
    Harness.begin()
    guard Harness.mode != "crowd" else { return try [2, 4].forEach(crowd) }
    for size in Harness.sizes {
      switch size {
      case 8: try measure(UInt64.self)
      case 64: try measure(Message64.self)
      case 1024: try measure(Message1024.self)
      case 4096: try measure(Message4096.self)
      default: fatalError("There is no message of \(size) bytes")
      }
    }
  }

  static func measure<Message: Numbered>(_ type: Message.Type) throws {
    try roundTrip(type)
    try stream(type)
    if MemoryLayout<Message>.size > 8 {
      try roundTripInPlace(type)
      try streamInPlace(type)
    }
    try streamOfMany(type)
  }

  static func roundTrip<Message: Numbered>(_ type: Message.Type) throws {
    let names = ["benchmark-there", "benchmark-back"]
    let queues = try names.map {
      try SharedQueue<Message>.create($0, capacity: 16, senders: .one, receivers: .one)
    }
    Case(
      "Interprocess SharedQueue", test: "pingpong", "one and one",
      size: MemoryLayout<Message>.size, wait: .spinning
    ).measureRoundTrip { run in
      let there = try SharedQueue<Message>.attach(names[0])
      let back = try SharedQueue<Message>.attach(names[1])
      var sender = try there.sender()
      var receiver = try back.receiver()
      run { number in
        try sender.send(Message(number: number))
        return try receiver.receive()!.number
      }
    } server: { run in
      let there = try SharedQueue<Message>.attach(names[0])
      let back = try SharedQueue<Message>.attach(names[1])
      var receiver = try there.receiver()
      var sender = try back.sender()
      run { try sender.send(try receiver.receive()!) }
    }
    for queue in queues { try queue.unlink() }
  }

  static func stream<Message: Numbered>(_ type: Message.Type) throws {
    let name = "benchmark-queue"
    let queue = try SharedQueue<Message>.create(
      name, capacity: 4096, senders: .one, receivers: .one)
    Case(
      "Interprocess SharedQueue", test: "stream", "one and one",
      size: MemoryLayout<Message>.size, wait: .spinning, unit: .messagesPerSecond
    ).measureStream { run in
      let queue = try SharedQueue<Message>.attach(name)
      var sender = try queue.sender()
      run { numbers in
        for number in numbers { try sender.send(Message(number: number)) }
      }
    } receiver: { run in
      let queue = try SharedQueue<Message>.attach(name)
      var receiver = try queue.receiver()
      run { numbers in
        var wrongCount = 0
        for number in numbers where try receiver.receive()!.number != number { wrongCount += 1 }
        return wrongCount
      }
    }
    try queue.unlink()
  }

  /// Several senders and as many receivers.
  static func crowd(sideCount: Int) throws {
    let name = "benchmark-queue"
    let queue = try SharedQueue<UInt64>.create(name, capacity: 4096)
    Case(
      "Interprocess SharedQueue", test: "crowd", "\(sideCount) to \(sideCount)", size: 8,
      wait: .spinning, unit: .messagesPerSecond
    ).measureCrowd(of: sideCount, to: sideCount) { run in
      let queue = try SharedQueue<UInt64>.attach(name)
      run { try queue.send($0) }
    } receiver: { run in
      let queue = try SharedQueue<UInt64>.attach(name)
      run { try queue.receive()! }
    }
    try queue.unlink()
  }

  static func roundTripInPlace<Message: Numbered>(_ type: Message.Type) throws {
    let names = ["benchmark-there", "benchmark-back"]
    let queues = try names.map {
      try SharedQueue<Message>.create($0, capacity: 16, senders: .one, receivers: .one)
    }
    Case(
      "Interprocess SharedQueue", test: "pingpong", "one and one, in place",
      size: MemoryLayout<Message>.size, wait: .spinning
    ).measureRoundTrip { run in
      let there = try SharedQueue<Message>.attach(names[0])
      let back = try SharedQueue<Message>.attach(names[1])
      var sender = try there.sender()
      var receiver = try back.receiver()
      run { number in
        try sender.send { $0 = Message(number: number) }
        return try receiver.receive(acknowledging: { $0.number })!
      }
    } server: { run in
      let there = try SharedQueue<Message>.attach(names[0])
      let back = try SharedQueue<Message>.attach(names[1])
      var receiver = try there.receiver()
      var sender = try back.sender()
      run {
        try sender.send { (answer: inout Message) in
          guard try receiver.receive(into: &answer) else { throw CancellationError() }
        }
      }
    }
    for queue in queues { try queue.unlink() }
  }

  static func streamInPlace<Message: Numbered>(_ type: Message.Type) throws {
    let name = "benchmark-queue"
    let queue = try SharedQueue<Message>.create(
      name, capacity: 4096, senders: .one, receivers: .one)
    Case(
      "Interprocess SharedQueue", test: "stream", "one and one, in place",
      size: MemoryLayout<Message>.size, wait: .spinning, unit: .messagesPerSecond
    ).measureStream { run in
      let queue = try SharedQueue<Message>.attach(name)
      var sender = try queue.sender()
      run { numbers in
        for number in numbers { try sender.send { $0 = Message(number: number) } }
      }
    } receiver: { run in
      let queue = try SharedQueue<Message>.attach(name)
      var receiver = try queue.receiver()
      run { numbers in
        var wrongCount = 0
        for number in numbers {
          if try receiver.receive(acknowledging: { $0.number })! != number { wrongCount += 1 }
        }
        return wrongCount
      }
    }
    try queue.unlink()
  }

  static func streamOfMany<Message: Numbered>(_ type: Message.Type) throws {
    let name = "benchmark-queue"
    let queue = try SharedQueue<Message>.create(name, capacity: 4096)
    Case(
      "Interprocess SharedQueue", test: "stream", "many and many",
      size: MemoryLayout<Message>.size, wait: .spinning, unit: .messagesPerSecond
    ).measureStream { run in
      let queue = try SharedQueue<Message>.attach(name)
      run { numbers in
        for number in numbers { try queue.send(Message(number: number)) }
      }
    } receiver: { run in
      let queue = try SharedQueue<Message>.attach(name)
      run { numbers in
        var wrongCount = 0
        for number in numbers where try queue.receive()!.number != number { wrongCount += 1 }
        return wrongCount
      }
    }
    try queue.unlink()
  }
}
