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

import TestSupport
import Testing

@testable import Interprocess

@Suite("Gates that cost their opener nothing", .timeLimit(.minutes(1)))
struct AsymmetricEventCountTests {
  @Test("An opener looks closer while a waiter may sleep")
  func mark() async {
    await #expect(processExitsWith: .success) {
      let queue = try SharedQueue<Int>.create(nil, capacity: 4)
      try queue.unlink()
      let gate = queue._receivers.gate
      precondition(!gate.isAwaited)
      let marked = gate.gate.mark()
      precondition(gate.isAwaited && marked == 1)
      // Nobody sleeps, so the mark goes.
      gate.gate.open(waking: 1)
      precondition(!gate.isAwaited)
    }
  }

  @Test("A waiter that finds something leaves no mark, and has no fence made")
  func found() throws {
    let word = OwnWord()
    let gate = EventCount(word.word)
    var fenceCount = 0
    let first = try gate.attempt(.sleeping, fence: { fenceCount += 1 }) {
      () throws(InterprocessError) in 7
    }
    #expect(first.result == 7 && !gate.isAwaited && fenceCount == 0)
    // What comes after the mark is found as well.
    var lookCount = 0
    let second = try gate.attempt(.sleeping, fence: { fenceCount += 1 }) {
      () throws(InterprocessError) in
      lookCount += 1
      return lookCount == 2 ? 8 : nil
    }
    #expect(second.result == 8 && gate.isAwaited && fenceCount == 1)
  }

  @Test("An opener always looks closer once a process that cannot make fences has attached")
  func fenceRequest() async {
    await #expect(processExitsWith: .success) {
      unsafe Sleeping.isWithoutRemoteFences = true
      let queue = try SharedQueue<Int>.create(nil, capacity: 4)
      try queue.unlink()
      for gate in [queue._receivers.gate, queue._senders.gate] {
        precondition(gate.isAwaited)
        gate.gate.open(waking: 1)
        precondition(gate.isAwaited)
      }
    }
  }
}
