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

/// An integer within shared memory that processes change at once.
///
/// ```swift
/// let memory = try SharedMemory.attach("MyMemory")
/// memory.atomic(UInt64.self, at: 64).add(1, ordering: .relaxed)
/// ```
///
/// It is nothing but the bytes of the integer, so that programs in C use it as an atomic object of
/// the same size. It cannot outlive the handle of the memory. To wait for a change of 4 bytes, use
/// `SharedMemory.wait(at:while:timeout:)`; a ``SharedAtomic`` has that for all
/// sizes.
public struct AtomicView<Value: SharedAtomicValue>: AtomicOperations, ~Escapable {
  @usableFromInline let word: AtomicWord

  @_lifetime(borrow memory)
  init(_ memory: borrowing SharedMemory, at byteOffset: Int) {
    word = AtomicWord(
      in: memory.range, at: byteOffset, byteCount: MemoryLayout<Value>.size)
  }

  /// The integer itself.
  public var integer: AtomicInteger<Value> {
    @_lifetime(borrow self) @inlinable get { AtomicInteger(word, of: self) }
  }
}

extension SharedMemory {
  /// An integer that processes change at once, within the memory.
  ///
  /// - Parameters:
  ///   - type: The type of the integer.
  ///   - byteOffset: Where it begins, in bytes.
  /// - Returns: A view of it, which cannot outlive this handle.
  /// - Precondition: It lies within the memory, at a multiple of its size, and the memory is
  ///   attached for writing.
  /// - Complexity: O(1), without blocking.
  @_lifetime(borrow self)
  public borrowing func atomic<Value: SharedAtomicValue>(
    _ type: Value.Type, at byteOffset: Int
  ) -> AtomicView<Value> {
    AtomicView(self, at: byteOffset)
  }
}
