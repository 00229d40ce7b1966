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

/// A fence that one thread executes on behalf of all others, so that these need none.
enum RemoteFence {
  /// Whether other processes can fence for the threads of this process, and this process for
  /// others.
  static let isAvailable: Bool = {
    #if DEBUG
      if unsafe Sleeping.isWithoutRemoteFences { return false }
    #endif
    return ipc_fence_register() == 0
  }()

  /// Makes every thread of every process that has read ``isAvailable`` execute a full fence,
  /// between two of its instructions.
  ///
  /// Takes some microseconds. Corresponds to `membarrier` with `MEMBARRIER_CMD_GLOBAL_EXPEDITED`.
  ///
  /// - Returns: Whether the fence was executed.
  static func make() -> Bool { isAvailable && ipc_fence_all() == 0 }
}
