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

internal import SystemPackage

// Waiting for a word of 4 bytes, for protocols that other programs have a part in.
extension SharedMemory {
  /// Sleeps while a word of 4 bytes has a value, until somebody wakes those who sleep on it.
  ///
  /// Returns at once if the word has another value, and may return early without a reason: look at
  /// the word again. Whoever changes it calls ``wake(at:count:)``, or `FUTEX_WAKE` without
  /// `FUTEX_PRIVATE_FLAG` in C. Blocks: sleeps in the kernel, at most for a second at a time, after
  /// which it looks at the word again by itself. Corresponds to `FUTEX_WAIT` in C.
  ///
  /// ```swift
  /// // Until somebody has stored something else than 0, and woken this process:
  /// while memory[atomic: UInt32.self, at: 0].load(ordering: .acquiring) == 0 {
  ///   try memory.wait(at: 0, while: 0)
  /// }
  /// ```
  ///
  /// - Parameters:
  ///   - byteOffset: Where the word begins, in bytes.
  ///   - value: The value that is waited out.
  ///   - timeout: How long to wait; `nil`: as long as it takes.
  /// - Throws: `timedOut`; `system` if the system cannot wait there.
  /// - Precondition: The word lies within the memory, at a multiple of 4.
  public borrowing func wait(
    at byteOffset: Int, while value: UInt32, timeout: Duration? = nil
  ) throws(InterprocessError) {
    let word = range.readOnlyWord32(at: byteOffset)
    var sleeps = Sleeps(atMost: timeout)
    while word.loadRelaxed() == value {
      guard let end = sleeps.begin() else { throw wordTimedOut(byteOffset) }
      do {
        try word.sleep(while: value, until: end)
      } catch {
        throw .system(error, name: name, action: "wait at byte \(byteOffset)")
      }
      if sleeps.end() == .sleeping { return }
    }
  }

  /// Sleeps while a word of 4 bytes has a value, until somebody wakes those who sleep on it.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - byteOffset: Where the word begins, in bytes.
  ///   - value: The value that is waited out.
  ///   - timeout: How long to wait; `nil`: as long as it takes.
  /// - Throws: `timedOut`, and `CancellationError`.
  /// - Precondition: The word lies within the memory, at a multiple of 4.
  public nonisolated(nonsending) borrowing func wait(
    at byteOffset: Int, while value: UInt32, timeout: Duration? = nil
  ) async throws {
    let word = range.readOnlyWord32(at: byteOffset)
    var sleeps = Sleeps(atMost: timeout)
    while word.loadRelaxed() == value {
      guard let end = sleeps.begin() else { throw wordTimedOut(byteOffset) }
      let isOver = try await TaskWaiter.sleep(
        on: word, while: value, until: end, alike: 0, deadline: sleeps.deadline)
      if sleeps.end(isOver: isOver) == .sleeping { return }
    }
  }

  /// Wakes those who sleep on a word of 4 bytes, in all processes.
  ///
  /// Does not block; calls the system whether anybody sleeps or not. Corresponds to `FUTEX_WAKE` in
  /// C.
  ///
  /// - Parameters:
  ///   - byteOffset: Where the word begins, in bytes.
  ///   - count: How many to wake at most.
  /// - Returns: How many were woken; all tasks of a process count as one.
  /// - Precondition: The word lies within the memory, at a multiple of 4.
  @discardableResult
  public borrowing func wake(at byteOffset: Int, count: Int = .max) -> Int {
    range.readOnlyWord32(at: byteOffset).wake(count)
  }

  private borrowing func wordTimedOut(_ byteOffset: Int) -> InterprocessError {
    InterprocessError(
      code: .timedOut, name: name,
      message: "Nobody has changed the word at byte \(byteOffset) in time, and said so.")
  }
}
