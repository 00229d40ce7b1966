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

import Interprocess

extension SegmentContent {
  /// What there is to say beyond the kind, as rows of a name and a text.
  var rows: [[String]] {
    switch self {
    case .bytes:
      []
    case .array(let header):
      [["dtype", header.dtype.escaped], ["shape", shapeText(header.shape)]]
        + (header.isFortranOrder ? [["order", "Fortran"]] : [])
    case .list(let count, let elements):
      [["items", String(count)]]
        + elements.prefix(Self.shownItemCount).enumerated().map { ["[\($0)]", $1.text] }
        + (count > min(elements.count, Self.shownItemCount) ? [["...", ""]] : [])
    case .structured(_, let facts):
      facts.flatMap(\.rows)
    case .unusable(_, let error):
      [["problem", error.message.escaped]]
    }
  }

  /// How many items of a list are shown; `shm read` prints all.
  private static let shownItemCount = 20

  /// The same for programs, with the kind.
  var json: [(key: String, value: JSON)] {
    let details: [(key: String, value: JSON)] =
      switch self {
      case .bytes:
        []
      case .array(let header):
        [
          ("dtype", .string(header.dtype)),
          ("shape", .array(header.shape.map { .integer($0) })),
          ("isFortranOrder", .boolean(header.isFortranOrder)),
        ]
      case .list(let count, let elements):
        [("itemCount", .integer(count)), ("items", .array(elements.map(\.json)))]
      case .structured(_, let facts):
        facts.map { ($0.key, $0.json) }
      case .unusable(_, let error):
        [("problem", .string(error.message))]
      }
    return [("kind", .string(kind))] + details
  }
}

extension SegmentFact {
  /// How many holders are shown; the JSON object contains all.
  private static let shownHolderCount = 20

  fileprivate var rows: [[String]] {
    switch value {
    case .integer(let value): [[label, String(value)]]
    case .byteCount(let value): [[label, sizeText(value)]]
    case .flag(let value): [[label, value ? "yes" : "no"]]
    case .text(let text): [[label, text.escaped]]
    case .state(_, let text): [[label, text]]
    case .holder(nil): []
    case .holder(let holder?): [[label, holder.text]]
    case .holders(let holders):
      holders.prefix(Self.shownHolderCount).map { [label, $0.text] }
        + (holders.count > Self.shownHolderCount ? [["...", ""]] : [])
    }
  }

  fileprivate var json: JSON {
    switch value {
    case .integer(let value): .integer(value)
    case .byteCount(let value): .integer(value)
    case .flag(let value): .boolean(value)
    case .text(let text): .string(text)
    case .state(let word, _): .string(word)
    case .holder(let holder): holder?.processJSON ?? .null
    case .holders(let holders):
      .array(
        holders.map { .object([("process", $0.processJSON), ("count", .integer($0.count))]) })
    }
  }
}

extension SegmentFact.Holder {
  fileprivate var text: String {
    (process?.text ?? "?") + (count == 1 ? "" : " (\(count) times)")
  }

  /// Null if this user cannot see which process it is.
  fileprivate var processJSON: JSON { process?.json ?? .null }
}

/// A shape as `--shape` takes it, such as 480x640.
///
/// An array without dimensions has one element.
func shapeText(_ shape: [Int]) -> String {
  shape.isEmpty ? "one element" : shape.map { String($0) }.joined(separator: "x")
}

extension ShareableList.Element {
  /// The element as a Swift literal, in one line.
  var text: String {
    switch self {
    case .int(let value): String(value)
    case .double(let value): value.description
    case .bool(let value): String(value)
    case .string(let text): "\"" + text.escaped.replacing("\"", with: "\\\"") + "\""
    case .bytes(let bytes):
      "[" + bytes.map { "0x" + hexadecimal($0, digits: 2) }.joined(separator: ", ") + "]"
    case .none: "nil"
    }
  }

  /// Bytes are an array of numbers, and a number that JSON does not have is a string.
  var json: JSON {
    switch self {
    case .int(let value): .integer(Int(value))
    case .double(let value): value.isFinite ? .number(value) : .string(value.description)
    case .bool(let value): .boolean(value)
    case .string(let text): .string(text)
    case .bytes(let bytes): .array(bytes.map { .integer(Int($0)) })
    case .none: .null
    }
  }
}
