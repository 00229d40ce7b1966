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

/// A word private to this process, on which its threads and tasks sleep.
final class OwnWord: Sendable {
  let word: SharedWord32

  init() {
    let pointer = UnsafeMutablePointer<Atomic<UInt32>>.allocate(capacity: 1)
    unsafe pointer.initialize(to: Atomic(0))
    // SAFETY: the word is initialised, and lives as long as this object.
    word = unsafe SharedWord32(pointer: UnsafePointer(pointer))
  }

  deinit {
    // SAFETY: it was allocated here, and no thread uses it any more.
    unsafe word.pointer.deallocate()
  }

  /// Changes the word, and wakes up to `count` sleepers.
  func ring(waking count: Int = 1) {
    word.incrementReleasing()
    word.wake(count)
  }
}
