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

// contender: name="Interprocess SharedTopic" group=messages also=asleep
// sizes: 8,64,1K,4K
// contender: name="Interprocess SharedTopic, crowd" mode=crowd group=crowd

import Harness
import Interprocess

/// A topic in each direction, and the cost of publishing, by the size of the message and by the
/// number of subscribers, which receive or not.
@main
struct Topic {
  private static let contender = "Interprocess SharedTopic"

  static func main() throws {
    Harness.begin()
    guard Harness.mode != "crowd" else { return try [1, 2, 4, 8, 16].forEach(crowd) }
    for size in Harness.sizes {
      switch size {
      case 8: try roundTrip(UInt64.self)
      case 64: try roundTrip(Message64.self)
      case 1024: try roundTrip(Message1024.self)
      case 4096: try roundTrip(Message4096.self)
      default: fatalError("There is no message of \(size) bytes")
      }
    }
    if Harness.sizes.contains(8) && !Harness.isAsleep {
      try handOver(byteCount: 8, "8 bytes")
      try handOver(byteCount: 64, "64 bytes")
      try handOver(byteCount: 64 << 20, "64 MiB")
      Harness.pin()
      for count in [1, 4] { try publish(subscriberCount: count) }
      try publish(subscriberCount: 1, isLoaning: true)
    }
  }

  /// Each side writes and reads the payload.
  static func roundTrip<Message: Numbered>(_ type: Message.Type) throws {
    let names = ["benchmark-there", "benchmark-back"]
    let topics = try names.map { try SharedTopic<Message>.create($0) }
    Case(
      contender, test: "pingpong", "published and received", size: MemoryLayout<Message>.size,
      wait: .spinning
    ).measureRoundTrip { run in
      var publisher = try SharedTopic<Message>.attach(names[0]).publisher()
      var subscriber = try SharedTopic<Message>.attach(names[1]).subscriber()
      run { number in
        try publisher.publish(Message(number: number))
        let sample = try subscriber.next()!
        return sample[0].number
      }
    } server: { run in
      var publisher = try SharedTopic<Message>.attach(names[1]).publisher()
      var subscriber = try SharedTopic<Message>.attach(names[0]).subscriber()
      run {
        let sample = try subscriber.next()!
        try publisher.publish(sample[0])
      }
    }
    for topic in topics { try topic.unlink() }
  }

  /// Hands over a message, of which only the first element is touched.
  static func handOver(byteCount: Int, _ name: String) throws {
    let names = ["benchmark-there", "benchmark-back"]
    let count = byteCount / MemoryLayout<UInt64>.stride
    let topics = try names.map {
      try SharedTopic<UInt64>.create(
        $0, maximumElementCount: count, maximumSubscriberCount: 1, maximumSampleCount: 8,
        options: SegmentOptions(reservation: .onDemand))
    }
    Case(
      contender, test: "handover", name, wait: .spinning,
      note: "The first 8 bytes are written and read, in place."
    ).measureRoundTrip { run in
      var publisher = try SharedTopic<UInt64>.attach(names[0]).publisher()
      var subscriber = try SharedTopic<UInt64>.attach(names[1]).subscriber()
      run { number in
        var loan = try publisher.loan(count: count)
        loan[0] = number
        try loan.publish()
        let sample = try subscriber.next()!
        return sample[0]
      }
    } server: { run in
      var publisher = try SharedTopic<UInt64>.attach(names[1]).publisher()
      var subscriber = try SharedTopic<UInt64>.attach(names[0]).subscriber()
      run {
        let sample = try subscriber.next()!
        var loan = try publisher.loan(count: count)
        loan[0] = sample[0]
        try loan.publish()
      }
    }
    for topic in topics { try topic.unlink() }
  }

  /// The cost for the publisher, with idle subscribers.
  static func publish(subscriberCount: Int, isLoaning: Bool = false) throws {
    let topic = try SharedTopic<UInt64>.create(nil, maximumSubscriberCount: 4)
    try topic.unlink()
    let subscribers = try (0..<subscriberCount).map { _ in Subscription(try topic.subscriber()) }
    var publisher = try topic.publisher()
    let operationCount = 100
    var number: UInt64 = 0
    Case(
      contender, test: "publish",
      (isLoaning ? "a loan, " : "") + "with \(subscriberCount) subscribed", size: 8,
      note: "The subscribers do not receive meanwhile."
    ).measure(operationCount: operationCount) {
      for _ in 0..<operationCount {
        if isLoaning {
          var loan = try publisher.loan(count: 1)
          loan[0] = number
          try loan.publish()
        } else {
          try publisher.publish(number)
        }
        number += 1
      }
    }
    withExtendedLifetime(subscribers) {}
  }

  /// What publishing costs with subscribers that receive, and how much they receive: if they miss
  /// what they are too slow for, and if the publisher waits for them.
  static func crowd(subscriberCount: Int) throws {
    let name = "benchmark-topic"
    for overflow in [TopicOverflow.overwrite, .wait] {
      let topic = try SharedTopic<UInt64>.create(
        name, historyCount: 64, maximumSubscriberCount: 16)
      let isWaiting = overflow == .wait
      let cost = Case(
        contender, test: "publish to receivers", "\(subscriberCount) receiving", size: 8,
        wait: .spinning)
      Case(
        contender, test: "deliveries",
        "to \(subscriberCount)" + (isWaiting ? ", the publisher waits" : ""), size: 8,
        wait: .spinning, unit: .messagesPerSecond
      ).measureCrowd(
        of: 1, to: subscriberCount, isWaiting ? .toAll : .toWhoeverIsInTime,
        cost: isWaiting ? nil : cost
      ) { run in
        var publisher = try SharedTopic<UInt64>.attach(name).publisher(overflow: overflow)
        run { try publisher.publish($0) }
      } receiver: { run in
        var subscriber = try SharedTopic<UInt64>.attach(name).subscriber()
        run {
          let sample = try subscriber.next()!
          return sample[0]
        }
      }
      try topic.unlink()
    }
  }

  private final class Subscription {
    private let subscriber: SharedTopic<UInt64>.Subscriber
    init(_ subscriber: consuming SharedTopic<UInt64>.Subscriber) { self.subscriber = subscriber }
  }
}
