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

/// The content of a segment, as far as its bytes show it.
package enum SegmentContent: Sendable {
  /// Bytes without a known structure.
  case bytes
  case array(NpyHeader)
  /// A list: the number of its elements, and the elements; only the first ones if the list has many
  /// megabytes.
  case list(count: Int, [ShareableList.Element])
  /// A segment with a header: its kind in one word, and the facts that it states.
  case structured(kind: String, [SegmentFact])
  /// The kind that its beginning shows, and why it cannot be used.
  case unusable(kind: String, InterprocessError)

  /// The kind in one word.
  package var kind: String {
    switch self {
    case .bytes: "bytes"
    case .array: "array"
    case .list: "list"
    case .structured(let kind, _), .unusable(let kind, _): kind
    }
  }

  /// The kind of a segment in one word, without examining the rest of the content.
  ///
  /// - Parameter nameBytes: The name, which need not be UTF-8.
  /// - Throws: What `init(ofSegment:)` throws.
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

  /// Examines a segment without using it: takes no lease, no lock and no new page of its memory,
  /// and writes nothing.
  ///
  /// - Throws: `notFound`, `permissionDenied`, `wrongKind`, `invalidName` and `system`, as
  ///   attaching does, and `invalidSize` if the segment becomes smaller meanwhile.
  package init(ofSegment name: String) throws(InterprocessError) {
    try self.init(ofSegment: Array(name.utf8))
  }

  /// Examines a segment whose name need not be UTF-8.
  package init(ofSegment nameBytes: [UInt8]) throws(InterprocessError) {
    try self.init(of: SegmentPeek(name: SegmentName(bytes: nameBytes), owner: .anyone))
  }

  /// Examines memory that was opened for this purpose.
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
    // Content that looks broken may only have been cut off.
    try memory.checkWhole()
  }

  private static func attempt(
    _ kind: String, _ body: () throws(InterprocessError) -> SegmentContent
  ) -> SegmentContent {
    do { return try body() } catch { return .unusable(kind: kind, error) }
  }

  // MARK: - Structured segments

  private static func structuredKind(of memory: SegmentPeek) -> String {
    SegmentHeader.kindNumber(of: memory).flatMap { SegmentKinds.kind($0)?.word } ?? "unknown"
  }

  private static func structured(
    _ memory: SegmentPeek
  ) throws(InterprocessError) -> SegmentContent {
    let header = try SegmentHeader(memory)
    guard let kind = SegmentKinds.kind(header.kind) else {
      return .structured(
        kind: "unknown", [SegmentFact("number", "number", count: header.kind)])
    }
    return .structured(kind: kind.word, try kind.facts(of: memory, header))
  }
}
