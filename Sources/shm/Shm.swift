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

import ArgumentParser
import Glibc
import Interprocess
import SystemPackage

/// The tool: parses its arguments, runs one subcommand, and reports any error.
@main
struct Shm: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shm",
    abstract: "Create, show, change and remove shared memory.",
    discussion: """
      Shared memory is a named block of bytes that several processes see at once. It lies in \
      /dev/shm. This tool, Swift's Interprocess library, Python's multiprocessing.shared_memory \
      and shm_open in C all see the same memory.

      SIZE, and every number of bytes, is a whole number, alone or followed by KiB, MiB, GiB or \
      TiB: 4096, 64KiB, 10MiB.

      A name consists of bytes. The tool shows \\\\ for a backslash, \\n, \\r and \\t, \\xNN for a \
      byte and \\u{N} for a character that cannot be shown. Write names in the same way: write \
      \\\\ for a backslash.

      The exit status is 0 if the command succeeded, 1 if something failed, and 64 if the command \
      line was wrong.
      """,
    subcommands: [
      Demo.self, Create.self, List.self, Info.self, Read.self, Write.self, Dump.self, Load.self,
      Save.self, Remove.self, Sweep.self, DemoProcess.self,
    ])

  static func main() {
    prepareSignals()
    do {
      var command = try parseAsRoot(Invocation.arguments)
      try command.run()
    } catch let error as InterprocessError {
      complain(Failure(error).message)
      Glibc.exit(1)
    } catch let failure as Failure {
      complain(failure.message)
      Glibc.exit(1)
    } catch {
      let status = exitCode(for: error)
      // Success means help or the like. An error message may repeat an argument.
      if status.isSuccess { exit(withError: error) }
      let lines = fullMessage(for: error).split(separator: "\n", omittingEmptySubsequences: false)
      let text = lines.map { String($0).withoutControls }.joined(separator: "\n")
      if !text.isEmpty { _ = try? FileDescriptor.standardError.writeAll("\(text)\n".utf8) }
      Glibc.exit(status.rawValue)
    }
  }

  private static func prepareSignals() {
    // Turns a closed pipe into an error of the write, which gets a message.
    signal(SIGPIPE, SIG_IGN)
    // The same for a file above this process's size limit.
    signal(SIGXFSZ, SIG_IGN)
    signal(SIGBUS) { _ in
      // Calls only functions that a signal handler may call.
      let message: StaticString =
        "shm: The memory became smaller, or /dev/shm filled up, while the memory was in use.\n"
      // SAFETY: a literal keeps its address for the life of the program.
      _ = unsafe Glibc.write(STDERR_FILENO, message.utf8Start, message.utf8CodeUnitCount)
      _exit(1)
    }
  }
}
