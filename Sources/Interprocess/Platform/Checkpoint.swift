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

/// A named moment in a protocol, at which a test can stop or kill the process.
@usableFromInline
package enum Checkpoint: String, Sendable, CaseIterable {
  case createOpened, createSized, createLeased, createInitialized, createLinked
  case attachOpened, attachSeen, attachLeased
  case closeDropped, closeClaimed
  case removeClaimed, removeSeen, removeMoved, removeDone
  case growSeen, growMapped, growTaken, growSized
  case storeMarked, storeHalfWritten, storeWritten, storeCompleted, storePublished, loadBegun

  case lockTaken, lockMarked, lockAbandoned
  case unlockBegun, unlockTurned, unlockReleased, changeAwaited
  case permitTaken, permitFreed, placeSeen
  case eventMarked, eventAdvanced
  case gateMarked, gateFenced, gateChanged
  case partyArrived, barrierBroken

  case messageBegun, messageWritten, messageSent, messageTold
  case messageSeen, messageRead, messageTaken, messageFreed
  case queueFinished
  case slotsTaken, subscribed, messagePinned, arrivalTold, topicFinished

  /// The steps of a shared value.
  package static let ofValues: Set<Checkpoint> = [
    .storeMarked, .storeHalfWritten, .storeWritten, .storeCompleted, .storePublished, .loadBegun,
  ]

  /// The steps of locks and signals; all others, but those of values and messaging, are of the
  /// life of memory.
  package static let ofSynchronization: Set<Checkpoint> = [
    .lockTaken, .lockMarked, .lockAbandoned,
    .unlockBegun, .unlockTurned, .unlockReleased, .changeAwaited,
    .permitTaken, .permitFreed, .placeSeen,
    .eventMarked, .eventAdvanced, .gateMarked, .gateFenced, .gateChanged,
    .partyArrived, .barrierBroken,
  ]

  /// The steps of queues and topics.
  package static let ofMessaging: Set<Checkpoint> = [
    .messageBegun, .messageWritten, .messageSent, .messageTold,
    .messageSeen, .messageRead, .messageTaken, .messageFreed,
    .queueFinished,
    .slotsTaken, .subscribed, .messagePinned, .arrivalTold, .placeSeen, .topicFinished,
  ]

  #if DEBUG
    /// What a test wants to happen at a checkpoint.
    ///
    /// Set it before any other thread uses the library.
    @usableFromInline
    package nonisolated(unsafe) static var handler: (@Sendable (Checkpoint) -> Void)?
  #endif
}

/// Marks a moment of a protocol.
///
/// In a release build it is nothing.
@inlinable @inline(__always)
func checkpoint(_ checkpoint: Checkpoint) {
  #if DEBUG
    unsafe Checkpoint.handler?(checkpoint)
  #endif
}

#if DEBUG
  /// What a test changes in how one sleeps.
  package enum Sleeping {
    /// Lets no sleep end by itself, so that whoever misses a wake-up sleeps for ever.
    ///
    /// Set it before any other thread uses the library.
    package nonisolated(unsafe) static var isEndless = false
    /// Lets nobody fence for others, as on a system that cannot.
    ///
    /// Set it before any other thread uses the library.
    package nonisolated(unsafe) static var isWithoutRemoteFences = false
    /// Gives the library no more threads of its own.
    package nonisolated(unsafe) static var isWithoutNewThreads = false
  }
#endif
