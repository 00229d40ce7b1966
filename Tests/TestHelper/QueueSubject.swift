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

internal import Glibc
internal import Interprocess
internal import Synchronization
internal import TestSupport

/// What the processes of a campaign send: the sender, and a number that goes up by one.
struct NumberedMessage: Shareable {
  var sender: UInt32
  var number: UInt32
  /// A word that follows from the other two.
  private var check: UInt64

  init(sender: UInt32, number: UInt32) {
    self.sender = sender
    self.number = number
    check = Self.check(sender, number)
  }

  var isWhole: Bool { check == Self.check(sender, number) }

  private static func check(_ sender: UInt32, _ number: UInt32) -> UInt64 {
    (UInt64(sender) << 32 | UInt64(number)) &* 0x9E37_79B9_7F4A_7C15
  }

  // MARK: - Messages of any length

  /// The size of the message that carries this one; the bytes behind it show whether all are there.
  var byteCount: Int { 16 + Int(number &* 37 % 180) }

  private func filling(at offset: Int) -> UInt8 { UInt8(truncatingIfNeeded: Int(number) + offset) }

  func write(to bytes: inout MutableRawSpan) {
    bytes.storeBytes(of: self, as: NumberedMessage.self)
    for offset in 16..<bytes.byteCount {
      bytes.storeBytes(of: filling(at: offset), toByteOffset: offset, as: UInt8.self)
    }
  }

  /// The message that another one carries; not whole if the other is not.
  init(inside bytes: RawSpan) {
    self.init(sender: 0, number: 0)
    guard bytes.byteCount >= 16 else {
      check = 0
      return
    }
    self = bytes.unsafeLoad(as: NumberedMessage.self)
    let isFilled = (16..<bytes.byteCount).allSatisfy {
      bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) == filling(at: $0)
    }
    if bytes.byteCount != byteCount || !isFilled { check = ~Self.check(sender, number) }
  }
}

/// The messages that have been sent and received, in memory that outlives killed processes.
///
/// Each sending process takes a page, and another one when that is full.
struct MessageLedger: ~Copyable, Sendable {
  static let pageCount = 6000
  /// The numbers that fit on a page, from 1 up.
  static let numberCount: UInt32 = 4000
  private static let pageByteCount = 4096

  private let memory: SharedMemory

  init(creating name: String) throws(InterprocessError) {
    memory = try SharedMemory.create(
      name, byteCount: (Self.pageCount + 1) * Self.pageByteCount,
      options: SegmentOptions(reservation: .onDemand))
  }

  init(attaching name: String) throws(InterprocessError) { memory = try SharedMemory.attach(name) }

  func unlink() { try? SharedMemory.unlink(memory.name) }

  /// How many pages have been taken.
  var takenPageCount: Int { Int(memory[atomic: UInt32.self, at: 0].load(ordering: .relaxed)) }

  func takePage() -> UInt32 {
    let page = memory[atomic: UInt32.self, at: 0].wrappingAdd(1, ordering: .relaxed).oldValue
    guard page < Self.pageCount else { fatalError("There are no pages left") }
    return page
  }

  private func offset(of page: UInt32) -> Int { Int(page + 1) * Self.pageByteCount }

  /// Notes that a number will now be sent.
  func begin(_ page: UInt32, _ number: UInt32) {
    memory[atomic: UInt32.self, at: offset(of: page)].store(number, ordering: .relaxed)
  }

  /// Notes that the call that sends a number has returned.
  func end(_ page: UInt32, _ number: UInt32) {
    memory[atomic: UInt32.self, at: offset(of: page) + 4].store(number, ordering: .relaxed)
  }

  /// The number that was begun last.
  func begun(_ page: UInt32) -> UInt32 {
    memory[atomic: UInt32.self, at: offset(of: page)].load(ordering: .relaxed)
  }

  /// The number that was ended last.
  func sent(_ page: UInt32) -> UInt32 {
    memory[atomic: UInt32.self, at: offset(of: page) + 4].load(ordering: .relaxed)
  }

  /// Notes a number as the last one received.
  ///
  /// - Returns: The one before.
  func receive(_ page: UInt32, _ number: UInt32) -> UInt32 {
    memory[atomic: UInt32.self, at: offset(of: page) + 8].exchange(number, ordering: .relaxed)
  }

  /// Adds 1 to the receipts of a number.
  func countReceipt(_ page: UInt32, _ number: UInt32) -> UInt8 {
    memory[atomic: UInt8.self, at: offset(of: page) + 16 + Int(number)]
      .wrappingAdd(1, ordering: .relaxed).newValue
  }

  /// How often a number was received.
  func receiptCount(_ page: UInt32, _ number: UInt32) -> Int {
    Int(memory[offset(of: page) + 16 + Int(number)])
  }

  func isNumber(_ number: UInt32) -> Bool { (1...Self.numberCount).contains(number) }
}

/// The queue of a campaign, with a record of what was sent over it.
final class QueueSubject: Sendable {
  /// The two kinds of queue.
  enum Queue {
    case elements(SharedQueue<NumberedMessage>)
    case bytes(SharedByteQueue)
  }

  let queue: Queue
  let isOfOne: Bool
  /// Whether messages are acknowledged: then each is received at least once, and otherwise at most
  /// once.
  let isAcknowledging: Bool
  let ledger: MessageLedger

  init(creating primitive: SyncSubject.Primitive, _ name: String) throws(InterprocessError) {
    let role: Multiplicity = primitive.isOfOne ? .one : .many
    queue =
      primitive.isOfBytes
      ? .bytes(
        try .create(
          name, byteCapacity: 600, maximumByteCount: 200, senders: role, receivers: role))
      : .elements(try .create(name, capacity: 9, senders: role, receivers: role))
    ledger = try MessageLedger(creating: "\(name)_ledger")
    isOfOne = primitive.isOfOne
    isAcknowledging = primitive.isAcknowledging
  }

  init(attaching primitive: SyncSubject.Primitive, _ name: String) throws(InterprocessError) {
    queue = primitive.isOfBytes ? .bytes(try .attach(name)) : .elements(try .attach(name))
    ledger = try MessageLedger(attaching: "\(name)_ledger")
    isOfOne = primitive.isOfOne
    isAcknowledging = primitive.isAcknowledging
  }

  var object: any StructuredObject {
    switch queue {
    case .elements(let queue): queue
    case .bytes(let queue): queue
    }
  }

  private var statistics: QueueStatistics {
    switch queue {
    case .elements(let queue): queue.statistics
    case .bytes(let queue): queue.statistics
    }
  }

  /// Finishes the queue.
  ///
  /// - Returns: Receives and notes a message. It returns the fault of the message; `.some(nil)` if
  ///   it has none, and `nil` when all have been received.
  private func finish() throws -> () throws -> String?? {
    let timeout = Duration.seconds(30)
    switch queue {
    case .elements(let queue):
      try queue.finish(timeout: timeout)
      let user = QueueUser(queue)
      return { try user.receive(timeout: timeout).map { self.note($0) } }
    case .bytes(let queue):
      try queue.finish(timeout: timeout)
      let user = ByteQueueUser(queue)
      return { try user.receive(timeout: timeout) { self.note(NumberedMessage(inside: $0)) } }
    }
  }

  /// Notes a received message.
  ///
  /// - Returns: Its fault.
  func note(_ message: NumberedMessage) -> String? {
    guard message.isWhole, message.sender < ledger.takenPageCount, ledger.isNumber(message.number)
    else { return "\(message) was never sent" }
    let begun = ledger.begun(message.sender)
    guard message.number <= begun else { return "\(message) is ahead of \(begun)" }
    let count = ledger.countReceipt(message.sender, message.number)
    if count > 1 && !isAcknowledging { return "\(message) is received \(count) times" }
    // Several receivers note their messages in no particular order.
    guard isOfOne else { return nil }
    let last = ledger.receive(message.sender, message.number)
    let isInOrder = isAcknowledging ? message.number >= last : message.number > last
    return isInOrder ? nil : "\(message) comes behind \(last)"
  }

  /// The fault that shows when all processes have ended.
  ///
  /// - Parameter killedCount: How many receivers were killed.
  func problem(killedCount: Int) throws -> String? {
    let receive = try onceDead { try finish() }
    while let problem = try onceDead({ try receive() }) {
      if let problem { return problem }
    }
    var (missingCount, repeatedCount) = (0, 0)
    for page in 0..<UInt32(ledger.takenPageCount) {
      let (begun, sent) = (ledger.begun(page), ledger.sent(page))
      guard begun == sent || begun == sent + 1 else { return "\(begun) are begun of \(sent)" }
      for number in 0..<begun {
        let count = ledger.receiptCount(page, number + 1)
        // The last message may not have been sent.
        if count == 0 && number < sent { missingCount += 1 }
        if count > 1 { repeatedCount += count - 1 }
      }
    }
    guard missingCount <= (isAcknowledging ? 0 : killedCount) else {
      return "\(missingCount) messages are lost, and \(killedCount) receivers were killed"
    }
    guard repeatedCount <= (isAcknowledging ? killedCount : 0) else {
      return "\(repeatedCount) messages came again, and \(killedCount) receivers were killed"
    }
    // A queue of bytes counts messages in a separate step, which a killed process may miss.
    if case .elements = queue, statistics.count != 0 { return "\(statistics)" }
    return nil
  }

  func unlink() {
    try? SharedMemory.unlink(object.name)
    ledger.unlink()
  }
}

/// The work of one process at a queue.
final class QueueWorker {
  private let subject: QueueSubject
  private let isSender: Bool
  private let disturbance: Disturbance
  private var page: UInt32 = 0
  private var number = MessageLedger.numberCount
  private let user: User

  private enum User {
    case elements(QueueUser<NumberedMessage>)
    case bytes(ByteQueueUser)
  }

  init(_ subject: QueueSubject, isSender: Bool, _ disturbance: Disturbance) {
    self.subject = subject
    self.disturbance = disturbance
    self.isSender = isSender
    user =
      switch subject.queue {
      case .elements(let queue): .elements(QueueUser(queue))
      case .bytes(let queue): .bytes(ByteQueueUser(queue))
      }
  }

  /// Sends or receives one message; or waits a moment if another process has the role.
  ///
  /// - Returns: The fault that it found.
  func performOne(timeout: Duration) throws -> String? {
    do {
      if isSender { return try send(timeout: timeout) }
      guard let problem = try receive(timeout: timeout) else { return "The queue is finished" }
      return problem
    } catch let error as InterprocessError where error.code == .roleTaken && subject.isOfOne {
      usleep(500)
      return nil
    }
  }

  private func send(timeout: Duration) throws -> String? {
    let message = try nextMessage()
    switch user {
    case .elements(let queue) where number.isMultiple(of: 2):
      try queue.send(message, timeout: timeout)
    case .elements(let queue):
      try queue.send(timeout: timeout) { (slot: inout NumberedMessage) in
        slot = message
        disturbance.comeBy()
        if !disturbance.isChild && !slot.isWhole {
          fatalError("Others have written over message \(message)")
        }
      }
    case .bytes(let queue):
      try queue.send(byteCount: message.byteCount, timeout: timeout) { bytes in
        message.write(to: &bytes)
        disturbance.comeBy()
        if !disturbance.isChild && !NumberedMessage(inside: bytes.bytes).isWhole {
          fatalError("Others have written over message \(message)")
        }
      }
    }
    subject.ledger.end(page, number)
    return nil
  }

  private func nextMessage() throws -> NumberedMessage {
    if number == MessageLedger.numberCount {
      page = subject.ledger.takePage()
      number = 0
    }
    // A message that could not be sent because another process has the role is sent later.
    if number == subject.ledger.sent(page) { number += 1 }
    subject.ledger.begin(page, number)
    return NumberedMessage(sender: page, number: number)
  }

  /// - Returns: The fault of the message; `.some(nil)` if it has none, and `nil` if there is no
  ///   message.
  private func receive(timeout: Duration) throws -> String?? {
    switch user {
    case .elements(let queue):
      subject.isAcknowledging
        ? try queue.receive(timeout: timeout, acknowledging: { note($0) })
        : try queue.receive(timeout: timeout).map { subject.note($0) }
    case .bytes(let queue):
      subject.isAcknowledging
        ? try queue.receive(timeout: timeout, acknowledging: { note($0) })
        : try queue.receive(timeout: timeout) { note($0) }
    }
  }

  private func note(_ message: NumberedMessage) -> String? {
    let problem = subject.note(message)
    disturbance.comeBy()
    return problem
  }

  /// Notes a message where it lies, and checks that others leave it alone meanwhile.
  private func note(_ bytes: RawSpan) -> String? {
    let message = NumberedMessage(inside: bytes)
    if let problem = note(message) { return problem }
    let isLeft = disturbance.isChild || NumberedMessage(inside: bytes).isWhole
    return isLeft ? nil : "Others have written over \(message)"
  }
}
