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
    /// What a test wants to happen at a checkpoint.
    ///
    /// Set it before any other thread uses the library.
    @usableFromInline
    package nonisolated(unsafe) static var handler: (@Sendable (Checkpoint) -> Void)?
  #endif
}

/// Marks a moment of a protocol.
///
/// In a release build it is nothing.
@inlinable @inline(__always)
func checkpoint(_ checkpoint: Checkpoint) {
  #if DEBUG
    unsafe Checkpoint.handler?(checkpoint)
  #endif
}

#if DEBUG
  /// What a test changes in how one sleeps.
  package enum Sleeping {
    /// Lets no sleep end by itself, so that whoever misses a wake-up sleeps for ever.
    ///
    /// Set it before any other thread uses the library.
    package nonisolated(unsafe) static var isEndless = false
    /// Lets nobody fence for others, as on a system that cannot.
    ///
    /// Set it before any other thread uses the library.
    package nonisolated(unsafe) static var isWithoutRemoteFences = false
    /// Gives the library no more threads of its own.
    package nonisolated(unsafe) static var isWithoutNewThreads = false
  }
#endif
