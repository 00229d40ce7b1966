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

/// Gives one thread of this process at a time access to a value, for a short while each.
///
/// In a child created by `fork`, the value starts again as it started in the parent: another thread
/// may have been about to change it at that moment, and its content about threads and roles is not
/// true in the child.
///
/// In such a child, `Mutex` of `Synchronization` waits forever for a thread that does not exist. It
/// also remembers a thread's number across a `fork`, so that when two threads of the child compete
/// for one, it ends the child with "Unknown error occurred while attempting to acquire a Mutex"
/// (Swift 6.3).
@safe
final class ThreadMutex<Value: Sendable>: @unchecked Sendable {
  // A class: as a structure within `SharedValue`, its `deinit` did not run in an optimised client
  // (Swift 6.3.1), which `scripts/fuzz value` has shown as a leak.
  //
  // The word holds the generation of forks times four; its lower bits say whether a thread holds
  // the value, and whether others may sleep.
  //
  //   L1  generation -> generation + held, or + awaited if it has slept      acquiring
  //   L2  generation + held -> generation + awaited; sleep while it is that  relaxed
  //   L3  use the value
  //   L4  the word = generation; wake one waiter if it was awaited           releasing
  //
  // L1 reads what an L4, or `init`, has written, so the value is the one that was left there.
  // Waking one waiter lets the next ones proceed, too: the woken waiter takes the lock as awaited.
  //
  // Another generation in the word is that of a parent. The one thread of the child that replaces
  // it at L1 writes the first value over the old one, without reading it.

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
    // SAFETY: no thread uses them any more. A parent's value stays in place, as it may be half
    // changed.
    if unsafe word.pointee.load(ordering: .acquiring) == Self.free {
      unsafe value.deinitialize(count: 1)
    }
    unsafe value.deallocate()
    unsafe word.deallocate()
  }

  /// The word of this process while no thread holds the value.
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
        sleep(while: new)
        owned = new
      }
      seen = isExchanged ? unsafe word.pointee.load(ordering: .relaxed) : found
    }
  }

  @inline(never)
  private func sleep(while value: UInt32) {
    // A signal may end it early.
    try? unsafe Futex.wait(on: word, while: value, atMost: .seconds(3600))
  }

  private func unlock(_ free: UInt32) {
    let old = unsafe word.pointee.exchange(free, ordering: .releasing)
    if old == free | Self.awaited { _ = unsafe Futex.wake(1, on: word) }
  }
}
