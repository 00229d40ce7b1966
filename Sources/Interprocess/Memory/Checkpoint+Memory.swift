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
  /// The steps of the life of memory.
  package static let ofMemory: [Checkpoint] = [
    .createOpened, .createSized, .createLeased, .createInitialized, .createLinked,
    .attachOpened, .attachSeen, .attachLeased,
    .closeDropped, .closeClaimed,
    .removeClaimed, .removeSeen, .removeMoved, .removeDone,
    .growSeen, .growMapped, .growTaken, .growSized,
  ]

  package static var createOpened: Checkpoint { Checkpoint("createOpened") }
  /// Not in the list: only large memory comes here.
  package static var createHuge: Checkpoint { Checkpoint("createHuge") }
  package static var createSized: Checkpoint { Checkpoint("createSized") }
  package static var createLeased: Checkpoint { Checkpoint("createLeased") }
  package static var createInitialized: Checkpoint { Checkpoint("createInitialized") }
  package static var createLinked: Checkpoint { Checkpoint("createLinked") }
  package static var attachOpened: Checkpoint { Checkpoint("attachOpened") }
  package static var attachSeen: Checkpoint { Checkpoint("attachSeen") }
  package static var attachLeased: Checkpoint { Checkpoint("attachLeased") }
  package static var closeDropped: Checkpoint { Checkpoint("closeDropped") }
  package static var closeClaimed: Checkpoint { Checkpoint("closeClaimed") }
  package static var removeClaimed: Checkpoint { Checkpoint("removeClaimed") }
  package static var removeSeen: Checkpoint { Checkpoint("removeSeen") }
  package static var removeMoved: Checkpoint { Checkpoint("removeMoved") }
  package static var removeDone: Checkpoint { Checkpoint("removeDone") }
  package static var growSeen: Checkpoint { Checkpoint("growSeen") }
  package static var growMapped: Checkpoint { Checkpoint("growMapped") }
  package static var growTaken: Checkpoint { Checkpoint("growTaken") }
  package static var growSized: Checkpoint { Checkpoint("growSized") }
}
