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
  /// Attaches to a queue as soon as it exists, suspending the task until then.
  ///
  /// Throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - name: The name that the queue was created under.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait for the queue.
  /// - Returns: The queue.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  public nonisolated(nonsending) static func attach(
    _ name: String,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration
  ) async throws -> SharedQueue {
    try SharedQueue(
      try await StructuredSegment.attach(
        name, QueueKind.self, of: Element.self, owner: owner, waitingUpTo: timeout
      ) { QueueLayout(of: Element.self).byteCount(of: $0) })
  }
}

extension SharedByteQueue {
  /// Attaches to a queue of bytes as soon as it exists, suspending the task until then.
  ///
  /// Throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - name: The name that the queue was created under.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait for the queue.
  /// - Returns: The queue.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  public nonisolated(nonsending) static func attach(
    _ name: String,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration
  ) async throws -> SharedByteQueue {
    try SharedByteQueue(
      try await StructuredSegment.attach(
        name, ByteQueueKind.self, of: UInt8.self, owner: owner, waitingUpTo: timeout
      ) { ByteRing.byteCount(of: $0) })
  }
}

extension SharedTopic {
  /// Attaches to a topic as soon as it exists, suspending the task until then.
  ///
  /// Throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - name: The name that the topic was created under.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait for the topic.
  /// - Returns: The topic.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  public nonisolated(nonsending) static func attach(
    _ name: String,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration
  ) async throws -> SharedTopic {
    try SharedTopic(
      try await StructuredSegment.attach(
        name, TopicKind.self, of: Element.self, owner: owner, waitingUpTo: timeout
      ) { _ in TopicLayout.subscribersOffset })
  }
}
