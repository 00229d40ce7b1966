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

/// The program that the tests start, talk to and kill.
///
/// Without arguments it reads commands from its standard input, one on each line, and answers each
/// with one line: `ok` and a result, or `error` and the code of the error.
@main
struct Helper: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "interprocess-test-helper",
    subcommands: [
      // What a single process does.
      Adopt.self, Deny.self, EndedThread.self, Ending.self, PlaceProcess.self, SyncProcess.self,
      ByteQueueHold.self, QueueFork.self, QueueHold.self, TopicFinish.self, TopicFork.self,
      TopicHold.self, ForkLeave.self, ForkUse.self, ValueReader.self, ValueWriter.self,
      WakeWords.self,
      // Campaigns, and the processes that they start.
      CreateCampaign.self, CreateLoop.self, LifetimesCampaign.Command.self,
      LifetimesWorker.Command.self, SyncCampaign.Command.self, MessagingCampaign.self,
      SyncWorker.Command.self, SyncTurns.Command.self, SyncTurn.self, QueueStreams.Command.self,
      QueueStreamSend.self, QueueStreamReceive.self, TopicStreamsRun.self,
      TopicStreamSubscribe.self,
    ])

  /// Runs a command; one that fails ends the program with a trap, and so do wrong arguments.
  static func main() async throws {
    // Most tests start it without arguments; the parser would take a third of the start.
    guard CommandLine.arguments.count > 1 else { return Helper().run() }
    var command: any ParsableCommand
    do {
      command = try parseAsRoot()
    } catch {
      guard exitCode(for: error).isSuccess else { fatalError(fullMessage(for: error)) }
      exit(withError: error)
    }
    if var command = command as? any AsyncParsableCommand {
      try await command.run()
    } else {
      try command.run()
    }
  }

  func run() {
    let session = Session()
    while let line = readLine() {
      do {
        Self.answer("ok \(try session.perform(line))")
      } catch {
        session.lastMessage = error.message
        Self.answer("error \(error.code)")
      }
    }
  }

  /// Prints a line at once, whatever the standard output is.
  static func answer(_ line: String) {
    guard (try? FileDescriptor.standardOutput.writeAll((line + "\n").utf8)) != nil else {
      Glibc.exit(1)
    }
  }
}
