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

import Interprocess
import Subprocess
import Synchronization
import TestSupport
import Testing

// Support for the tests of locks and signals.

/// The form for threads, where the compiler would choose that for tasks.
func lock<Value, Result>(
  _ mutex: SharedMutex<Value>, timeout: Duration? = nil, _ body: (inout Value) throws -> Result
) throws -> Result {
  try mutex.withLock(timeout: timeout, body)
}

func recover<Value, Result>(
  _ mutex: SharedMutex<Value>, _ repair: (inout Value) throws -> Void,
  _ body: (inout Value) throws -> Result
) throws -> Result {
  try mutex.withLock(recovering: repair, body)
}

/// The code of the error that a body throws; `nil` if it throws none.
func errorCode(_ body: () throws -> Void) -> InterprocessError.Code? {
  do {
    try body()
    return nil
  } catch let error as InterprocessError {
    return error.code
  } catch {
    Issue.record("\(error)")
    return nil
  }
}

/// The same as `errorCode`, for what a task does.
nonisolated(nonsending) func taskErrorCode(
  _ body: () async throws -> Void
) async -> InterprocessError.Code? {
  do {
    try await body()
    return nil
  } catch let error as InterprocessError {
    return error.code
  } catch {
    Issue.record("\(error)")
    return nil
  }
}

/// Starts several helpers, lets them begin at once, and expects each to answer `done`.
func runTogether(
  _ count: Int, _ arguments: @Sendable @escaping (Int) -> [String],
  sourceLocation: SourceLocation = #_sourceLocation
) async throws {
  let readyCount = Counter()
  try await withThrowingTaskGroup { group in
    for index in 0..<count {
      group.addTask {
        let (status, line) = try await withChildProcess(Places.helper, arguments(index)) { helper in
          #expect(try await helper.nextLine() == "ready", sourceLocation: sourceLocation)
          readyCount.increment()
          while readyCount.value < count { try await Task.sleep(for: .milliseconds(1)) }
          return try await helper.ask("go")
        }
        #expect(line == "done", sourceLocation: sourceLocation)
        #expect(status == .exited(0), sourceLocation: sourceLocation)
      }
    }
    try await group.waitForAll()
  }
}

/// Starts two helpers, kills each after some milliseconds and starts another, many times.
///
/// - Parameters:
///   - line: The line to send to each ready helper, if it waits for one.
///   - hasDoneEnough: Whether the helpers have done enough to prove anything. On a busy machine
///     that takes longer; the call waits for it, for at most two minutes.
func killAgainAndAgain(
  _ arguments: [String], firstLine line: String? = nil,
  until hasDoneEnough: @Sendable @escaping () throws -> Bool = { true },
  sourceLocation: SourceLocation = #_sourceLocation
) async throws {
  let end = ContinuousClock.now + .seconds(120)
  try await withThrowingTaskGroup { group in
    for _ in 1...2 {
      group.addTask {
        var round = 0
        while try round < 40 || !hasDoneEnough() && .now < end {
          round += 1
          let (status, answer) = try await withChildProcess(Places.helper, arguments) { worker in
            let answer = try await worker.nextLine()
            if let line { try await worker.send(line) }
            try await Task.sleep(for: .microseconds(Int.random(in: 0...20_000)))
            try worker.kill()
            return answer
          }
          #expect(answer == "ready", sourceLocation: sourceLocation)
          #expect(status == .signaled(9), sourceLocation: sourceLocation)
        }
      }
    }
    try await group.waitForAll()
  }
}

final class Counter: Sendable {
  private let count = Atomic(0)
  var value: Int { count.load(ordering: .relaxed) }
  func increment() { count.wrappingAdd(1, ordering: .relaxed) }
}
