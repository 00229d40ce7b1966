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

/// How many senders or receivers may use one side of a queue.
public enum Multiplicity: UInt32, Sendable, Hashable {
  /// One at a time, which keeps the side and needs no lock.
  case one = 1
  /// Any number, which take turns.
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
