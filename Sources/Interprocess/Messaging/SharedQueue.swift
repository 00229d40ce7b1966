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

/// A first-in, first-out queue between processes, in which each message goes to one receiver.
///
/// ```swift
/// let orders = try SharedQueue<Order>.create("orders", capacity: 1024)
/// try orders.send(Order(symbol: 7, count: 100))
/// try orders.finish()
/// // ... in another process:
/// let orders = try SharedQueue<Order>.attach("orders")
/// while let order = try orders.receive() {
///   // ... until the queue is finished and empty
/// }
/// ```
///
/// The queue holds up to ``capacity`` messages; a sender waits while it is full. A side that was
/// created for a single sender or receiver has no lock, and is used through the value that
/// ``sender()`` or ``receiver()`` returns, which holds the role: the fastest way.
///
/// If a process is killed while it sends, the message is either sent or not. If one is killed while
/// it receives, the message may be lost with it, unless it used `receive(acknowledging:)`. Other
/// processes wait only until they notice the death.
///
/// Use ``SharedByteQueue`` for messages of different lengths, ``SharedTopic`` if several processes
/// should get each message, and ``SharedValue`` if only the latest one counts; see
/// <doc:QueueOrTopic>.
///
/// Threads and tasks of one process may share a handle, which is closed when the last reference to
/// it goes. Corresponds to `mq_open` in C and to `multiprocessing.Queue` in Python.
public final class SharedQueue<Element: Shareable>: Sendable {
  let segment: StructuredSegment
  @usableFromInline let _ring: QueueRing
  @usableFromInline let _senders: QueueEndpoint
  @usableFromInline let _receivers: QueueEndpoint

  // MARK: - Create and attach

  /// Creates an empty queue under a name that is not taken.
  ///
  /// Does not wait for other processes.
  ///
  /// - Parameters:
  ///   - name: The name, as for
  ///     ``SharedMemory/create(_:byteCount:options:initializingWith:)``.
  ///   - capacity: How many messages the queue holds, at least 1.
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
    capacity: Int,
    senders: Multiplicity = .many,
    receivers: Multiplicity = .many,
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedQueue {
    try SharedQueue(
      try StructuredSegment.create(
        name, plan(capacity, senders, receivers), options: options))
  }

  /// Attaches to a queue, or creates it if it does not exist.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - capacity: How many messages a new queue holds, at least 1.
  ///   - senders: Whether a new queue has one sender at a time, or many.
  ///   - receivers: Whether a new queue has one receiver at a time, or many.
  ///   - options: The options of a new queue.
  ///   - owner: Whose memory to accept.
  /// - Returns: The queue; ``isCreator`` says whether it is new.
  /// - Throws: What creating and attaching throw.
  public static func attachOrCreate(
    _ name: String,
    capacity: Int,
    senders: Multiplicity = .many,
    receivers: Multiplicity = .many,
    options: SegmentOptions = SegmentOptions(),
    owner: SharedMemory.Owner = .currentUser
  ) throws(InterprocessError) -> SharedQueue {
    try _open(
      StructuredSegment.attachOrCreate(
        name, plan(capacity, senders, receivers), options: options, owner: owner))
  }

  private static func plan(
    _ capacity: Int, _ senders: Multiplicity, _ receivers: Multiplicity
  ) throws(InterprocessError) -> StructuredSegment.Plan<Element> {
    guard let byteCount = QueueLayout(of: Element.self).byteCount(of: capacity) else {
      throw InterprocessError(
        code: .invalidSize,
        message: "No queue holds \(capacity) messages of that size; the least is 1.")
    }
    return StructuredSegment.Plan(
      kind: QueueKind.self, capacity: capacity, byteCount: byteCount
    ) { bytes, offset in
      bytes.storeBytes(
        of: senders.rawValue, toByteOffset: offset + fieldOffset(\ipc_queue.senders),
        as: UInt32.self)
      bytes.storeBytes(
        of: receivers.rawValue, toByteOffset: offset + fieldOffset(\ipc_queue.receivers),
        as: UInt32.self)
    }
  }

  init(_ segment: StructuredSegment) throws(InterprocessError) {
    let offset = segment.contentOffset
    let senderMultiplicity = try Multiplicity(
      segment.memory, at: offset + fieldOffset(\ipc_queue.senders))
    let receiverMultiplicity = try Multiplicity(
      segment.memory, at: offset + fieldOffset(\ipc_queue.receivers))
    _ring = QueueRing(
      in: segment.memory, at: offset, QueueLayout(of: Element.self), capacity: segment.capacity,
      senders: senderMultiplicity)
    _senders = QueueEndpoint(senderMultiplicity, of: _ring, in: segment, isSending: true)
    _receivers = QueueEndpoint(receiverMultiplicity, of: _ring, in: segment, isSending: false)
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
      _senders.close()
      _receivers.close()
    }
  }

  /// The greatest number of messages that the queue holds.
  public var capacity: Int { segment.capacity }

  /// Whether there is one sender at a time, or many, as the creator chose.
  public var senderMultiplicity: Multiplicity { _senders.multiplicity }

  /// Whether there is one receiver at a time, or many, as the creator chose.
  public var receiverMultiplicity: Multiplicity { _receivers.multiplicity }

  /// The number of messages that have been sent and not yet received.
  ///
  /// It may have changed before the caller sees it. Reading it does not disturb senders and
  /// receivers. Corresponds to `Queue.qsize()` in Python.
  ///
  /// - Complexity: O(1), without blocking.
  public var count: Int { statistics.count }

  /// What all processes have done so far.
  ///
  /// - Complexity: O(1), without blocking.
  public var statistics: QueueStatistics {
    segment.checkOpen()
    let counts = _ring.counts
    return QueueStatistics(counts.sending, counts.receiving, capacity)
  }

  // MARK: - Finishing

  /// Whether no more messages can be sent.
  ///
  /// - Complexity: O(1), without blocking.
  public var isFinished: Bool {
    segment.checkOpen()
    return _ring.isFinished
  }

  /// Finishes the queue: no more messages can be sent; receivers get what is left, and then `nil`.
  ///
  /// Blocks only while other senders keep their turns. If the queue is for one sender, no other
  /// can finish it while that one exists.
  ///
  /// - Parameter timeout: How long to wait for other senders' turns; `nil`: as long as they take.
  /// - Throws: `roleTaken` if a ``Sender`` exists; `timedOut`, `corrupted` and `system`.
  public func finish(timeout: Duration? = nil) throws(InterprocessError) {
    try _senders.finish(atMost: timeout)
  }

  /// Finishes the queue: no more messages can be sent; receivers get what is left, and then `nil`.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameter timeout: How long to wait for other senders' turns; `nil`: as long as they take.
  /// - Throws: What the blocking form throws, and `CancellationError`; after any error, the queue
  ///   is not finished.
  public nonisolated(nonsending) func finish(timeout: Duration? = nil) async throws {
    try await _senders.finish(atMost: timeout)
  }
}

/// Counts of what has happened in a queue since its creation.
public struct QueueStatistics: Sendable, Hashable {
  /// The number of messages sent.
  public var sentCount: UInt64
  /// The number of messages received.
  public var receivedCount: UInt64
  /// How often a sender went to sleep because the queue was full.
  public var fullCount: UInt64
  /// How often a receiver went to sleep because the queue was empty.
  public var emptyCount: UInt64
  /// The number of sleepers woken, on both sides; all tasks of a process count as one.
  public var wokenCount: UInt64
  /// The number of messages sent and not yet received.
  public var count: Int

  init(_ sending: QueueSide.Counts, _ receiving: QueueSide.Counts, _ capacity: Int) {
    self.init(sending, receiving, sending.position, receiving.position, capacity)
  }

  /// For a ring of bytes, whose positions do not count messages.
  init(ofBytes sending: QueueSide.Counts, _ receiving: QueueSide.Counts) {
    self.init(sending, receiving, sending.messages, receiving.messages, .max)
  }

  private init(
    _ sending: QueueSide.Counts, _ receiving: QueueSide.Counts,
    _ sentCount: UInt64, _ receivedCount: UInt64, _ maximum: Int
  ) {
    self.receivedCount = receivedCount
    // A killed sender may have left a message uncounted that was then received.
    self.sentCount = max(sentCount, receivedCount)
    fullCount = sending.slept
    emptyCount = receiving.slept
    wokenCount = sending.woken &+ receiving.woken
    count = Int(min(self.sentCount &- receivedCount, UInt64(maximum)))
  }
}

extension SharedQueue: StructuredObject {
  /// For the functions of ``StructuredObject``.
  public static func _open(
    _ memory: consuming SharedMemory
  ) throws(InterprocessError) -> SharedQueue {
    try SharedQueue(
      try StructuredSegment(reading: memory, QueueKind.self, of: Element.self) {
        QueueLayout(of: Element.self).byteCount(of: $0)
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
