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

/// How many senders or receivers may use one side of a queue, or how many publishers a topic.
public enum Multiplicity: UInt32, Sendable, Hashable {
  /// One at a time, which holds the side as a value (``SharedQueue/Sender``,
  /// ``SharedQueue/Receiver``, ``SharedTopic/Publisher``) and needs no lock.
  case one = 1
  /// Any number, which take turns: at a queue, by its own functions.
  case many = 2

  /// Reads how many may use a side, from a segment.
  ///
  /// - Throws: `corrupted`.
  init(_ memory: borrowing SharedMemory, at offset: Int) throws(InterprocessError) {
    let found = memory.load(fromByteOffset: offset, as: UInt32.self)
    guard let multiplicity = Multiplicity(rawValue: found) else {
      throw .corrupted(memory.name, "its role is neither one nor many, but \(found)")
    }
    self = multiplicity
  }
}
