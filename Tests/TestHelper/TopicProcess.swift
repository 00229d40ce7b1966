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

/// Takes part in a topic of numbers until it is killed: publishes a 7 and has a message on loan, or
/// holds two samples.
struct TopicHold: ParsableCommand {
  enum Part: String, ExpressibleByArgument {
    case publisher, subscriber
  }

  @Argument var name: String
  @Argument var part: Part

  func run() throws {
    let topic = try SharedTopic<UInt64>.attach(name)
    switch part {
    case .publisher:
      var publisher = try topic.publisher()
      try publisher.publish(7)
      var loan = try publisher.loan()
      loan[0] = 8
      waitToBeKilled()
      try loan.publish()
    case .subscriber:
      var subscriber = try topic.subscriber()
      let first = try subscriber.next(timeout: .seconds(10))!
      let second = try subscriber.next(timeout: .seconds(10))!
      waitToBeKilled()
      _ = (first[0], second[0])
    }
  }
}

/// Publishes a 7 and finishes a topic of numbers, and kills itself at a step of that.
struct TopicFinish: ParsableCommand {
  @Argument var name: String
  @Argument var step: String

  func run() throws {
    let topic = try SharedTopic<UInt64>.attach(name)
    var publisher = try topic.publisher()
    handleCheckpoints { [step] in if $0.description == step { raise(SIGKILL) } }
    try publisher.publish(7)
    try publisher.finish()
  }
}

/// Publishes and holds a sample, after a child has had a copy of both.
struct TopicFork: ParsableCommand {
  @Argument var name: String

  func run() throws {
    let topic = try SharedTopic<UInt64>.attach(name)
    var publisher = try topic.publisher()
    var subscriber = try topic.subscriber()
    try publisher.publish(7)
    let sample = try subscriber.next(timeout: .seconds(10))!
    var loan = try publisher.loan()
    loan[0] = 8
    let child = ipctest_fork()
    if child == 0 {
      // Ends the lives of the copies.
      _ = consume sample
      _ = consume subscriber
      _ = consume loan
      _ = consume publisher
      Glibc.exit(0)
    }
    guard waitForExit(child) == 0 else { fatalError("The child failed") }
    Helper.answer("forked")
    _ = readLine()
    try loan.publish()
    try publisher.publish(9)
    let next = try subscriber.next(timeout: .seconds(10))!
    Helper.answer("still \(sample[0]), then \(next[0])")
  }
}
