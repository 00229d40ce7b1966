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

internal import CInterprocess

/// A first-in, first-out queue of messages of any length, each of which goes to one receiver.
///
/// ```swift
/// let texts = try SharedByteQueue.create("texts", byteCapacity: 1 << 20, maximumByteCount: 4096)
/// try texts.send(Array("Hello".utf8).span.bytes)
/// // ... in another process:
/// let texts = try SharedByteQueue.attach("texts")
/// while let message = try texts.receive() { print(String(decoding: message, as: UTF8.self)) }
/// ```
///
/// The messages lie in a ring, one behind the other. `send(byteCount:)` and `receive` take closures
/// that write and read a message in place, without a copy. For encoded messages, the queue does
/// what a pipe does, and keeps the messages apart.
///
/// Roles, crashes and waiting work as in ``SharedQueue``, which is faster if all messages are of
/// one type. Corresponds to `mq_open` in C and to `multiprocessing.Pipe` in Python.
public final class SharedByteQueue: Sendable {
  let segment: StructuredSegment
  let ring: ByteRing
  let senders: QueueEnd<ByteRing>
  let receivers: QueueEnd<ByteRing>

  /// Where the greatest length of a message lies, counted from the end of the header.
  private static var maximumOffset: Int { fieldOffset(\ipc_byte_queue.maximum_byte_count) }

  // MARK: - Create and attach

  /// Creates an empty queue under a name that is not taken.
  ///
  /// Does not wait for other processes.
  ///
  /// - Parameters:
  ///   - name: The name, as for
  ///     ``SharedMemory/create(_:byteCount:options:initializingWith:)``.
  ///   - byteCapacity: The least number of bytes of messages that the queue holds; each message
  ///     takes 8 bytes more, rounded up to a multiple of 8. The capacity is rounded up to a power
  ///     of two, and to at least what two of the longest messages need.
  ///   - maximumByteCount: The greatest number of bytes of a message.
  ///   - senders: Whether there is one sender at a time, or many that take turns.
  ///   - receivers: Whether there is one receiver at a time, or many that take turns.
  ///   - options: When the name is removed, who may use the queue, and when its pages are taken.
  ///     Each user of the queue needs write permission.
  /// - Returns: The queue.
  /// - Throws: What creating ``SharedMemory`` throws: `alreadyExists`, `invalidName`,
  ///   `invalidSize`, `outOfMemory`, `permissionDenied` and `system`.
  public static func create(
    _ name: String? = nil,
    byteCapacity: Int,
    maximumByteCount: Int,
    senders: Multiplicity = .many,
    receivers: Multiplicity = .many,
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedByteQueue {
    try SharedByteQueue(
      try StructuredSegment.create(
        name, plan(byteCapacity, maximumByteCount, senders, receivers), options: options))
  }

  /// Attaches to a queue, or creates it if it does not exist.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - byteCapacity: The least number of bytes of messages that a new queue holds.
  ///   - maximumByteCount: The greatest number of bytes of a message in a new queue.
  ///   - senders: Whether a new queue has one sender at a time, or many.
  ///   - receivers: Whether a new queue has one receiver at a time, or many.
  ///   - options: The options of a new queue.
  ///   - owner: Whose memory to accept.
  /// - Returns: The queue; ``isCreator`` says whether it is new.
  /// - Throws: What creating and attaching throw.
  public static func attachOrCreate(
    _ name: String,
    byteCapacity: Int,
    maximumByteCount: Int,
    senders: Multiplicity = .many,
    receivers: Multiplicity = .many,
    options: SegmentOptions = SegmentOptions(),
    owner: SharedMemory.Owner = .currentUser
  ) throws(InterprocessError) -> SharedByteQueue {
    try _open(
      StructuredSegment.attachOrCreate(
        name, plan(byteCapacity, maximumByteCount, senders, receivers), options: options,
        owner: owner))
  }

  private static func plan(
    _ byteCapacity: Int, _ maximumByteCount: Int, _ senders: Multiplicity, _ receivers: Multiplicity
  ) throws(InterprocessError) -> StructuredSegment.Plan<UInt8> {
    guard
      let capacity = ByteRing.capacity(
        atLeast: byteCapacity, maximumByteCount: maximumByteCount),
      let byteCount = ByteRing.byteCount(of: capacity)
    else {
      throw InterprocessError(
        code: .invalidSize,
        message: """
          No queue holds \(byteCapacity) bytes in messages of up to \(maximumByteCount) bytes.
          """)
    }
    return StructuredSegment.Plan(
      kind: ByteQueueKind.self, capacity: capacity, byteCount: byteCount
    ) { bytes, offset in
      bytes.storeBytes(
        of: senders.rawValue, toByteOffset: offset + fieldOffset(\ipc_byte_queue.senders),
        as: UInt32.self)
      bytes.storeBytes(
        of: receivers.rawValue, toByteOffset: offset + fieldOffset(\ipc_byte_queue.receivers),
        as: UInt32.self)
      bytes.storeBytes(
        of: UInt64(maximumByteCount), toByteOffset: offset + maximumOffset, as: UInt64.self)
    }
  }

  init(_ segment: StructuredSegment) throws(InterprocessError) {
    let offset = segment.contentOffset
    let senderMultiplicity = try Multiplicity(
      segment.memory, at: offset + fieldOffset(\ipc_byte_queue.senders))
    let receiverMultiplicity = try Multiplicity(
      segment.memory, at: offset + fieldOffset(\ipc_byte_queue.receivers))
    let maximum = segment.memory.load(
      fromByteOffset: offset + Self.maximumOffset, as: UInt64.self)
    guard ByteRing.isLimit(maximum, of: segment.capacity) else {
      throw .corrupted(
        segment.memory.name,
        "it has room for \(segment.capacity) bytes, but messages of up to \(maximum)")
    }
    ring = ByteRing(
      in: segment.memory, at: offset, capacity: segment.capacity, maximumByteCount: Int(maximum))
    senders = QueueEnd(senderMultiplicity, of: ring, in: segment, isSending: true)
    receivers = QueueEnd(receiverMultiplicity, of: ring, in: segment, isSending: false)
    self.segment = segment
  }

  // MARK: - Basics

  /// Ends this handle's use of the queue, and any role that it holds.
  ///
  /// Gives up its lease; a temporary name goes with the last lease of all processes. The same
  /// happens when the last reference to the handle goes, and only then is the memory unmapped. A
  /// closed handle still gives its name and related properties, and can unlink it; any other use
  /// is a failed precondition, including by a thread or task that is waiting here when it next
  /// runs. Closing again does nothing.
  ///
  /// Does not block, except as ``SharedMemory/close()`` does.
  ///
  /// - Precondition: No thread is sending or receiving with this handle.
  public func close() {
    segment.close {
      senders.close()
      receivers.close()
    }
  }

  /// How many bytes of messages the queue holds; each message takes 8 bytes more, rounded up to a
  /// multiple of 8.
  public var byteCapacity: Int { ring.capacity }

  /// The greatest number of bytes of a message.
  public var maximumByteCount: Int { ring.maximumByteCount }

  /// Whether there is one sender at a time, or many, as the creator chose.
  public var senderMultiplicity: Multiplicity { senders.mode }

  /// Whether there is one receiver at a time, or many, as the creator chose.
  public var receiverMultiplicity: Multiplicity { receivers.mode }

  /// The number of messages that have been sent and not yet received.
  ///
  /// It may have changed before the caller sees it, and is off by one for each process that was
  /// killed in the middle of sending or receiving. Reading it does not disturb senders and
  /// receivers.
  ///
  /// - Complexity: O(1), without blocking.
  public var count: Int { statistics.count }

  /// What all processes have done so far.
  ///
  /// - Complexity: O(1), without blocking.
  public var statistics: QueueStatistics {
    segment.checkOpen()
    // In this order, so that the received messages do not exceed the sent ones.
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

  /// Finishes the queue: no more messages can be sent; receivers get what is left, and then `nil`.
  ///
  /// Blocks only while other senders keep their turns. If the queue has a single sender, only that
  /// one can finish it.
  ///
  /// - Parameter timeout: How long to wait for other senders' turns; `nil`: as long as they take.
  /// - Throws: `roleTaken` if another handle is the only sender; `timedOut`, `corrupted` and
  ///   `system`.
  public func finish(timeout: Duration? = nil) throws(InterprocessError) {
    try senders.finish(atMost: timeout)
  }

  /// Finishes the queue: no more messages can be sent; receivers get what is left, and then `nil`.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameter timeout: How long to wait for other senders' turns; `nil`: as long as they take.
  /// - Throws: What the blocking form throws, and `CancellationError`; after any error, the queue
  ///   is not finished.
  public nonisolated(nonsending) func finish(timeout: Duration? = nil) async throws {
    try await senders.finish(atMost: timeout)
  }

  // MARK: - Sending

  /// Sends a message, written in place, if there is room.
  ///
  /// Does not block.
  ///
  /// - Parameters:
  ///   - byteCount: The number of bytes of the message.
  ///   - body: Writes the message. Bytes that it does not write are sent with whatever they held
  ///     before. It must not send to this queue. If it throws, nothing is sent.
  /// - Returns: Whether the message was sent; it was not if there is no room, or if other senders
  ///   keep their turns for more than some microseconds.
  /// - Throws: What `body` throws, and ``InterprocessError``: `invalidSize` if the message is
  ///   longer than ``maximumByteCount``; `finished`; `roleTaken` if another handle is the only
  ///   sender; `corrupted` if something other than this type has written into the queue; `system`
  ///   for anything else.
  public func trySend(
    byteCount: Int, _ body: (inout MutableRawSpan) throws -> Void
  ) throws -> Bool {
    try check(byteCount)
    guard let cursor = try senders.enter(atMost: .zero) else { return false }
    return try send(byteCount, cursor, body)
  }

  /// Sends, and ends the turn.
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
      // The room is still there, for another sender.
      senders.leave(cursor, takenIn: generation, passingOn: byteCount)
      throw error
    }
  }

  /// Sends a message, written in place, waiting while there is no room.
  ///
  /// Blocks while there is no room, or while other senders keep their turns: spins for some
  /// microseconds, and then sleeps in the kernel.
  ///
  /// - Parameters:
  ///   - byteCount: The number of bytes of the message.
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  ///   - body: Writes the message, as for `trySend(byteCount:_:)`.
  /// - Throws: What `trySend(byteCount:_:)` throws, and `timedOut`.
  public func send(
    byteCount: Int, timeout: Duration? = nil, _ body: (inout MutableRawSpan) throws -> Void
  ) throws {
    try check(byteCount)
    let sleeps = Sleeps(atMost: timeout)
    while true {
      let cursor = try senders.enter(until: sleeps, for: byteCount)
      if try send(byteCount, cursor, body) { return }
      guard try senders.wait(for: byteCount, atMost: sleeps.timeLeft) else { throw isFull }
    }
  }

  /// Sends a message, written in place, waiting while there is no room.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - byteCount: The number of bytes of the message.
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  ///   - body: Writes the message, as for `trySend(byteCount:_:)`.
  /// - Throws: What the blocking form throws, and `CancellationError`; after any error, nothing has
  ///   been sent.
  public nonisolated(nonsending) func send(
    byteCount: Int, timeout: Duration? = nil, _ body: (inout MutableRawSpan) throws -> Void
  ) async throws {
    try Task.checkCancellation()
    try check(byteCount)
    let sleeps = Sleeps(atMost: timeout)
    while true {
      let cursor = try await senders.enter(until: sleeps, for: byteCount)
      if try send(byteCount, cursor, body) { return }
      guard try await senders.wait(for: byteCount, atMost: sleeps.timeLeft) else { throw isFull }
    }
  }

  /// Sends a copy of the given bytes, waiting while there is no room.
  ///
  /// Blocks while there is no room. Corresponds to `mq_timedsend` in C and to
  /// `Connection.send_bytes` in Python.
  ///
  /// - Parameters:
  ///   - bytes: The message.
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  /// - Throws: What `send(byteCount:timeout:_:)` throws.
  public func send(_ bytes: RawSpan, timeout: Duration? = nil) throws {
    try send(byteCount: bytes.byteCount, timeout: timeout) { Self.copy(bytes, to: &$0) }
  }

  /// Sends a copy of the given bytes, waiting while there is no room.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - bytes: The message.
  ///   - timeout: How long to wait for room; `nil`: as long as it takes.
  /// - Throws: What the blocking form throws, and `CancellationError`; after any error, nothing has
  ///   been sent.
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
    precondition(byteCount >= 0, "The number of bytes of a message is negative")
    guard byteCount <= maximumByteCount else {
      throw InterprocessError(
        code: .invalidSize, name: name,
        message: """
          The message has \(byteCount) bytes, but messages in "\(name)" have at most \
          \(maximumByteCount).
          """)
    }
  }

  private var finished: InterprocessError {
    InterprocessError(
      code: .finished, name: name,
      message: "The queue \"\(name)\" is finished, and accepts no more messages.")
  }

  private var isFull: InterprocessError {
    InterprocessError(
      code: .timedOut, name: name,
      message: "The queue \"\(name)\" stayed full. Does a process receive from it?")
  }

  // MARK: - Receiving

  /// Receives the next message, read in place, if there is one.
  ///
  /// The message is lost if this process dies in `body`, or if `body` throws. Other receivers wait
  /// until `body` has returned. Does not block.
  ///
  /// - Parameter body: Reads the message. It must not receive from this queue.
  /// - Returns: What `body` returns, or `nil` if there is no message, or if other receivers keep
  ///   their turns for more than some microseconds. `receive` with a time-out of zero shows whether
  ///   the queue has ended.
  /// - Throws: What `body` throws, and ``InterprocessError``: `roleTaken` if another handle is the
  ///   only receiver; `corrupted` if something other than this type has written into the queue;
  ///   `system` for anything else.
  public func tryReceive<Result>(_ body: (RawSpan) throws -> Result) throws -> Result? {
    guard let cursor = try receivers.enter(atMost: .zero) else { return nil }
    return try receive(isAcknowledging: false, cursor, body)
  }

  /// Receives, and ends the turn.
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
      // There may still be a message, for another receiver.
      receivers.leave(cursor, takenIn: generation, passingOn: 0)
      throw error
    }
  }

  /// Receives the next message, read in place, waiting while the queue is empty.
  ///
  /// Blocks while the queue is empty and not finished, or while other receivers keep their turns:
  /// spins for some microseconds, and then sleeps in the kernel.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
  ///   - body: Reads the message, as for `tryReceive(_:)`.
  /// - Returns: What `body` returns, or `nil` if the queue is finished and empty.
  /// - Throws: What `tryReceive(_:)` throws, and `timedOut`.
  public func receive<Result>(
    timeout: Duration? = nil, _ body: (RawSpan) throws -> Result
  ) throws -> Result? {
    try receive(isAcknowledging: false, timeout, body)
  }

  /// Receives the next message, and takes it only when `body` has returned.
  ///
  /// If this process dies in `body`, or `body` throws, the next receiver gets the message again:
  /// delivery is at least once instead of at most once. Blocks as `receive(timeout:_:)` does.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
  ///   - body: Reads the message.
  /// - Returns: What `body` returns, or `nil` if the queue is finished and empty.
  /// - Throws: What `receive(timeout:_:)` throws.
  @_disfavoredOverload  // a trailing closure, which has no label, belongs to the other form
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
      // First looks whether the queue is finished, and then for messages: if it is finished, a
      // look that finds none comes after the last message.
      let isFinished = isFinished
      let cursor = try receivers.enter(until: sleeps)
      if let result = try receive(isAcknowledging: isAcknowledging, cursor, body) {
        return result
      }
      if isFinished { return nil }
      guard try receivers.wait(atMost: sleeps.timeLeft) else { throw isEmpty }
    }
  }

  /// Receives the next message, read in place, waiting while the queue is empty.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
  ///   - body: Reads the message.
  /// - Returns: What `body` returns, or `nil` if the queue is finished and empty.
  /// - Throws: What the blocking form throws, and `CancellationError`, after which no message has
  ///   been taken.
  public nonisolated(nonsending) func receive<Result>(
    timeout: Duration? = nil, _ body: (RawSpan) throws -> Result
  ) async throws -> Result? {
    try await receive(isAcknowledging: false, timeout, body)
  }

  /// Receives the next message, and takes it only when `body` has returned.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for a message; `nil`: as long as it takes.
  ///   - body: Reads the message.
  /// - Returns: What `body` returns, or `nil` if the queue is finished and empty.
  /// - Throws: What the blocking form throws, and `CancellationError`, after which no message has
  ///   been taken.
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
      let cursor = try await receivers.enter(until: sleeps)
      if let result = try receive(isAcknowledging: isAcknowledging, cursor, body) {
        return result
      }
      if isFinished { return nil }
      guard try await receivers.wait(atMost: sleeps.timeLeft)
      else { throw isEmpty }
    }
  }

  /// Receives a copy of the next message, waiting while the queue is empty.
  ///
  /// Blocks as `receive(timeout:_:)` does. Corresponds to `mq_timedreceive` in C and to
  /// `Connection.recv_bytes` in Python.
  ///
  /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
  /// - Returns: The message, or `nil` if the queue is finished and empty.
  /// - Throws: What `receive(timeout:_:)` throws.
  public func receive(timeout: Duration? = nil) throws -> [UInt8]? {
    try receive(timeout: timeout, Self.copy)
  }

  /// Receives a copy of the next message, waiting while the queue is empty.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameter timeout: How long to wait for a message; `nil`: as long as it takes.
  /// - Returns: The message, or `nil` if the queue is finished and empty.
  /// - Throws: What the blocking form throws, and `CancellationError`, after which no message has
  ///   been taken.
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

      /// A copy of the next message, or `nil` if the queue is finished and empty.
      ///
      /// - Throws: What `receive(timeout:)` throws.
      public mutating func next() async throws -> [UInt8]? { try await queue.receive() }
    }

    /// Makes an iterator; each message goes to only one of several iterators.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(queue: queue) }
  }

  /// Copies of the messages as they come, for `for try await`.
  ///
  /// Ends when the queue is finished and empty, and with `CancellationError` when the task is
  /// cancelled.
  public var messages: Messages { Messages(queue: self) }
}

extension SharedByteQueue: StructuredObject {
  /// For the functions of ``StructuredObject``.
  public static func _open(
    _ memory: consuming SharedMemory
  ) throws(InterprocessError) -> SharedByteQueue {
    try SharedByteQueue(
      try StructuredSegment(reading: memory, ByteQueueKind.self, of: UInt8.self) {
        ByteRing.byteCount(of: $0)
      })
  }

  /// Runs a closure with the memory, for the functions of ``SharedObject``.
  public func _withMemory<Result, Failure: Error>(
    open isNeeded: Bool, _ body: (borrowing SharedMemory) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if isNeeded { segment.checkOpen() }
    return try body(segment.memory)
  }
}
