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

/// Holds a role of a queue, or its turn to send, until it is killed.
struct QueueHold: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "queue-hold")

  enum Side: String, ExpressibleByArgument {
    case turn, sender, receiver
  }

  @Argument var name: String
  @Argument var side: Side

  func run() throws {
    let queue = try SharedQueue<UInt64>.attach(name)
    switch side {
    case .turn:
      #if DEBUG
        Checkpoint.handler = { if $0 == .messageBegun { waitToBeKilled() } }
      #endif
      try queue.send(0)
    case .sender:
      let sender = try queue.sender()
      waitToBeKilled()
      _ = consume sender
    case .receiver:
      let receiver = try queue.receiver()
      waitToBeKilled()
      _ = consume receiver
    }
  }
}

/// Takes a message of a queue of bytes, and reads it until it is killed.
struct ByteQueueHold: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "byte-queue-hold")

  @Argument var name: String

  func run() throws {
    let queue = try SharedByteQueue.attach(name)
    _ = try queue.receive { (_: RawSpan) in waitToBeKilled() }
  }
}

/// Sends with a role after a child has had a copy of it.
struct QueueFork: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "queue-fork")

  @Argument var name: String

  func run() throws {
    let queue = try SharedQueue<UInt64>.attach(name)
    var sender = try queue.sender()
    let child = ipctest_fork()
    if child == 0 {
      // Ends the life of the copy.
      _ = consume sender
      Glibc.exit(0)
    }
    guard waitForExit(child) == 0 else { fatalError("The child failed") }
    Helper.answer("forked")
    _ = readLine()
    try sender.send(7)
    Helper.answer("still sending")
  }
}

/// Reports that this process holds something, and waits.
func waitToBeKilled() {
  Helper.answer("held")
  _ = readLine()
}
