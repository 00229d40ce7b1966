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

/// What a publisher does if a slow subscriber has not received the message that a new one replaces.
public enum TopicOverflow: Sendable, Hashable {
  /// It publishes: the subscriber misses the old message.
  case overwrite
  /// It waits for the subscriber.
  ///
  /// From then on, a new subscriber gets one message less than the history, as the oldest one may
  /// be replaced at that moment.
  case wait
}

/// Messages from publishers to subscribers, where each subscriber gets every message.
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
///   // ... until the topic is finished and all messages have been received
/// }
/// ```
///
/// A message is one or more elements. It is written and read in place, so that handing over 64 MiB
/// takes as long as handing over 64 bytes. A subscriber receives a message as a ``Sample``, which
/// is not overwritten while it is held, and is given back at the end of its life. If messages are
/// single elements of at most 56 bytes, copies of them travel, which is faster still.
///
/// The topic keeps the latest messages, at least as many as the history, for late and for slow
/// subscribers.
/// A publisher waits for subscribers only if it is created to; otherwise a subscriber that falls
/// further behind misses messages, and learns how many. There is room for the history, for one
/// message that is being written, and, unless copies travel, for each sample that a subscriber can
/// hold.
///
/// When the topic has been finished, subscribers get what is left, and then the end.
///
/// A killed publisher has published its last message entirely or not at all, and the next one
/// continues from there. The samples of a killed subscriber are given back when another subscriber
/// takes over its place.
///
/// If each message is for one receiver only, use ``SharedQueue``. C and Python's library have
/// nothing that corresponds.
public final class SharedTopic<Element: Shareable>: Sendable {
  let ring: TopicRing

  // MARK: - Create and attach

  /// Creates a topic without messages under a name that is not taken.
  ///
  /// Does not wait for other processes.
  ///
  /// - Parameters:
  ///   - name: The name, as for
  ///     ``SharedMemory/create(_:byteCount:options:initializingWith:)``.
  ///   - maximumElementCount: The greatest number of elements of a message.
  ///   - historyCount: How many of the latest messages the topic keeps, at least 1.
  ///   - publishers: Whether there is one publisher at a time, or many that take turns.
  ///   - maximumSubscriberCount: The greatest number of subscribers at a time.
  ///   - maximumSampleCount: The greatest number of samples that each subscriber holds at a time,
  ///     1 to 64.
  ///   - options: When the name is removed, who may use the topic, and when its pages are taken.
  ///     Each user of the topic needs write permission.
  /// - Returns: The topic.
  /// - Throws: What creating ``SharedMemory`` throws: `alreadyExists`, `invalidName`,
  ///   `invalidSize`, `outOfMemory`, `permissionDenied` and `system`.
  public static func create(
    _ name: String? = nil,
    maximumElementCount: Int = 1,
    historyCount: Int = 8,
    publishers: Multiplicity = .one,
    maximumSubscriberCount: Int = 8,
    maximumSampleCount: Int = 2,
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedTopic {
    try SharedTopic(
      try StructuredSegment.create(
        name,
        plan(
          maximumElementCount, historyCount, publishers, maximumSubscriberCount,
          maximumSampleCount),
        options: options))
  }

  /// Attaches to a topic, or creates it if it does not exist.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - maximumElementCount: The greatest number of elements of a message in a new topic.
  ///   - historyCount: How many of the latest messages a new topic keeps.
  ///   - publishers: Whether a new topic has one publisher at a time, or many.
  ///   - maximumSubscriberCount: The greatest number of subscribers of a new topic.
  ///   - maximumSampleCount: The greatest number of samples that each of them holds.
  ///   - options: The options of a new topic.
  ///   - owner: Whose memory to accept.
  /// - Returns: The topic; ``isCreator`` says whether it is new.
  /// - Throws: What creating and attaching throw.
  public static func attachOrCreate(
    _ name: String,
    maximumElementCount: Int = 1,
    historyCount: Int = 8,
    publishers: Multiplicity = .one,
    maximumSubscriberCount: Int = 8,
    maximumSampleCount: Int = 2,
    options: SegmentOptions = SegmentOptions(),
    owner: SharedMemory.Owner = .currentUser
  ) throws(InterprocessError) -> SharedTopic {
    try _open(
      StructuredSegment.attachOrCreate(
        name,
        plan(
          maximumElementCount, historyCount, publishers, maximumSubscriberCount,
          maximumSampleCount),
        options: options, owner: owner))
  }

  private static func plan(
    _ maximumElementCount: Int, _ historyCount: Int, _ publishers: Multiplicity,
    _ maximumSubscriberCount: Int, _ maximumSampleCount: Int
  ) throws(InterprocessError) -> StructuredSegment.Plan<Element> {
    guard
      let layout = TopicLayout(
        historyCount: historyCount, maximumSubscriberCount: maximumSubscriberCount,
        maximumSampleCount: maximumSampleCount, maximumElementCount: maximumElementCount,
        elementByteCount: MemoryLayout<Element>.size, elementStride: MemoryLayout<Element>.stride,
        elementAlignment: MemoryLayout<Element>.alignment)
    else {
      throw InterprocessError(
        code: .invalidSize,
        message: """
          No topic keeps \(historyCount) messages of up to \(maximumElementCount) elements, for \
          \(maximumSubscriberCount) subscribers that hold \(maximumSampleCount) each. Each number \
          must be at least 1; a subscriber holds at most \(TopicLayout.maximumSampleCount), and \
          there is room for at most \(TopicLayout.maximumSlotCount) messages in total.
          """)
    }
    return StructuredSegment.Plan(
      kind: TopicKind.self, capacity: historyCount, byteCount: layout.byteCount
    ) { bytes, offset in
      layout.write(publishers, to: &bytes, at: offset)
    }
  }

  init(_ segment: StructuredSegment) throws(InterprocessError) {
    let layout = try TopicLayout(
      reading: segment.memory, at: segment.contentOffset, historyCount: segment.capacity,
      elementByteCount: MemoryLayout<Element>.size, elementStride: MemoryLayout<Element>.stride,
      elementAlignment: MemoryLayout<Element>.alignment)
    ring = try TopicRing(segment, layout)
  }

  // MARK: - Basics

  /// Ends this handle's use of the topic.
  ///
  /// Gives up its lease; a temporary name goes with the last lease of all processes. The same
  /// happens when the last reference to the handle goes, and only then is the memory unmapped. A
  /// closed handle still gives its name and related properties, and can unlink it; any other use
  /// is a failed precondition, including by a thread or task that is waiting here when it next
  /// runs. Closing again does nothing.
  ///
  /// Does not block, except as ``SharedMemory/close()`` does.
  ///
  /// - Precondition: No subscriber, sample, message on loan or only publisher of this handle
  ///   exists.
  public func close() { ring.close() }

  /// The greatest number of elements of a message.
  public var maximumElementCount: Int { ring.layout.maximumElementCount }

  /// How many of the latest messages the topic keeps.
  public var historyCount: Int { ring.layout.historyCount }

  /// Whether there is one publisher at a time, or many, as the creator chose.
  public var publisherMultiplicity: Multiplicity { ring.publishers }

  /// The greatest number of subscribers at a time.
  public var maximumSubscriberCount: Int { ring.layout.maximumSubscriberCount }

  /// The greatest number of samples that each subscriber holds at a time.
  public var maximumSampleCount: Int { ring.layout.maximumSampleCount }

  /// What all processes have done so far.
  ///
  /// Reading it does not disturb publishers and subscribers.
  ///
  /// - Complexity: Linear in the number of subscribers and of the samples that they can hold,
  ///   without blocking.
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

  /// Finishes the topic: no more messages can be published; subscribers, including later ones, get
  /// what is left, and then the end.
  ///
  /// Blocks only while one of many publishers keeps its turn. If the topic has a single publisher,
  /// that publisher finishes the topic, with its own `finish(timeout:)`.
  ///
  /// - Parameter timeout: How long to wait for other publishers' turns; `nil`: as long as they
  ///   take.
  /// - Throws: `roleTaken` if the topic is for a single publisher, and another handle or value
  ///   holds the role; `timedOut`; `corrupted` if something other than this type has written into
  ///   the topic; `system` for anything else. After any error, the topic is not finished.
  public func finish(timeout: Duration? = nil) throws(InterprocessError) {
    try TopicWriter(ring, .overwrite).finish(atMost: timeout)
  }

  /// Finishes the topic: no more messages can be published; subscribers, including later ones, get
  /// what is left, and then the end.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameter timeout: How long to wait for other publishers' turns; `nil`: as long as they
  ///   take.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  public nonisolated(nonsending) func finish(timeout: Duration? = nil) async throws {
    try await TopicWriter(ring, .overwrite).finish(atMost: timeout)
  }
}

/// Counts of what has happened in a topic since its creation.
///
/// Several processes count at once, so the numbers need not belong to one moment.
public struct TopicStatistics: Sendable, Hashable {
  /// The number of messages published.
  public var publishedCount: UInt64
  /// The number of messages received, by all subscribers together.
  public var receivedCount: UInt64
  /// The number of messages missed, by all subscribers together.
  public var missedCount: UInt64
  /// The current number of subscribers, including killed ones whose places have not been needed
  /// since.
  public var subscriberCount: Int
  /// The number of samples in the shared memory that subscribers hold at the moment; samples of
  /// single elements of at most 56 bytes are copies, and do not count.
  public var heldCount: Int
  /// How often a publisher went to sleep because a subscriber was slow.
  public var fullCount: UInt64
  /// How often a subscriber went to sleep because there was no message.
  public var emptyCount: UInt64
  /// The number of sleepers woken, on both sides; all tasks of a process count as one.
  public var wokenCount: UInt64
  /// The number of messages that there is room for: at least the history and one more, and the
  /// samples that can be held in the shared memory.
  public var slotCount: Int

  /// Reads the counts without writing anything.
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
      if layout.isInEntries { continue }
      let position = memory.currentWord(at: place + TopicLayout.positionOffset)
      for pin in 0..<layout.maximumSampleCount {
        let number = Int(memory.currentWord32(at: place + TopicLayout.pinsOffset + 4 * pin))
        guard (1...layout.slotCount).contains(number) else { continue }
        let slot = offset + layout.slotsOffset + (number - 1) * layout.slotStride
        // The pin of a message that has yet to be received holds no sample.
        let distance = TopicEntry(memory.currentWord(at: slot)).distance(from: position)
        if (distance ?? -1) < 0 { heldCount += 1 }
      }
    }
  }
}

extension SharedTopic: StructuredObject {
  /// For the functions of ``StructuredObject``.
  public static func _open(
    _ memory: consuming SharedMemory
  ) throws(InterprocessError) -> SharedTopic {
    try SharedTopic(
      try StructuredSegment(reading: memory, TopicKind.self, of: Element.self) { _ in
        TopicLayout.subscribersOffset
      })
  }

  /// Runs a closure with the memory, for the functions of ``SharedObject``.
  public func _withMemory<Result, Failure: Error>(
    open isNeeded: Bool, _ body: (borrowing SharedMemory) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if isNeeded { ring.segment.checkOpen() }
    return try body(ring.segment.memory)
  }
}
