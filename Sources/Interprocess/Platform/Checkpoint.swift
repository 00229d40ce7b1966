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
///
/// Each protocol names its own steps, in an extension beside it.
@usableFromInline
package struct Checkpoint: Sendable, Hashable, CustomStringConvertible {
  @usableFromInline package let description: String

  @inlinable init(_ name: String) { description = name }

  #if DEBUG
    /// The action of a test at a checkpoint.
    ///
    /// Set it before any other thread uses the library.
    @usableFromInline
    package nonisolated(unsafe) static var handler: (@Sendable (Checkpoint) -> Void)?
  #endif
}

/// Marks a moment of a protocol.
///
/// Does nothing in a release build.
@inlinable @inline(__always)
func checkpoint(_ checkpoint: Checkpoint) {
  #if DEBUG
    unsafe Checkpoint.handler?(checkpoint)
  #endif
}

#if DEBUG
  /// How a test changes sleeping.
  package enum Sleeping {
    /// Lets no sleep time out, so that a waiter that misses a wake-up sleeps forever.
    ///
    /// Set it before any other thread uses the library.
    package nonisolated(unsafe) static var isEndless = false
    /// Lets no process fence for others, as on a system that cannot.
    ///
    /// Set it before any other thread uses the library.
    package nonisolated(unsafe) static var isWithoutRemoteFences = false
    /// Prevents the library from starting more threads.
    package nonisolated(unsafe) static var isWithoutNewThreads = false
  }
#endif
