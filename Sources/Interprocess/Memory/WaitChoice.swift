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

internal import Synchronization

/// The strategy that the user of a handle has chosen; see `WaitStrategy`.
///
/// Stored with the mapping, which every handle has.
final class WaitChoice: Sendable {
  /// The code of the strategy; 0 is what every handle begins with.
  let code = Atomic<Int>(0)
}
