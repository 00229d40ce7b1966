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

/// Something that a `WaitSet` can wait for.
protocol WaitSource: Sendable {
  /// The state before anything has happened, to pass to the first `look`.
  var beginning: UInt64 { get }
  /// The gate at which waiters sleep, if it is a light one.
  var eventCount: AsymmetricEventCount? { get }
  /// Whether it cannot show that a waiter sleeps.
  var isBlind: Bool { get }
  /// Sets the mark that a waiter sleeps.
  ///
  /// - Returns: The word, and its value with the mark.
  func mark() -> (SharedWord32, while: UInt32)
  /// Checks whether it is ready.
  ///
  /// - Parameters:
  ///   - stage: What the check may do.
  ///   - seen: The state that the last successful check returned.
  /// - Returns: If ready, the state to pass to the next check.
  /// - Throws: `corrupted` and `system`.
  func look(_ stage: Waiting.Stage, _ seen: UInt64) throws(InterprocessError) -> UInt64?
  /// Whether such a check may find something, for a thread that looks in place of the waiter.
  func isDue(_ seen: UInt64) -> Bool
}

extension WaitSource {
  var beginning: UInt64 { 0 }
  var eventCount: AsymmetricEventCount? { nil }
  var isBlind: Bool { false }
}

/// A source whose waiters sleep at a light gate.
private protocol LightWaitSource: WaitSource {
  var gate: AsymmetricEventCount { get }
}

extension LightWaitSource {
  var eventCount: AsymmetricEventCount? { gate }
  func mark() -> (SharedWord32, while: UInt32) {
    (gate.gate.word, while: gate.gate.mark())
  }
}

struct QueueSource<Element: Shareable>: LightWaitSource {
  let queue: SharedQueue<Element>

  var gate: AsymmetricEventCount { queue._receivers.gate }

  func look(_ stage: Waiting.Stage, _ seen: UInt64) throws(InterprocessError) -> UInt64? {
    queue.segment.checkOpen()
    if queue._receivers.isReady { return 0 }
    if stage.isMarking { queue._receivers.countSleep() }
    return nil
  }

  func isDue(_ seen: UInt64) -> Bool { queue._receivers.look().isDue() }
}

struct ByteQueueSource: LightWaitSource {
  let queue: SharedByteQueue

  var gate: AsymmetricEventCount { queue.receivers.gate }

  func look(_ stage: Waiting.Stage, _ seen: UInt64) throws(InterprocessError) -> UInt64? {
    queue.segment.checkOpen()
    if stage.isChecking { try queue.receivers.recover() }
    if queue.receivers.isReady { return 0 }
    if stage.isMarking { queue.receivers.countSleep() }
    return nil
  }

  func isDue(_ seen: UInt64) -> Bool { queue.receivers.look().isDue() }
}

struct TopicSource: LightWaitSource {
  let reader: TopicReader

  var gate: AsymmetricEventCount { reader.ring.subscribing.gate }

  func look(_ stage: Waiting.Stage, _ seen: UInt64) throws(InterprocessError) -> UInt64? {
    if try reader.isReady() { return 0 }
    if stage.isMarking { reader.ring.subscribing.countSleep() }
    return nil
  }

  func isDue(_ seen: UInt64) -> Bool { (try? reader.isReady()) ?? true }
}

struct EventSource: WaitSource {
  let event: SharedEvent

  var beginning: UInt64 { UInt64(event.generation) }

  func mark() -> (SharedWord32, while: UInt32) { event.mark() }

  func look(_ stage: Waiting.Stage, _ seen: UInt64) throws(InterprocessError) -> UInt64? {
    event._segment.checkOpen()
    return event.generation(after: UInt32(seen)).map { UInt64($0) }
  }

  // Whatever makes it ready changes the word on which the waiter sleeps.
  func isDue(_ seen: UInt64) -> Bool { false }
}

struct SemaphoreSource: WaitSource {
  let semaphore: SharedSemaphore

  func mark() -> (SharedWord32, while: UInt32) {
    (semaphore.gate.word, while: semaphore.gate.mark())
  }

  func look(_ stage: Waiting.Stage, _ seen: UInt64) throws(InterprocessError) -> UInt64? {
    semaphore.segment.checkOpen()
    return try semaphore.hasFreePermit(isReclaiming: stage.isChecking) ? 0 : nil
  }

  func isDue(_ seen: UInt64) -> Bool { semaphore.seemsFree }
}

struct AtomicSource<Value: SharedAtomicValue>: WaitSource {
  let atomic: SharedAtomic<Value>
  let value: Value

  func mark() -> (SharedWord32, while: UInt32) {
    (atomic.gate.word, while: atomic.gate.mark())
  }

  func look(_ stage: Waiting.Stage, _ seen: UInt64) throws(InterprocessError) -> UInt64? {
    atomic.loadAcquiring() == value ? nil : 0
  }

  func isDue(_ seen: UInt64) -> Bool { atomic.differs(from: value) }
}

final class ValueSource: WaitSource {
  private let slots: ValueSlots

  init(_ slots: borrowing ValueSlots) throws(InterprocessError) {
    self.slots = try slots.duplicate()
  }

  var beginning: UInt64 { slots.version }
  var eventCount: AsymmetricEventCount? { slots.gate }
  var isBlind: Bool { slots.gate == nil }

  func mark() -> (SharedWord32, while: UInt32) {
    let word = slots.gateWord
    return (word, while: slots.gate?.gate.mark() ?? word.loadRelaxed())
  }

  func look(_ stage: Waiting.Stage, _ seen: UInt64) throws(InterprocessError) -> UInt64? {
    try slots.later(than: seen)
  }

  func isDue(_ seen: UInt64) -> Bool { slots.look(after: seen).isDue() }
}
