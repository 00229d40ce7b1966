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

internal import CInterprocess

enum AtomicKind: SegmentKind {
  static let number = UInt32(IPC_KIND_ATOMIC)
  static let summary = "its type and its value"

  static func facts(
    of memory: SegmentPeek, _ header: SegmentHeader
  ) throws(InterprocessError) -> [SegmentFact] {
    let value: Int128 =
      switch header.description {
      case "'|i1'": try integer(Int8.self, in: memory)
      case "'<i2'": try integer(Int16.self, in: memory)
      case "'<i4'": try integer(Int32.self, in: memory)
      case "'<i8'": try integer(Int64.self, in: memory)
      case "'|u1'": try integer(UInt8.self, in: memory)
      case "'<u2'": try integer(UInt16.self, in: memory)
      case "'<u4'": try integer(UInt32.self, in: memory)
      case "'<u8'": try integer(UInt64.self, in: memory)
      default:
        throw .corrupted(memory.name, "it holds \(header.description), which is not an integer")
      }
    return [.dtype(header), SegmentFact("value", "value", .integer(value))]
  }

  private static func integer<Value: SharedAtomicValue>(
    _ type: Value.Type, in memory: SegmentPeek
  ) throws(InterprocessError) -> Int128 {
    let header = try SegmentHeader.read(AtomicKind.self, of: type, from: memory)
    try header.checkRoom(for: SharedAtomic<Value>.byteCount, in: memory)
    return Int128(memory.loadUnaligned(at: header.contentOffset, as: type))
  }
}
