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

import Interprocess
import TestSupport

// Waits for queues and topics.
extension Blocked {
  func makeOfQueue() throws -> BlockedWait {
    let queue = try SharedQueue<Int>.create(capacity: 1, options: .whileAttached)
    switch self {
    case .receiving:
      return BlockedWait {
        _ = try queue.receive(timeout: $0)
      } runAsTask: {
        _ = try await queue.receive(timeout: $0)
      } unblock: {
        try queue.send(1)
      } choose: {
        queue.waiting = $0
      }
    case .receivingBatch:
      return BlockedWait {
        var elements: [Int] = []
        try queue.receive(upTo: 2, into: &elements, timeout: $0)
      } runAsTask: {
        var elements: [Int] = []
        try await queue.receive(upTo: 2, into: &elements, timeout: $0)
      } unblock: {
        try queue.send(1)
      } choose: {
        queue.waiting = $0
      }
    case .acknowledging:
      return BlockedWait {
        _ = try queue.receive(timeout: $0, acknowledging: { $0 })
      } runAsTask: {
        _ = try await queue.receive(timeout: $0, acknowledging: { $0 })
      } unblock: {
        try queue.send(1)
      } choose: {
        queue.waiting = $0
      }
    case .sending:
      try queue.send(1)
      return BlockedWait {
        try queue.send(2, timeout: $0)
      } runAsTask: {
        try await queue.send(2, timeout: $0)
      } unblock: {
        _ = try queue.receive()
      } choose: {
        queue.waiting = $0
      }
    default:
      // A turn at the sending side, which only a closure holds.
      let bytes = try Self.bytes()
      let holder = Holder { wait in try bytes.send(byteCount: 8) { _ in wait() } }
      if self == .finishing {
        return BlockedWait {
          try bytes.finish(timeout: $0)
        } runAsTask: {
          try await bytes.finish(timeout: $0)
        } unblock: {
          holder.release()
        } choose: {
          bytes.waiting = $0
        }
      }
      return BlockedWait {
        try bytes.send(byteCount: 8, timeout: $0) { _ in }
      } runAsTask: {
        try await bytes.send(byteCount: 8, timeout: $0) { _ in }
      } unblock: {
        holder.release()
      } choose: {
        bytes.waiting = $0
      }
    }
  }

  func makeInPlace(_ multiplicity: Multiplicity) throws -> BlockedWait {
    let user = QueueUser(
      try SharedQueue<Int>.create(
        capacity: 1, senders: multiplicity, receivers: multiplicity, options: .whileAttached))
    switch self {
    case .receivingInto, .receiverInto:
      return BlockedWait {
        var element = 0
        _ = try user.receive(into: &element, timeout: $0)
      } runAsTask: {
        var element = 0
        _ = try await user.receiveAsTask(into: &element, timeout: $0)
      } unblock: {
        try user.send(1)
      } choose: {
        user.queue.waiting = $0
      }
    case .acknowledgingBatch, .receiverAcknowledgingBatch:
      return BlockedWait {
        _ = try user.receive(upTo: 2, timeout: $0) { _ in }
      } runAsTask: {
        _ = try await user.receiveAsTask(upTo: 2, timeout: $0) { _ in }
      } unblock: {
        try user.send(1)
      } choose: {
        user.queue.waiting = $0
      }
    default:
      try user.send(1)
      return BlockedWait {
        try user.send(timeout: $0) { $0 = 2 }
      } runAsTask: {
        try await user.sendAsTask(timeout: $0) { $0 = 2 }
      } unblock: {
        _ = try user.receive()
      } choose: {
        user.queue.waiting = $0
      }
    }
  }

  func makeOfRole() throws -> BlockedWait {
    let queue = try SharedQueue<Int>.create(
      capacity: 1, senders: .one, receivers: .one, options: .whileAttached)
    let sender = Box(try queue.sender())
    let receiver = Box(try queue.receiver())
    switch self {
    case .sender:
      try sender.value.send(1)
      return BlockedWait {
        try sender.value.send(2, timeout: $0)
      } runAsTask: {
        try await sender.value.send(2, timeout: $0)
      } unblock: {
        _ = try receiver.value.tryReceive()
      } choose: {
        queue.waiting = $0
      }
    case .receiver:
      return BlockedWait {
        _ = try receiver.value.receive(timeout: $0)
      } runAsTask: {
        _ = try await receiver.value.receive(timeout: $0)
      } unblock: {
        try sender.value.send(1)
      } choose: {
        queue.waiting = $0
      }
    case .receiverBatch:
      return BlockedWait {
        var elements: [Int] = []
        try receiver.value.receive(upTo: 2, into: &elements, timeout: $0)
      } runAsTask: {
        var elements: [Int] = []
        try await receiver.value.receive(upTo: 2, into: &elements, timeout: $0)
      } unblock: {
        try sender.value.send(1)
      } choose: {
        queue.waiting = $0
      }
    default:
      return BlockedWait {
        _ = try receiver.value.receive(timeout: $0, acknowledging: { $0 })
      } runAsTask: {
        _ = try await receiver.value.receive(timeout: $0, acknowledging: { $0 })
      } unblock: {
        try sender.value.send(1)
      } choose: {
        queue.waiting = $0
      }
    }
  }

  func makeOfByteRole() throws -> BlockedWait {
    let queue = try SharedByteQueue.create(
      byteCapacity: 32, maximumByteCount: 8, senders: .one, receivers: .one,
      options: .whileAttached)
    let sender = Box(try queue.sender())
    let receiver = Box(try queue.receiver())
    switch self {
    case .byteSender:
      while try sender.value.trySend(byteCount: 8, { _ in }) {}
      return BlockedWait {
        try sender.value.send(byteCount: 8, timeout: $0) { _ in }
      } runAsTask: {
        try await sender.value.send(byteCount: 8, timeout: $0) { _ in }
      } unblock: {
        while try receiver.value.tryReceive({ _ in true }) != nil {}
      } choose: {
        queue.waiting = $0
      }
    case .byteReceiver:
      return BlockedWait {
        _ = try receiver.value.receive(timeout: $0)
      } runAsTask: {
        _ = try await receiver.value.receive(timeout: $0)
      } unblock: {
        try sender.value.send(byteCount: 8) { _ in }
      } choose: {
        queue.waiting = $0
      }
    default:
      return BlockedWait {
        _ = try receiver.value.receive(timeout: $0, acknowledging: { $0.byteCount })
      } runAsTask: {
        _ = try await receiver.value.receive(timeout: $0, acknowledging: { $0.byteCount })
      } unblock: {
        try sender.value.send(byteCount: 8) { _ in }
      } choose: {
        queue.waiting = $0
      }
    }
  }

  private static func bytes() throws -> SharedByteQueue {
    try SharedByteQueue.create(byteCapacity: 128, maximumByteCount: 8, options: .whileAttached)
  }

  func makeOfBytes() throws -> BlockedWait {
    let queue = try Self.bytes()
    let message = [UInt8](repeating: 0, count: 8)
    switch self {
    case .sendingBytes:
      while try queue.trySend(byteCount: 8, { _ in }) {}
      return BlockedWait {
        try queue.send(message.span.bytes, timeout: $0)
      } runAsTask: {
        try await queue.send(byteCount: 8, timeout: $0) { _ in }
      } unblock: {
        while try queue.tryReceive({ _ in true }) != nil {}
      } choose: {
        queue.waiting = $0
      }
    case .receivingBytes:
      return BlockedWait {
        _ = try queue.receive(timeout: $0)
      } runAsTask: {
        _ = try await queue.receive(timeout: $0)
      } unblock: {
        try queue.send(message.span.bytes)
      } choose: {
        queue.waiting = $0
      }
    default:
      return BlockedWait {
        _ = try queue.receive(timeout: $0, acknowledging: { $0.byteCount })
      } runAsTask: {
        _ = try await queue.receive(timeout: $0, acknowledging: { $0.byteCount })
      } unblock: {
        try queue.send(message.span.bytes)
      } choose: {
        queue.waiting = $0
      }
    }
  }

  func makeOfTopic() throws -> BlockedWait {
    let topic = try SharedTopic<Int>.create(historyCount: 2, options: .whileAttached)
    let subscriber = Box(try topic.subscriber())
    let publisher = Box(try topic.publisher(overflow: .wait))
    if self == .nextMessage {
      return BlockedWait {
        _ = try subscriber.value.next(timeout: $0)
      } runAsTask: {
        _ = try await subscriber.value.next(timeout: $0)
      } unblock: {
        try publisher.value.publish(1)
      } choose: {
        topic.waiting = $0
      }
    }
    // Two messages that the subscriber has not received.
    for number in 1...2 { try publisher.value.publish(number) }
    @Sendable func receive() throws {
      _ = try subscriber.value.tryNext()
    }
    switch self {
    case .publishing:
      return BlockedWait {
        try publisher.value.publish(3, timeout: $0)
      } runAsTask: {
        try await publisher.value.publish(3, timeout: $0)
      } unblock: {
        try receive()
      } choose: {
        topic.waiting = $0
      }
    case .publishingBatch:
      return BlockedWait {
        try publisher.value.publish(contentsOf: [3].span, timeout: $0)
      } runAsTask: {
        try await publisher.value.publish(contentsOf: [3].span, timeout: $0)
      } unblock: {
        try receive()
      } choose: {
        topic.waiting = $0
      }
    default:
      return BlockedWait {
        try publisher.value.loan(timeout: $0).publish()
      } runAsTask: {
        try await publisher.value.loan(timeout: $0).publish()
      } unblock: {
        try receive()
      } choose: {
        topic.waiting = $0
      }
    }
  }
}
