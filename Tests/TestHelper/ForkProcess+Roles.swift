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

internal import ArgumentParser
internal import Interprocess
internal import TestSupport

// Roles of which the child has copies.
extension ForkProcess {
  enum Role: String, ExpressibleByArgument {
    case sender, receiver, byteSender, byteReceiver, publisher, subscriber, permit, waitSet
  }

  /// Makes a child use its copies of the roles that this process has taken.
  static func use(_ role: Role, _ name: String) async throws {
    var process = try ForkProcess(name)
    switch role {
    case .sender: try await process.useSender()
    case .receiver: try await process.useReceiver()
    case .byteSender: try await process.useByteSender()
    case .byteReceiver: try await process.useByteReceiver()
    case .publisher: try process.usePublisher()
    case .subscriber: try process.useSubscriber()
    case .permit: try process.usePermit()
    case .waitSet: try process.useWaitSet()
    }
  }

  private mutating func useSender() async throws {
    var sender = try SharedQueue<UInt64>.attach(name).sender()
    try Self.blocking { try sender.send(1) }
    fork()
    if isChild {
      let outcomes = [
        Self.outcome { "\(try sender.trySend(5))" },
        Self.outcome {
          try sender.send(5)
          return "sent"
        },
        Self.outcome { "\(try sender.send(contentsOf: [5, 5].span))" },
        await Self.asyncOutcome {
          try await sender.send(5)
          return "sent"
        },
        await Self.asyncOutcome { "\(try await sender.send(contentsOf: [5, 5].span))" },
      ]
      sender.finish()
      end(outcomes.joined(separator: " "))
      return
    }
    try Self.blocking { try sender.send(2) }
    sender.finish()
    Helper.answer("sent")
  }

  private mutating func useReceiver() async throws {
    var receiver = try SharedQueue<UInt64>.attach(name).receiver()
    fork()
    if isChild {
      var elements: [UInt64] = []
      let outcomes = [
        Self.outcome { "\(String(describing: try receiver.tryReceive()))" },
        Self.outcome { "\(String(describing: try receiver.receive()))" },
        Self.outcome { "\(try receiver.receive(upTo: 2, into: &elements))" },
        Self.outcome { "\(String(describing: try receiver.receive(acknowledging: { $0 })))" },
        await Self.asyncOutcome { "\(String(describing: try await receiver.receive()))" },
        await Self.asyncOutcome { "\(try await receiver.receive(upTo: 2, into: &elements))" },
        await Self.asyncOutcome {
          "\(String(describing: try await receiver.receive(acknowledging: { $0 })))"
        },
      ]
      receiver.close()
      end(outcomes.joined(separator: " "))
      return
    }
    Helper.answer("\(try Self.blocking { try receiver.receive() } ?? 0)")
  }

  private mutating func useByteSender() async throws {
    var sender = try SharedByteQueue.attach(name).sender()
    fork()
    if isChild {
      let bytes = [5 as UInt8]
      let outcomes = [
        Self.outcome { "\(try sender.trySend(byteCount: 1) { _ in })" },
        Self.outcome {
          try sender.send(byteCount: 1) { _ in }
          return "sent"
        },
        Self.outcome {
          try sender.send(bytes.span.bytes)
          return "sent"
        },
        await Self.asyncOutcome {
          try await sender.send(byteCount: 1) { _ in }
          return "sent"
        },
        await Self.asyncOutcome {
          try await sender.send(bytes.span.bytes)
          return "sent"
        },
      ]
      sender.finish()
      end(outcomes.joined(separator: " "))
      return
    }
    try Self.blocking { try sender.send([2 as UInt8].span.bytes) }
    sender.finish()
    Helper.answer("sent")
  }

  private mutating func useByteReceiver() async throws {
    var receiver = try SharedByteQueue.attach(name).receiver()
    fork()
    if isChild {
      let outcomes = [
        Self.outcome { "\(String(describing: try receiver.tryReceive { _ in 1 }))" },
        Self.outcome { "\(String(describing: try receiver.receive { _ in 1 }))" },
        Self.outcome { "\(String(describing: try receiver.receive(acknowledging: { _ in 1 })))" },
        Self.outcome { "\(String(describing: try receiver.receive()))" },
        await Self.asyncOutcome { "\(String(describing: try await receiver.receive { _ in 1 }))" },
        await Self.asyncOutcome {
          "\(String(describing: try await receiver.receive(acknowledging: { _ in 1 })))"
        },
        await Self.asyncOutcome { "\(String(describing: try await receiver.receive()))" },
      ]
      receiver.close()
      end(outcomes.joined(separator: " "))
      return
    }
    Helper.answer("\(try Self.blocking { try receiver.receive() } ?? [])")
  }

  private mutating func usePublisher() throws {
    let topic = try SharedTopic<UInt64>.attach(name)
    var publisher = try topic.publisher()
    fork()
    if isChild {
      let outcomes = [
        Self.outcome {
          try publisher.publish(5)
          return "published"
        },
        Self.outcome {
          try publisher.publish(contentsOf: [5].span)
          return "published"
        },
        Self.outcome {
          let loan = try publisher.loan()
          try loan.publish()
          return "published"
        },
      ]
      publisher.close()
      end(outcomes.joined(separator: " "))
      return
    }
    try publisher.publish(2)
    Helper.answer("published")
  }

  private mutating func useSubscriber() throws {
    var subscriber = try SharedTopic<UInt64>.attach(name).subscriber()
    guard let sample = try subscriber.next() else { return Helper.answer("finished") }
    fork()
    if isChild {
      var outcomes: [String] = []
      func note(_ body: () throws -> Void) {
        outcomes.append(
          Self.outcome {
            try body()
            return "received"
          })
      }
      note { _ = try subscriber.tryNext() }
      note { _ = try subscriber.next() }
      note { _ = try subscriber.latest() }
      var set = WaitSet<Int>()
      set.insert(subscriber, as: 1)
      note { _ = try set.wait(timeout: .seconds(10)) }
      _ = consume sample
      subscriber.close()
      end(outcomes.joined(separator: " "))
      return
    }
    guard let next = try subscriber.next() else { return Helper.answer("finished") }
    Helper.answer("\(sample[0]) \(next[0])")
  }

  private mutating func usePermit() throws {
    let permit = try SharedSemaphore.attach(name).acquire()
    fork()
    permit.release()
    if isChild { end("released") }
    Helper.answer("released")
  }

  /// Waits for more words at once than one thread can sleep on.
  private mutating func useWaitSet() throws {
    var set = WaitSet<Int>()
    for number in 0..<300 {
      set.insert(try SharedAtomic<UInt32>.attach(name), while: 0, as: number)
    }
    func wait() -> String {
      Self.outcome { "\(try set.wait(timeout: .milliseconds(20)))" }
    }
    let before = wait()
    fork()
    let after = "\(wait()) \(wait())"
    if isChild {
      end(after)
      return
    }
    Helper.answer("\(before) \(after)")
  }
}

struct ForkUse: AsyncParsableCommand {
  @Argument var role: ForkProcess.Role
  @Argument var name: String

  func run() async throws { try await ForkProcess.use(role, name) }
}
