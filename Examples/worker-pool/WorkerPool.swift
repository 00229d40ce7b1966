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

// Jobs go through a queue to several workers. One of them is killed with a job in its hands, which
// is handed out again: a table shows which worker has which job.
//
//   swift run worker-pool --workers 3 --jobs 200

import ArgumentParser
import ExampleSupport
import Glibc
import Interprocess

/// The outcome of a job.
struct Outcome: Shareable {
  /// The worker that did the job, numbered from 1; 0 until it is done.
  var worker: UInt32 = 0
  var square: UInt32 = 0
}

/// The names of the shared objects, which follow from that of the queue.
struct Names {
  let jobs: String
  /// The job that each worker has in its hands, from 1 on, or 0.
  var inFlight: String { "\(jobs).in-flight" }
  /// An outcome for each job.
  var outcomes: String { "\(jobs).outcomes" }
}

@main
struct WorkerPool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker-pool",
    abstract: "Hands out jobs to several workers, one of which is killed.",
    usage: "worker-pool [--name <name>] [--workers <n>] [--jobs <n>]",
    subcommands: [Worker.self])

  @Option(help: "The name of the shared queue.") var name = "MyJobs"
  @Option(help: "How many workers there are, 2 to 16.") var workers = 3
  @Option(help: "How many jobs there are, 1 to 50000.") var jobs = 200

  func validate() throws {
    guard 2...16 ~= workers else { throw ValidationError("'--workers' needs 2 to 16.") }
    guard 1...50_000 ~= jobs else { throw ValidationError("'--jobs' needs 1 to 50000.") }
  }

  func run() throws {
    printLinesAtOnce()
    let interruption = Interruption()
    let names = Names(jobs: name)
    let queue = try SharedQueue<UInt32>.create(name, capacity: 16, options: .whileAttached)
    var inFlight = try SharedArray<UInt32>.create(
      names.inFlight, shape: [workers], options: .whileAttached)
    let outcomes = try SharedArray<Outcome>.create(
      names.outcomes, shape: [jobs], options: .whileAttached)
    print("Created \"\(name)\"")

    // The last worker stops once it has a job, as if the job took long; so far it is the only one.
    var processes = [try start(workers, "--stop")]
    defer { for process in processes { process.end() } }
    try queue.send(1)
    guard let line = processes[0].nextLine(interruption) else {
      if let signal = interruption.signal { throw ExitCode(128 + signal) }
      throw Failure("Worker \(workers) has ended too early.")
    }
    print(line)
    processes = try (1..<workers).map { try start($0) } + processes
    print("Started \(workers) workers for \(jobs) jobs")
    processes[workers - 1].end()
    print("Killed worker \(workers)")

    var waiting = [UInt32]((1...UInt32(jobs)).dropFirst().reversed())
    var doneCount = 0
    while doneCount < jobs {
      if let signal = interruption.signal { throw ExitCode(128 + signal) }
      for index in 0..<workers where !processes[index].isRunning {
        // A worker that died after storing its outcome, but before clearing its entry, has done it.
        let job = inFlight[index]
        if job != 0, outcomes[Int(job) - 1].worker == 0 {
          print("Job \(job) was in the hands of worker \(index + 1), and is handed out again")
          waiting.append(job)
        }
        inFlight[index] = 0
        processes[index] = try start(index + 1)
        print("Started worker \(index + 1) again")
      }
      if let job = waiting.last, try queue.trySend(job) {
        waiting.removeLast()
      } else {
        usleep(500)
      }
      while doneCount < jobs, outcomes[doneCount].worker != 0 { doneCount += 1 }
    }
    // Not earlier, as a job may have to be handed out again.
    try queue.finish()
    for process in processes {
      while process.isRunning, interruption.signal == nil { usleep(1_000) }
    }
    if let signal = interruption.signal { throw ExitCode(128 + signal) }

    let isRight = (0..<jobs).allSatisfy { outcomes[$0].square == UInt32(($0 + 1) * ($0 + 1)) }
    guard isRight else { throw Failure("A job was done wrongly.") }
    let counts = (1...workers).map { worker in (0..<jobs).count { outcomes[$0].worker == worker } }
    print("Done: \(jobs) jobs = \(counts.map { "\($0)" }.joined(separator: " + "))")
  }

  private func start(_ number: Int, _ options: String...) throws -> ChildProcess {
    try ChildProcess(["worker-pool", "work", name, "\(number)"] + options)
  }
}

/// One of the processes that do the jobs.
struct Worker: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "work", abstract: "Be one of the workers.", shouldDisplay: false)

  @Argument var name: String
  @Argument var number: Int
  @Flag(help: "Stop with the first job in hand.") var stop = false

  func run() throws {
    printLinesAtOnce()
    let names = Names(jobs: name)
    let queue = try SharedQueue<UInt32>.attach(name)
    var inFlight = try SharedArray<UInt32>.attach(names.inFlight)
    var outcomes = try SharedArray<Outcome>.attach(names.outcomes)
    let index = number - 1
    while let job = try takeJob(queue, &inFlight) {
      if stop {
        print("Worker \(number) has job \(job) in its hands")
        sleep(60)
      }
      // Work takes its time.
      usleep(1_000)
      outcomes[Int(job) - 1] = Outcome(worker: UInt32(number), square: job * job)
      inFlight[index] = 0
    }
  }

  /// Takes a job, and notes it in the table before the queue counts it as taken: a worker killed in
  /// between leaves the job in the queue.
  private func takeJob(
    _ queue: SharedQueue<UInt32>, _ inFlight: inout SharedArray<UInt32>
  ) throws -> UInt32? {
    try queue.receive(acknowledging: { job in
      inFlight[number - 1] = job
      return job
    })
  }
}
