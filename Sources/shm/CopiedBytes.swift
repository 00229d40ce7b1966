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

/// Bytes copied out of shared memory, which no process changes any more.
struct CopiedBytes {
  let bytes: [UInt8]

  /// - Precondition: All bytes of the value are there.
  func load<Value: Shareable>(fromByteOffset offset: Int, as type: Value.Type) -> Value {
    precondition(
      offset >= 0 && offset <= bytes.count - MemoryLayout<Value>.size, "Offset out of range")
    // SAFETY: the offset was just checked, and every bit pattern is a value.
    return unsafe bytes.withUnsafeBytes {
      unsafe $0.loadUnaligned(fromByteOffset: offset, as: type)
    }
  }
}

extension SegmentPeek {
  /// The largest number of bytes copied at once.
  static var pieceByteCount: Int { 64 << 10 }

  /// Copies consecutive elements, some at a time.
  ///
  /// - Parameters:
  ///   - start: Where the first element begins.
  ///   - byteCount: The size of an element, small enough to be copied at once.
  ///   - body: Called with the number of each element, its offset in the copy, and the copy.
  func forEachElement(
    at start: Int, count: Int, byteCount: Int,
    _ body: (_ index: Int, _ offset: Int, _ bytes: CopiedBytes) throws -> Void
  ) throws {
    let pieceCount = max(1, Self.pieceByteCount / max(1, byteCount))
    var done = 0
    while done < count {
      let piece = min(pieceCount, count - done)
      let offset = start + done * byteCount
      let bytes = CopiedBytes(bytes: try self.bytes(in: offset..<offset + piece * byteCount))
      for index in 0..<piece { try body(done + index, index * byteCount, bytes) }
      done += piece
    }
  }
}
