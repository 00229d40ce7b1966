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

extension SharedMemory {
  /// Attaches to the memory of that name, whatever its size, or creates it.
  ///
  /// The content says more than the size, and the caller checks it.
  ///
  /// - Parameter byteCount: The size of new memory.
  static func attachToAnySizeOrCreate(
    _ name: String, byteCount: Int, options: SegmentOptions, owner: Owner,
    initializingWith initialize: (inout MutableRawSpan) throws(InterprocessError) -> Void
  ) throws(InterprocessError) -> SharedMemory {
    do {
      return try attachOrCreate(
        name, byteCount: byteCount, options: options, owner: owner, initializingWith: initialize)
    } catch {
      guard error.code == .invalidSize, let smaller = try? attach(name, owner: owner) else {
        throw error
      }
      return smaller
    }
  }
}
