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
  /// A structured segment of a kind that this version does not know.
  case unknown(kind: UInt32)
  /// What it begins as, and why it is none that can be used.
  case unusable(kind: String, InterprocessError)

  /// The kind in one word.
  package var kind: String {
    switch self {
    case .bytes: "bytes"
    case .array: "array"
    case .list: "list"
    case .value: "value"
    case .unknown: "unknown"
    case .unusable(let kind, _): kind
    }
  }

  /// Looks at a segment without using it: it takes no lease and no page of the memory that is not
  /// taken yet.
  ///
  /// - Throws: `notFound`, `permissionDenied`, `wrongKind`, `invalidName` and `system`, as
  ///   attaching.
  package init(ofSegment name: String) throws(InterprocessError) {
    let memory = try SharedMemory.peek(name) { bytes, byteCount in
      bytes.starts(with: NpyHeader.magic) || bytes.starts(with: SegmentHeader.magic)
        || Self.mayBeList(bytes, byteCount: byteCount)
    }
    if let memory { self.init(of: memory) } else { self = .bytes }
  }

  /// Looks at memory that is attached.
  package init(of memory: borrowing SharedMemory) {
    if NpyHeader.isPresent(in: memory) {
      self = Self.attempt("array") { () throws(InterprocessError) in
        .array(try NpyHeader(of: memory))
      }
    } else if SegmentHeader.isPresent(in: memory) {
      self = Self.attempt("unknown") { () throws(InterprocessError) in
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

  private static func structured(
    _ memory: borrowing SharedMemory
  ) throws(InterprocessError) -> SegmentContent {
    let header = try SegmentHeader(memory)
    switch SegmentKind(rawValue: header.kind) {
    case .value?:
      let layout = try ValueLayout(reading: memory, header)
      let version = memory.range.word(at: layout.versionOffset).loadRelaxed()
      return .value(dtype: header.description, version: version)
    default:
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
