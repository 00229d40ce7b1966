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
  /// Bytes without a structure that is known here.
  case bytes
  case array(NpyHeader)
  /// A list: how many elements it has, and the first of them; all, unless it has many megabytes.
  case list(count: Int, [ShareableList.Element])
  /// A segment with a header: its kind in one word, and what it tells about itself.
  case structured(kind: String, [SegmentFact])
  /// What it begins as, and why it cannot be used.
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
