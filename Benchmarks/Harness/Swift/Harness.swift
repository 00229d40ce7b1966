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

import CHarness

/// Measures operations by the same code as the peers in C.
///
/// The rows go to the standard output, for the driver.
public enum Harness {
  /// Reads the options from the driver; must be called first.
  public static func begin() {
    harness_begin(CommandLine.argc, CommandLine.unsafeArgv)
  }

  /// The mode that a contender runs; empty if it has only one.
  public static var mode: String { String(cString: harness_mode()) }

  /// The sizes of the payloads, or of whatever else grows, in this run.
  public static var sizes: [Int] {
    (0..<harness_size_count()).map { Int(harness_size($0)) }
  }

  /// Whether this run measures only how a sleeper is woken.
  public static var isAsleep: Bool { harness_is_asleep() != 0 }

  /// Pins this process, which runs alone, to the first core.
  public static func pin() { harness_pin() }

  /// Lets a process have this many files open.
  public static func allowFiles(_ count: Int) -> Bool { harness_allow_files(count) != 0 }

  /// Runs a function in a child process, and waits until it has ended.
  public static func inChild(_ body: () throws -> Void) {
    withContext(of: body) { harness_child({ call($0) }, $0) }
  }

  /// What a process uses of its processors.
  public struct Usage {
    /// Processor time, in percent of one processor.
    public var percent: Double
    /// How often its threads wait in a second, and so wake up.
    public var wakeUpsPerSecond: Double
  }

  /// What this process uses while a function runs.
  public static func usage(during body: () -> Void) -> Usage {
    let begin = harness_now()
    var (time, waits, timeBefore, waitsBefore) = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
    harness_usage(&timeBefore, &waitsBefore)
    body()
    harness_usage(&time, &waits)
    let seconds = Double(harness_now() - begin) / 1e9
    return Usage(
      percent: Double(time - timeBefore) / 1e7 / seconds,
      wakeUpsPerSecond: Double(waits - waitsBefore) / seconds)
  }

  /// Ends this process as if it were killed.
  public static func endAbruptly() -> Never { harness_end_abruptly() }

  /// Makes the compiler compute a value that no code uses.
  @inlinable
  public static func keep(_ value: UInt64) { harness_keep(value) }

  /// Makes the compiler compute a value that no code uses.
  @inlinable
  public static func keep(_ value: Double) { harness_keep(value.bitPattern) }

  /// Tells the processor that a loop waits for the other core.
  @inlinable
  public static func relax() { harness_relax() }

  /// Makes the compiler perform all accesses to the memory so far.
  @inlinable
  public static func touchMemory() { harness_touch_memory() }
}

/// One row of the results.
public struct Case: Sendable {
  /// How a side waits for the other.
  public enum Wait: String, Sendable {
    /// The side polls.
    case spinning = "spin"
    /// The side sleeps until it is woken.
    case sleeping = "block"
    /// There is no other side.
    case none = "-"
  }

  /// What the figures are.
  public enum Unit: String, Sendable {
    /// The time of an operation.
    case nanoseconds = "ns"
    /// How fast bytes are moved.
    case gigabytesPerSecond = "GB/s"
    /// How many messages arrive in a second.
    case messagesPerSecond = "msg/s"
    /// How many operations are done in a second.
    case operationsPerSecond = "ops/s"
    /// Processor time, in percent of one processor.
    case percent = "%"
    /// How often something happens in a second.
    case perSecond = "1/s"
  }

  /// The contender.
  public var contender: String
  /// The test; the driver knows the limit of each.
  public var test: String
  /// The case within the test.
  public var name: String
  /// How a side waits for the other.
  public var wait: Wait
  /// What the figures are.
  public var unit: Unit
  /// The payload in bytes, or what the test counts.
  public var size: Int
  /// A note for the reader.
  public var note: String

  /// Makes a row without measurements.
  public init(
    _ contender: String, test: String, _ name: String = "", size: Int = 0, wait: Wait = .none,
    unit: Unit = .nanoseconds, note: String = ""
  ) {
    self.contender = contender
    self.test = test
    self.name = name
    self.wait = wait
    self.unit = unit
    self.size = size
    self.note = note
  }

  /// Times an operation.
  ///
  /// - Parameters:
  ///   - operationCount: The number of operations in one call of the closure.
  ///   - operation: The closure, which is called again and again.
  public func measure(operationCount: Int = 1, _ operation: () throws -> Void) {
    withContext(of: operation) { context in
      withRow { harness_time($0, operationCount, { call($0) }, context) }
    }
  }

  /// Times an operation that can be done only once.
  public func measureOnce(_ operation: () throws -> Void) rethrows {
    let begin = harness_now()
    try operation()
    let end = harness_now()
    withRow { harness_emit($0, Double(end - begin)) }
  }

  /// Reports a figure that was measured otherwise.
  public func report(_ value: Double) { withRow { harness_emit($0, value) } }

  /// Reports why this case cannot run.
  public func skip(_ reason: String) {
    withRow { harness_skip($0, reason) }
  }

  // MARK: - Two processes

  /// Measures a round trip between two processes, each on a core of its own.
  ///
  /// - Parameters:
  ///   - client: Prepares its side, and calls its argument once, with a function that sends the
  ///     message of a number and returns the number in the answer.
  ///   - server: Prepares its side, and calls its argument once, with a function that receives a
  ///     message and sends it back.
  public func measureRoundTrip(
    client: (_ run: ((UInt64) throws -> UInt64) -> Void) throws -> Void,
    server: (_ run: (() throws -> Void) -> Void) throws -> Void
  ) {
    let clientSide = {
      try client { send in
        var number: UInt64 = 0
        let operation = {
          number += 1
          guard try send(number) == number else { fatalError("The answer is a wrong one") }
        }
        withContext(of: operation) { context in
          withRow { harness_call($0, { call($0) }, context) }
        }
      }
    }
    let serverSide = {
      try server { serve in
        withContext(of: serve) { harness_serve({ call($0) }, $0) }
      }
    }
    pair(clientSide, serverSide)
  }

  /// Measures a stream of messages from one process to another, each on a core of its own.
  ///
  /// - Parameters:
  ///   - sender: Prepares its side, and calls its argument once, with a function that sends the
  ///     messages of a range of numbers.
  ///   - receiver: Prepares its side, and calls its argument once, with a function that receives
  ///     the messages of a range of numbers, and returns how many were wrong.
  public func measureStream(
    sender: (_ run: ((Range<UInt64>) throws -> Void) -> Void) throws -> Void,
    receiver: (_ run: ((Range<UInt64>) throws -> Int) -> Void) throws -> Void
  ) {
    let senderSide = {
      try sender { send in
        let send: (Range<UInt64>) throws -> Int = {
          try send($0)
          return 0
        }
        withMessages(send) { harness_send({ move($0, $1, $2) }, $0) }
      }
    }
    let receiverSide = {
      try receiver { receive in
        withMessages(receive) { context in
          withRow { harness_receive($0, { move($0, $1, $2) }, context) }
        }
      }
    }
    pair(senderSide, receiverSide)
  }

  private func pair(_ first: () throws -> Void, _ second: () throws -> Void) {
    withoutActuallyEscaping(first) { first in
      withoutActuallyEscaping(second) { second in
        let sides = Sides(first, second)
        withRow { row in
          harness_pair(
            row, { Sides.of($0).runFirst() }, { Sides.of($0).runSecond() },
            Unmanaged.passUnretained(sides).toOpaque())
        }
        withExtendedLifetime(sides) {}
      }
    }
  }

  func withRow(_ body: (UnsafePointer<harness_case>) -> Void) {
    contender.withCString { contender in
      test.withCString { test in
        name.withCString { name in
          wait.rawValue.withCString { wait in
            unit.rawValue.withCString { unit in
              note.withCString { note in
                var row = harness_case(
                  contender: contender, test: test, what: name, wait: wait, unit: unit, note: note,
                  size: size)
                body(&row)
              }
            }
          }
        }
      }
    }
  }
}
