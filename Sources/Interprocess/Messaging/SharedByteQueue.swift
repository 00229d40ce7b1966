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

/// Messages of any length between processes, first in, first out, each of which one receiver gets.
///
/// ```swift
/// let texts = try SharedByteQueue.create("texts", byteCapacity: 1 << 20, maximumByteCount: 4096)
/// try texts.send(Array("Hello".utf8).span.bytes)
/// // ... in another process:
/// let texts = try SharedByteQueue.attach("texts")
/// while let message = try texts.receive() { print(String(decoding: message, as: UTF8.self)) }
/// ```
///
/// Messages lie in one ring, one behind the other, and can be written and read where they lie,
/// without a copy: `send(byteCount:)` and `receive` take a closure that does so. This is for
/// encoded messages what a pipe is, with the messages kept apart.
///
/// Roles, crashes and waiting are as those of ``SharedQueue``, which is faster where all messages
/// are of one type. Corresponds to `mq_open` in C and to `multiprocessing.Pipe` in Python.
public final class SharedByteQueue: Sendable {
  let segment: StructuredSegment
  let ring: ByteRing
  let senders: QueueEnd<ByteRing>
  let receivers: QueueEnd<ByteRing>

  /// Where the greatest length of a message lies behind the header.
  private static let maximumOffset = 16

  // MARK: - Create and attach

  /// Creates a queue under a name that is not taken.
  ///
  /// Does not wait for other processes.
  ///
  /// - Parameters:
  ///   - name: The name, as for
  ///     ``SharedMemory/create(_:byteCount:options:initializingWith:)``.
  ///   - byteCapacity: How many bytes of messages it holds at least, each with 8 bytes more and
  ///     rounded up to a multiple of 8. It is rounded up to a power of two, and to what two of the
  ///     longest messages need.
  ///   - maximumByteCount: How many bytes a message has at most.
  ///   - senders: Whether one at a time may send, or many take turns.
  ///   - receivers: Whether one at a time may receive, or many take turns.
  ///   - options: When its name goes, who may use it, and when its pages are taken. Everybody who
  ///     uses it has to be allowed to write.
  /// - Returns: The queue, which is empty.
  /// - Throws: What creating ``SharedMemory`` throws: `alreadyExists`, `invalidName`,
  ///   `invalidSize`, `outOfMemory`, `permissionDenied` and `system`.
  public static func create(
    _ name: String? = nil,
    byteCapacity: Int,
    maximumByteCount: Int,
    senders: QueueRole = .many,
    receivers: QueueRole = .many,
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedByteQueue {
    try SharedByteQueue(
      try StructuredSegment.create(
        name, plan(byteCapacity, maximumByteCount, senders, receivers), options: options))
  }

  /// Attaches to a queue that another process has created.
  ///
  /// Waits only if asked to, and not for messages.
  ///
  /// - Parameters:
  ///   - name: The name that it was created under.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait for the segment if there is none yet; `nil`: not at all.
  /// - Returns: The queue.
  /// - Throws: `wrongKind` if something else lies under that name, `unsupportedVersion`,
  ///   `corrupted`, and what attaching to ``SharedMemory`` throws: `notFound`, `timedOut`,
  ///   `invalidSize`, `foreignOwner`, `permissionDenied`, `invalidName` and `system`.
  public static func attach(
    _ name: String,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration? = nil
  ) throws(InterprocessError) -> SharedByteQueue {
    try SharedByteQueue(
      try StructuredSegment.attach(
        name, ByteQueueKind.self, of: UInt8.self, owner: owner, waitingUpTo: timeout
      ) { ByteRing.byteCount(of: $0) })
  }

  /// Attaches to a queue, or creates it if there is none.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - byteCapacity: How many bytes of messages a new queue holds.
  ///   - maximumByteCount: How many bytes a message of a new queue has at most.
  ///   - senders: Who may send to a new queue.
  ///   - receivers: Who may receive from a new queue.
  ///   - options: Those of a new queue.
  ///   - owner: Whose memory to accept.
  /// - Returns: The queue; ``isCreator`` tells which of both has happened.
  /// - Throws: What creating and attaching throw.
  public static func attachOrCreate(
    _ name: String,
    byteCapacity: Int,
    maximumByteCount: Int,
    senders: QueueRole = .many,
    receivers: QueueRole = .many,
    options: SegmentOptions = SegmentOptions(),
    owner: SharedMemory.Owner = .currentUser
  ) throws(InterprocessError) -> SharedByteQueue {
    try SharedByteQueue(
      try StructuredSegment.attachOrCreate(
        name, plan(byteCapacity, maximumByteCount, senders, receivers), options: options,
        owner: owner
      ) { ByteRing.byteCount(of: $0) })
  }

  private static func plan(
    _ byteCapacity: Int, _ maximumByteCount: Int, _ senders: QueueRole, _ receivers: QueueRole
  ) throws(InterprocessError) -> StructuredSegment.Plan<UInt8> {
    guard
      let capacity = ByteRing.capacity(
        atLeast: byteCapacity, maximumByteCount: maximumByteCount),
      let byteCount = ByteRing.byteCount(of: capacity)
    else {
      throw InterprocessError(
        code: .invalidSize,
        message: """
          No queue holds \(byteCapacity) bytes, in messages of up to \(maximumByteCount).
          """)
    }
    return StructuredSegment.Plan(
      kind: ByteQueueKind.self, capacity: capacity, byteCount: byteCount
    ) { bytes, offset in
      bytes.storeBytes(of: senders.rawValue, toByteOffset: offset, as: UInt32.self)
      bytes.storeBytes(of: receivers.rawValue, toByteOffset: offset + 4, as: UInt32.self)
      bytes.storeBytes(
        of: UInt64(maximumByteCount), toByteOffset: offset + maximumOffset, as: UInt64.self)
    }
  }

  init(_ segment: consuming StructuredSegment) throws(InterprocessError) {
    let offset = segment.contentOffset
    let senderRole = try QueueRole(segment.memory, at: offset)
    let receiverRole = try QueueRole(segment.memory, at: offset + 4)
    let maximum = segment.memory.load(
      fromByteOffset: offset + Self.maximumOffset, as: UInt64.self)
    guard ByteRing.isLimit(maximum, of: segment.capacity) else {
      throw .corrupted(
        segment.memory.name,
        "it has room for \(segment.capacity) bytes, and messages of up to \(maximum)")
    }
    ring = ByteRing(
      in: segment.memory, at: offset, capacity: segment.capacity, maximumByteCount: Int(maximum))
    senders = QueueEnd(senderRole, of: ring, isSending: true)
    receivers = QueueEnd(receiverRole, of: ring, isSending: false)
    self.segment = segment
  }

  // MARK: - Basics

  /// Ends this handle's use of the queue, and a role that it has.
  ///
  /// Its lease is given up, and with the last one of all processes a temporary name. The same
  /// happens when the last reference to the handle goes, and then the memory is unmapped.
  /// Afterwards the handle only tells its name and what belongs to that, and unlinks it; all else
  /// is a failed precondition, also for a thread or task that waits here meanwhile, when it goes
  /// on. To close it once more does nothing.
  ///
  /// Does not block, but as ``SharedMemory/close()``.
  ///
  /// - Precondition: No thread sends or receives with this handle.
  public func close() {
    segment.close {
      senders.close()
      receivers.close()
    }
  }

  /// How many bytes of messages it holds, each with 8 bytes more and rounded up to a multiple of 8.
  public var byteCapacity: Int { ring.capacity }

  /// How many bytes a message has at most.
  public var maximumByteCount: Int { ring.maximumByteCount }

  /// Who may send, as the creator has decided.
  public var senderRole: QueueRole { senders.mode }

  /// Who may receive, as the creator has decided.
  public var receiverRole: QueueRole { receivers.mode }

  /// How many messages have been sent and not been received.
  ///
  /// It may be another number by the time it is returned, and off by one for each process that was
  /// killed at the queue. Does not disturb those who use it.
  ///
  /// - Complexity: O(1), without blocking.
  public var count: Int { statistics.count }

  /// What has happened so far, by all processes.
  ///
  /// - Complexity: O(1), without blocking.
  public var statistics: QueueStatistics {
    segment.checkOpen()
    // In this order, so that not more were received than sent.
    let receiving = ring.receiving.counts
    return QueueStatistics(ofBytes: ring.sending.counts, receiving)
  }

  // MARK: - Finishing

  /// Whether no more messages can be sent.
  ///
  /// - Complexity: O(1), without blocking.
  public var isFinished: Bool {
    segment.checkOpen()
    return ring.isFinished
  }

  /// Lets nobody send any more: receivers get what there is, and then the end.
  ///
  /// Blocks while other senders keep their turns, and for nothing else. With one sender, only that
  /// one can finish the queue.
  ///
  /// - Parameter timeout: How long to wait for the turns of others; `nil`: as long as they take.
  /// - Throws: `roleTaken` if another handle or value is the one sender; `timedOut`, `corrupted`
  ///   and `system`.
  public func finish(timeout: Duration? = nil) throws(InterprocessError) {
    try senders.finish(segment.memory, atMost: timeout)
  }

  /// Lets nobody send any more: receivers get what there is, and then the end.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameter timeout: How long to wait for the turns of others; `nil`: as long as they take.
  /// - Throws: As the blocking form, and `CancellationError`; with any error, the queue is not
  ///   finished.
  public nonisolated(nonsending) func finish(timeout: Duration? = nil) async throws {
    try await senders.finish(segment.memory, atMost: timeout)
  }

  // MARK: - Sending

  /// Sends a message if there is room, which is written where it will lie.
  ///
  /// Does not block.
  ///
  /// - Parameters:
  ///   - byteCount: The bytes of the message.
  ///   - body: Writes the message; what it leaves is sent, whatever was there before. It must not
  ///     send to this queue. If it throws, nothing is sent.
  /// - Returns: Whether it was sent; it was not if there is no room, or if others keep their turns
  ///   for more than some microseconds.
  /// - Throws: What `body` throws, and ``InterprocessError``: `invalidSize` if the message is
  ///   longer than ``maximumByteCount``; `finished`; `roleTaken` if another handle or value is the
  ///   one sender; `corrupted` if something else than this type has written there; `system`.
  public func trySend(
    byteCount: Int, _ body: (inout MutableRawSpan) throws -> Void
  ) throws -> Bool {
    try check(byteCount)
    guard let cursor = try senders.enter(segment.memory, atMost: .zero) else { return false }
    return try send(byteCount, cursor, body)
  }

  /// Sends in a turn, which ends.
  private func send(
    _ byteCount: Int, _ cursor: QueueCursor, _ body: (inout MutableRawSpan) throws -> Void
  ) throws -> Bool {
    var cursor = cursor
    let generation = Descriptor.generation
    do {
      if isFinished { throw finished }
      let isSent = try ring.send(byteCount: byteCount, &cursor, body)
      senders.leave(cursor, takenIn: generation)
      return isSent
    } catch {
      // The room is still there.
      senders.leave(cursor, takenIn: generation, passingOn: byteCount)
      throw error
    }
  }

  /// Sends a message, which is written where it will lie.
  ///
  /// Blocks while there is no room, or others keep their turns: spins for some microseconds, and
  /// then sleeps in the kernel.
  ///
  /// - Parameters:
  ///   - byteCount: The bytes of the message.
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  ///   - body: Writes the message, as for `trySend(byteCount:_:)`.
  /// - Throws: As `trySend(byteCount:_:)`, and `timedOut`.
  public func send(
    byteCount: Int, timeout: Duration? = nil, _ body: (inout MutableRawSpan) throws -> Void
  ) throws {
    try check(byteCount)
    let sleeps = Sleeps(atMost: timeout)
    while true {
      let cursor = try senders.enter(segment.memory, until: sleeps, for: byteCount)
      if try send(byteCount, cursor, body) { return }
      guard try senders.wait(for: byteCount, atMost: sleeps.timeLeft) else { throw isFull }
    }
  }

  /// Sends a message, which is written where it will lie.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - byteCount: The bytes of the message.
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  ///   - body: Writes the message.
  /// - Throws: As the blocking form, and `CancellationError`; with any error, nothing was sent.
  public nonisolated(nonsending) func send(
    byteCount: Int, timeout: Duration? = nil, _ body: (inout MutableRawSpan) throws -> Void
  ) async throws {
    try Task.checkCancellation()
    try check(byteCount)
    let sleeps = Sleeps(atMost: timeout)
    while true {
      let cursor = try await senders.enter(segment.memory, until: sleeps, for: byteCount)
      if try send(byteCount, cursor, body) { return }
      guard try await senders.wait(for: byteCount, atMost: sleeps.timeLeft) else { throw isFull }
    }
  }

  /// Sends a message that lies elsewhere.
  ///
  /// Blocks while there is no room. Corresponds to `mq_timedsend` in C and to
  /// `Connection.send_bytes` in Python.
  ///
  /// - Parameters:
  ///   - bytes: The message.
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  /// - Throws: As `send(byteCount:timeout:_:)`.
  public func send(_ bytes: RawSpan, timeout: Duration? = nil) throws {
    try send(byteCount: bytes.byteCount, timeout: timeout) { Self.copy(bytes, to: &$0) }
  }

  /// Sends a message that lies elsewhere.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - bytes: The message.
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  /// - Throws: As the blocking form, and `CancellationError`; with any error, nothing was sent.
  public nonisolated(nonsending) func send(
    _ bytes: RawSpan, timeout: Duration? = nil
  ) async throws {
    try await send(byteCount: bytes.byteCount, timeout: timeout) { Self.copy(bytes, to: &$0) }
  }

  static func copy(_ bytes: RawSpan, to span: inout MutableRawSpan) {
    unsafe span.withUnsafeMutableBytes { to in
      // SAFETY: both have the same number of bytes.
      unsafe bytes.withUnsafeBytes { from in unsafe to.copyMemory(from: from) }
    }
  }

  private func check(_ byteCount: Int) throws(InterprocessError) {
    precondition(byteCount >= 0, "A message has no negative number of bytes")
    guard byteCount <= maximumByteCount else {
      throw InterprocessError(
        code: .invalidSize, name: name,
        message: """
          The message has \(byteCount) bytes, and those of "\(name)" have at most \
          \(maximumByteCount).
          """)
    }
  }

  private var finished: InterprocessError {
    InterprocessError(
      code: .finished, name: name,
      message: "The queue \"\(name)\" is finished, and takes no more messages.")
  }

  private var isFull: InterprocessError {
    InterprocessError(
      code: .timedOut, name: name,
      message: "The queue \"\(name)\" stayed full. Does a process receive from it?")
  }

  // MARK: - Receiving

  /// Receives the next message if there is one, which is read where it lies.
  ///
  /// The message is gone with this process, if it dies meanwhile, and also if `body` throws. With
  /// many receivers, others wait until `body` has returned. Does not block.
  ///
  /// - Parameter body: Reads the message. It must not receive from this queue.
  /// - Returns: What `body` returns, or `nil` if there is no message, or if others keep their turns
  ///   for more than some microseconds. Whether the queue has ended is told by `receive` with a
  ///   time-out of zero.
  /// - Throws: What `body` throws, and ``InterprocessError``: `roleTaken` if another handle or
  ///   value is the one receiver; `corrupted` if something else than this type has written there;
  ///   `system` for anything else.
  public func tryReceive<Result>(_ body: (RawSpan) throws -> Result) throws -> Result? {
    guard let cursor = try receivers.enter(segment.memory, atMost: .zero) else { return nil }
    return try receive(isAcknowledging: false, cursor, body)
  }

  /// Receives in a turn, which ends.
  private func receive<Result>(
    isAcknowledging: Bool, _ cursor: QueueCursor, _ body: (RawSpan) throws -> Result
  ) throws -> Result? {
    var cursor = cursor
    let generation = Descriptor.generation
    do {
      let result = try ring.receive(isAcknowledging: isAcknowledging, &cursor, body)
      receivers.leave(cursor, takenIn: generation)
      return result
    } catch {
      // There may still be a message.
      receivers.leave(cursor, takenIn: generation, passingOn: 0)
      throw error
    }
  }

  /// Receives the next message, which is read where it lies.
  ///
  /// Blocks while the queue is empty and not finished, or others keep their turns: spins for some
  /// microseconds, and then sleeps in the kernel.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
  ///   - body: Reads the message, as for `tryReceive(_:)`.
  /// - Returns: What `body` returns, or `nil` if the queue is finished and all have been received.
  /// - Throws: As `tryReceive(_:)`, and `timedOut`.
  public func receive<Result>(
    timeout: Duration? = nil, _ body: (RawSpan) throws -> Result
  ) throws -> Result? {
    try receive(isAcknowledging: false, timeout, body)
  }

  /// Receives the next message, which counts as taken only when `body` has returned.
  ///
  /// If this process dies in `body`, or `body` throws, the next receiver gets the message, perhaps
  /// once more: at least once instead of at most once. Blocks as `receive(timeout:_:)` does.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
  ///   - body: Reads the message.
  /// - Returns: What `body` returns, or `nil` if the queue is finished and all have been received.
  /// - Throws: As `receive(timeout:_:)`.
  @_disfavoredOverload  // a closure behind the call, which has no label, is the other form's
  public func receive<Result>(
    timeout: Duration? = nil, acknowledging body: (RawSpan) throws -> Result
  ) throws -> Result? {
    try receive(isAcknowledging: true, timeout, body)
  }

  private func receive<Result>(
    isAcknowledging: Bool, _ timeout: Duration?, _ body: (RawSpan) throws -> Result
  ) throws -> Result? {
    let sleeps = Sleeps(atMost: timeout)
    while true {
      // First whether it is finished, and then whether there are messages: then there is none
      // behind the last one.
      let isFinished = isFinished
      let cursor = try receivers.enter(segment.memory, until: sleeps)
      if let result = try receive(isAcknowledging: isAcknowledging, cursor, body) {
        return result
      }
      if isFinished { return nil }
      guard try receivers.wait(atMost: sleeps.timeLeft, in: segment.memory) else { throw isEmpty }
    }
  }

  /// Receives the next message, which is read where it lies.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
  ///   - body: Reads the message.
  /// - Returns: What `body` returns, or `nil` if the queue is finished and all have been received.
  /// - Throws: As the blocking form, and `CancellationError`, after which no message was taken.
  public nonisolated(nonsending) func receive<Result>(
    timeout: Duration? = nil, _ body: (RawSpan) throws -> Result
  ) async throws -> Result? {
    try await receive(isAcknowledging: false, timeout, body)
  }

  /// Receives the next message, which counts as taken only when `body` has returned.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
  ///   - body: Reads the message.
  /// - Returns: What `body` returns, or `nil` if the queue is finished and all have been received.
  /// - Throws: As the blocking form, and `CancellationError`, after which no message was taken.
  @_disfavoredOverload
  public nonisolated(nonsending) func receive<Result>(
    timeout: Duration? = nil, acknowledging body: (RawSpan) throws -> Result
  ) async throws -> Result? {
    try await receive(isAcknowledging: true, timeout, body)
  }

  private nonisolated(nonsending) func receive<Result>(
    isAcknowledging: Bool, _ timeout: Duration?, _ body: (RawSpan) throws -> Result
  ) async throws -> Result? {
    try Task.checkCancellation()
    let sleeps = Sleeps(atMost: timeout)
    while true {
      let isFinished = isFinished
      let cursor = try await receivers.enter(segment.memory, until: sleeps)
      if let result = try receive(isAcknowledging: isAcknowledging, cursor, body) {
        return result
      }
      if isFinished { return nil }
      guard try await receivers.wait(atMost: sleeps.timeLeft, in: segment.memory)
      else { throw isEmpty }
    }
  }

  /// Receives a copy of the next message.
  ///
  /// Blocks as `receive(timeout:_:)` does. Corresponds to `mq_timedreceive` in C and to
  /// `Connection.recv_bytes` in Python.
  ///
  /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
  /// - Returns: The message, or `nil` if the queue is finished and all have been received.
  /// - Throws: As `receive(timeout:_:)`.
  public func receive(timeout: Duration? = nil) throws -> [UInt8]? {
    try receive(timeout: timeout, Self.copy)
  }

  /// Receives a copy of the next message.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
  /// - Returns: The message, or `nil` if the queue is finished and all have been received.
  /// - Throws: As the blocking form, and `CancellationError`, after which no message was taken.
  public nonisolated(nonsending) func receive(
    timeout: Duration? = nil
  ) async throws -> [UInt8]? {
    try await receive(timeout: timeout, Self.copy)
  }

  static func copy(_ bytes: RawSpan) -> [UInt8] {
    unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
  }

  private var isEmpty: InterprocessError {
    InterprocessError(
      code: .timedOut, name: name,
      message: "The queue \"\(name)\" stayed empty. Does a process send to it?")
  }

  /// The messages of a queue until it is finished.
  public struct Messages: AsyncSequence, Sendable {
    fileprivate let queue: SharedByteQueue

    /// Receives one message after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
      fileprivate let queue: SharedByteQueue

      /// A copy of the next message, or `nil` if the queue is finished and all have been received.
      ///
      /// - Throws: As `receive(timeout:)`.
      public mutating func next() async throws -> [UInt8]? { try await queue.receive() }
    }

    /// An iterator; several of them share the messages.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(queue: queue) }
  }

  /// Copies of the messages as they come, for `for try await`.
  ///
  /// Ends when the queue is finished and all have been received, and with `CancellationError` when
  /// the task is cancelled.
  public var messages: Messages { Messages(queue: self) }
}

extension SharedByteQueue: SharedObject {
  /// For the functions of ``SharedObject``.
  public func _withMemory<Result, Failure: Error>(
    open isNeeded: Bool, _ body: (borrowing SharedMemory) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if isNeeded { segment.checkOpen() }
    return try body(segment.memory)
  }
}
