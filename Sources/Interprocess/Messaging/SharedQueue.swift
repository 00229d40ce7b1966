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

/// Who may be at one side of a queue.
public enum QueueRole: UInt32, Sendable, Hashable {
  /// One at a time, who keeps the side and needs no lock.
  case one = 1
  /// Any number, who take turns.
  case many = 2

  /// Reads the role of a side in a segment.
  ///
  /// - Throws: `corrupted`.
  init(_ memory: borrowing SharedMemory, at offset: Int) throws(InterprocessError) {
    let found = memory.load(fromByteOffset: offset, as: UInt32.self)
    guard let role = QueueRole(rawValue: found) else {
      throw .corrupted(memory.name, "it is for neither one nor many, but \(found)")
    }
    self = role
  }
}

/// Messages between processes, first in, first out, each of which one receiver gets.
///
/// ```swift
/// let orders = try SharedQueue<Order>.create("orders", capacity: 1024)
/// try orders.send(Order(symbol: 7, count: 100))
/// orders.finish()
/// // ... in another process:
/// let orders = try SharedQueue<Order>.attach("orders")
/// while let order = try orders.receive() {
///   // ... until all have been received, and the queue is finished
/// }
/// ```
///
/// It holds up to ``capacity`` messages; who sends more waits until some have been received. With
/// one sender or one receiver, which the queue is made for, that side has no lock; and
/// ``sender()`` and ``receiver()`` return a value that has the role, which is the fastest way.
///
/// A process that is killed while it sends has sent its message or has not. One that is killed
/// while it receives has taken its message with it, unless it used
/// `receive(acknowledging:)`. No other process waits longer than it takes to find out.
///
/// Use ``SharedByteQueue`` for messages of different lengths, ``SharedTopic`` if each message is
/// for several, and ``SharedValue`` if only the latest one counts; see <doc:QueueOrTopic>.
///
/// Tasks and threads of one process may use one handle at once. The handle is closed when the last
/// reference to it goes. Corresponds to `mq_open` in C and to `multiprocessing.Queue` in Python.
public final class SharedQueue<Element: Shareable>: Sendable {
  let segment: StructuredSegment
  @usableFromInline let ring: QueueRing
  @usableFromInline let senders: QueueEnd<QueueRing>
  @usableFromInline let receivers: QueueEnd<QueueRing>

  // MARK: - Create and attach

  /// Creates a queue under a name that is not taken.
  ///
  /// Does not wait for other processes.
  ///
  /// - Parameters:
  ///   - name: The name, as for
  ///     ``SharedMemory/create(_:byteCount:options:initializingWith:)``.
  ///   - capacity: How many messages it holds, at least 1.
  ///   - senders: Whether one at a time may send, or many take turns.
  ///   - receivers: Whether one at a time may receive, or many take turns.
  ///   - options: When its name goes, who may use it, and when its pages are taken. Everybody who
  ///     uses it has to be allowed to write.
  /// - Returns: The queue, which is empty.
  /// - Throws: What creating ``SharedMemory`` throws: `alreadyExists`, `invalidName`,
  ///   `invalidSize`, `outOfMemory`, `permissionDenied` and `system`.
  public static func create(
    _ name: String? = nil,
    capacity: Int,
    senders: QueueRole = .many,
    receivers: QueueRole = .many,
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedQueue {
    try SharedQueue(
      try StructuredSegment.create(
        name, plan(capacity, senders, receivers), options: options))
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
  /// - Throws: `wrongKind` if something else lies under that name, `layoutMismatch` if its messages
  ///   are of another type, `unsupportedVersion`, `corrupted`, and what attaching to
  ///   ``SharedMemory`` throws: `notFound`, `timedOut`, `invalidSize`, `foreignOwner`,
  ///   `permissionDenied`, `invalidName` and `system`.
  public static func attach(
    _ name: String,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration? = nil
  ) throws(InterprocessError) -> SharedQueue {
    try SharedQueue(
      try StructuredSegment.attach(
        name, QueueKind.self, of: Element.self, owner: owner, waitingUpTo: timeout
      ) { QueueLayout(of: Element.self).byteCount(of: $0) })
  }

  /// Attaches to a queue, or creates it if there is none.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - capacity: How many messages a new queue holds, at least 1.
  ///   - senders: Who may send to a new queue.
  ///   - receivers: Who may receive from a new queue.
  ///   - options: Those of a new queue.
  ///   - owner: Whose memory to accept.
  /// - Returns: The queue; ``isCreator`` tells which of both has happened.
  /// - Throws: What creating and attaching throw.
  public static func attachOrCreate(
    _ name: String,
    capacity: Int,
    senders: QueueRole = .many,
    receivers: QueueRole = .many,
    options: SegmentOptions = SegmentOptions(),
    owner: SharedMemory.Owner = .currentUser
  ) throws(InterprocessError) -> SharedQueue {
    try SharedQueue(
      try StructuredSegment.attachOrCreate(
        name, plan(capacity, senders, receivers), options: options, owner: owner
      ) { QueueLayout(of: Element.self).byteCount(of: $0) })
  }

  private static func plan(
    _ capacity: Int, _ senders: QueueRole, _ receivers: QueueRole
  ) throws(InterprocessError) -> StructuredSegment.Plan<Element> {
    guard let byteCount = QueueLayout(of: Element.self).byteCount(of: capacity) else {
      throw InterprocessError(
        code: .invalidSize,
        message: "A queue holds at least one message, and fewer than \(capacity) of that size.")
    }
    return StructuredSegment.Plan(
      kind: QueueKind.self, capacity: capacity, byteCount: byteCount
    ) { bytes, offset in
      bytes.storeBytes(of: senders.rawValue, toByteOffset: offset, as: UInt32.self)
      bytes.storeBytes(of: receivers.rawValue, toByteOffset: offset + 4, as: UInt32.self)
    }
  }

  init(_ segment: consuming StructuredSegment) throws(InterprocessError) {
    let offset = segment.contentOffset
    let senderRole = try QueueRole(segment.memory, at: offset)
    let receiverRole = try QueueRole(segment.memory, at: offset + 4)
    ring = QueueRing(
      in: segment.memory, at: offset, QueueLayout(of: Element.self), capacity: segment.capacity)
    senders = QueueEnd(senderRole, of: ring, isSending: true)
    receivers = QueueEnd(receiverRole, of: ring, isSending: false)
    self.segment = segment
  }

  // MARK: - Basics

  /// Ends this handle's use of the queue, and a role that it has without a value.
  ///
  /// Its lease is given up, and with the last one of all processes a temporary name. The same
  /// happens when the last reference to the handle goes, and then the memory is unmapped.
  /// Afterwards the handle only tells its name and what belongs to that, and unlinks it; all else
  /// is a failed precondition, also for a thread or task that waits here meanwhile, when it goes
  /// on. To close it once more does nothing.
  ///
  /// Does not block, but as ``SharedMemory/close()``.
  ///
  /// - Precondition: No ``Sender`` or ``Receiver`` of this handle lives, and no thread sends or
  ///   receives with it.
  public func close() {
    segment.close {
      senders.close()
      receivers.close()
    }
  }

  /// How many messages it holds at most.
  public var capacity: Int { segment.capacity }

  /// Who may send, as the creator has decided.
  public var senderRole: QueueRole { senders.mode }

  /// Who may receive, as the creator has decided.
  public var receiverRole: QueueRole { receivers.mode }

  /// How many messages have been sent and not been received.
  ///
  /// It may be another number by the time it is returned. Does not disturb those who use the
  /// queue. Corresponds to `Queue.qsize()` in Python.
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
    return QueueStatistics(ring.sending.counts, receiving, capacity)
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
}

/// What has happened in a queue since it was created.
public struct QueueStatistics: Sendable, Hashable {
  /// Messages that were sent.
  public var sentCount: UInt64
  /// Messages that were received.
  public var receivedCount: UInt64
  /// Times that a sender went to sleep, as the queue was full.
  public var fullCount: UInt64
  /// Times that a receiver went to sleep, as the queue was empty.
  public var emptyCount: UInt64
  /// Those who were woken, on both sides; all tasks of a process count as one.
  public var wokenCount: UInt64
  /// Messages that were sent and not received.
  public var count: Int

  init(_ sending: QueueSide.Counts, _ receiving: QueueSide.Counts, _ capacity: Int) {
    self.init(sending, receiving, sending.position, receiving.position, capacity)
  }

  /// Those of a ring of bytes, whose positions are no messages.
  init(ofBytes sending: QueueSide.Counts, _ receiving: QueueSide.Counts) {
    self.init(sending, receiving, sending.messages, receiving.messages, .max)
  }

  private init(
    _ sending: QueueSide.Counts, _ receiving: QueueSide.Counts,
    _ sentCount: UInt64, _ receivedCount: UInt64, _ maximum: Int
  ) {
    self.receivedCount = receivedCount
    // A sender that was killed may have left one uncounted that was received.
    self.sentCount = max(sentCount, receivedCount)
    fullCount = sending.slept
    emptyCount = receiving.slept
    wokenCount = sending.woken &+ receiving.woken
    count = Int(min(self.sentCount &- receivedCount, UInt64(maximum)))
  }
}

extension SharedQueue: SharedObject {
  /// For the functions of ``SharedObject``.
  public func _withMemory<Result, Failure: Error>(
    open isNeeded: Bool, _ body: (borrowing SharedMemory) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if isNeeded { segment.checkOpen() }
    return try body(segment.memory)
  }
}
