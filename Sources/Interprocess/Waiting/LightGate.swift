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

/// A gate that costs who opens it next to nothing while nobody sleeps.
@usableFromInline
struct LightGate: Sendable {
  // As `Gate`, but R2 is no instruction of its own: who sleeps lets the kernel fence for all, A2'.
  //
  //   R1   change what is waited for   releasing
  //   R2'  nothing, but in this order
  //   R3   gate marked, or a fence wished for?  then R2 to R5
  //
  // The fence that A2' makes in the thread of R1 and R3 comes before R3, which then sees the mark
  // of A1; or after R3, and so after R1, which A3 then sees. A thread that does not run at that
  // moment has had its fence when it was taken off its processor, or gets it when it comes back.
  //
  // Where the system has no such call, each side makes its own fence. Who opens knows that of
  // itself; who sleeps says so in the second word, once and for all. Who opens and has not seen
  // that yet may miss the mark; the sleep then ends by itself, after 20 ms if it is the first.

  @usableFromInline let gate: Gate
  /// Not 0 if somebody who sleeps cannot fence for others.
  @usableFromInline let wish: SharedWord32
  /// Whether others fence for this process.
  @usableFromInline let isFenced: Bool

  /// - Parameter range: The memory, which is writable.
  /// - Parameter offset: Where the two words lie.
  init(in range: MappedRange, at offset: Int) {
    gate = Gate(range.word32(at: offset))
    wish = range.word32(at: offset + 4)
    isFenced = RemoteFence.isAvailable
    if !isFenced { wishForFences() }
  }

  /// R2' and R3, after R1: whether to open.
  @inlinable var isAwaited: Bool {
    @inline(__always) get {
      if isFenced {
        // No instruction on x86; on ARM one that is stronger than it need be.
        atomicMemoryFence(ordering: .acquiringAndReleasing)
      } else {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
      }
      return gate.isAwaited || wish.loadRelaxed() != 0
    }
  }

  /// One turn of a wait.
  ///
  /// - Parameters:
  ///   - stage: What the turn may do.
  ///   - alike: As for `Waiting.Turn`.
  ///   - body: A3; `nil` if it is not there yet.
  func attempt<Result>(
    _ stage: Waiting.Stage, alike: Int? = nil, _ body: () throws(InterprocessError) -> Result?
  ) throws(InterprocessError) -> Waiting.Turn<Result> {
    try gate.attempt(stage, alike: alike, fence: { Self.fence([self]) }, body)
  }

  /// A2', for all of several gates that are marked.
  static func fence(_ gates: [LightGate]) {
    defer { checkpoint(.gateFenced) }
    if RemoteFence.make() { return }
    for gate in gates { gate.wishForFences() }
    atomicMemoryFence(ordering: .sequentiallyConsistent)
  }

  private func wishForFences() { wish.storeReleasing(1) }
}
