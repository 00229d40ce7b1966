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
  /// The steps of a shared value.
  package static let ofValues: [Checkpoint] = [
    .storeMarked, .storeHalfWritten, .storeWritten, .storeCompleted, .storePublished,
    .loadBegun,
  ]

  package static var storeMarked: Checkpoint { Checkpoint("storeMarked") }
  package static var storeWritten: Checkpoint { Checkpoint("storeWritten") }
  package static var storeCompleted: Checkpoint { Checkpoint("storeCompleted") }
  package static var storePublished: Checkpoint { Checkpoint("storePublished") }
  @inlinable package static var loadBegun: Checkpoint { Checkpoint("loadBegun") }
}
