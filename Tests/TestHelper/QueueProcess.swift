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

/// Processes that hold roles of a queue.
enum QueueProcess {
  /// Holds a role, or its turn to send, until it is killed.
  static func hold(_ name: String, _ side: String) throws {
    let queue = try SharedQueue<UInt64>.attach(name)
    if side == "turn" {
      #if DEBUG
        Checkpoint.handler = { if $0 == .messageBegun { waitToBeKilled() } }
      #endif
      try queue.send(0)
    } else if side == "sender" {
      let sender = try queue.sender()
      waitToBeKilled()
      _ = consume sender
    } else {
      let receiver = try queue.receiver()
      waitToBeKilled()
      _ = consume receiver
    }
  }

  private static func waitToBeKilled() {
    Helper.answer("held")
    _ = readLine()
  }

  /// Takes a message of a queue of bytes, and reads it until it is killed.
  static func holdBytes(_ name: String) throws {
    let queue = try SharedByteQueue.attach(name)
    _ = try queue.receive { (_: RawSpan) in waitToBeKilled() }
  }

  /// Sends with a role after a child has had a copy of it.
  static func fork(_ name: String) throws {
    let queue = try SharedQueue<UInt64>.attach(name)
    var sender = try queue.sender()
    let child = ipctest_fork()
    if child == 0 {
      // Ends the life of the copy.
      _ = consume sender
      exit(0)
    }
    guard waitForExit(child) == 0 else { fatalError("The child failed") }
    Helper.answer("forked")
    _ = readLine()
    try sender.send(7)
    Helper.answer("still sending")
  }
}
