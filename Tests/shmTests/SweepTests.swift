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

  @Test("Held memory has the requested mode and reservation")
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

  @Test("A name in use cannot be held")
  func taken() async throws {
    let outcome = try await runWithOwnSharedMemory(
      "size=1m", "\"$SHM\" create x --bytes 1; \"$SHM\" create x --bytes 1 --hold; echo $?")
    #expect(outcome.output == "1\n")
    #expect(
      outcome.errors.hasPrefix("shm: Shared memory \"x\" exists already, and is left as it is"))
  }

  @Test("A sweep removes stale memory, and nothing else")
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
      # The second name of protected memory, which goes with the first and is not reported.
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

  // MARK: - What stays

  /// Makes stale memory under a name, owned by the user that runs it.
  private static let stale = #"""
    stale() {
      mkfifo "/tmp/hold$$"
      "$SHM" create "$1" --bytes 1 --hold > "/tmp/hold$$" &
      read -r line < "/tmp/hold$$"; rm "/tmp/hold$$"
      { kill -KILL $!; wait $!; } 2> /dev/null
    }

    """#

  @Test(
    "A segment that cannot be removed is named in a line, does not stop the sweep, and makes it fail"
  )
  func failures() async throws {
    let locker = """
      import fcntl, sys
      file = open("/dev/shm/locked\\n\\x1b", "r+b")
      fcntl.lockf(file, fcntl.LOCK_EX)
      print("locked", flush=True)
      sys.stdin.read()
      """
    let outcome = try await runWithOwnSharedMemory(
      "size=1m",
      Self.stale + #"""
        stale a; stale $'locked\n\x1b'; stale z
        mv /dev/shm/a $'/dev/shm/\xff'; stale a
        coproc python3 -c "$1"; read -r line <&${COPROC[0]}
        for option in --dry-run "" --dry-run; do
          "$SHM" sweep $option 2> /tmp/errors$$; echo "status $?"
          sed "s/process $COPROC_PID/process PID/" /tmp/errors$$
        done
        rm /tmp/errors$$; eval "exec ${COPROC[1]}>&-"; wait $COPROC_PID
        "$SHM" remove '\xff'; "$SHM" sweep; echo "status $?"
        """#, locker)
    let left = #"""
      shm: Shared memory "\xff" was not swept. It is stale, but its name is not UTF-8, so this library did not create it: remove it with `shm remove`.
      shm: Cannot sweep shared memory "locked\n\x1b": process PID holds an exclusive lockf or fcntl lock on the whole file, which covers the bytes that this library locks; let it unlock the file, or use flock, which does not conflict.
      """#
    #expect(outcome.errors == "")
    #expect(
      outcome.output == """
        a
        z
        status 1
        \(left)
        a
        z
        status 1
        \(left)
        status 1
        \(left)
        locked\\n\\x1b
        status 0

        """)
  }

  @Test(
    "Stale memory of other users is reported once, whatever its name, and is no failure",
    .enabled(if: geteuid() == 0, "Needs root, to be other users."), arguments: [1, 3])
  func ofOthers(count: Int) async throws {
    let outcome = try await runWithOwnSharedMemory(
      "size=1m",
      Self.stale + #"""
        for name in $(seq $1); do stale theirs$name; done
        chmod 1666 /dev/shm/theirs1
        stale ours; chown 1000 /dev/shm/ours
        for option in --dry-run "" --dry-run; do
          setpriv --reuid 1000 --clear-groups "$SHM" sweep $option; echo "status $?"
        done
        "$SHM" sweep
        """#, "\(count)")
    let line =
      count == 1
      ? """
      shm: 1 segment of another user seems to be stale, and stays: only its owner and root can sweep it. `\(Tool.command) list` shows it.

      """
      : """
      shm: 3 segments of other users seem to be stale, and stay: only their owners and root can sweep them. `\(Tool.command) list` shows them.

      """
    #expect(outcome.errors == line + line + line)
    #expect(
      outcome.output
        == "ours\nstatus 0\nours\nstatus 0\nstatus 0\n"
        + (1...count).map { "theirs\($0)\n" }.joined())
  }

  @Test(
    "Memory that a hidden process may have is named, and is no failure",
    .enabled(if: geteuid() == 0, "Needs root, to be other users and to hide processes."))
  func perhapsInUse() async throws {
    let outcome = try await runWithOwnSharedMemory(
      "size=1m",
      Self.stale + #"""
        stale m; chown 1000 /dev/shm/m
        # Root's, which user 1000 may not look into.
        exec 3< /dev/shm/m
        for option in --dry-run ""; do
          setpriv --reuid 1000 --clear-groups sh -c 'exec 3<&-; "$SHM" sweep '$option; echo "status $?"
        done
        exec 3<&-
        setpriv --reuid 1000 --clear-groups "$SHM" sweep
        """#)
    #expect(outcome.output == "status 0\nstatus 0\nm\n")
    let line = """
      shm: Shared memory "m" was not swept. No handle is open on it, but a process has it open: a process that cannot be seen, such as one of root or of another container. End that process, or remove the memory if you know that no process needs it.

      """
    #expect(outcome.errors == line + line)
  }
}
