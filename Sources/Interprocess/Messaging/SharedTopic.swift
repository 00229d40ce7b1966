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

/// What a publisher does when a slow subscriber has not received what a new message replaces.
public enum TopicOverflow: Sendable, Hashable {
  /// It publishes: the subscriber misses the old message.
  case overwrite
  /// It waits for the subscriber.
  ///
  /// Who subscribes from then on gets one message less of the history, which may be replaced just
  /// then.
  case wait
}

/// Messages from publishers to subscribers, each of whom gets all of them.
///
/// ```swift
/// struct Pixel: Shareable { var red, green, blue: UInt8 }
///
/// let camera = try SharedTopic<Pixel>.create("camera", maximumElementCount: 1920 * 1080)
/// var publisher = try camera.publisher()
/// var frame = try publisher.loan(count: 1920 * 1080)
/// draw(into: frame.elements)
/// try frame.publish()
/// // ... in other processes:
/// let camera = try SharedTopic<Pixel>.attach("camera")
/// var subscriber = try camera.subscriber()
/// while let frame = try subscriber.next() {
///   show(frame.elements)
///   // ... until all have been received, and the topic is finished
/// }
/// ```
///
/// A message is one element or several. It is written where it will lie and read where it lies: to
/// hand over 64 MiB takes as long as to hand over 8 bytes. What a subscriber has received, a
/// ``Sample``, is not written over while it is held, and is given back at the end of its life.
///
/// The last messages are kept, as many as the history says: for subscribers that come late, and for
/// those that are slow. A publisher never waits for subscribers, unless it is asked to; one that
/// falls further behind misses messages, and is told how many. There is room for the history, for
/// each sample that a subscriber can hold, and for one that is being written.
///
/// When a publisher has finished the topic, subscribers get what there is, and then the end.
///
/// A publisher that is killed has published its last message in whole or not at all, and the next
/// one goes on behind it. The samples of a subscriber that was killed are given back when another
/// one subscribes.
///
/// Where each message is for one receiver, use ``SharedQueue``. There is nothing like it in C or in
/// Python's library.
public final class SharedTopic<Element: Shareable>: Sendable {
  let ring: TopicRing

  // MARK: - Create and attach

  /// Creates a topic under a name that is not taken.
  ///
  /// Does not wait for other processes.
  ///
  /// - Parameters:
  ///   - name: The name, as for
  ///     ``SharedMemory/create(_:byteCount:options:initializingWith:)``.
  ///   - maximumElementCount: How many elements a message has at most.
  ///   - history: How many of the last messages are kept, at least 1.
  ///   - publishers: Whether one at a time may publish, or many take turns.
  ///   - maximumSubscriberCount: How many subscribers there are at most at a time.
  ///   - maximumSampleCount: How many samples each of them holds at most at a time, 1 to 64.
  ///   - options: When its name goes, who may use it, and when its pages are taken. Everybody who
  ///     uses it has to be allowed to write.
  /// - Returns: The topic, without messages.
  /// - Throws: What creating ``SharedMemory`` throws: `alreadyExists`, `invalidName`,
  ///   `invalidSize`, `outOfMemory`, `permissionDenied` and `system`.
  public static func create(
    _ name: String? = nil,
    maximumElementCount: Int = 1,
    history: Int = 8,
    publishers: QueueRole = .one,
    maximumSubscriberCount: Int = 8,
    maximumSampleCount: Int = 2,
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedTopic {
    try SharedTopic(
      try StructuredSegment.create(
        name,
        plan(
          maximumElementCount, history, publishers, maximumSubscriberCount, maximumSampleCount),
        options: options))
  }

  /// Attaches to a topic that another process has created.
  ///
  /// Waits only if asked to, and not for messages.
  ///
  /// - Parameters:
  ///   - name: The name that it was created under.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait for the segment if there is none yet; `nil`: not at all.
  /// - Returns: The topic.
  /// - Throws: `wrongKind` if something else lies under that name, `layoutMismatch` if its messages
  ///   are of another type, `unsupportedVersion`, `corrupted`, and what attaching to
  ///   ``SharedMemory`` throws: `notFound`, `timedOut`, `invalidSize`, `foreignOwner`,
  ///   `permissionDenied`, `invalidName` and `system`.
  public static func attach(
    _ name: String,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration? = nil
  ) throws(InterprocessError) -> SharedTopic {
    try SharedTopic(
      try StructuredSegment.attach(
        name, TopicKind.self, of: Element.self, owner: owner, waitingUpTo: timeout
      ) { _ in TopicLayout.subscribersOffset })
  }

  /// Attaches to a topic, or creates it if there is none.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - maximumElementCount: How many elements a message of a new topic has at most.
  ///   - history: How many of the last messages a new topic keeps.
  ///   - publishers: Who may publish in a new topic.
  ///   - maximumSubscriberCount: How many subscribers a new topic has at most.
  ///   - maximumSampleCount: How many samples each of them holds at most.
  ///   - options: Those of a new topic.
  ///   - owner: Whose memory to accept.
  /// - Returns: The topic; ``isCreator`` tells which of both has happened.
  /// - Throws: What creating and attaching throw.
  public static func attachOrCreate(
    _ name: String,
    maximumElementCount: Int = 1,
    history: Int = 8,
    publishers: QueueRole = .one,
    maximumSubscriberCount: Int = 8,
    maximumSampleCount: Int = 2,
    options: SegmentOptions = SegmentOptions(),
    owner: SharedMemory.Owner = .currentUser
  ) throws(InterprocessError) -> SharedTopic {
    try SharedTopic(
      try StructuredSegment.attachOrCreate(
        name,
        plan(
          maximumElementCount, history, publishers, maximumSubscriberCount, maximumSampleCount),
        options: options, owner: owner
      ) { _ in TopicLayout.subscribersOffset })
  }

  private static func plan(
    _ maximumElementCount: Int, _ history: Int, _ publishers: QueueRole,
    _ maximumSubscriberCount: Int, _ maximumSampleCount: Int
  ) throws(InterprocessError) -> StructuredSegment.Plan<Element> {
    guard
      let layout = TopicLayout(
        history: history, maximumSubscriberCount: maximumSubscriberCount,
        maximumSampleCount: maximumSampleCount, maximumElementCount: maximumElementCount,
        elementStride: MemoryLayout<Element>.stride,
        elementAlignment: MemoryLayout<Element>.alignment)
    else {
      throw InterprocessError(
        code: .invalidSize,
        message: """
          No topic keeps \(history) messages of up to \(maximumElementCount) elements, for \
          \(maximumSubscriberCount) subscribers that hold \(maximumSampleCount) each. There have \
          to be at least 1 of each, at most 64 to hold, and \
          \(TopicLayout.maximumSlotCount) messages in all.
          """)
    }
    return StructuredSegment.Plan(
      kind: TopicKind.self, capacity: history, byteCount: layout.byteCount
    ) { bytes, offset in
      layout.write(publishers, to: &bytes, at: offset)
    }
  }

  init(_ segment: consuming StructuredSegment) throws(InterprocessError) {
    let layout = try TopicLayout(
      reading: segment.memory, at: segment.contentOffset, history: segment.capacity,
      elementStride: MemoryLayout<Element>.stride,
      elementAlignment: MemoryLayout<Element>.alignment)
    ring = try TopicRing(segment, layout)
  }

  // MARK: - Basics

  /// Ends this handle's use of the topic.
  ///
  /// Its lease is given up, and with the last one of all processes a temporary name. The same
  /// happens when the last reference to the handle goes, and then the memory is unmapped.
  /// Afterwards the handle only tells its name and what belongs to that, and unlinks it; all else
  /// is a failed precondition, also for a thread or task that waits here meanwhile, when it goes
  /// on. To close it once more does nothing.
  ///
  /// Does not block, but as ``SharedMemory/close()``.
  ///
  /// - Precondition: No subscriber, sample, message on loan or only publisher of this handle lives.
  public func close() { ring.close() }

  /// How many elements a message has at most.
  public var maximumElementCount: Int { ring.layout.maximumElementCount }

  /// How many of the last messages are kept.
  public var history: Int { ring.layout.history }

  /// Who may publish, as the creator has decided.
  public var publisherRole: QueueRole { ring.publishers }

  /// How many subscribers there are at most at a time.
  public var maximumSubscriberCount: Int { ring.layout.maximumSubscriberCount }

  /// How many samples each of them holds at most at a time.
  public var maximumSampleCount: Int { ring.layout.maximumSampleCount }

  /// What has happened so far, by all processes.
  ///
  /// Does not disturb those who use the topic.
  ///
  /// - Complexity: Linear in the number of subscribers and of samples that they can hold, without
  ///   blocking.
  public var statistics: TopicStatistics {
    ring.segment.checkOpen()
    return TopicStatistics(
      reading: ring.segment.memory, at: ring.segment.contentOffset, ring.layout)
  }

  // MARK: - Finishing

  /// Whether no more messages can be published.
  ///
  /// - Complexity: O(1), without blocking.
  public var isFinished: Bool {
    ring.segment.checkOpen()
    return ring.isFinished
  }

  /// Lets nobody publish any more: subscribers get what there is, and then the end, also those who
  /// come later.
  ///
  /// Blocks only while one of many publishers keeps its turn. Where there is one publisher, that
  /// one finishes the topic, by the function of the same name.
  ///
  /// - Parameter timeout: How long to wait for the turns of others; `nil`: as long as they take.
  /// - Throws: `roleTaken` if there can be only one publisher, and another handle or value is;
  ///   `timedOut`; `corrupted` if something else than this type has written there; `system` for
  ///   anything else. With any error, the topic is not finished.
  public func finish(timeout: Duration? = nil) throws(InterprocessError) {
    try TopicWriter(ring, .overwrite).finish(atMost: timeout)
  }

  /// Lets nobody publish any more: subscribers get what there is, and then the end, also those who
  /// come later.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameter timeout: How long to wait for the turns of others; `nil`: as long as they take.
  /// - Throws: As the blocking form, and `CancellationError`.
  public nonisolated(nonsending) func finish(timeout: Duration? = nil) async throws {
    try await TopicWriter(ring, .overwrite).finish(atMost: timeout)
  }
}

/// What has happened in a topic since it was made.
///
/// Several processes count at once, so that the numbers need not be of one moment.
public struct TopicStatistics: Sendable, Hashable {
  /// Messages that were published.
  public var publishedCount: UInt64
  /// Messages that were received, by all subscribers together.
  public var receivedCount: UInt64
  /// Messages that subscribers were too slow for, all together.
  public var missedCount: UInt64
  /// Those who subscribe now; one that was killed is among them until its place is needed.
  public var subscriberCount: Int
  /// Samples that subscribers hold now.
  public var heldCount: Int
  /// Times that a publisher went to sleep, as a subscriber was slow.
  public var fullCount: UInt64
  /// Times that a subscriber went to sleep, as there was no message.
  public var emptyCount: UInt64
  /// Those who were woken, on both sides; all tasks of a process count as one.
  public var wokenCount: UInt64
  /// The messages that there is room for: the history, the samples that can be held, and one.
  public var slotCount: Int

  /// Reads what is there without using it: nothing is written.
  init<Bytes: SegmentBytes & ~Copyable>(
    reading memory: borrowing Bytes, at offset: Int, _ layout: TopicLayout
  ) {
    let head = QueueHead(reading: memory, at: offset)
    publishedCount = head.sending.position
    fullCount = head.sending.slept
    emptyCount = head.receiving.slept
    wokenCount = head.sending.woken &+ head.receiving.woken
    slotCount = layout.slotCount
    receivedCount = memory.currentWord(at: offset + TopicLayout.receivedTotalOffset)
    missedCount = memory.currentWord(at: offset + TopicLayout.missedTotalOffset)
    subscriberCount = 0
    heldCount = 0
    for index in 0..<layout.maximumSubscriberCount {
      let place = offset + layout.offset(ofSubscriber: index)
      receivedCount &+= memory.currentWord(at: place + TopicLayout.receivedOffset)
      missedCount &+= memory.currentWord(at: place + TopicLayout.missedOffset)
      guard memory.currentWord32(at: place) != 0 else { continue }
      subscriberCount += 1
      for pin in 0..<layout.maximumSampleCount
      where memory.currentWord32(at: place + TopicLayout.pinsOffset + 4 * pin) != 0 {
        heldCount += 1
      }
    }
  }
}

extension SharedTopic: SharedObject {
  /// For the functions of ``SharedObject``.
  public func _withMemory<Result, Failure: Error>(
    open isNeeded: Bool, _ body: (borrowing SharedMemory) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if isNeeded { ring.segment.checkOpen() }
    return try body(ring.segment.memory)
  }
}
