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
internal import Glibc
internal import Interprocess
internal import SystemPackage
internal import TestSupport

/// Processes that send numbered messages as fast as they can, and others that check that each
/// arrives once, and in order.
enum QueueStreams {
  private struct Problem: Error {
    var description: String
  }

  /// What a receiver has received from one sender: the receipts add up to what was sent.
  private struct Receipt: Shareable {
    var count: UInt64 = 0
    var sum: UInt64 = 0
  }

  /// Sends this number of messages in all over each kind of queue of elements, and a hundredth of
  /// it, but of up to 64 KiB, over each kind of queue of bytes.
  static func run(messageCount: Int) throws {
    for content in Content.allCases {
      let count = content == .bytes ? messageCount / 100 : messageCount
      try run(count, of: content, .one, sideCount: 1)
      try run(count, of: content, .many, sideCount: 2)
    }
  }

  /// The content of the messages.
  enum Content: String, CaseIterable, ExpressibleByArgument {
    case elements, bytes
  }

  private static func run(
    _ messageCount: Int, of content: Content, _ role: Multiplicity, sideCount: Int
  ) throws {
    let name = "ipctest_streams_\(getpid())"
    let finish: () throws -> Void
    switch content {
    case .elements:
      let queue = try SharedQueue<NumberedMessage>.create(
        name, capacity: 100, senders: role, receivers: role, options: .whileAttached)
      finish = { try queue.finish() }
    case .bytes:
      let queue = try SharedByteQueue.create(
        name, byteCapacity: 1 << 18, maximumByteCount: StreamMessage.maximumByteCount,
        senders: role, receivers: role, options: .whileAttached)
      finish = { try queue.finish() }
    }
    let receipts = try SharedMemory.create(
      "\(name)_receipts", byteCount: 4096, options: .whileAttached)
    let count = messageCount / sideCount
    let begin = ContinuousClock.now
    let senders = try (0..<sideCount).map {
      try spawnSelf(["queue-stream-send", "\(content)", name, "\($0)", "\(count)"])
    }
    let receivers = try (0..<sideCount).map {
      try spawnSelf(["queue-stream-receive", "\(content)", name, "\($0)", "\(sideCount)"])
    }
    for sender in senders { try waitFor(sender) }
    try finish()
    for receiver in receivers { try waitFor(receiver) }
    for sender in 0..<sideCount {
      var received = Receipt()
      for receiver in 0..<sideCount {
        let receipt = receipts.load(
          fromByteOffset: offset(receiver, sender), as: Receipt.self)
        received.count += receipt.count
        received.sum &+= receipt.sum
      }
      var sum: UInt64 = 0
      for number in 1...UInt64(count) { sum &+= mix(number) }
      guard received.count == count, received.sum == sum else {
        throw Problem(description: "\(received.count) of \(count) have come, or others")
      }
    }
    Helper.answer(
      """
      \(content), \(role), \(sideCount) and \(sideCount): \(messageCount) messages in \
      \(ContinuousClock.now - begin)
      """)
  }

  private static func waitFor(_ process: pid_t) throws {
    let status = waitForExit(process)
    guard status == 0 else { throw Problem(description: "status \(status)") }
  }

  private static func offset(_ receiver: Int, _ sender: Int) -> Int {
    256 * receiver + MemoryLayout<Receipt>.stride * sender
  }

  static func send(_ content: Content, _ name: String, index: Int, count: Int) throws {
    func message(_ number: Int) -> NumberedMessage {
      NumberedMessage(sender: UInt32(index), number: UInt32(number))
    }
    switch content {
    case .elements:
      let queue = QueueUser(try SharedQueue<NumberedMessage>.attach(name))
      for number in 1...count { try queue.send(message(number)) }
    case .bytes:
      let queue = ByteQueueUser(try SharedByteQueue.attach(name))
      for number in 1...count {
        let message = StreamMessage(message(number))
        try queue.send(byteCount: message.byteCount) { message.write(to: &$0) }
      }
    }
  }

  static func receive(
    _ content: Content, _ name: String, index: Int, senderCount: Int
  ) throws {
    var receipts = [Receipt](repeating: Receipt(), count: senderCount)
    var last = [UInt32](repeating: 0, count: senderCount)
    func note(_ message: NumberedMessage) throws {
      let sender = Int(message.sender)
      guard message.isWhole, sender < senderCount, message.number > last[sender] else {
        throw Problem(description: "\(message) behind \(last)")
      }
      last[sender] = message.number
      receipts[sender].count += 1
      receipts[sender].sum &+= mix(UInt64(message.number))
    }
    switch content {
    case .elements:
      let queue = QueueUser(try SharedQueue<NumberedMessage>.attach(name))
      while let message = try queue.receive() { try note(message) }
    case .bytes:
      let queue = ByteQueueUser(try SharedByteQueue.attach(name))
      while try queue.receive({ try note(StreamMessage.read($0)) }) != nil {}
    }
    var memory = try SharedMemory.attach("\(name)_receipts")
    for sender in 0..<senderCount {
      memory.storeBytes(
        of: receipts[sender], toByteOffset: offset(index, sender), as: Receipt.self)
    }
  }

  /// A message of 0 to 64 KiB behind the one that it carries, which determines its length and
  /// bytes.
  private struct StreamMessage {
    private static let headByteCount = MemoryLayout<NumberedMessage>.size
    static let maximumByteCount = headByteCount + (64 << 10)

    private let head: NumberedMessage
    private let seed: UInt64

    init(_ head: NumberedMessage) {
      self.head = head
      seed = mix(UInt64(head.sender) << 32 | UInt64(head.number))
    }

    var byteCount: Int {
      Self.headByteCount + Int(seed % UInt64(Self.maximumByteCount - Self.headByteCount + 1))
    }

    func write(to bytes: inout MutableRawSpan) {
      bytes.storeBytes(of: head, as: NumberedMessage.self)
      var word = seed
      for offset in stride(from: Self.headByteCount, through: bytes.byteCount - 8, by: 8) {
        bytes.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
        word = word &* 3 &+ 1
      }
      for offset in bytes.byteCount & ~7..<bytes.byteCount {
        bytes.storeBytes(of: UInt8(truncatingIfNeeded: word), toByteOffset: offset, as: UInt8.self)
      }
    }

    /// - Throws: If the message is not whole.
    static func read(_ bytes: RawSpan) throws -> NumberedMessage {
      guard bytes.byteCount >= headByteCount else {
        throw Problem(description: "A message has only \(bytes.byteCount) bytes")
      }
      let message = StreamMessage(bytes.unsafeLoad(as: NumberedMessage.self))
      var word = message.seed
      var isWhole = bytes.byteCount == message.byteCount
      for offset in stride(from: headByteCount, through: bytes.byteCount - 8, by: 8) {
        if bytes.unsafeLoad(fromByteOffset: offset, as: UInt64.self) != word { isWhole = false }
        word = word &* 3 &+ 1
      }
      for offset in bytes.byteCount & ~7..<bytes.byteCount {
        let byte = bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
        if byte != UInt8(truncatingIfNeeded: word) { isWhole = false }
      }
      guard isWhole else { throw Problem(description: "\(message.head) is not whole") }
      return message.head
    }
  }
}

extension QueueStreams {
  struct Command: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "queue-streams")

    @Argument var messageCount: Int

    func run() throws { try QueueStreams.run(messageCount: messageCount) }
  }
}

struct QueueStreamSend: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "queue-stream-send")

  @Argument var content: QueueStreams.Content
  @Argument var name: String
  @Argument var index: Int
  @Argument var count: Int

  func run() throws { try QueueStreams.send(content, name, index: index, count: count) }
}

struct QueueStreamReceive: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "queue-stream-receive")

  @Argument var content: QueueStreams.Content
  @Argument var name: String
  @Argument var index: Int
  @Argument var senderCount: Int

  func run() throws {
    try QueueStreams.receive(content, name, index: index, senderCount: senderCount)
  }
}
