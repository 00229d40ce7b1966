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

public import Synchronization

extension SharedMemory {
  /// An integer in the memory that several processes change at the same time, lent where it lies.
  ///
  /// ```swift
  /// let memory = try SharedMemory.attach("MyMemory")
  /// memory[atomic: UInt64.self, at: 64].wrappingAdd(1, ordering: .relaxed)
  /// ```
  ///
  /// It is an `Atomic` of the standard library, whose operations and orderings hold between
  /// processes as they do between threads: each is one instruction of the processor, or a short
  /// loop of them. Its bytes are those of the integer, so that programs in C use it as an atomic
  /// object of the same size. To wait for a change of 4 bytes, use
  /// `SharedMemory.wait(at:while:timeout:)`; a ``SharedAtomic`` offers that for all sizes.
  ///
  /// - Parameters:
  ///   - type: The type of the integer.
  ///   - byteOffset: Where it begins, in bytes.
  /// - Precondition: It lies within the memory, at a multiple of its size, and the memory is
  ///   attached for writing.
  /// - Complexity: O(1), without blocking.
  @inlinable
  public subscript<Value: SharedAtomicValue>(
    atomic type: Value.Type, at byteOffset: Int
  ) -> Atomic<Value> {
    _read {
      // SAFETY: the range is mapped for as long as the borrow of this handle, which lasts until the
      // access ends.
      yield unsafe _range.atomic(type, at: byteOffset).pointee
    }
  }
}

extension MappedRange {
  /// The address of an atomic integer.
  @unsafe @inlinable
  func atomic<Value: SharedAtomicValue>(
    _ type: Value.Type, at offset: Int
  ) -> UnsafePointer<Atomic<Value>> {
    precondition(
      offset.isMultiple(of: MemoryLayout<Value>.size),
      "An atomic integer lies at a multiple of its size")
    // SAFETY: `mutablePointer` has checked the bytes, an `Atomic` has no others than its value, and
    // every bit pattern is a value.
    return unsafe UnsafePointer(
      mutablePointer(at: offset, byteCount: MemoryLayout<Value>.size)
        .assumingMemoryBound(to: Atomic<Value>.self))
  }

  /// Loads an atomic integer of any type, which `Atomic` offers only where the type is known.
  func loadAcquiring<Value: SharedAtomicValue>(_ type: Value.Type, at offset: Int) -> Value {
    // SAFETY: the mapping lives as long as the handle that this range is a part of.
    switch MemoryLayout<Value>.size {
    case 1:
      unsafe Value(
        truncatingIfNeeded: atomic(UInt8.self, at: offset).pointee.load(ordering: .acquiring))
    case 2:
      unsafe Value(
        truncatingIfNeeded: atomic(UInt16.self, at: offset).pointee.load(ordering: .acquiring))
    case 4:
      unsafe Value(
        truncatingIfNeeded: atomic(UInt32.self, at: offset).pointee.load(ordering: .acquiring))
    default:
      unsafe Value(
        truncatingIfNeeded: atomic(UInt64.self, at: offset).pointee.load(ordering: .acquiring))
    }
  }
}
