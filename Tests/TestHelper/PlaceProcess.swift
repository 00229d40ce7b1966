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

internal import Glibc
internal import Interprocess

/// A process that needs one of several places, without waiting for it.
enum PlaceProcess {
  /// Takes a place, and holds it until a line arrives; answers `none` if it gets none.
  ///
  /// - Parameter isStopping: Whether to stop when it has found a free place, but not yet taken it.
  static func hold(_ kind: String, _ name: String, isStopping: Bool) throws {
    #if DEBUG
      // Only one thread exists here.
      nonisolated(unsafe) var isStopping = isStopping
      Checkpoint.handler = { step in
        guard step == .placeSeen, isStopping else { return }
        isStopping = false
        Helper.answer("stopped placeSeen")
        raise(SIGSTOP)
      }
    #else
      fatalError("Checkpoints exist in debug builds only")
    #endif
    do {
      switch kind {
      case "subscriber":
        let subscriber = try SharedTopic<UInt64>.attach(name).subscriber()
        hold()
        subscriber.close()
      case "permit":
        guard let permit = try SharedSemaphore.attach(name).acquireIfAvailable() else {
          return Helper.answer("none")
        }
        hold()
        permit.release()
      case "permitInTime":
        let permit = try SharedSemaphore.attach(name).acquire(timeout: .zero)
        hold()
        permit.release()
      case "reader":
        try SharedReadWriteLock<Int>.attach(name).withReadLock(timeout: .zero) { _ in hold() }
      default: fatalError("Unknown place \(kind)")
      }
    } catch let error as InterprocessError
      where error.code == .limitReached || error.code == .timedOut
    {
      Helper.answer("none")
    }
  }

  private static func hold() {
    Helper.answer("held")
    _ = readLine()
  }
}
