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

/// The bytes of a segment for reading: mapped, or read from the file by a process that only looks.
protocol SegmentBytes: ~Copyable {
  /// The name of the segment, for messages.
  var name: String { get }
  var byteCount: Int { get }

  /// A value that no other process is writing in parts, or that may be torn without harm.
  ///
  /// - Precondition: All bytes of the value are within the memory.
  borrowing func loadUnaligned<Value: Shareable>(at offset: Int, as type: Value.Type) -> Value

  /// The present value of a word that other processes change.
  ///
  /// - Precondition: The word lies within the memory, and its offset is a multiple of 8.
  borrowing func currentWord(at offset: Int) -> UInt64

  /// The same as `currentWord(at:)`, for 4 bytes.
  borrowing func currentWord32(at offset: Int) -> UInt32
}

extension SharedMemory: SegmentBytes {
  borrowing func loadUnaligned<Value: Shareable>(at offset: Int, as type: Value.Type) -> Value {
    _range.loadUnaligned(at: offset, as: type)
  }

  borrowing func currentWord(at offset: Int) -> UInt64 { _range.currentWord(at: offset) }

  borrowing func currentWord32(at offset: Int) -> UInt32 { _range.currentWord32(at: offset) }
}

extension MappedRange: SegmentBytes {
  var name: String { "" }

  func currentWord(at offset: Int) -> UInt64 { word(at: offset).loadRelaxed() }

  func currentWord32(at offset: Int) -> UInt32 { readOnlyWord32(at: offset).loadRelaxed() }
}

extension SegmentPeek: SegmentBytes {
  func loadUnaligned<Value: Shareable>(at offset: Int, as type: Value.Type) -> Value {
    let bytes = bytesOrZeros(offset..<offset + MemoryLayout<Value>.size, isFresh: false)
    // SAFETY: there are as many bytes as the value has, and every bit pattern is valid.
    return unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(as: type) }
  }

  func currentWord(at offset: Int) -> UInt64 {
    let bytes = bytesOrZeros(offset..<offset + 8, isFresh: true)
    // SAFETY: as for `loadUnaligned(at:as:)`.
    return unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(as: UInt64.self) }
  }

  func currentWord32(at offset: Int) -> UInt32 {
    let bytes = bytesOrZeros(offset..<offset + 4, isFresh: true)
    // SAFETY: as for `loadUnaligned(at:as:)`.
    return unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(as: UInt32.self) }
  }
}
