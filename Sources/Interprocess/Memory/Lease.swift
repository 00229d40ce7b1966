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

internal import SystemPackage

/// What a handle holds for as long as it uses a segment, and what the kernel drops when the process
/// ends, however it ends: a shared lock on a byte far behind the segment's end.
///
/// No byte of the memory and no process number is involved, so that neither a crash nor a reused
/// number can leave a wrong trace.
struct Lease: ~Copyable, Sendable {
  /// The byte whose shared lock says "someone uses this segment".
  ///
  /// Locks may lie behind the end of a file, and no segment is that large.
  static let byteOffset = 1 << 62

  let descriptor: Descriptor

  /// Takes a lease on an open segment, which the descriptor then holds.
  ///
  /// - Returns: `false` if somebody holds the lock exclusively: the segment is being removed.
  static func take(on descriptor: borrowing Descriptor) throws(Errno) -> Bool {
    try FileLocks.tryLock(.shared, byte: byteOffset, of: descriptor)
  }

  /// - Parameter descriptor: The descriptor on which the lease was taken.
  init(heldBy descriptor: consuming Descriptor) {
    self.descriptor = descriptor
  }
}
