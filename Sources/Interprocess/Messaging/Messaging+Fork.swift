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

extension SharedQueue {
  /// Takes a lease of this process on the queue, in a child that `fork` has made.
  ///
  /// Does, throws and costs what ``SharedMemory/takeLease()`` does.
  public func takeLease() throws(InterprocessError) { try segment.takeLease() }
}

extension SharedByteQueue {
  /// Takes a lease of this process on the queue, in a child that `fork` has made.
  ///
  /// Does, throws and costs what ``SharedMemory/takeLease()`` does.
  public func takeLease() throws(InterprocessError) { try segment.takeLease() }
}

extension SharedTopic {
  /// Takes a lease of this process on the topic, in a child that `fork` has made.
  ///
  /// Does, throws and costs what ``SharedMemory/takeLease()`` does.
  public func takeLease() throws(InterprocessError) { try ring.segment.takeLease() }
}
