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
internal import CInterprocess
internal import Glibc

/// A descriptor by which one thread tells another one that waits for descriptors that there is
/// something new.
final class EventCounter: Sendable {
  let descriptor: Descriptor

  /// - Returns: `nil` if the system has no descriptor to spare.
  init?() {
    let descriptor = try? Descriptor(isWritable: false) { ipc_event_counter() }
    guard let descriptor else { return nil }
    self.descriptor = descriptor
  }

  /// Lets whoever waits for it go on, until `reset`.
  func increment() {
    var one: UInt64 = 1
    // It fails only if the count is full, and then it is not 0.
    _ = unsafe write(descriptor.fd, &one, 8)
  }

  func reset() {
    var count: UInt64 = 0
    _ = unsafe read(descriptor.fd, &count, 8)
  }
}
