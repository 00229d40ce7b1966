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

/// What lies in a segment, as far as its bytes tell.
package enum SegmentContent: Sendable {
  /// Nothing that is known here.
  case bytes
  case array(NpyHeader)
  /// A list: how many elements it has, and the first of them, all but in a list of many megabytes.
  case list(count: Int, [ShareableList.Element])
  /// A shared value: the dtype, and how many have been stored.
  case value(dtype: String, version: UInt64)
  /// A shared mutex: the dtype of its value, and who holds it.
  case mutex(dtype: String, LockHolding)
  /// A shared read-write lock: the dtype of its value, who holds it for writing, how many may read
  /// at once, and who reads.
  case readWriteLock(
    dtype: String, writer: LockHolding, maximumReaderCount: Int, readers: PlaceHolding)
  /// A shared semaphore: its permits, and who holds some.
  case semaphore(permitCount: Int, PlaceHolding)
  /// A shared barrier: how many parties it waits for, how many of them have arrived in this round,
  /// whether it is broken, and who the parties are that are known.
  case barrier(
    partyCount: Int, arrivedCount: Int, SharedBarrier.Condition, parties: PlaceHolding)
  case event(isSet: Bool, generation: UInt32)
  case atomic(dtype: String, value: Int128)
  /// A shared queue: the dtype of its messages, and what has happened in it.
  case queue(dtype: String, capacity: Int, isFinished: Bool, QueueStatistics)
  /// A shared queue of bytes: its capacity in bytes, and what has happened in it.
  case byteQueue(byteCapacity: Int, isFinished: Bool, QueueStatistics)
  /// A shared topic: the dtype of its elements, how many a message has at most, the bytes of a
  /// message with what is kept beside it, whether it is finished, and what has happened in it.
  case topic(
    dtype: String, history: Int, maximumElementCount: Int, slotByteCount: Int, isFinished: Bool,
    TopicStatistics)
  /// A structured segment of a kind that nothing more is known of.
  case unknown(kind: UInt32)
  /// What it begins as, and why it is none that can be used.
  case unusable(kind: String, InterprocessError)

  /// The kind in one word.
  package var kind: String {
    switch self {
    case .bytes: "bytes"
    case .array: "array"
    case .list: "list"
    case .value: SegmentKind.value.word
    case .mutex: SegmentKind.mutex.word
    case .readWriteLock: SegmentKind.readWriteLock.word
    case .semaphore: SegmentKind.semaphore.word
    case .barrier: SegmentKind.barrier.word
    case .event: SegmentKind.event.word
    case .atomic: SegmentKind.atomic.word
    case .queue: SegmentKind.queue.word
    case .byteQueue: SegmentKind.byteQueue.word
    case .topic: SegmentKind.topic.word
    case .unknown(let kind): SegmentKind(rawValue: kind)?.word ?? "unknown"
    case .unusable(let kind, _): kind
    }
  }

  /// The kind of a segment in one word, for which less has to be looked at than for all.
  ///
  /// - Parameter nameBytes: The name, which need not be UTF-8.
  /// - Throws: As `init(ofSegment:)`.
  package static func kind(ofSegment nameBytes: [UInt8]) throws(InterprocessError) -> String {
    let memory = try SegmentPeek(name: SegmentName(bytes: nameBytes), owner: .anyone)
    let kind =
      if NpyHeader.isPresent(in: memory) {
        "array"
      } else if SegmentHeader.isPresent(in: memory) {
        structuredKind(of: memory)
      } else {
        list(in: memory) == nil ? "bytes" : "list"
      }
    try memory.checkWhole()
    return kind
  }

  /// Looks at a segment without using it: it takes no lease, no lock and no page of the memory that
  /// is not taken yet, and writes nothing.
  ///
  /// - Throws: `notFound`, `permissionDenied`, `wrongKind`, `invalidName` and `system`, as
  ///   attaching, and `invalidSize` if the segment becomes smaller meanwhile.
  package init(ofSegment name: String) throws(InterprocessError) {
    try self.init(ofSegment: Array(name.utf8))
  }

  /// As the other one, of a name that need not be UTF-8.
  package init(ofSegment nameBytes: [UInt8]) throws(InterprocessError) {
    try self.init(of: SegmentPeek(name: SegmentName(bytes: nameBytes), owner: .anyone))
  }

  /// Looks at memory that has been opened for that.
  ///
  /// - Throws: `invalidSize` if it becomes smaller meanwhile, and `system`.
  package init(of memory: SegmentPeek) throws(InterprocessError) {
    if NpyHeader.isPresent(in: memory) {
      self = Self.attempt("array") { () throws(InterprocessError) in
        .array(try NpyHeader(describing: memory))
      }
    } else if SegmentHeader.isPresent(in: memory) {
      self = Self.attempt(Self.structuredKind(of: memory)) { () throws(InterprocessError) in
        try Self.structured(memory)
      }
    } else if let list = Self.list(in: memory) {
      self = .list(count: list.count, list.elements)
    } else {
      self = .bytes
    }
    // What looks broken may only be what is not there any more.
    try memory.checkWhole()
  }

  private static func attempt(
    _ kind: String, _ body: () throws(InterprocessError) -> SegmentContent
  ) -> SegmentContent {
    do { return try body() } catch { return .unusable(kind: kind, error) }
  }

  // MARK: - Structured segments

  private static func structuredKind(of memory: SegmentPeek) -> String {
    SegmentHeader.kind(of: memory)?.word ?? "unknown"
  }

  private static func structured(
    _ memory: SegmentPeek
  ) throws(InterprocessError) -> SegmentContent {
    let header = try SegmentHeader(memory)
    switch SegmentKind(rawValue: header.kind) {
    case .value?:
      let layout = try ValueLayout(reading: memory, header)
      let version = memory.currentWord(at: layout.versionOffset)
      return .value(dtype: header.description, version: version)
    case .mutex?:
      return try mutex(memory, header)
    case .semaphore?:
      return try semaphore(memory)
    case .event?:
      return try event(memory)
    case .atomic?:
      return try atomic(memory, header)
    case .queue?:
      return try queue(memory, header)
    case .byteQueue?:
      return try byteQueue(memory, header)
    case .topic?:
      return try topic(memory, header)
    case .readWriteLock?:
      return try readWriteLock(memory, header)
    case .barrier?:
      return try barrier(memory)
    case nil:
      return .unknown(kind: header.kind)
    }
  }
}
