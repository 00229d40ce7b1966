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

/// Keeps the threads of this process off a value but for one at a time, for a short while each.
///
/// In a child that `fork` has made, the value is at first what it was at first in the parent:
/// another thread may have been about to change it at that moment, and what it says of threads and
/// roles is not true there.
///
/// `Mutex` of `Synchronization` waits for ever in such a child for a thread that is not there. It
/// also remembers a thread's number across a `fork`, so that two threads of the child which meet at
/// one end it with "Unknown error occurred while attempting to acquire a Mutex" (Swift 6.3).
@safe
final class ThreadMutex<Value: Sendable>: @unchecked Sendable {
  // A class: as a structure within `SharedValue` its `deinit` did not run in an optimised client
  // (Swift 6.3.1), which `scripts/fuzz value` has shown as a leak.
  //
  // The word holds the generation of forks, four times, and in its lower bits whether one thread
  // has the value, and whether others may sleep.
  //
  //   L1  generation -> generation + held, or + awaited if it has slept      acquiring
  //   L2  generation + held -> generation + awaited; sleep while it is that  relaxed
  //   L3  use the value
  //   L4  the word = generation; wake one if it was awaited                  releasing
  //
  // L1 reads what an L4 has written, or what `init` has, so the value is what was left there. Who
  // wakes one lets the next ones go on, too: the one that was woken takes it as awaited.
  //
  // Another generation in the word is that of a parent. Who replaces it at L1, one thread of the
  // child alone, writes the first value over the old one, without a look at it.

  private static var held: UInt32 { 1 }
  private static var awaited: UInt32 { 2 }
  private static var attemptCount: Int { 100 }

  private let word: UnsafeMutablePointer<Atomic<UInt32>>
  private let value: UnsafeMutablePointer<Value>
  private let first: Value

  init(_ first: Value) {
    unsafe word = .allocate(capacity: 1)
    unsafe word.initialize(to: Atomic(Self.free))
    unsafe value = .allocate(capacity: 1)
    unsafe value.initialize(to: first)
    self.first = first
  }

  deinit {
    // SAFETY: nobody uses them any more. A parent's value stays where it is, as it may be half
    // changed.
    if unsafe word.pointee.load(ordering: .acquiring) == Self.free {
      unsafe value.deinitialize(count: 1)
    }
    unsafe value.deallocate()
    unsafe word.deallocate()
  }

  /// The word of this process while no thread has the value.
  private static var free: UInt32 { Descriptor.generation << 2 }

  func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let free = Self.free
    lock(free)
    defer { unlock(free) }
    // SAFETY: no other thread uses it until L4.
    return try body(&(unsafe value.pointee))
  }

  private func lock(_ free: UInt32) {
    var attempts = 0
    var owned = free | Self.held
    var seen = unsafe word.pointee.load(ordering: .relaxed)
    while true {
      let isHeld = seen == free | Self.held || seen == free | Self.awaited
      if isHeld, attempts < Self.attemptCount {
        attempts += 1
        Processors.spinHint()
        seen = unsafe word.pointee.load(ordering: .relaxed)
        continue
      }
      let new = isHeld ? free | Self.awaited : owned
      let (isExchanged, found) = unsafe word.pointee.compareExchange(
        expected: seen, desired: new, successOrdering: .acquiring, failureOrdering: .relaxed)
      if isExchanged, !isHeld {
        if seen != free { unsafe value.initialize(to: first) }
        return
      }
      if isExchanged {
        // A signal may end it early.
        try? unsafe Futex.wait(on: word, while: new, atMost: .seconds(3600))
        owned = new
      }
      seen = isExchanged ? unsafe word.pointee.load(ordering: .relaxed) : found
    }
  }

  private func unlock(_ free: UInt32) {
    let old = unsafe word.pointee.exchange(free, ordering: .releasing)
    if old == free | Self.awaited { _ = unsafe Futex.wake(1, on: word) }
  }
}
