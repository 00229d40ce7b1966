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

extension SharedMutex {
  /// Takes a lease of this process on the mutex, in a child that `fork` has made.
  ///
  /// Does, throws and costs what ``SharedMemory/takeLease()`` does.
  public func takeLease() throws(InterprocessError) { try segment.takeLease() }
}

extension SharedReadWriteLock {
  /// Takes a lease of this process on the lock, in a child that `fork` has made.
  ///
  /// Does, throws and costs what ``SharedMemory/takeLease()`` does.
  public func takeLease() throws(InterprocessError) { try segment.takeLease() }
}

extension SharedSemaphore {
  /// Takes a lease of this process on the semaphore, in a child that `fork` has made.
  ///
  /// Does, throws and costs what ``SharedMemory/takeLease()`` does.
  public func takeLease() throws(InterprocessError) { try segment.takeLease() }
}

extension SharedEvent {
  /// Takes a lease of this process on the event, in a child that `fork` has made.
  ///
  /// Does, throws and costs what ``SharedMemory/takeLease()`` does.
  public func takeLease() throws(InterprocessError) { try segment.takeLease() }
}

extension SharedBarrier {
  /// Takes a lease of this process on the barrier, in a child that `fork` has made.
  ///
  /// Does, throws and costs what ``SharedMemory/takeLease()`` does.
  public func takeLease() throws(InterprocessError) { try segment.takeLease() }
}

extension SharedAtomic {
  /// Takes a lease of this process on the integer, in a child that `fork` has made.
  ///
  /// Does, throws and costs what ``SharedMemory/takeLease()`` does.
  public func takeLease() throws(InterprocessError) { try segment.takeLease() }
}
