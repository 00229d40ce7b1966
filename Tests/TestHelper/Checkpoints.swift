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

internal import Interprocess

/// Calls a handler at each checkpoint of this process, which has to be a debug build.
///
/// Call it before any other thread uses the library.
func handleCheckpoints(_ handler: @escaping @Sendable (Checkpoint) -> Void) {
  #if DEBUG
    Checkpoint.handler = handler
  #else
    fatalError("Checkpoints exist in debug builds only")
  #endif
}
