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

// Several processes add to one total. One of them is killed in the middle of an addition, while it
// holds the lock. Another one notices and repairs the total, and all continue.
//
//   swift run counter --processes 4 --count 100000

import ArgumentParser
import ExampleSupport
import Glibc
import Interprocess

/// The value that the mutex guards.
struct Totals: Shareable {
  var total: UInt64 = 0
  /// What each process has added.
  ///
  /// The shares determine the total, whatever a process was doing when it died.
  var shares = InlineArray<16, UInt64>(repeating: 0)
  /// The process that repaired the total, and how much was missing.
  var repairer: UInt64 = 0
  var missing: UInt64 = 0

  mutating func repair(by process: Int) {
    let sum = shares.indices.reduce(0) { $0 + shares[$1] }
    repairer = UInt64(process)
    missing = sum - total
    total = sum
  }
}

@main
struct Counter: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "counter",
    abstract: "Counts in several processes, one of which is killed while it holds the lock.",
    usage: "counter [--name <name>] [--processes <n>] [--count <n>]",
    subcommands: [Worker.self])

  @Option(help: "The name of the shared mutex.") var name = "MyCounter"
  @Option(help: "The number of processes, 2 to 16.") var processes = 4
  @Option(help: "How often each of them adds 1, at least twice.") var count = 100_000

  func validate() throws {
    guard 2...16 ~= processes else { throw ValidationError("'--processes' needs 2 to 16.") }
    guard 2...1_000_000_000 ~= count else {
      throw ValidationError("'--count' needs 2 to 1000000000.")
    }
  }

  func run() throws {
    printLinesAtOnce()
    let interruption = Interruption()

    // The name goes with the last process that has the mutex, however all of them end.
    let mutex = try SharedMutex.create(name, initialValue: Totals(), options: .whileAttached)
    print("Created \"\(name)\"")

    var workers: [ChildProcess] = []
    defer {
      for worker in workers { worker.end() }
      // A killed process removes no name; this process still has the mutex then.
      withExtendedLifetime(mutex) {}
    }
    for number in 1..<processes { workers.append(try start(number)) }
    let victim = try start(processes, "--stop")
    workers.append(victim)
    print("Started \(processes) processes, each of which adds 1 \(count) times")

    // The process prints a line while it holds the lock, and would continue after a minute.
    guard let line = victim.nextLine(interruption) else {
      if let signal = interruption.signal { throw ExitCode(128 + signal) }
      throw Failure("Process \(processes) has ended too early.")
    }
    print(line)
    victim.end()
    print("Killed process \(processes)")

    // The new process continues where the share of the old one ends.
    workers.append(try start(processes))
    print("Started process \(processes) again, to add the rest")
    for worker in workers where worker !== victim {
      while worker.isRunning, interruption.signal == nil { usleep(1_000) }
    }
    if let signal = interruption.signal { throw ExitCode(128 + signal) }

    let result = try mutex.withLock { $0 }
    print("Process \(result.repairer) repaired the total, which was \(result.missing) too small")
    let shares = (0..<processes).map { "\(result.shares[$0])" }.joined(separator: " + ")
    print("Total: \(result.total) = \(shares)")
    guard result.total == UInt64(processes * count) else {
      throw Failure("The total is wrong.")
    }
  }

  private func start(_ number: Int, _ options: String...) throws -> ChildProcess {
    try ChildProcess(["counter", "worker", name, "\(number)", "\(count)"] + options)
  }
}

/// One of the processes that add.
struct Worker: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Be one of the processes that add.", shouldDisplay: false)

  @Argument var name: String
  @Argument var number: Int
  @Argument var count: Int
  @Flag(help: "Stop half way, in the middle of an addition.") var stop = false

  func run() throws {
    printLinesAtOnce()
    let mutex = try SharedMutex<Totals>.attach(name)
    let index = number - 1
    var isDone = false
    while !isDone {
      isDone = try mutex.withLock(recovering: { $0.repair(by: number) }) { totals in
        if totals.shares[index] == count { return true }
        totals.shares[index] += 1
        // Here the total is 1 too small.
        if stop && totals.shares[index] == count / 2 {
          print("Process \(number) holds the lock, and has done half of addition \(count / 2)")
          sleep(60)
        }
        totals.total += 1
        return false
      }
    }
  }
}
