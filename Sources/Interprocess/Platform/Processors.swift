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
internal import CInterprocess

/// What is to be known of the processors and the threads.
enum Processors {
  /// How many processors this process may run on, as of its first question.
  static let count = Int(ipc_processor_count())

  /// Tells the processor that this is a loop which waits for another one.
  @inline(__always)
  static func spinHint() { ipc_spin_hint() }

  /// A number of the current thread, which no other thread of this process has while it lives.
  static var currentThread: UInt { ipc_thread() }
}
