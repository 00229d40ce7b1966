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

/// The program that the tests start, talk to and kill.
///
/// Without arguments it reads commands from its standard input, one on each line, and answers each
/// with one line: `ok` and a result, or `error` and the code of the error. With arguments it runs a
/// campaign.
@main
struct Helper {
  static func main() async throws {
    switch CommandLine.arguments.dropFirst().first {
    case nil:
      let session = Session()
      while let line = readLine() {
        do {
          answer("ok \(try session.perform(line))")
        } catch {
          session.lastMessage = error.message
          answer("error \(error.code)")
        }
      }
    case "adopt":
      try Passing.adoptStandardInput()
    case "create-campaign":
      try await CreateCampaign(rounds: number(2)).run()
    case "create-loop":
      try CreateCampaign.createForever(seed: UInt64(number(2)))
    case "deny":
      Refusal.run(Array(CommandLine.arguments.dropFirst(2)))
    case "ending":
      try Ending.run(CommandLine.arguments[2])
    case "lifetimes-campaign":
      // A write to a dead worker must not end the conductor.
      signal(SIGPIPE, SIG_IGN)
      let seed = CommandLine.arguments.count > 3 ? seed(3) : .random(in: 1...UInt64.max)
      var campaign = try LifetimesCampaign(killCount: number(2), seed: seed)
      campaign.run()
    case "lifetimes-worker":
      LifetimesWorker(log: CommandLine.arguments[2], index: number(3), seed: seed(4)).run()
    case "byte-queue-hold":
      try QueueProcess.holdBytes(CommandLine.arguments[2])
    case "ended-thread":
      try EndedThread.run(CommandLine.arguments[2], CommandLine.arguments[3])
    case "fork-leave":
      try await ForkProcess.leave(CommandLine.arguments[2], CommandLine.arguments[3])
    case "fork-use":
      try await ForkProcess.use(CommandLine.arguments[2], CommandLine.arguments[3])
    case "place":
      try PlaceProcess.hold(
        CommandLine.arguments[2], CommandLine.arguments[3],
        isStopping: CommandLine.arguments.count > 4)
    case "queue-fork":
      try QueueProcess.fork(CommandLine.arguments[2])
    case "queue-hold":
      try QueueProcess.hold(CommandLine.arguments[2], CommandLine.arguments[3])
    case "queue-stream-receive":
      try QueueStreams.receive(
        .init(rawValue: CommandLine.arguments[2])!, CommandLine.arguments[3], index: number(4),
        senderCount: number(5))
    case "queue-stream-send":
      try QueueStreams.send(
        .init(rawValue: CommandLine.arguments[2])!, CommandLine.arguments[3], index: number(4),
        count: number(5))
    case "queue-streams":
      try QueueStreams.run(messageCount: number(2))
    case "topic-finish":
      try TopicProcess.finish(CommandLine.arguments[2], dyingAt: CommandLine.arguments[3])
    case "topic-fork":
      try TopicProcess.fork(CommandLine.arguments[2])
    case "topic-hold":
      try TopicProcess.hold(CommandLine.arguments[2], CommandLine.arguments[3])
    case "topic-streams":
      try TopicStreams.run(seconds: number(2))
    case "topic-stream-subscribe":
      try TopicStreams.subscribe(
        CommandLine.arguments[2], isSlow: CommandLine.arguments[3] == "slow")
    case "sync":
      try SyncProcess.run(Array(CommandLine.arguments.dropFirst(2)))
    case "sync-campaign", "messaging-campaign":
      let seed = CommandLine.arguments.count > 3 ? seed(3) : .random(in: 1...UInt64.max)
      let isMessaging = CommandLine.arguments[1] == "messaging-campaign"
      let all =
        isMessaging ? SyncSubject.Primitive.ofMessaging : SyncSubject.Primitive.ofSynchronization
      let only = CommandLine.arguments.dropFirst(4)
      try SyncCampaign.run(
        only.isEmpty ? all : all.filter { only.contains($0.rawValue) }, seconds: number(2),
        seed: seed)
    case "sync-turn":
      try SyncTurns.play(
        CommandLine.arguments[2], CommandLine.arguments[3], number(4),
        isFirst: CommandLine.arguments[5] == "first")
    case "sync-turns":
      try SyncTurns.run(rounds: number(2))
    case "sync-worker":
      var worker = try SyncWorker(
        primitive: CommandLine.arguments[2], name: CommandLine.arguments[3], index: number(4),
        seed: seed(5))
      try worker.run()
    case "value-reader":
      try ValueProcess.named(CommandLine.arguments[2]).read(CommandLine.arguments[3])
    case "value-writer":
      try ValueProcess.named(CommandLine.arguments[2]).write(CommandLine.arguments[3])
    case let other:
      fatalError("Unknown argument \(other ?? "")")
    }
  }

  /// Prints a line at once, whatever the standard output is.
  static func answer(_ line: String) {
    guard (try? FileDescriptor.standardOutput.writeAll((line + "\n").utf8)) != nil else { exit(1) }
  }

  private static func seed(_ position: Int) -> UInt64 {
    guard let seed = UInt64(CommandLine.arguments[position]) else {
      fatalError("Argument \(position) is not a seed")
    }
    return seed
  }

  private static func number(_ position: Int) -> Int {
    guard let number = Int(CommandLine.arguments[position]) else {
      fatalError("Argument \(position) is not a number")
    }
    return number
  }
}
