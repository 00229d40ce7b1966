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

@Suite("Holding and sweeping", .timeLimit(.minutes(5)))
struct SweepTests {
  @Test(
    "Held memory is temporary, lasts as long as the command, and goes with it",
    arguments: ["INT", "TERM", "HUP"])
  func held(signal: String) async throws {
    let outcome = try await runWithOwnSharedMemory(
      "size=1m",
      """
      mkfifo /tmp/hold$$
      env --default-signal=INT "$SHM" create x --bytes 4096 --hold > /tmp/hold$$ &
      read line < /tmp/hold$$; rm /tmp/hold$$
      echo "$line"
      "$SHM" info x | grep -E '^(lifetime|handles)'
      "$SHM" write x 7 && "$SHM" read x --count 1
      "$SHM" sweep
      kill -\(signal) $!; wait $!; echo $?
      ls -A /dev/shm
      """)
    #expect(
      outcome
        == .success(
          """
          Holding "x". Ctrl-C ends it.
          lifetime   temporary
          handles    1
          7
          0

          """))
  }

  @Test("Held memory has the mode and the reservation that were asked for")
  func heldOptions() async throws {
    let outcome = try await runWithOwnSharedMemory(
      "size=1m",
      """
      mkfifo /tmp/hold$$
      "$SHM" create x --bytes 4096 --mode 0640 --on-demand --hold > /tmp/hold$$ &
      read line < /tmp/hold$$; rm /tmp/hold$$
      stat -c '%a %b' /dev/shm/x
      kill $!; wait $!; echo $?
      ls -A /dev/shm
      """)
    #expect(outcome == .success("1640 0\n0\n"))
  }

  @Test("A taken name is not held")
  func taken() async throws {
    let outcome = try await runWithOwnSharedMemory(
      "size=1m", "\"$SHM\" create x --bytes 1; \"$SHM\" create x --bytes 1 --hold; echo $?")
    #expect(outcome.output == "1\n")
    #expect(outcome.errors.hasPrefix("shm: Shared memory \"x\" exists already, and stays"))
  }

  @Test("A sweep removes what is stale, and nothing else")
  func sweep() async throws {
    let outcome = try await runWithOwnSharedMemory(
      "size=1m",
      #"""
      hold() {
        mkfifo "/tmp/hold$$"
        "$SHM" create "$1" --bytes 1 --hold > "/tmp/hold$$" &
        read line < "/tmp/hold$$"; rm "/tmp/hold$$"
      }
      "$SHM" create lasting --bytes 1
      hold $'stale\n2'; { kill -KILL $!; wait $!; } 2> /dev/null
      hold stale1; { kill -KILL $!; wait $!; } 2> /dev/null
      # The second name of protected memory, which goes with the first and is not told.
      ln /dev/shm/stale1 "/dev/shm/.swift-guard.0.$(stat -c %i /dev/shm/stale1).stale1"
      hold used
      echo dry; "$SHM" sweep --dry-run
      echo wet; "$SHM" sweep
      echo again; "$SHM" sweep; "$SHM" sweep --dry-run
      ls -A /dev/shm
      kill $!; wait $!
      ls -A /dev/shm
      """#)
    #expect(outcome.status == .exited(0))
    #expect(
      outcome.output == """
        dry
        stale\\n2
        stale1
        wet
        stale\\n2
        stale1
        again
        lasting
        used
        lasting

        """)
  }
}
