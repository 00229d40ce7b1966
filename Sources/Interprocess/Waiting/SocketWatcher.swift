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

/// Waits on one thread, for all tasks of the process, until something happens at the sockets that
/// they wait for.
///
/// While no task waits, the thread has no descriptors of its own, and sleeps.
private final class SocketWatcher: Sendable {
  private struct Wait {
    let socket: CInt
    let events: CShort
    /// Changes when one of the events has occurred.
    let bell: OwnWord
  }

  private struct State: Sendable {
    var waits: [UInt64: Wait] = [:]
    var lastID: UInt64 = 0
    /// Notifies the thread of a new wait while it waits for sockets; `nil` if the system has no
    /// descriptors to spare.
    var socketBell: SocketBell?
    var isRunning = false
  }

  static let shared = SocketWatcher()

  private let state = ThreadMutex(State())
  /// Notifies the thread of a new wait while it sleeps.
  private let bell = OwnWord()

  /// Begins to wait for events; the first one rings the bell and ends the wait.
  ///
  /// - Returns: The wait, to be ended; `nil` if the system has no descriptors or no thread to
  ///   spare.
  func begin(_ socket: CInt, for events: CShort, _ bell: OwnWord) -> UInt64? {
    let id: UInt64? = state.withLock { state in
      if state.socketBell == nil { state.socketBell = SocketBell() }
      if state.socketBell == nil { return nil }
      if !state.isRunning {
        state.isRunning = BackgroundThread.startIfPossible { self.run() }
        if !state.isRunning { return nil }
      }
      state.lastID += 1
      state.waits[state.lastID] = Wait(socket: socket, events: events, bell: bell)
      state.socketBell!.ring()
      return state.lastID
    }
    self.bell.ring()
    return id
  }

  func end(_ id: UInt64) {
    state.withLock { state in
      // The thread may still be waiting for the socket, which the caller may close after this.
      if state.waits.removeValue(forKey: id) != nil { state.socketBell?.ring() }
    }
  }

  private func run() -> Never {
    while true {
      let rung = bell.word.loadAcquiring()
      let (waits, socketBell) = state.withLock { state in
        if state.waits.isEmpty {
          state.socketBell = nil
        } else if state.socketBell?.isWhole != true {
          // Other code of this process has closed it.
          state.socketBell = SocketBell()
        }
        return (state.waits, state.socketBell)
      }
      if waits.isEmpty {
        try? bell.word.sleep(while: rung, until: .now + .seconds(3600))
      } else {
        wait(for: waits, socketBell)
      }
    }
  }

  /// Waits for at most a second, and rings the bells of the waits whose events have occurred.
  private func wait(for waits: [UInt64: Wait], _ socketBell: SocketBell?) {
    let ids = Array(waits.keys)
    let found = socketBell.flatMap { bell in
      Sockets.poll(ids.map { (waits[$0]!.socket, waits[$0]!.events) }, and: bell)
    }
    // There are no descriptors to spare, more sockets than the limit allows, or no memory: all
    // waiters check their sockets themselves, at intervals.
    if found == nil { pause(for: Sockets.shortestLook) }
    socketBell?.reset()
    for (index, id) in ids.enumerated() where found?.contains(index) ?? true {
      let wait = state.withLock { $0.waits.removeValue(forKey: id) }
      wait?.bell.ring()
    }
  }
}

extension Sockets {
  /// How often a task checks a socket for which the thread cannot wait.
  fileprivate static let shortestLook: Duration = .milliseconds(5)

  /// Suspends the task where the blocking form waits.
  ///
  /// - Throws: What the blocking form throws, and `CancellationError`.
  static nonisolated(nonsending) func send(
    _ descriptor: borrowing Descriptor, with bytes: [UInt8], over socket: CInt, timeout: Duration?
  ) async throws {
    try Task.checkCancellation()
    var patience = try Patience(toSendOver: socket, timeout)
    while try !sendAtOnce(descriptor, with: bytes, patience) { try await patience.wait() }
  }

  /// Suspends the task where the blocking form waits.
  ///
  /// - Throws: `GivenFile.Refusal`, like that form, and `CancellationError`.
  static nonisolated(nonsending) func receive(
    _ bytes: inout [UInt8], over socket: CInt, timeout: Duration?
  ) async throws -> GivenFile {
    try Task.checkCancellation()
    do {
      var patience = try Patience(toReceiveOver: socket, timeout)
      while true {
        if let given = try receiveAtOnce(&bytes, patience) { return given }
        try await patience.wait()
      }
    } catch let error as Errno {
      throw GivenFile.Refusal.system(error)
    }
  }
}

extension Sockets.Patience {
  /// Suspends the task where the blocking form waits.
  ///
  /// - Throws: What the blocking form throws, and `CancellationError`.
  fileprivate nonisolated(nonsending) mutating func wait() async throws {
    if let pause = try nextPause() { try await TaskWaiter.pause(for: pause) }
    found = try poll(until: .now)
    let bell = OwnWord()
    while found == 0 {
      guard end.timeLeft > .zero else { throw end.errno }
      // Begin a new wait each time: another task that was woken as well may have been faster.
      let before = bell.word.loadRelaxed()
      let id = SocketWatcher.shared.begin(socket, for: events, bell)
      defer { if let id { SocketWatcher.shared.end(id) } }
      let look = id == nil ? .after(Sockets.shortestLook) : end.deadline
      try await TaskWaiter.sleep(on: bell.word, while: before, until: min(look, end.deadline))
      found = try poll(until: .now)
    }
  }
}
