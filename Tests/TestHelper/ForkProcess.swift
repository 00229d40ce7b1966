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

internal import ArgumentParser
internal import Glibc
internal import Interprocess
internal import TestFork
internal import TestSupport

/// A process that forks while it holds something; the child then leaves what its parent holds, and
/// uses its copies of roles.
///
/// The child reports the results, and ends. The parent then reports whether the child has changed a
/// byte of the shared memory, and waits for a line before it continues.
struct ForkProcess: ~Copyable {
  let name: String
  private let memory: SharedMemory
  var child: pid_t = -1

  init(_ name: String) throws {
    self.name = name
    memory = try SharedMemory.attach(name, access: .readOnly)
  }

  var isChild: Bool { child == 0 }

  /// Forks; the parent returns once the child has ended.
  mutating func fork() {
    let before = memory.withBytes { $0.withUnsafeBytes { [UInt8]($0) } }
    child = ipctest_fork()
    if isChild {
      // Ends a child that hangs.
      alarm(60)
      return
    }
    guard waitForExit(child) == 0 else { fatalError("The child failed") }
    let isSame = memory.withBytes { $0.withUnsafeBytes { before == [UInt8]($0) } }
    Helper.answer(isSame ? "unchanged" : "changed")
    _ = readLine()
  }

  /// Runs a body in which both processes fork, and reports the results.
  private mutating func leave(_ body: (inout Self) throws -> String) {
    let outcome = Self.outcome { try body(&self) }
    if isChild { end(outcome) }
    Helper.answer(outcome)
  }

  func end(_ outcome: String) {
    Helper.answer("child: \(outcome)")
    _exit(0)
  }

  static func outcome(_ body: () throws -> String) -> String {
    do {
      return try body()
    } catch let error as InterprocessError {
      return "\(error.code)"
    } catch {
      return "\(error)"
    }
  }

  /// The same of an asynchronous form, which a forked child must not let suspend: no other thread is
  /// there to resume it.
  static func asyncOutcome(_ body: () async throws -> String) async -> String {
    do {
      return try await body()
    } catch {
      return outcome { throw error }
    }
  }

  /// Calls the blocking form of what has one for tasks, too.
  static func blocking<Result>(_ body: () throws -> Result) rethrows -> Result {
    try body()
  }

  private struct Thrown: Error {}

  // MARK: - Closures

  /// What the child leaves.
  enum Closure: String, ExpressibleByArgument {
    case mutex, mutexIfAvailable, mutexThrowing, mutexUntil
    case mutexRecovering, mutexRecoveringThrowing
    case read, readIfAvailable, readUntil
    case write, writeIfAvailable, writeUntil, writeRecovering
    case acknowledging, acknowledgingThrowing, receiverAcknowledging, acknowledgingBatch
    case sending, sendingOfOne, sendingBatch
    case bytesSending, bytesSendingOfOne, bytesSendingThrowing
    case bytesReceiving, bytesReceivingOfOne, bytesAcknowledging
    case loanPublished, loanPublishedOfMany, loanDropped, loanDroppedOfMany
    case mutexAsTask, readAsTask, writeAsTask, acknowledgingAsTask
  }

  /// Leaves a closure.
  static func leave(_ closure: Closure, _ name: String) async throws {
    var process = try ForkProcess(name)
    if try process.leaveLock(closure) { return }
    if try process.leaveReadWriteLock(closure) { return }
    if try process.leaveQueue(closure) { return }
    if try process.leaveTopic(closure) { return }
    try await process.leaveAsTask(closure)
  }

  private mutating func leaveLock(_ closure: Closure) throws -> Bool {
    let name = name
    switch closure {
    case .mutex:
      let mutex = try SharedMutex<Account>.attach(name)
      leave { process in try mutex.withLock { _ in process.forkAndReturn() } }
    case .mutexIfAvailable:
      let mutex = try SharedMutex<Account>.attach(name)
      leave { process in try mutex.tryWithLock { _ in process.forkAndReturn() } ?? "none" }
    case .mutexThrowing:
      let mutex = try SharedMutex<Account>.attach(name)
      leave { process in
        try mutex.withLock { _ in
          process.fork()
          throw Thrown()
        }
      }
    case .mutexRecovering:
      let mutex = try SharedMutex<Account>.attach(name)
      leave { process in
        try mutex.withLock(recovering: { _ in process.fork() }, { _ in "body" })
      }
    case .mutexRecoveringThrowing:
      let mutex = try SharedMutex<Account>.attach(name)
      leave { process in
        try mutex.withLock(
          recovering: { _ in
            process.fork()
            throw Thrown()
          }, { _ in "body" })
      }
    case .mutexUntil:
      let mutex = try SharedMutex<Account>.attach(name)
      leave { process in
        try mutex.withLock(
          until: { _ in
            process.fork()
            return true
          }, { _ in "body" })
      }
    default: return false
    }
    return true
  }

  private mutating func leaveReadWriteLock(_ closure: Closure) throws -> Bool {
    let name = name
    func attach() throws -> SharedReadWriteLock<Account> { try .attach(name) }
    switch closure {
    case .read:
      let lock = try attach()
      leave { process in try lock.withReadLock { _ in process.forkAndReturn() } }
    case .readIfAvailable:
      let lock = try attach()
      leave { process in try lock.tryWithReadLock { _ in process.forkAndReturn() } ?? "none" }
    case .readUntil:
      let lock = try attach()
      leave { process in
        try lock.withReadLock(until: { _ in process.forkAndReturn() == "left" }) { _ in "body" }
      }
    case .write:
      let lock = try attach()
      leave { process in try lock.withWriteLock { _ in process.forkAndReturn() } }
    case .writeIfAvailable:
      let lock = try attach()
      leave { process in try lock.tryWithWriteLock { _ in process.forkAndReturn() } ?? "none" }
    case .writeUntil:
      let lock = try attach()
      leave { process in
        try lock.withWriteLock(until: { _ in process.forkAndReturn() == "left" }) { _ in "body" }
      }
    case .writeRecovering:
      let lock = try attach()
      leave { process in
        try lock.withWriteLock(recovering: { _ in process.fork() }, { _ in "body" })
      }
    default: return false
    }
    return true
  }

  private mutating func forkAndReturn() -> String {
    fork()
    return "left"
  }

  private mutating func leaveQueue(_ closure: Closure) throws -> Bool {
    let name = name
    switch closure {
    case .acknowledging:
      let queue = try SharedQueue<UInt64>.attach(name)
      leave { process in
        try queue.receive(acknowledging: { "\($0) \(process.forkAndReturn())" }) ?? "none"
      }
    case .acknowledgingThrowing:
      let queue = try SharedQueue<UInt64>.attach(name)
      leave { process in
        try queue.receive(
          acknowledging: { _ -> String in
            process.fork()
            throw Thrown()
          }) ?? "none"
      }
    case .receiverAcknowledging:
      var receiver = try SharedQueue<UInt64>.attach(name).receiver()
      leave { process in
        try receiver.receive(acknowledging: { "\($0) \(process.forkAndReturn())" }) ?? "none"
      }
    case .acknowledgingBatch:
      let queue = try SharedQueue<UInt64>.attach(name)
      leave { process in
        let count = try queue.receive(upTo: 2) { if $0 == 1 { process.fork() } }
        return "\(count)"
      }
    case .sending, .sendingOfOne:
      let queue = QueueUser(try SharedQueue<UInt64>.attach(name))
      leave { process in
        try queue.send { (message: inout UInt64) in
          if process.forkAndReturn() == "left", !process.isChild { message = 7 }
        }
        return "sent"
      }
    case .sendingBatch:
      let queue = try SharedQueue<UInt64>.attach(name)
      leave { process in
        let count = try queue.send(count: 2) { (message: inout UInt64, index) in
          message = UInt64(index)
          if index == 1 { process.fork() }
        }
        return "\(count)"
      }
    case .bytesSending, .bytesSendingOfOne:
      let queue = ByteQueueUser(try SharedByteQueue.attach(name))
      leave { process in
        try queue.send(byteCount: 8) { bytes in
          if process.forkAndReturn() == "left", !process.isChild {
            bytes.storeBytes(of: 7, as: UInt64.self)
          }
        }
        return "sent"
      }
    case .bytesSendingThrowing:
      let queue = try SharedByteQueue.attach(name)
      leave { process in
        try queue.send(byteCount: 8) { _ in
          process.fork()
          throw Thrown()
        }
        return "sent"
      }
    case .bytesReceiving, .bytesReceivingOfOne:
      let queue = ByteQueueUser(try SharedByteQueue.attach(name))
      leave { process in
        try queue.receive { "\($0.byteCount) \(process.forkAndReturn())" } ?? "none"
      }
    case .bytesAcknowledging:
      let queue = try SharedByteQueue.attach(name)
      leave { process in
        try queue.receive(acknowledging: { "\($0.byteCount) \(process.forkAndReturn())" }) ?? "none"
      }
    default: return false
    }
    return true
  }

  private mutating func leaveTopic(_ closure: Closure) throws -> Bool {
    switch closure {
    case .loanPublished, .loanPublishedOfMany, .loanDropped, .loanDroppedOfMany:
      var publisher = try SharedTopic<UInt64>.attach(name).publisher()
      var loan = try publisher.loan()
      let isPublishing = closure == .loanPublished || closure == .loanPublishedOfMany
      fork()
      if !isChild { loan[0] = 7 }
      var outcome = isPublishing ? "published" : "dropped"
      do throws(InterprocessError) {
        if isPublishing { try loan.publish() } else { _ = consume loan }
      } catch {
        outcome = "\(error.code)"
      }
      if isChild { end(outcome) }
      Helper.answer(outcome)
    default: return false
    }
    return true
  }

  private mutating func leaveAsTask(_ closure: Closure) async throws {
    let outcome: String
    switch closure {
    case .mutexAsTask:
      outcome = try await SharedMutex<Account>.attach(name).withLock { _ in forkAndReturn() }
    case .readAsTask:
      outcome = try await SharedReadWriteLock<Account>.attach(name)
        .withReadLock { _ in forkAndReturn() }
    case .writeAsTask:
      outcome = try await SharedReadWriteLock<Account>.attach(name)
        .withWriteLock { _ in forkAndReturn() }
    case .acknowledgingAsTask:
      outcome =
        try await SharedQueue<UInt64>.attach(name)
        .receive(acknowledging: { "\($0) \(forkAndReturn())" }) ?? "none"
    default: fatalError("\(closure) is no closure of a task")
    }
    if isChild { end(outcome) }
    Helper.answer(outcome)
  }
}

struct ForkLeave: AsyncParsableCommand {
  @Argument var closure: ForkProcess.Closure
  @Argument var name: String

  func run() async throws { try await ForkProcess.leave(closure, name) }
}
