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
internal import SystemPackage
internal import TestSupport

/// Makes four processes use each lock, signal or queue as hard as they can, and kills one every 20
/// ms.
///
/// Starts another in its place, and checks that no process hangs, that the guarded value is whole
/// after a repair, and that nothing is lost. Every other kill comes at a step of the protocol.
/// Other processes are stopped for a while, stay within their closures, fork children there, or
/// have only a millisecond for what they do.
struct SyncCampaign {
  static let workerCount = 4
  /// A worker without progress for this long hangs.
  private static let patience: Duration = .seconds(30)
  /// How long a worker may take to reach the step at which it is to be killed.
  private static let patienceAtStep: Duration = .milliseconds(500)

  private struct Worker {
    var processID: pid_t
    /// When the worker was started, got the order to die at a step, or made progress.
    var since = ContinuousClock.now
    var operationCount: UInt64 = 0
    /// When the worker got the order to die at a step.
    var doomedSince: ContinuousClock.Instant?
    /// The end of the worker's stop.
    var stopEnd: ContinuousClock.Instant?
  }

  private let subject: SyncSubject
  private let seed: UInt64
  private var generator: SeededGenerator
  private let name: String
  private let log: SyncLog
  private var workers: [Worker] = []
  private var killCount = 0
  /// How many workers with the greater numbers were killed; these receive where others send.
  private var killedReceiverCount = 0
  private var killsAtStep: [Checkpoint: Int] = [:]
  private var stopCount = 0

  /// Runs for this long for each of the primitives.
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

  /// Whether there were enough kills and operations to prove anything.
  ///
  /// On a busy machine that takes longer than the given time of a short campaign. It happens at
  /// last, unless a worker hangs.
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

  /// Replaces workers that were killed at a step.
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

  /// Stops a worker now and then, and continues those that were stopped for long enough.
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

  /// Lets all workers continue once more, ends them, and checks what they leave.
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
    // A worker killed between its change and its count has changed the value without counting.
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
    // A campaign proves nothing about a step that no worker reached.
    if mustReachSteps, let step = subject.primitive.steps.first(where: { killsAtStep[$0] == nil }) {
      fail("No worker was killed at \(step)")
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

/// The log through which the processes of the campaign communicate: a page for each worker.
final class SyncLog: @unchecked Sendable {
  // Sendable: each word has one writer at a time.
  private var memory: SharedMemory

  enum Word: Int {
    /// The number of finished operations.
    case operations
    /// The number of repaired values.
    case recoveries
    /// The step that the worker was killed at, plus 1.
    case step
    /// The step at which the worker is to be killed, plus 1; 0: none.
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

  /// Kills this process if it is to be killed at this step.
  func come(_ worker: Int, to step: Checkpoint) {
    let number = self[.haltAt, worker]
    guard number != 0 && number == Self.number(of: step) else { return }
    self[.step, worker] = number
    raise(SIGKILL)
  }
}

extension SyncCampaign {
  /// What all campaigns of this kind take.
  struct Plan: ParsableArguments {
    /// The time for each of the primitives.
    @Argument var seconds: Int
    /// A random one if not given.
    @Argument var seed: UInt64?
    /// Those to play with; all if none is given.
    @Argument var only: [SyncSubject.Primitive] = []

    func run(_ all: [SyncSubject.Primitive]) throws {
      try SyncCampaign.run(
        only.isEmpty ? all : all.filter(only.contains), seconds: seconds,
        seed: seed ?? .random(in: 1...UInt64.max))
    }
  }

  struct Command: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "sync-campaign")

    @OptionGroup var plan: Plan

    func run() throws { try plan.run(SyncSubject.Primitive.ofSynchronization) }
  }
}

struct MessagingCampaign: ParsableCommand {
  @OptionGroup var plan: SyncCampaign.Plan

  func run() throws { try plan.run(SyncSubject.Primitive.ofMessaging) }
}
