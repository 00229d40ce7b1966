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

extension SharedArray {
  /// Attaches to an array as soon as it exists.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - name: The name that the array was created under.
  ///   - access: Whether to write as well as to read.
  ///   - owner: Whose memory to accept.
  ///   - reservation: Whether to take the pages that the array does not have yet.
  ///   - timeout: How long to wait for the array.
  /// - Returns: The array, with its present shape.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  /// - Precondition: The element type and all its fields are shareable.
  public nonisolated(nonsending) static func attach(
    _ name: String,
    access: SharedMemory.Access = .readWrite,
    owner: SharedMemory.Owner = .currentUser,
    reservation: SharedMemory.Reservation = .onDemand,
    waitingUpTo timeout: Duration
  ) async throws -> SharedArray {
    let deadline = SuspendingClock.Instant.after(timeout)
    let watch = TaskWatch()
    var timeLeft = timeout
    while true {
      let changeCount = watch.changeCount
      let memory = try await SharedMemory.attach(
        name, access: access, owner: owner, reservation: reservation, waitingUpTo: timeLeft)
      timeLeft = deadline - .now
      if timeLeft <= .zero || isComplete(memory) { return try attach(to: memory) }
      try await watch.wait(after: changeCount, atMost: timeLeft)
      timeLeft = max(.zero, deadline - .now)
    }
  }
}

extension ShareableList {
  /// Attaches to a list as soon as it exists.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - name: The name that the list was created under.
  ///   - access: Whether to write as well as to read.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait for the list.
  /// - Returns: The list.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  /// - Complexity: O(*n*) for *n* elements.
  public nonisolated(nonsending) static func attach(
    _ name: String,
    access: SharedMemory.Access = .readWrite,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration
  ) async throws -> ShareableList {
    let deadline = SuspendingClock.Instant.after(timeout)
    let memory = try await SharedMemory.attach(
      name, access: access, owner: owner, waitingUpTo: timeout)
    while !isComplete(memory._range), SuspendingClock.now < deadline {
      // No notification says when another process writes.
      try await TaskWaiter.pause(for: .milliseconds(1))
    }
    return try attach(to: memory, waitingUntil: nil)
  }
}

extension SharedValue {
  /// Attaches to a value as soon as it exists.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - name: The name that the value was created under.
  ///   - access: Whether to store as well as to load.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait for the value.
  /// - Returns: The value.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  /// - Precondition: All fields of the value are ``Shareable``.
  public nonisolated(nonsending) static func attach(
    _ name: String,
    access: SharedMemory.Access = .readWrite,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration
  ) async throws -> SharedValue {
    try attach(
      to: try await SharedMemory.attach(name, access: access, owner: owner, waitingUpTo: timeout))
  }
}
