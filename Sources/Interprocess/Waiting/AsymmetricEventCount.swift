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

public import Synchronization

/// A gate that costs its opener next to nothing while no waiter sleeps.
@usableFromInline
struct AsymmetricEventCount: Sendable {
  // Like `EventCount`, but R2 is not an instruction: in A2', the waiter makes the kernel execute a
  // fence in all threads of the processes involved.
  //
  //   R1   change what is waited for   releasing
  //   R2'  nothing, except that the compiler keeps R1 before R3
  //   R3   if the gate is marked, or a fence is requested, do R2 to R5
  //
  // The fence that A2' causes in the opener's thread comes either before R3, which then sees the
  // mark of A1; or after R3, and so after R1, which A3 then sees. A thread that is not running at
  // that moment had its fence when it left its processor, or gets it when it runs again.
  //
  // If the system has no such call, each side makes its own fence. A process whose system lacks the
  // call requests fences in the second word, once and for all, whether it opens or waits. An opener
  // that has not yet seen the request may miss the mark; the sleep then ends by itself, after 20 ms
  // if it is the first.
  //
  // R3 loads both words at once. Each is written by itself, and either bit alone is enough.

  @usableFromInline let gate: EventCount
  /// Not 0 if some process cannot fence for the openers, or not be fenced for.
  let fenceRequest: SharedWord32
  /// Both words at once: on all little-endian systems, the gate is the lower half.
  @usableFromInline let words: SharedWord

  /// - Parameter range: The memory, which is writable.
  /// - Parameter offset: Where the two words lie, a multiple of 8.
  init(in range: MappedRange, at offset: Int) {
    gate = EventCount(range.word32(at: offset))
    fenceRequest = range.word32(at: offset + 4)
    words = range.word(at: offset)
    if !RemoteFence.isAvailable { requestFences() }
  }

  /// R2' and R3, after R1: whether to open.
  @inlinable var isAwaited: Bool {
    @inline(__always) get {
      // No instruction on x86; on ARM, one that is stronger than necessary.
      atomicMemoryFence(ordering: .acquiringAndReleasing)
      return words.loadRelaxed() & 0xFFFF_FFFF_0000_0001 != 0
    }
  }

  /// One attempt of a wait.
  ///
  /// - Parameters:
  ///   - stage: What the attempt may do.
  ///   - alike: As for `Waiting.Outcome`.
  ///   - body: A0 and A3; returns `nil` if there is nothing to take yet.
  func attempt<Result>(
    _ stage: Waiting.Stage, alike: Int? = nil, _ body: () throws(InterprocessError) -> Result?
  ) throws(InterprocessError) -> Waiting.Outcome<Result> {
    try gate.attempt(stage, alike: alike, fence: { Self.fence([self]) }, body)
  }

  /// A2', once for several marked gates.
  static func fence(_ gates: [AsymmetricEventCount]) {
    defer { checkpoint(.gateFenced) }
    if RemoteFence.make() { return }
    for gate in gates { gate.requestFences() }
    atomicMemoryFence(ordering: .sequentiallyConsistent)
  }

  private func requestFences() { fenceRequest.storeReleasing(1) }
}
