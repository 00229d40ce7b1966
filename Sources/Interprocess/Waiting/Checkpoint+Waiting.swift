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
  /// The steps of gates.
  package static let ofWaiting: [Checkpoint] = [
    .gateMarked, .gateFenced, .gateChanged,
  ]

  package static var gateMarked: Checkpoint { Checkpoint("gateMarked") }
  package static var gateFenced: Checkpoint { Checkpoint("gateFenced") }
  package static var gateChanged: Checkpoint { Checkpoint("gateChanged") }
}
