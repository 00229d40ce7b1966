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
internal import TestFork
internal import TestSupport

/// A process that forks while it holds something; the child then leaves what its parent holds, and
/// uses its copies of roles.
///
/// The child reports the results, and ends. The parent then reports whether the child has changed a
/// byte of the shared memory, and waits for a line before it continues.
struct ForkProcess: ~Copyable {
  private let name: String
  private let memory: SharedMemory
  private var child: pid_t = -1

  private init(_ name: String) throws {
    self.name = name
    memory = try SharedMemory.attach(name, access: .readOnly)
  }

  private var isChild: Bool { child == 0 }

  /// Forks; the parent returns once the child has ended.
  private mutating func fork() {
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

  private func end(_ outcome: String) {
    Helper.answer("child: \(outcome)")
    _exit(0)
  }

  private static func outcome(_ body: () throws -> String) -> String {
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
  private static func asyncOutcome(_ body: () async throws -> String) async -> String {
    do {
      return try await body()
    } catch {
      return outcome { throw error }
    }
  }

  /// Calls the blocking form of what has one for tasks, too.
  private static func blocking<Result>(_ body: () throws -> Result) rethrows -> Result {
    try body()
  }

  private struct Thrown: Error {}

  // MARK: - Closures

  /// Leaves a closure.
  static func leave(_ closure: String, _ name: String) async throws {
    var process = try ForkProcess(name)
    if try process.leaveLock(closure) { return }
    if try process.leaveQueue(closure) { return }
    if try process.leaveTopic(closure) { return }
    try await process.leaveAsTask(closure)
  }

  private mutating func leaveLock(_ closure: String) throws -> Bool {
    let name = name
    switch closure {
    case "mutex":
      let mutex = try SharedMutex<Account>.attach(name)
      leave { process in try mutex.withLock { _ in process.forkAndReturn() } }
    case "mutexIfAvailable":
      let mutex = try SharedMutex<Account>.attach(name)
      leave { process in try mutex.withLockIfAvailable { _ in process.forkAndReturn() } ?? "none" }
    case "mutexThrowing":
      let mutex = try SharedMutex<Account>.attach(name)
      leave { process in
        try mutex.withLock { _ in
          process.fork()
          throw Thrown()
        }
      }
    case "mutexRecovering":
      let mutex = try SharedMutex<Account>.attach(name)
      leave { process in
        try mutex.withLock(recovering: { _ in process.fork() }, { _ in "body" })
      }
    case "mutexRecoveringThrowing":
      let mutex = try SharedMutex<Account>.attach(name)
      leave { process in
        try mutex.withLock(
          recovering: { _ in
            process.fork()
            throw Thrown()
          }, { _ in "body" })
      }
    case "mutexUntil":
      let mutex = try SharedMutex<Account>.attach(name)
      leave { process in
        try mutex.withLock(
          until: { _ in
            process.fork()
            return true
          }, { _ in "body" })
      }
    case "read":
      let lock = try SharedReadWriteLock<Account>.attach(name)
      leave { process in try lock.withReadLock { _ in process.forkAndReturn() } }
    case "write":
      let lock = try SharedReadWriteLock<Account>.attach(name)
      leave { process in try lock.withWriteLock { _ in process.forkAndReturn() } }
    case "writeRecovering":
      let lock = try SharedReadWriteLock<Account>.attach(name)
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

  private mutating func leaveQueue(_ closure: String) throws -> Bool {
    let name = name
    switch closure {
    case "acknowledging", "acknowledgingOfOne":
      let queue = try SharedQueue<UInt64>.attach(name)
      leave { process in
        try queue.receive(acknowledging: { "\($0) \(process.forkAndReturn())" }) ?? "none"
      }
    case "acknowledgingThrowing":
      let queue = try SharedQueue<UInt64>.attach(name)
      leave { process in
        try queue.receive(
          acknowledging: { _ -> String in
            process.fork()
            throw Thrown()
          }) ?? "none"
      }
    case "receiverAcknowledging":
      var receiver = try SharedQueue<UInt64>.attach(name).receiver()
      leave { process in
        try receiver.receive(acknowledging: { "\($0) \(process.forkAndReturn())" }) ?? "none"
      }
    case "bytesSending", "bytesSendingOfOne":
      let queue = try SharedByteQueue.attach(name)
      leave { process in
        try queue.send(byteCount: 8) { bytes in
          if process.forkAndReturn() == "left", !process.isChild {
            bytes.storeBytes(of: 7, as: UInt64.self)
          }
        }
        return "sent"
      }
    case "bytesSendingThrowing":
      let queue = try SharedByteQueue.attach(name)
      leave { process in
        try queue.send(byteCount: 8) { _ in
          process.fork()
          throw Thrown()
        }
        return "sent"
      }
    case "bytesReceiving", "bytesReceivingOfOne":
      let queue = try SharedByteQueue.attach(name)
      leave { process in
        try queue.receive { "\($0.byteCount) \(process.forkAndReturn())" } ?? "none"
      }
    case "bytesAcknowledging":
      let queue = try SharedByteQueue.attach(name)
      leave { process in
        try queue.receive(acknowledging: { "\($0.byteCount) \(process.forkAndReturn())" }) ?? "none"
      }
    default: return false
    }
    return true
  }

  private mutating func leaveTopic(_ closure: String) throws -> Bool {
    switch closure {
    case "loanPublished", "loanPublishedOfMany", "loanDropped", "loanDroppedOfMany":
      var publisher = try SharedTopic<UInt64>.attach(name).publisher()
      var loan = try publisher.loan()
      let isPublishing = closure.hasPrefix("loanPublished")
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

  private mutating func leaveAsTask(_ closure: String) async throws {
    let outcome: String
    switch closure {
    case "mutexAsTask":
      outcome = try await SharedMutex<Account>.attach(name).withLock { _ in forkAndReturn() }
    case "readAsTask":
      outcome = try await SharedReadWriteLock<Account>.attach(name)
        .withReadLock { _ in forkAndReturn() }
    case "writeAsTask":
      outcome = try await SharedReadWriteLock<Account>.attach(name)
        .withWriteLock { _ in forkAndReturn() }
    case "acknowledgingAsTask":
      outcome =
        try await SharedQueue<UInt64>.attach(name)
        .receive(acknowledging: { "\($0) \(forkAndReturn())" }) ?? "none"
    default: fatalError("Unknown closure \(closure)")
    }
    if isChild { end(outcome) }
    Helper.answer(outcome)
  }

  // MARK: - Roles

  /// Makes a child use its copies of the roles that this process has taken.
  static func use(_ role: String, _ name: String) async throws {
    var process = try ForkProcess(name)
    switch role {
    case "sender": try await process.useSender()
    case "receiver": try await process.useReceiver()
    case "handle": try process.useHandle()
    case "publisher": try process.usePublisher()
    case "subscriber": try process.useSubscriber()
    case "permit": try process.usePermit()
    case "waitSet": try process.useWaitSet()
    default: fatalError("Unknown role \(role)")
    }
  }

  private mutating func useSender() async throws {
    var sender = try SharedQueue<UInt64>.attach(name).sender()
    try Self.blocking { try sender.send(1) }
    fork()
    if isChild {
      let outcomes = [
        Self.outcome { "\(try sender.trySend(5))" },
        Self.outcome {
          try sender.send(5)
          return "sent"
        },
        Self.outcome { "\(try sender.send(contentsOf: [5, 5].span))" },
        await Self.asyncOutcome {
          try await sender.send(5)
          return "sent"
        },
        await Self.asyncOutcome { "\(try await sender.send(contentsOf: [5, 5].span))" },
      ]
      sender.finish()
      end(outcomes.joined(separator: " "))
      return
    }
    try Self.blocking { try sender.send(2) }
    sender.finish()
    Helper.answer("sent")
  }

  private mutating func useReceiver() async throws {
    var receiver = try SharedQueue<UInt64>.attach(name).receiver()
    fork()
    if isChild {
      var elements: [UInt64] = []
      let outcomes = [
        Self.outcome { "\(String(describing: try receiver.tryReceive()))" },
        Self.outcome { "\(String(describing: try receiver.receive()))" },
        Self.outcome { "\(try receiver.receive(upTo: 2, into: &elements))" },
        Self.outcome { "\(String(describing: try receiver.receive(acknowledging: { $0 })))" },
        await Self.asyncOutcome { "\(String(describing: try await receiver.receive()))" },
        await Self.asyncOutcome { "\(try await receiver.receive(upTo: 2, into: &elements))" },
        await Self.asyncOutcome {
          "\(String(describing: try await receiver.receive(acknowledging: { $0 })))"
        },
      ]
      receiver.close()
      end(outcomes.joined(separator: " "))
      return
    }
    Helper.answer("\(try Self.blocking { try receiver.receive() } ?? 0)")
  }

  /// The roles that a handle takes by itself.
  private mutating func useHandle() throws {
    let queue = try SharedQueue<UInt64>.attach(name)
    try queue.send(1)
    let first = try queue.tryReceive() ?? 0
    fork()
    if isChild {
      let outcomes = [
        Self.outcome { "\(try queue.trySend(5))" },
        Self.outcome { "\(String(describing: try queue.tryReceive()))" },
        Self.outcome {
          try queue.finish()
          return "finished"
        },
      ]
      queue.close()
      end(outcomes.joined(separator: " "))
      return
    }
    try queue.send(2)
    Helper.answer("\(first) \(try queue.tryReceive() ?? 0)")
  }

  private mutating func usePublisher() throws {
    let topic = try SharedTopic<UInt64>.attach(name)
    var publisher = try topic.publisher()
    fork()
    if isChild {
      let outcomes = [
        Self.outcome {
          try publisher.publish(5)
          return "published"
        },
        Self.outcome {
          try publisher.publish(contentsOf: [5].span)
          return "published"
        },
        Self.outcome {
          let loan = try publisher.loan()
          try loan.publish()
          return "published"
        },
      ]
      publisher.close()
      end(outcomes.joined(separator: " "))
      return
    }
    try publisher.publish(2)
    Helper.answer("published")
  }

  private mutating func useSubscriber() throws {
    var subscriber = try SharedTopic<UInt64>.attach(name).subscriber()
    guard let sample = try subscriber.next() else { return Helper.answer("finished") }
    fork()
    if isChild {
      var outcomes: [String] = []
      func note(_ body: () throws -> Void) {
        outcomes.append(
          Self.outcome {
            try body()
            return "received"
          })
      }
      note { _ = try subscriber.tryNext() }
      note { _ = try subscriber.next() }
      note { _ = try subscriber.latest() }
      var set = WaitSet<Int>()
      set.insert(subscriber, as: 1)
      note { _ = try set.wait(timeout: .seconds(10)) }
      _ = consume sample
      subscriber.close()
      end(outcomes.joined(separator: " "))
      return
    }
    guard let next = try subscriber.next() else { return Helper.answer("finished") }
    Helper.answer("\(sample[0]) \(next[0])")
  }

  private mutating func usePermit() throws {
    let permit = try SharedSemaphore.attach(name).acquire()
    fork()
    permit.release()
    if isChild { end("released") }
    Helper.answer("released")
  }

  /// Waits for more words at once than one thread can sleep on.
  private mutating func useWaitSet() throws {
    var set = WaitSet<Int>()
    for number in 0..<300 {
      set.insert(try SharedAtomic<UInt32>.attach(name), while: 0, as: number)
    }
    func wait() -> String {
      Self.outcome { "\(try set.wait(timeout: .milliseconds(20)))" }
    }
    let before = wait()
    fork()
    let after = "\(wait()) \(wait())"
    if isChild {
      end(after)
      return
    }
    Helper.answer("\(before) \(after)")
  }
}
