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
  case list([ShareableList.Element])
  /// A shared value: the dtype, and how many have been stored.
  case value(dtype: String, version: UInt64)
  /// A shared mutex: the dtype of its value, and who holds it.
  case mutex(dtype: String, LockHolding)
  /// A shared semaphore: its permits, how many of them are free, and how many dead holders have.
  case semaphore(permitCount: Int, freeCount: Int, orphanedCount: Int)
  case event(isSet: Bool, generation: UInt32)
  case atomic(dtype: String, value: Int128)
  /// A shared queue: the dtype of its messages, and what has happened in it.
  case queue(dtype: String, capacity: Int, isFinished: Bool, QueueStatistics)
  /// A shared queue of bytes: its capacity in bytes, and what has happened in it.
  case byteQueue(byteCapacity: Int, isFinished: Bool, QueueStatistics)
  /// A shared topic: the dtype of its elements, how many a message has at most, the bytes of a
  /// message with what is kept beside it, and what has happened in it.
  case topic(
    dtype: String, history: Int, maximumElementCount: Int, slotByteCount: Int, TopicStatistics)
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
    case .semaphore: SegmentKind.semaphore.word
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
  /// - Throws: As `init(ofSegment:)`.
  package static func kind(ofSegment name: String) throws(InterprocessError) -> String {
    guard let memory = try peek(name) else { return "bytes" }
    if NpyHeader.isPresent(in: memory) { return "array" }
    if SegmentHeader.isPresent(in: memory) { return structuredKind(of: memory) }
    return listElements(of: memory) == nil ? "bytes" : "list"
  }

  /// Looks at a segment without using it: it takes no lease, no lock and no page of the memory that
  /// is not taken yet, and writes nothing.
  ///
  /// - Throws: `notFound`, `permissionDenied`, `wrongKind`, `invalidName` and `system`, as
  ///   attaching.
  package init(ofSegment name: String) throws(InterprocessError) {
    if let memory = try Self.peek(name) { self.init(of: memory) } else { self = .bytes }
  }

  private static func peek(_ name: String) throws(InterprocessError) -> SharedMemory? {
    try SharedMemory.peek(name) { bytes, byteCount in
      bytes.starts(with: NpyHeader.magic) || bytes.starts(with: SegmentHeader.magic)
        || mayBeList(bytes, byteCount: byteCount)
    }
  }

  /// Looks at memory that is attached.
  package init(of memory: borrowing SharedMemory) {
    if NpyHeader.isPresent(in: memory) {
      self = Self.attempt("array") { () throws(InterprocessError) in
        .array(try NpyHeader(of: memory))
      }
    } else if SegmentHeader.isPresent(in: memory) {
      self = Self.attempt(Self.structuredKind(of: memory)) { () throws(InterprocessError) in
        try Self.structured(memory)
      }
    } else if let elements = Self.listElements(of: memory) {
      self = .list(elements)
    } else {
      self = .bytes
    }
  }

  private static func attempt(
    _ kind: String, _ body: () throws(InterprocessError) -> SegmentContent
  ) -> SegmentContent {
    do { return try body() } catch { return .unusable(kind: kind, error) }
  }

  // MARK: - Structured segments

  private static func structuredKind(of memory: borrowing SharedMemory) -> String {
    SegmentHeader.kind(of: memory)?.word ?? "unknown"
  }

  private static func structured(
    _ memory: borrowing SharedMemory
  ) throws(InterprocessError) -> SegmentContent {
    let header = try SegmentHeader(memory)
    switch SegmentKind(rawValue: header.kind) {
    case .value?:
      let layout = try ValueLayout(reading: memory, header)
      let version = memory.range.word(at: layout.versionOffset).loadRelaxed()
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
    case .readWriteLock?, .barrier?, nil:
      return .unknown(kind: header.kind)
    }
  }

  // MARK: - Lists

  // A list has no magic number. So memory is taken for one if all of its tables and elements make
  // sense, and if it has just the size of that list. An empty one is nothing but zeros, as fresh
  // memory is, and counts as bytes.

  /// Whether the first bytes can be those of a list with elements.
  private static func mayBeList(_ bytes: [UInt8], byteCount: Int) -> Bool {
    let count = bytes.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return count > 0 && count <= UInt64(byteCount) / 25
  }

  private static func listElements(
    of memory: borrowing SharedMemory
  ) -> [ShareableList.Element]? {
    let range = memory.range
    guard let layout = try? ListLayout(reading: range), layout.count > 0,
      layout.byteCount == range.byteCount
    else { return nil }
    var elements: [ShareableList.Element] = []
    for index in 0..<layout.count {
      guard let element = try? StoredForm(of: layout[index], in: range).element(in: range) else {
        return nil
      }
      elements.append(element)
    }
    return elements
  }
}
