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
  let senders: QueueEndpoint
  let receivers: QueueEndpoint

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
  ///   - senders: Whether there is one sender at a time, which ``sender()`` returns, or many that
  ///     take turns.
  ///   - receivers: Whether there is one receiver at a time, which ``receiver()`` returns, or many
  ///     that take turns.
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
    senders = QueueEndpoint(senderMultiplicity, of: ring, in: segment, isSending: true)
    receivers = QueueEndpoint(receiverMultiplicity, of: ring, in: segment, isSending: false)
    self.segment = segment
  }

  // MARK: - Basics

  /// Ends this handle's use of the queue.
  ///
  /// Gives up its lease; a temporary name goes with the last lease of all processes. The same
  /// happens when the last reference to the handle goes, and only then is the memory unmapped. A
  /// closed handle still gives its name and related properties, and can unlink it; any other use
  /// is a failed precondition, including by a thread or task that is waiting here when it next
  /// runs. Closing again does nothing.
  ///
  /// Does not block, except as ``SharedMemory/close()`` does.
  ///
  /// - Precondition: No ``Sender`` or ``Receiver`` of this handle exists, and no thread is sending
  ///   or receiving with it.
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
  public var senderMultiplicity: Multiplicity { senders.multiplicity }

  /// Whether there is one receiver at a time, or many, as the creator chose.
  public var receiverMultiplicity: Multiplicity { receivers.multiplicity }

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
  /// Blocks only while other senders keep their turns. If the queue is for one sender, no other
  /// can finish it while that one exists.
  ///
  /// - Parameter timeout: How long to wait for other senders' turns; `nil`: as long as they take.
  /// - Throws: `roleTaken` if a ``Sender`` exists; `timedOut`, `corrupted` and `system`.
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
