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
import TestSupport
import Testing

// Support for tests of children that are forked while their parent holds something.

/// Starts a process that forks while it holds something, and expects its child to change no byte of
/// shared memory.
///
/// - Parameters:
///   - command: The helper's command.
///   - child: The child's report.
///   - parent: The parent's report at its end.
///   - isSame: Whether the bytes are the same when the child has ended.
///   - body: Runs when the child has ended, and the parent still holds what it held.
func withForkedChild(
  _ command: [String], child: String, parent: String, isSame: Bool = true,
  sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) async throws {
  let (status, _) = try await withChildProcess(Places.helper, command) { process in
    try await process.expectNext("child: \(child)", sourceLocation: sourceLocation)
    try await process.expectNext(isSame ? "unchanged" : "changed", sourceLocation: sourceLocation)
    try body()
    try await process.expect("go", parent, sourceLocation: sourceLocation)
  }
  #expect(status == .exited(0), sourceLocation: sourceLocation)
}

@Suite("Children forked within a lock", .timeLimit(.minutes(1)))
struct ForkedLockTests {
  @Test(
    "A child that leaves its parent's mutex leaves it locked",
    arguments: ["mutex", "mutexIfAvailable", "mutexAsTask"])
  func mutex(closure: String) async throws {
    let mutex = try SharedMutex.create(uniqueName(), initialValue: Account())
    defer { try? mutex.unlink() }
    try await withForkedChild(["fork-leave", closure, mutex.name], child: "left", parent: "left") {
      #expect(errorCode { try lock(mutex, timeout: .milliseconds(50)) { _ in } } == .timedOut)
    }
    try lock(mutex, timeout: .zero) { _ in }
  }

  @Test("A child that leaves its parent's mutex by an error leaves it locked")
  func throwing() async throws {
    let mutex = try SharedMutex.create(uniqueName(), initialValue: Account())
    defer { try? mutex.unlink() }
    try await withForkedChild(
      ["fork-leave", "mutexThrowing", mutex.name], child: "Thrown()", parent: "Thrown()"
    ) {
      #expect(errorCode { try lock(mutex, timeout: .zero) { _ in } } == .timedOut)
    }
    try lock(mutex, timeout: .zero) { _ in }
  }

  @Test("A child forked in a condition or a repair does not get to the next closure")
  func nextClosure() async throws {
    let mutex = try SharedMutex.create(uniqueName(), initialValue: Account())
    defer { try? mutex.unlink() }
    func expectHeld() {
      #expect(errorCode { try lock(mutex, timeout: .zero) { _ in } } == .timedOut)
    }
    try await withForkedChild(
      ["fork-leave", "mutexUntil", mutex.name], child: "roleTaken", parent: "body", expectHeld)
    _ = try await withChildProcess(Places.helper, ["sync", "mutex-hold", mutex.name]) { holder in
      try await holder.expectNext("held")
      try holder.kill()
    }
    try await withForkedChild(
      ["fork-leave", "mutexRecoveringThrowing", mutex.name], child: "Thrown()",
      parent: "Thrown()", expectHeld)
    #expect(errorCode { try lock(mutex, timeout: .zero) { _ in } } == .ownerDied)
    try await withForkedChild(
      ["fork-leave", "mutexRecovering", mutex.name], child: "roleTaken", parent: "body",
      expectHeld)
    try lock(mutex, timeout: .zero) { _ in }
  }

  @Test(
    "A child that leaves its parent's read lock leaves it locked",
    arguments: ["read", "readIfAvailable", "readAsTask"])
  func reading(closure: String) async throws {
    let lock = try SharedReadWriteLock.create(uniqueName(), initialValue: Account())
    defer { try? lock.unlink() }
    try await withForkedChild(["fork-leave", closure, lock.name], child: "left", parent: "left") {
      #expect(errorCode { try lock.withWriteLock(timeout: .zero) { _ in } } == .timedOut)
    }
    try inThisThread { try lock.withWriteLock(timeout: .zero) { _ in } }
  }

  @Test(
    "A child that leaves its parent's write lock leaves it locked",
    arguments: ["write", "writeIfAvailable", "writeAsTask"])
  func writing(closure: String) async throws {
    let lock = try SharedReadWriteLock.create(uniqueName(), initialValue: Account())
    defer { try? lock.unlink() }
    try await withForkedChild(["fork-leave", closure, lock.name], child: "left", parent: "left") {
      #expect(errorCode { try lock.withReadLock(timeout: .zero) { _ in } } == .timedOut)
    }
    try inThisThread { try lock.withReadLock(timeout: .zero) { _ in } }
  }

  @Test(
    "A child forked in a condition of a read-write lock does not get to the next closure",
    arguments: ["readUntil", "writeUntil"])
  func condition(closure: String) async throws {
    let lock = try SharedReadWriteLock.create(uniqueName(), initialValue: Account())
    defer { try? lock.unlink() }
    try await withForkedChild(
      ["fork-leave", closure, lock.name], child: "roleTaken", parent: "body"
    ) { () throws in
      #expect(try lock.tryWithWriteLock { _ in true } == nil)
    }
    #expect(try lock.tryWithWriteLock { _ in true } == true)
  }

  @Test("A child forked in the repair of a write lock does not get to the next closure")
  func repair() async throws {
    let lock = try SharedReadWriteLock.create(uniqueName(), initialValue: Account())
    defer { try? lock.unlink() }
    _ = try await withChildProcess(Places.helper, ["sync", "rwlock-write", lock.name]) { holder in
      try await holder.expectNext("held")
      try holder.kill()
    }
    try await withForkedChild(
      ["fork-leave", "writeRecovering", lock.name], child: "roleTaken", parent: "body"
    ) {
      #expect(errorCode { try lock.withReadLock(timeout: .zero) { _ in } } == .timedOut)
    }
    try inThisThread { try lock.withReadLock(timeout: .zero) { _ in } }
  }

  @Test("A child's copy of a permit gives nothing back")
  func permit() async throws {
    let semaphore = try SharedSemaphore.create(uniqueName(), permitCount: 1)
    defer { try? semaphore.unlink() }
    try await withForkedChild(
      ["fork-use", "permit", semaphore.name], child: "released", parent: "released"
    ) {
      #expect(semaphore.availableCount == 0)
    }
    #expect(semaphore.availableCount == 1)
  }
}
