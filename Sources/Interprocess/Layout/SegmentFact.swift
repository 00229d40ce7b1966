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

/// Something that a segment tells about itself.
package struct SegmentFact: Sendable, Hashable {
  /// What programs call it: a member of a JSON object.
  package var key: String
  /// What people call it: the first column of a table.
  package var label: String
  package var value: Value

  /// What is said, in a form that does not depend on its use.
  package enum Value: Sendable, Hashable {
    case integer(Int128)
    case byteCount(Int)
    case flag(Bool)
    /// Text out of the segment, which may hold anything.
    case text(String)
    /// One of several states: a word for programs, and words for people.
    case state(String, String)
    /// The process that holds something; `nil` if none does.
    case holder(Holder?)
    /// The processes that hold a part each.
    case holders([Holder])
  }

  /// A process that holds something in a segment.
  package struct Holder: Sendable, Hashable {
    /// `nil` if this user cannot see which process it is.
    package var process: SegmentInfo.Process?
    /// How many parts it holds.
    package var count = 1
  }

  init(_ key: String, _ label: String, _ value: Value) {
    self.key = key
    self.label = label
    self.value = value
  }

  init(_ key: String, _ label: String, count: some BinaryInteger) {
    self.init(key, label, .integer(Int128(count)))
  }

  /// The dtype of the elements.
  static func dtype(_ header: SegmentHeader) -> SegmentFact {
    SegmentFact("dtype", "dtype", .text(header.description))
  }
}
