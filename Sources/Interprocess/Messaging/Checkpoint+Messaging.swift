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
  /// The steps of queues and topics.
  package static let ofMessaging: [Checkpoint] = [
    .messageBegun, .messageWritten, .messageSent, .tailStored,
    .messageSeen, .messageRead, .messageTaken, .messageFreed,
    .queueFinished, .topicFinished,
    .slotsTaken, .subscribed, .messagePinned, .arrivalCounted, .entryMarked,
    .entryStored, .slotMarked, .slotAnnounced,
  ]

  @inlinable package static var messageBegun: Checkpoint { Checkpoint("messageBegun") }
  @inlinable package static var messageWritten: Checkpoint { Checkpoint("messageWritten") }
  @inlinable package static var messageSent: Checkpoint { Checkpoint("messageSent") }
  @inlinable package static var tailStored: Checkpoint { Checkpoint("tailStored") }
  @inlinable package static var messageSeen: Checkpoint { Checkpoint("messageSeen") }
  @inlinable package static var messageRead: Checkpoint { Checkpoint("messageRead") }
  @inlinable package static var messageTaken: Checkpoint { Checkpoint("messageTaken") }
  @inlinable package static var messageFreed: Checkpoint { Checkpoint("messageFreed") }
  @inlinable package static var queueFinished: Checkpoint { Checkpoint("queueFinished") }
  @inlinable package static var topicFinished: Checkpoint { Checkpoint("topicFinished") }
  @inlinable package static var slotsTaken: Checkpoint { Checkpoint("slotsTaken") }
  @inlinable package static var subscribed: Checkpoint { Checkpoint("subscribed") }
  @inlinable package static var messagePinned: Checkpoint { Checkpoint("messagePinned") }
  @inlinable package static var entryMarked: Checkpoint { Checkpoint("entryMarked") }
  @inlinable package static var entryStored: Checkpoint { Checkpoint("entryStored") }
  @inlinable package static var slotMarked: Checkpoint { Checkpoint("slotMarked") }
  @inlinable package static var slotAnnounced: Checkpoint { Checkpoint("slotAnnounced") }
  @inlinable package static var arrivalCounted: Checkpoint { Checkpoint("arrivalCounted") }
}
