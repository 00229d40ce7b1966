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

// The lists of free and retired slots, P1 and P4a.
extension TopicRing {
  @inline(__always) func takeSlot() throws(InterprocessError) -> Int {
    if let slot = try takeFree() { return slot }
    try collect()
    if let slot = try takeFree() { return slot }
    try rebuild()
    if let slot = try takeFree() { return slot }
    throw .corrupted(name, "it has no free slot, although it has one more than can be in use")
  }

  @inline(__always) private func takeFree() throws(InterprocessError) -> Int? {
    let count = freeCount.loadRelaxed()
    if count == 0 { return nil }
    guard count <= layout.slotCount else {
      throw .corrupted(name, "it has \(layout.slotCount) slots, but \(count) free ones")
    }
    freeCount.storeReleasing(count - 1)
    return try checked(Int(free(at: Int(count) - 1).loadRelaxed()))
  }

  // A list that claims an impossible length is left alone: the slot is lost until the lists are
  // built again.

  @inline(__always) func addFree(_ slot: Int) {
    let count = freeCount.loadRelaxed()
    guard count < layout.slotCount else { return }
    free(at: Int(count)).storeReleasing(UInt32(slot))
    freeCount.storeReleasing(count + 1)
  }

  @inline(__always) func retire(_ slot: Int) {
    let count = retiredCount.loadRelaxed()
    guard count < layout.slotCount else { return }
    retired(at: Int(count)).storeReleasing(UInt32(slot))
    retiredCount.storeReleasing(count + 1)
  }

  /// A slot number from shared memory, after a check.
  ///
  /// - Throws: `corrupted`.
  @inline(__always) func checked(_ slot: Int) throws(InterprocessError) -> Int {
    guard slot < layout.slotCount else {
      throw .corrupted(name, "it has \(layout.slotCount) slots, but refers to number \(slot)")
    }
    return slot
  }

  /// Frees the retired slots that are not pinned.
  private func collect() throws(InterprocessError) {
    let count = retiredCount.loadRelaxed()
    guard count <= layout.slotCount else {
      throw .corrupted(name, "it has \(layout.slotCount) slots, but \(count) retired ones")
    }
    retiredCount.storeReleasing(0)
    checkpoint(.slotsTaken)
    let pinned = pinnedSlots()
    // Retiring slots again overwrites the list no faster than this loop reads it.
    for index in 0..<Int(count) {
      let slot = try checked(Int(retired(at: index).loadRelaxed()))
      if pinned.contains(slot) { retire(slot) } else { addFree(slot) }
    }
  }

  /// Builds both lists again: a slot without an entry is retired if it is pinned, and free if not.
  private func rebuild() throws(InterprocessError) {
    let pinned = pinnedSlots()
    freeCount.storeReleasing(0)
    retiredCount.storeReleasing(0)
    checkpoint(.slotsTaken)
    var isKept = [Bool](repeating: false, count: layout.slotCount)
    for index in 0..<layout.historyCount {
      guard let slot = TopicEntry(entry(at: index).loadRelaxed()).slot else { continue }
      isKept[try checked(slot)] = true
    }
    for slot in 0..<layout.slotCount where !isKept[slot] {
      if pinned.contains(slot) { retire(slot) } else { addFree(slot) }
    }
  }

  /// P1a and P1b.
  private func pinnedSlots() -> Set<Int> {
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    // There are few pins, and mostly none; an empty set takes no memory.
    var pinned: Set<Int> = []
    for subscriber in 0..<layout.maximumSubscriberCount where places.isTaken(subscriber) {
      for index in 0..<layout.maximumSampleCount {
        let pin = Int(pin(index, ofSubscriber: subscriber).loadAcquiring())
        if pin != 0 { pinned.insert(pin - 1) }
      }
    }
    return pinned
  }
}
