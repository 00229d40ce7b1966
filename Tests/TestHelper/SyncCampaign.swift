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
internal import SystemPackage
internal import TestSupport

/// Lets four processes use each lock, signal or queue as hard as they can, kills one of them every
/// 20 ms and starts another, and checks that nobody hangs, that the guarded value is whole after a
/// repair, and that nothing is lost.
///
/// Every other kill comes at a step of the protocol. Others are stopped for a while, stay within
/// their closures, fork children there, or have only a millisecond for what they do.
struct SyncCampaign {
  static let workerCount = 4
  /// Who makes no progress for so long hangs.
  private static let patience: Duration = .seconds(30)
  /// How long a worker may take to a step at which it is to be killed.
  private static let patienceAtStep: Duration = .milliseconds(500)

  private struct Worker {
    var processID: pid_t
    /// When it was started, or told to be killed at a step, or made progress.
    var since = ContinuousClock.now
    var operationCount: UInt64 = 0
    /// When it was told to be killed at a step.
    var doomedSince: ContinuousClock.Instant?
    /// Until when it is stopped.
    var stopEnd: ContinuousClock.Instant?
  }

  private let subject: SyncSubject
  private let seed: UInt64
  private var generator: SeededGenerator
  private let name: String
  private let log: SyncLog
  private var workers: [Worker] = []
  private var killCount = 0
  /// Of the workers with the greater numbers, which receive where others send.
  private var killedReceiverCount = 0
  private var killsAtStep: [Checkpoint: Int] = [:]
  private var stopCount = 0

  /// Runs so long for each of the primitives.
  static func run(
    _ primitives: [SyncSubject.Primitive], seconds: Int, seed: UInt64
  ) throws {
    guard seconds > 0 else { fatalError("The number of seconds is not positive") }
    for primitive in primitives {
      let name = "ipctest_sync_\(getpid())_\(primitive)"
      let log = try SyncLog(creating: "\(name)_log")
      let subject = try SyncSubject(creating: primitive, name)
      var campaign = SyncCampaign(subject, name, log, seed: seed)
      try campaign.run(seconds: seconds)
      campaign.unlink()
    }
  }

  private init(_ subject: SyncSubject, _ name: String, _ log: SyncLog, seed: UInt64) {
    self.subject = subject
    self.name = name
    self.log = log
    self.seed = seed
    generator = SeededGenerator(seed: seed)
  }

  private func unlink() {
    subject.unlink()
    log.unlink()
  }

  private mutating func run(seconds: Int) throws {
    for index in 0..<Self.workerCount { workers.append(start(index)) }
    let end = ContinuousClock.now + .seconds(seconds)
    while .now < end || !hasDoneEnough {
      usleep(20_000)
      replaceDead()
      stopOne()
      killOne()
      expectProgress()
    }
    try finish(mustReachSteps: seconds >= 20)
  }

  /// Whether it has killed somebody, and somebody has done something, often enough to tell anything.
  ///
  /// On a busy machine that takes longer than a short campaign is to last. It comes, or somebody hangs.
  private var hasDoneEnough: Bool {
    killCount >= 10 && workers.indices.reduce(0) { $0 + log[.operations, $1] } >= 100
  }

  // MARK: - Killing

  private mutating func start(_ index: Int) -> Worker {
    log[.haltAt, index] = 0
    log[.processID, index] = 0
    let arguments = [
      "sync-worker", "\(subject.primitive)", name, "\(index)",
      "\(generator.next())",
    ]
    guard let processID = try? spawnSelf(arguments) else { fail("Cannot start a worker") }
    return Worker(processID: processID, operationCount: log[.operations, index])
  }

  /// Starts others for workers that were killed at a step.
  private mutating func replaceDead() {
    for index in workers.indices {
      let processID = workers[index].processID
      var status: CInt = 0
      guard waitpid(processID, &status, WNOHANG) == processID else {
        if let since = workers[index].doomedSince, .now - since > Self.patienceAtStep {
          kill(index)
        }
        continue
      }
      guard status == SIGKILL, let step = log.step(of: index) else {
        workers[index].processID = 0
        fail("Worker \(index) ended with status \(status)")
      }
      countKill(of: index)
      killsAtStep[step, default: 0] += 1
      workers[index] = start(index)
    }
  }

  private mutating func killOne() {
    let candidates = workers.indices.filter {
      workers[$0].doomedSince == nil && log[.processID, $0] == UInt64(workers[$0].processID)
    }
    guard let index = candidates.randomElement(using: &generator) else { return }
    if Bool.random(using: &generator) { return kill(index) }
    workers[index].doomedSince = .now
    log.halt(index, at: subject.primitive.steps.randomElement(using: &generator)!)
  }

  /// Stops a worker now and then, and lets those go on that were stopped for long enough.
  private mutating func stopOne() {
    for index in workers.indices {
      guard let end = workers[index].stopEnd, .now > end else { continue }
      goOn(index)
    }
    guard Int.random(in: 0..<4, using: &generator) == 0 else { return }
    let index = workers.indices.randomElement(using: &generator)!
    guard workers[index].stopEnd == nil else { return }
    _ = Glibc.kill(workers[index].processID, SIGSTOP)
    let length = Duration.milliseconds(Int.random(in: 1...200, using: &generator))
    workers[index].stopEnd = .now + length
    stopCount += 1
  }

  private mutating func goOn(_ index: Int) {
    workers[index].stopEnd = nil
    _ = Glibc.kill(workers[index].processID, SIGCONT)
  }

  private mutating func kill(_ index: Int) {
    let status = end(workers[index].processID)
    workers[index].processID = 0
    guard status == SIGKILL else { fail("Worker \(index) ended with status \(status)") }
    countKill(of: index)
    workers[index] = start(index)
  }

  private mutating func countKill(of index: Int) {
    killCount += 1
    if index >= Self.workerCount / 2 { killedReceiverCount += 1 }
  }

  private func end(_ processID: pid_t) -> CInt {
    _ = Glibc.kill(processID, SIGKILL)
    return waitForExit(processID)
  }

  // MARK: - Checking

  private mutating func expectProgress() {
    for index in workers.indices {
      let count = log[.operations, index]
      if count != workers[index].operationCount {
        workers[index].operationCount = count
        workers[index].since = .now
      } else if .now - workers[index].since > Self.patience {
        fail("Worker \(index) hangs")
      }
    }
  }

  /// Lets all go on once more, ends them, and looks at what they leave.
  private mutating func finish(mustReachSteps: Bool) throws {
    for index in workers.indices {
      goOn(index)
      log[.haltAt, index] = 0
    }
    usleep(20_000)
    replaceDead()
    let counts = workers.indices.map { log[.operations, $0] }
    for index in workers.indices { workers[index].doomedSince = nil }
    while workers.indices.contains(where: { log[.operations, $0] == counts[$0] }) {
      usleep(1000)
      expectProgress()
      replaceDead()
    }
    for index in workers.indices {
      _ = end(workers[index].processID)
      workers[index].processID = 0
    }
    let operationCount = workers.indices.reduce(0) { $0 + log[.operations, $1] }
    var recoveryCount = workers.indices.reduce(0) { $0 + log[.recoveries, $1] }
    // Whoever is killed between its change and its count has changed without having counted.
    let range = operationCount...operationCount + UInt64(killCount + Self.workerCount)
    let killedCount = killedReceiverCount + Self.workerCount / 2
    if let problem = try subject.problem(
      expecting: range, killedCount: killedCount, &recoveryCount)
    {
      fail(problem)
    }
    let kills = subject.primitive.steps.map { "\($0) \(killsAtStep[$0] ?? 0)" }
    Helper.answer(
      """
      \(subject.primitive): kills \(killCount), of these at \(kills.joined(separator: ", ")); \
      stops \(stopCount), recoveries \(recoveryCount), operations \(operationCount)
      """)
    // A campaign in which something never happened proves nothing about it.
    if mustReachSteps, let step = subject.primitive.steps.first(where: { killsAtStep[$0] == nil }) {
      fail("Nobody was killed at \(step)")
    }
  }

  private func fail(_ problem: String) -> Never {
    for worker in workers where worker.processID != 0 { _ = end(worker.processID) }
    let message = """
      Failed on \(subject.primitive) after \(killCount) kills with seed \(seed): \(problem)
      The words: \(subject.words)

      """
    _ = try? FileDescriptor.standardError.writeAll(message.utf8)
    unlink()
    exit(1)
  }
}

/// What the processes of the campaign tell each other: a page for each worker.
final class SyncLog: @unchecked Sendable {
  // Sendable: each word has one writer at a time.
  private var memory: SharedMemory

  enum Word: Int {
    /// Operations that are done.
    case operations
    /// Values that were repaired.
    case recoveries
    /// The step that the worker was killed at, plus one.
    case step
    /// The step to be killed at, plus one; 0: none.
    case haltAt
    /// The process, once it has begun to work.
    case processID
  }

  init(creating name: String) throws(InterprocessError) {
    memory = try SharedMemory.create(name, byteCount: SyncCampaign.workerCount * 4096)
  }

  init(attaching name: String) throws(InterprocessError) { memory = try SharedMemory.attach(name) }

  func unlink() { try? memory.unlink() }

  subscript(word: Word, worker: Int) -> UInt64 {
    get { memory.load(fromByteOffset: worker * 4096 + 8 * word.rawValue, as: UInt64.self) }
    set {
      memory.storeBytes(
        of: newValue, toByteOffset: worker * 4096 + 8 * word.rawValue, as: UInt64.self)
    }
  }

  private static func number(of step: Checkpoint) -> UInt64 {
    UInt64(Checkpoint.all.firstIndex(of: step)!) + 1
  }

  func step(of worker: Int) -> Checkpoint? {
    let number = self[.step, worker]
    return number == 0 ? nil : Checkpoint.all[Int(number) - 1]
  }

  func halt(_ worker: Int, at step: Checkpoint) { self[.haltAt, worker] = Self.number(of: step) }

  /// Kills this process if it is to be killed at that step.
  func come(_ worker: Int, to step: Checkpoint) {
    let number = self[.haltAt, worker]
    guard number != 0 && number == Self.number(of: step) else { return }
    self[.step, worker] = number
    raise(SIGKILL)
  }
}
