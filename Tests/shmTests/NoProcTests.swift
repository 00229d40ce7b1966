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

import Foundation
import Subprocess
import TestSupport
import Testing

@Suite(
  "Without /proc", .timeLimit(.minutes(5)),
  .enabled(if: geteuid() == 0, "Needs root, to mount over /proc."))
struct NoProcTests {
  /// Runs a script with a `/dev/shm` of its own and an empty `/proc`.
  private func run(_ script: String) async throws -> ProcessOutcome {
    try await runWithOwnSharedMemory("size=1m", "mount -t tmpfs tmpfs /proc\n" + script)
  }

  @Test("Every command gets its arguments")
  func commands() async throws {
    let outcome = try await run(
      #"""
      "$SHM" create a --bytes 4; "$SHM" write a 1 2 $'3' 4; "$SHM" read a
      "$SHM" dump a | head -1; "$SHM" save a - | "$SHM" load b -
      mv /dev/shm/b $'/dev/shm/b\xff'; "$SHM" read $'b\xff'
      "$SHM" info a | head -3; "$SHM" list 2> /dev/null | cut -d ' ' -f 1
      "$SHM" remove a $'b\xff'; "$SHM" sweep; ls -A /dev/shm
      "$SHM" frobnicate; echo $?
      "$SHM" read --help | head -1
      "$SHM" | head -1
      """#)
    #expect(
      outcome.output == #"""
        1 2 3 4
        00000000  01 02 03 04                                       |....|
        1 2 3 4
        name       a
        kind       bytes
        size       4 bytes
        NAME
        a
        b\xff
        64
        OVERVIEW: Print values from shared memory.
        OVERVIEW: Create, show, change and remove shared memory.

        """#)
    #expect(outcome.errors.contains("Unexpected argument 'frobnicate'"))
  }

  @Test("A hint names the program as it was started, and the list reports what it lacks")
  func hints() async throws {
    let outcome = try await run(#""$SHM" info missing; "$SHM" create a --bytes 1; "$SHM" list"#)
    #expect(
      outcome.errors == """
        shm: No shared memory named "missing"; `\(Tool.command) list` shows all there is.
        shm: There is no /proc of this process here, so no processes are shown.
        shm: /proc/locks cannot be read, so handles are not counted.

        """)
  }

  @Test(
    "The demo finds the program that its processes run",
    arguments: ["\"$SHM\" demo", "cd ${SHM%/*}; ./shm demo", "PATH=${SHM%/*}:$PATH; shm demo"])
  func demo(command: String) async throws {
    let outcome = try await run(command)
    #expect(outcome.status == .exited(0))
    #expect(outcome.errors == "")
    #expect(outcome.output.split(separator: "\n").filter { $0.hasPrefix("process ") }.count == 8)
  }

  @Test("A file that has the bit of temporary memory by accident is lasting")
  func mark() async throws {
    let outcome = try await run(
      #"""
      mkfifo /tmp/hold$$
      "$SHM" create held --bytes 1 --hold > /tmp/hold$$ & read line < /tmp/hold$$; rm /tmp/hold$$
      echo > /dev/shm/accident; chmod 1600 /dev/shm/accident
      for name in accident held; do "$SHM" info $name 2> /dev/null | grep lifetime; done
      "$SHM" sweep; kill $!; wait $!; ls -A /dev/shm
      """#)
    #expect(
      outcome
        == .success(
          """
          lifetime   lasting
          lifetime   temporary
          accident

          """))
  }
}
