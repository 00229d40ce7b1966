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

import Foundation
import Synchronization

/// A thread that waits for something, and what it does at the moment.
final class WaitingThread: Sendable {
  private let task: Task<Void, any Error>
  private let begun: Begun

  private final class Begun: Sendable {
    let thread = Mutex<(identity: pthread_t, directory: String)?>(nil)
    let over = Flag()
  }

  init(_ body: @escaping @Sendable () throws -> Void) {
    let begun = Begun()
    self.begun = begun
    task = inThread {
      defer {
        // The thread stays until no signal is sent to it any more.
        begun.thread.withLock { $0 = nil }
        begun.over.set()
      }
      takeSignals()
      let directory = try FileManager.default.destinationOfSymbolicLink(
        atPath: "/proc/thread-self")
      begun.thread.withLock { $0 = (pthread_self(), directory) }
      try body()
    }
  }

  var isOver: Bool { begun.over.isSet }

  /// The state of the thread, as `proc_pid_stat(5)` names it: "R" if it runs, or would if a
  /// processor were free; "S" if it sleeps; `nil` if it has not begun, or is over.
  var state: Character? {
    begun.thread.withLock { $0 }.flatMap { processState(in: "/proc/\($0.directory)/stat") }
  }

  /// Returns when the thread sleeps, or is over.
  func waitUntilAsleep() async throws {
    while state != "S" && !isOver { try await Task.sleep(for: .milliseconds(1)) }
  }

  /// Sends the thread a signal, unless it is over.
  func send(_ signal: CInt) {
    begun.thread.withLock { if let thread = $0 { pthread_kill(thread.identity, signal) } }
  }

  func end() async throws { try await task.value }
}
