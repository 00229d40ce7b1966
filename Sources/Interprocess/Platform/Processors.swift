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

public import CInterprocess
internal import Glibc

/// Information about the processors and the threads.
@usableFromInline
enum Processors {

  /// How many processors there were at the first call: including those on which this process does
  /// not run, as another one may.
  static let count = Int(ipc_processor_count())

  /// Tells the processor that this loop waits for another processor.
  // One instruction, where clients inline it.
  @inlinable @inline(__always) static func spinHint() { ipc_spin_hint() }

  /// Makes the processor fetch the first bytes of a range that is about to be read.
  static func prefetch(_ range: MappedRange) { unsafe ipc_prefetch(range.start) }

  /// Lets other threads run.
  static func giveWay() { sched_yield() }

  /// A number of the current thread, which no other thread of this process ever gets.
  static var currentThread: UInt64 { ipc_thread() }
}
