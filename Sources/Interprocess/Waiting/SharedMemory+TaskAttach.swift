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

// Waiting for memory in a task.
extension SharedMemory {
  /// Attaches to memory as soon as it exists.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - name: The name that the memory was created under.
  ///   - access: Whether to write as well as to read.
  ///   - owner: Whose memory to accept.
  ///   - reservation: Whether to take the pages that the memory does not have yet.
  ///   - timeout: How long to wait for the memory.
  /// - Returns: The memory, with its present size.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  /// - Precondition: To take pages, `access` is `readWrite`.
  public nonisolated(nonsending) static func attach(
    _ name: String,
    access: Access = .readWrite,
    owner: Owner = .currentUser,
    reservation: Reservation = .onDemand,
    waitingUpTo timeout: Duration
  ) async throws -> SharedMemory {
    let name = try SegmentName(name)
    checkAccess(access, for: reservation)
    let memory = try await attach(name, access: access, owner: owner, waitingUpTo: timeout)
    if reservation == .reserved { try memory.reserve() }
    return memory
  }

  private nonisolated(nonsending) static func attach(
    _ name: SegmentName, access: Access, owner: Owner, waitingUpTo timeout: Duration
  ) async throws -> SharedMemory {
    try Task.checkCancellation()
    let deadline = SuspendingClock.Instant.after(timeout)
    let watch = TaskWatch()
    while true {
      let changeCount = watch.changeCount
      switch try look(for: name, access, owner, waitingUpTo: timeout, until: deadline) {
      case .attached(let memory): return memory
      case .nothing(let pause): try await watch.wait(after: changeCount, atMost: pause)
      }
    }
  }
}

extension StructuredObject {
  /// Attaches to an object as soon as it exists.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - name: The name that the object was created under.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait for the segment.
  /// - Returns: A handle of this process.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  /// - Precondition: All fields of the element type, if there is one, are ``Shareable``.
  public nonisolated(nonsending) static func attach(
    _ name: String,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration
  ) async throws -> Self {
    try _open(
      await SharedMemory.attach(name, access: .readWrite, owner: owner, waitingUpTo: timeout))
  }
}
