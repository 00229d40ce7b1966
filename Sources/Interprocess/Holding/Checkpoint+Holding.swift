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

extension Checkpoint {
  /// The steps of robust locks and of tables of holders.
  package static let ofHolding: [Checkpoint] = [
    .lockTaken, .lockMarked, .lockAbandoned,
    .unlockBegun, .changeCounted, .unlockReleased, .changeAwaited,
    .permitTaken, .permitFreed, .placeSeen,
  ]

  package static var lockTaken: Checkpoint { Checkpoint("lockTaken") }
  package static var lockMarked: Checkpoint { Checkpoint("lockMarked") }
  package static var lockAbandoned: Checkpoint { Checkpoint("lockAbandoned") }
  package static var unlockBegun: Checkpoint { Checkpoint("unlockBegun") }
  package static var changeCounted: Checkpoint { Checkpoint("changeCounted") }
  package static var unlockReleased: Checkpoint { Checkpoint("unlockReleased") }
  package static var changeAwaited: Checkpoint { Checkpoint("changeAwaited") }
  package static var permitTaken: Checkpoint { Checkpoint("permitTaken") }
  package static var permitFreed: Checkpoint { Checkpoint("permitFreed") }
  package static var placeSeen: Checkpoint { Checkpoint("placeSeen") }
}
