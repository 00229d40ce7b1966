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

// Waiting on a word of 4 bytes, for protocols that other programs take part in.
extension SharedMemory {
  /// Sleeps while a word of 4 bytes has a given value, until another thread or process wakes the
  /// sleepers.
  ///
  /// Returns at once if the word has another value. Spurious wake-ups are possible, so check the
  /// word again. After changing the word, call ``wake(at:count:)``, or `FUTEX_WAKE` without
  /// `FUTEX_PRIVATE_FLAG` in C. Blocks: sleeps in the kernel, for at most a second at a time, after
  /// which it checks the word again by itself. Corresponds to `FUTEX_WAIT` in C.
  ///
  /// ```swift
  /// // Until another process has stored a value other than 0, and woken this one:
  /// while memory[atomic: UInt32.self, at: 0].load(ordering: .acquiring) == 0 {
  ///   try memory.wait(at: 0, while: 0)
  /// }
  /// ```
  ///
  /// - Parameters:
  ///   - byteOffset: Where the word begins, in bytes.
  ///   - value: The value during which to sleep.
  ///   - timeout: How long to wait; `nil`: as long as it takes.
  /// - Throws: `timedOut`; `system` if the system cannot wait on this memory.
  /// - Precondition: The word lies within the memory, at a multiple of 4.
  public borrowing func wait(
    at byteOffset: Int, while value: UInt32, timeout: Duration? = nil
  ) throws(InterprocessError) {
    let word = _range.readOnlyWord32(at: byteOffset)
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

  /// Sleeps while a word of 4 bytes has a given value, until another thread or process wakes the
  /// sleepers.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - byteOffset: Where the word begins, in bytes.
  ///   - value: The value during which to sleep.
  ///   - timeout: How long to wait; `nil`: as long as it takes.
  /// - Throws: `timedOut`, and `CancellationError`.
  /// - Precondition: The word lies within the memory, at a multiple of 4.
  public nonisolated(nonsending) borrowing func wait(
    at byteOffset: Int, while value: UInt32, timeout: Duration? = nil
  ) async throws {
    let word = _range.readOnlyWord32(at: byteOffset)
    var sleeps = Sleeps(atMost: timeout)
    while word.loadRelaxed() == value {
      guard let end = sleeps.begin() else { throw wordTimedOut(byteOffset) }
      // Only the word can change.
      let isOver = try await TaskWaiter.sleep(
        on: word, while: value, until: sleeps.deadline,
        look: LookPlan.Look(alike: 0, first: end) { false })
      if sleeps.end(isOver: isOver) == .sleeping { return }
    }
  }

  /// Wakes the sleepers on a word of 4 bytes, in all processes.
  ///
  /// Does not block; makes a system call even if there is no sleeper. Corresponds to `FUTEX_WAKE`
  /// in C.
  ///
  /// - Parameters:
  ///   - byteOffset: Where the word begins, in bytes.
  ///   - count: How many to wake at most.
  /// - Returns: How many were woken; all tasks of a process count as one.
  /// - Precondition: The word lies within the memory, at a multiple of 4.
  @discardableResult
  public borrowing func wake(at byteOffset: Int, count: Int = .max) -> Int {
    _range.readOnlyWord32(at: byteOffset).wake(count)
  }

  private borrowing func wordTimedOut(_ byteOffset: Int) -> InterprocessError {
    InterprocessError(
      code: .timedOut, name: name,
      message: "No process changed the word at byte \(byteOffset) and woke this one in time.")
  }
}
