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

/// A kind of structured segment: its number, and what a look at one tells people.
///
/// Its name comes from the C header, as an error about one kind may name any other.
package protocol SegmentKind: SendableMetatype {
  /// `IPC_KIND_…` of the C header.
  static var number: UInt32 { get }

  /// What the facts tell, for the help of the tool: a noun phrase behind the kind's name.
  static var summary: String { get }

  /// What a segment tells about itself.
  ///
  /// Every byte of it may be anything; holders are looked up in the kernel.
  ///
  /// - Throws: `corrupted` and `system`.
  static func facts(
    of memory: SegmentPeek, _ header: SegmentHeader
  ) throws(InterprocessError) -> [SegmentFact]
}

extension SegmentKind {
  /// The name, such as `read-write lock`.
  package static var name: String {
    guard let name = SegmentHeader.name(ofKind: number) else {
      preconditionFailure("The C header has no name for kind \(number)")
    }
    return name
  }

  /// The name in one word, such as `read-write-lock`.
  package static var word: String {
    String(name.map { $0 == " " ? "-" : $0 })
  }

  /// The name with its article, such as `a shared read-write lock`.
  static var description: String { "a shared \(name)" }
}
