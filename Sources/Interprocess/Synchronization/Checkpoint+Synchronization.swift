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
  /// The steps of events and barriers.
  package static let ofSynchronization: [Checkpoint] = [
    .eventMarked, .eventAdvanced,
    .partyArrived, .barrierBroken,
  ]

  package static var eventMarked: Checkpoint { Checkpoint("eventMarked") }
  package static var eventAdvanced: Checkpoint { Checkpoint("eventAdvanced") }
  package static var partyArrived: Checkpoint { Checkpoint("partyArrived") }
  package static var barrierBroken: Checkpoint { Checkpoint("barrierBroken") }
}
