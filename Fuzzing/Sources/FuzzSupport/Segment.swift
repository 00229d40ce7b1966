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

import Glibc

/// Shared memory that gets the size and bytes of each input, as if another process changed it.
public struct Segment: Sendable {
  /// The name of the memory.
  public let name: String
  private let descriptor: CInt

  /// Creates an empty segment.
  ///
  /// It stays when the process ends; `scripts/fuzz` runs the process where no other one sees it.
  public init(_ name: String) {
    self.name = name
    descriptor = open("/dev/shm/\(name)", O_RDWR | O_CREAT | O_TRUNC, 0o600)
    precondition(descriptor >= 0, "Cannot make a file in /dev/shm")
  }

  /// Gives the segment the size and the bytes of an input.
  public func replace(with input: UnsafeRawBufferPointer) {
    let isReplaced =
      ftruncate(descriptor, 0) == 0 && ftruncate(descriptor, input.count) == 0
      && pwrite(descriptor, input.baseAddress, input.count, 0) == input.count
    precondition(isReplaced, "Cannot write the input to /dev/shm")
  }
}
