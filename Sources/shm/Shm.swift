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

/// The tool: parses its arguments, runs one subcommand, and says what went wrong.
@main
struct Shm: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shm",
    abstract: "Make, show, change and remove shared memory.",
    discussion: """
      Shared memory is a named block of bytes that several processes see at once. It lies in \
      /dev/shm, and is the same for this tool, for Swift's Interprocess library, for Python's \
      multiprocessing.shared_memory, and for shm_open in C.

      SIZE, and every number of bytes, is a whole number, alone or followed by KiB, MiB, GiB or \
      TiB: 4096, 64KiB, 10MiB.

      A name is bytes, and is shown with \\\\ for a backslash, \\n, \\r and \\t, \\xNN for a byte \
      and \\u{N} for a character that cannot be shown. It is given in the same way: a backslash in \
      it is written \\\\.

      The exit status is 0 if all went well, 1 if something failed, and 64 if the command line \
      was wrong.
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
      // Help and the like. What is wrong may repeat an argument.
      if status.isSuccess { exit(withError: error) }
      let lines = fullMessage(for: error).split(separator: "\n", omittingEmptySubsequences: false)
      let text = lines.map { String($0).withoutControls }.joined(separator: "\n")
      if !text.isEmpty { _ = try? FileDescriptor.standardError.writeAll("\(text)\n".utf8) }
      Glibc.exit(status.rawValue)
    }
  }

  private static func prepareSignals() {
    // A closed pipe is then an error of the write, which gets its sentence.
    signal(SIGPIPE, SIG_IGN)
    // As is a file that is larger than this process may make.
    signal(SIGXFSZ, SIG_IGN)
    signal(SIGBUS) { _ in
      // Only what may be done in a signal handler: one write, and the end.
      let message: StaticString =
        "shm: The memory became smaller, or /dev/shm ran full, while the memory was used.\n"
      // SAFETY: a literal stays where it is for the life of the program.
      _ = unsafe Glibc.write(STDERR_FILENO, message.utf8Start, message.utf8CodeUnitCount)
      _exit(1)
    }
  }
}
