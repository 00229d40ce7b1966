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
  /// Calls a closure with all bytes, for reading in place, and throws if the file was shrunk
  /// meanwhile.
  ///
  /// A process that may write shared memory may also shrink its file. `SIGBUS` then ends any
  /// process that touches the missing bytes. In this closure they read as zeros, and this throws
  /// afterwards. So it is for tools, and for readers of memory that they do not trust; a result of
  /// the closure is valid only if this returns. Memory that grows again is readable again, in a
  /// later call.
  ///
  /// It may be called wherever ``bytes`` may be read: in any number of threads, and nested in
  /// another call. While a call lasts, threads that read the same handle by other means see the
  /// zeros too. The closure must not write.
  ///
  /// The first call sets a handler for `SIGBUS`, which forwards every signal that does not come
  /// from such a closure to the previous handler. A program that sets its own handler later must do
  /// the same, or cannot use this. Does not block. Python has nothing like it.
  ///
  /// - Parameter body: Reads the bytes.
  /// - Returns: What `body` returns.
  /// - Throws: `corrupted` if the bytes could not be read, even if `body` has thrown; what `body`
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
        "it has been shrunk from \(byteCount) to \(present) bytes",
        "Close it, and do not touch its bytes."
      )
      : (
        "bytes without pages were read, and there is no room for those pages",
        "Attach with `reservation: .reserved`."
      )
    return InterprocessError(
      code: .corrupted(reason), name: segmentName?.value,
      message: "Cannot read \(Room.description(of: segmentName)): \(reason). \(remedy)")
  }
}
