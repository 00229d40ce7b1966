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

extension SharedMemory {
  /// Calls a closure with all bytes, to be read in place, and throws if someone has taken them away
  /// meanwhile.
  ///
  /// Whoever may write shared memory may also shrink its file. What is gone then ends a process
  /// that touches it with `SIGBUS`. In this closure it reads as zeros, and this throws afterwards.
  /// So it is for tools, and for readers of memory that they do not trust; what the closure makes
  /// of the bytes counts only if this returns. Memory that grows again is readable again, in a
  /// later call.
  ///
  /// Where ``bytes`` may be read, this may be: in any number of threads, also one call inside
  /// another. Threads that read the same handle by other means see the zeros too, for as long as a
  /// call lasts. The closure must not write.
  ///
  /// The first call sets a handler for `SIGBUS`, which hands on every signal that is not of such a
  /// closure to the handler that was there before. A program that sets one of its own later has to
  /// do the same, or does without this. Does not block. There is nothing like it in Python.
  ///
  /// - Parameter body: Reads the bytes.
  /// - Returns: What `body` returns.
  /// - Throws: `corrupted` if the bytes could not be read, whatever `body` has thrown; what `body`
  ///   throws; and `system` if the handler cannot be set.
  /// - Complexity: O(1) and the closure.
  public borrowing func withGuardedBytes<Result: ~Copyable>(
    _ body: (RawSpan) throws(InterprocessError) -> Result
  ) throws(InterprocessError) -> Result {
    let scope: ReadGuard
    do {
      scope = try ReadGuard(mapping.range, of: mapping.descriptor)
    } catch {
      throw .system(error, name: segmentName?.value, action: "guard shared memory")
    }
    let result: Result
    do {
      result = try body(bytes)
    } catch {
      if scope.end() { throw unreadable() }
      throw error
    }
    if scope.end() { throw unreadable() }
    return result
  }

  private borrowing func unreadable() -> InterprocessError {
    let present = (try? Files.status(of: mapping.descriptor).byteCount) ?? 0
    let (reason, remedy) =
      present < byteCount
      ? (
        "someone has shrunk it from \(byteCount) to \(present) bytes",
        "Close it, and do not touch its bytes."
      )
      : (
        "bytes that have no pages yet were read, and there is no room for those",
        "Attach with `reservation: .reserved`."
      )
    return InterprocessError(
      code: .corrupted(reason), name: segmentName?.value,
      message: "Cannot read \(Room.description(of: segmentName)): \(reason). \(remedy)")
  }
}
