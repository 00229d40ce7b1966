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

/// How many receivers get each message.
public enum Delivery: Sendable {
  /// One of them.
  case toOne
  /// All of them.
  case toAll
  /// Those that are fast enough.
  case toWhoeverIsInTime
}

// More than two processes, and locks.
extension Case {
  /// Measures how many messages arrive in a second, between several processes.
  ///
  /// The senders share the first core, and the receivers the second one.
  ///
  /// - Parameters:
  ///   - senderCount: The number of senders.
  ///   - receiverCount: The number of receivers.
  ///   - delivery: How many receivers get each message.
  ///   - cost: A row for the time that sending a message takes.
  ///   - sender: Prepares a sender, and calls its argument once, with a function that sends the
  ///     message of a number.
  ///   - receiver: Prepares a receiver, and calls its argument once, with a function that waits for
  ///     a message and returns its number.
  public func measureCrowd(
    of senderCount: Int, to receiverCount: Int, _ delivery: Delivery = .toOne, cost: Case? = nil,
    sender: (_ run: ((UInt64) throws -> Void) -> Void) throws -> Void,
    receiver: (_ run: (() throws -> UInt64) -> Void) throws -> Void
  ) {
    let copyCount =
      switch delivery {
      case .toOne: 1
      case .toAll: receiverCount
      case .toWhoeverIsInTime: 0
      }
    let senderSide = {
      try sender { send in
        withSending(send) { harness_crowd_send({ Sending.call($0, $1) }, $0) }
      }
    }
    let receiverSide = {
      try receiver { receive in
        withReceiving(receive) { harness_crowd_receive({ Receiving.call($0) }, $0) }
      }
    }
    crowd(senderCount, receiverCount, copyCount, cost, senderSide, receiverSide) { _ in true }
  }

  /// Measures how often in a second several processes, on both cores, do an operation.
  ///
  /// - Parameters:
  ///   - processCount: The number of processes.
  ///   - process: Prepares a process, and calls its argument once, with the operation.
  ///   - isRight: Whether the operation has been done this many times.
  public func measureContention(
    of processCount: Int,
    process: (_ run: (() throws -> Void) -> Void) throws -> Void,
    isRight: (Int) throws -> Bool
  ) {
    let side = {
      try process { operation in
        let operation: (UInt64) throws -> Void = { _ in try operation() }
        withSending(operation) { harness_crowd_send({ Sending.call($0, $1) }, $0) }
      }
    }
    crowd(processCount, 0, 0, nil, side, {}, isRight)
  }

  /// Measures how fast a process hands a lock to another one that sleeps.
  ///
  /// - Parameter side: Prepares a process, and calls its argument once, with a function that calls
  ///   its own argument while it holds the lock.
  public func measurePassing(side: (_ run: ((() -> Void) throws -> Void) -> Void) throws -> Void) {
    let side = {
      try side { hold in
        withHolding(hold) { harness_pass({ Holding.call($0, $1, $2) }, $0) }
      }
    }
    withContext(of: side) { context in
      withRow { harness_passing($0, { call($0) }, context) }
    }
  }

  private func crowd(
    _ senderCount: Int, _ receiverCount: Int, _ copyCount: Int, _ cost: Case?,
    _ sender: () throws -> Void, _ receiver: () throws -> Void, _ isRight: (Int) throws -> Bool
  ) {
    func run(_ cost: UnsafePointer<harness_case>?) {
      withCrowd(sender, receiver, isRight) { context in
        withRow { row in
          harness_crowd(
            row, cost, Int32(senderCount), Int32(receiverCount), Int32(copyCount),
            { Crowd.of($0).sides.runFirst() }, { Crowd.of($0).sides.runSecond() },
            { Crowd.isRight($0, $1) }, context)
        }
      }
    }
    if let cost { cost.withRow { run($0) } } else { run(nil) }
  }
}
