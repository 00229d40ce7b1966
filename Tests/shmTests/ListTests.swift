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
import Interprocess
import Subprocess
import TestSupport
import Testing

@Suite("Listing", .timeLimit(.minutes(10)))
struct ListTests {
  @Test("An empty list has only the header")
  func empty() async throws {
    let outcome = try await runWithOwnSharedMemory(
      "size=64k", "\"$SHM\" list && \"$SHM\" list --json")
    #expect(
      outcome
        == .success(
          "NAME  KIND  SIZE  RESIDENT  OWNER  MODE  AGE  LIFETIME  HANDLES  PROCESSES\n[]\n"))
  }

  @Test("The whole list")
  func whole() async throws {
    let script = #"""
      mkfifo /dev/shm/fifo
      "$SHM" create frames --bytes 1MiB --mode 0664 --on-demand
      "$SHM" create a --bytes 1500
      "$SHM" create $'odd\n\e[31m\\\\"' --bytes 4096
      "$SHM" create stale --bytes 8KiB --hold > /dev/shm/fifo & read < /dev/shm/fifo
      { kill -KILL $!; wait $!; } 2> /dev/null
      mkdir /dev/shm/directory; ln -s a /dev/shm/link
      "$SHM" list | sed -E 's/ +[0-9]+s/  AGE/'
      "$SHM" list --json | sed -E 's/"ageSeconds": [0-9]+\.[0-9]+/"ageSeconds": AGE/'
      """#
    let outcome = try await runWithOwnSharedMemory("size=1m", script)
    #expect(
      outcome
        == .success(
          #"""
          NAME              KIND   SIZE  RESIDENT  OWNER  MODE  AGE  LIFETIME  HANDLES  PROCESSES
          a                 bytes  1500      4KiB  root   0600  AGE  lasting         0
          frames            bytes  1MiB         0  root   0664  AGE  lasting         0
          odd\n\x1b[31m\\"  bytes  4KiB      4KiB  root   0600  AGE  lasting         0
          stale             bytes  8KiB      8KiB  root   0600  AGE  STALE           0
          [
            {"name": "a", "kind": "bytes", "byteCount": 1500, "residentByteCount": 4096, "userID": 0, "mode": "0600", "ageSeconds": AGE, "lifetime": "untilUnlinked", "handleCount": 0, "isStale": false, "processes": []},
            {"name": "frames", "kind": "bytes", "byteCount": 1048576, "residentByteCount": 0, "userID": 0, "mode": "0664", "ageSeconds": AGE, "lifetime": "untilUnlinked", "handleCount": 0, "isStale": false, "processes": []},
            {"name": "odd\n\u001b[31m\\\"", "argument": "odd\\n\\x1b[31m\\\\\"", "kind": "bytes", "byteCount": 4096, "residentByteCount": 4096, "userID": 0, "mode": "0600", "ageSeconds": AGE, "lifetime": "untilUnlinked", "handleCount": 0, "isStale": false, "processes": []},
            {"name": "stale", "kind": "bytes", "byteCount": 8192, "residentByteCount": 8192, "userID": 0, "mode": "0600", "ageSeconds": AGE, "lifetime": "whileAttached", "handleCount": 0, "isStale": true, "processes": []}
          ]

          """#))
  }

  @Test(
    "Owners are shown by name, or by number if they have none",
    .enabled(if: geteuid() == 0, "needs root, to give files to other users"))
  func owners() async throws {
    let outcome = try await runWithOwnSharedMemory(
      "size=1m",
      #"""
      for name in a b c; do "$SHM" create $name --bytes 1; done
      chown 65534 /dev/shm/b
      chown 4000000 /dev/shm/c
      "$SHM" list | sed -E 's/ +[0-9]+s/  AGE/'
      "$SHM" list --json | grep -o '"userID": [0-9]*'
      """#)
    #expect(
      outcome
        == .success(
          """
          NAME  KIND   SIZE  RESIDENT  OWNER    MODE  AGE  LIFETIME  HANDLES  PROCESSES
          a     bytes     1      4KiB  root     0600  AGE  lasting         0
          b     bytes     1      4KiB  nobody   0600  AGE  lasting         0
          c     bytes     1      4KiB  4000000  0600  AGE  lasting         0
          "userID": 0
          "userID": 65534
          "userID": 4000000

          """))
  }

  @Test(
    "Without a list of locks, everything else is shown, and the gap is reported",
    .enabled(if: geteuid() == 0, "needs root, to mount another /proc"))
  func withoutLocks() async throws {
    let outcome = try await runWithOwnSharedMemory(
      "size=1m",
      #"""
      "$SHM" create a --bytes 1
      mkfifo /dev/shm/fifo
      "$SHM" create used --bytes 1 --hold > /dev/shm/fifo & read < /dev/shm/fifo
      "$SHM" create stale --bytes 1 --hold > /dev/shm/fifo & read < /dev/shm/fifo
      { kill -KILL $!; wait $!; } 2> /dev/null
      rm /dev/shm/fifo
      mount -t proc -o subset=pid proc /proc
      "$SHM" list | sed -E 's/ +[0-9]+s/  AGE/; s/ [0-9]+ shm$/ PID shm/'
      "$SHM" info stale --json | grep -o '"handleCount": .*'
      "$SHM" sweep
      kill %1
      """#)
    #expect(
      outcome.output == """
        NAME   KIND   SIZE  RESIDENT  OWNER  MODE  AGE  LIFETIME   HANDLES  PROCESSES
        a      bytes     1      4KiB  root   0600  AGE  lasting          ?
        stale  bytes     1      4KiB  root   0600  AGE  STALE            ?
        used   bytes     1      4KiB  root   0600  AGE  temporary        ?  PID shm
        "handleCount": null, "isStale": true, "processes": []}
        stale

        """)
    #expect(
      outcome.errors.hasPrefix(
        "shm: /proc/locks cannot be read, so handles are not counted.\n"))
  }

  @Test(
    "Memory that a process may have is not called stale, and that process is shown",
    .enabled(if: geteuid() == 0, "needs root, to be other users"))
  func perhapsStale() async throws {
    // Users without other processes, such as those of a second run of this test.
    let owner = 1_000_000_000 + 2 * Int(getpid())
    let outcome = try await runWithOwnSharedMemory(
      "size=64m,mode=1777",
      #"""
      owner=\#(owner); other=\#(owner + 1)
      mount -t tmpfs tmpfs /mnt; cp "$SHM" /mnt/tool; chmod 755 /mnt/tool; mkfifo -m 666 /mnt/fifo
      as() { exec setpriv --reuid "$1" --regid 1000 --clear-groups "${@:2}"; }
      for name in held stale; do
        (as $owner /mnt/tool create $name --bytes 1 --hold > /mnt/fifo) & read line < /mnt/fifo
        { kill -KILL $!; wait $!; } 2> /dev/null
      done
      (as $owner sleep 60 3< /dev/shm/held) & sleeper=$!
      for i in {1..1000}; do
        [ "$(cat /proc/$sleeper/comm)" = sleep ] && break
        sleep 0.01
      done
      for user in $owner $other; do
        (as $user /mnt/tool list) | tr -s ' ' | sed -E "s/ [0-9]+s / AGE /; s/$sleeper/PID/"
      done
      (as $other /mnt/tool info held --json) | grep -o '"isStale.*' | sed "s/$sleeper/PID/"
      kill $sleeper
      wait $sleeper 2> /dev/null
      for user in $owner $other; do (as $user /mnt/tool info stale) | grep removal; done
      """#)
    #expect(
      outcome.output == """
        NAME KIND SIZE RESIDENT OWNER MODE AGE LIFETIME HANDLES PROCESSES
        held bytes 1 4KiB \(owner) 0600 AGE temporary 0 PID sleep
        stale bytes 1 4KiB \(owner) 0600 AGE STALE 0
        NAME KIND SIZE RESIDENT OWNER MODE AGE LIFETIME HANDLES PROCESSES
        held ? 1 4KiB \(owner) 0600 AGE STALE? 0 perhaps PID sleep of \(owner)
        stale ? 1 4KiB \(owner) 0600 AGE STALE? 0 perhaps PID sleep of \(owner)
        "isStale": false, "processes": [], "possibleHolders": ["process PID (sleep) of user \(owner)"], "error": "The permissions of shared memory \\\"held\\\" do not let this user read it."}
        removal    only \(owner) and root can remove it, with `shm sweep`

        """)
  }

  @Test("One segment is shown with the processes of two languages that have it mapped")
  func info() async throws {
    let name = uniqueName("info")
    let python = try #require(Python.all.last)
    let memory = try SharedMemory.create(name, byteCount: 10240)
    let program = """
      import sys
      from multiprocessing import resource_tracker, shared_memory
      memory = shared_memory.SharedMemory(sys.argv[1])
      resource_tracker.unregister(memory._name, "shared_memory")
      print("ready", flush=True)
      sys.stdin.readline()
      memory.close()
      """
    let outcome = try await withChildProcess(python.path, ["-c", program, name]) { child in
      #expect(try await child.nextLine() == "ready")
      let processes = try [getpid(), child.processID].sorted().map { processID in
        (processID, try command(of: processID))
      }
      let user = try await run("id", ["-un"]).output

      let text = processes.map { "\($0) \($1)" }.joined(separator: ", ")
      let info = try await shm("info", name)
      #expect(
        info.replacingAge(/age +[0-9]+[smhd]/, by: "age AGE")
          == .success(
            """
            name       \(name)
            kind       bytes
            size       10KiB (10240 bytes)
            resident   12KiB (12288 bytes)
            owner      \(user)mode       0600
            age AGE
            lifetime   lasting
            handles    1
            processes  \(text)

            """))

      let json = processes.map { "{\"processID\": \($0), \"command\": \"\($1)\"}" }
        .joined(separator: ", ")
      let object = """
        {"name": "\(name)", "kind": "bytes", "byteCount": 10240, "residentByteCount": 12288, "userID": \(geteuid()), \
        "mode": "0600", "ageSeconds": AGE, "lifetime": "untilUnlinked", "handleCount": 1, "isStale": false, \
        "processes": [\(json)]}
        """
      let jsonInfo = try await shm("info", name, "--json")
      #expect(
        jsonInfo.replacingAge(/"ageSeconds": [0-9.]+/, by: "\"ageSeconds\": AGE")
          == .success(object + "\n"))

      // The list shows the same, whatever else is there.
      let list = try await shm("list").replacingAge(/\ 0600 +[0-9]+[smhd]/, by: " 0600  AGE")
      let row = try #require(list.output.split(separator: "\n").first { $0.hasPrefix(name + " ") })
      let cells = row.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
      #expect(cells == "\(name) bytes 10KiB 12KiB \(user.dropLast()) 0600 AGE lasting 1 \(text)")
      let jsonList = try await shm("list", "--json")
        .replacingAge(/"ageSeconds": [0-9.]+/, by: "\"ageSeconds\": AGE")
      #expect(jsonList.output.contains("\n  \(object)"))
      try await child.send("")
    }
    #expect(outcome.status == .exited(0))
    try memory.unlink()
  }

  @Test("An independent parser reads the list as JSON")
  func parsed() async throws {
    try await withName("q\"\\\n\u{1}é") { name in
      _ = try SharedMemory.create(name, byteCount: 7)
      let python = try #require(Python.all.first)
      let outcome = try await bash(
        """
        "$SHM" list --json | "$1" -c '
        import json, sys
        segment, = [s for s in json.load(sys.stdin) if s["name"] == sys.argv[1]]
        print(segment["byteCount"], segment["mode"], 0 <= segment["ageSeconds"] < 3600)
        ' "$2"
        """, python.path, name)
      #expect(outcome == .success("7 0600 True\n"))
    }
  }

  private func command(of processID: Int32) throws -> String {
    String(try String(contentsOfFile: "/proc/\(processID)/comm", encoding: .utf8).dropLast())
  }
}

extension ProcessOutcome {
  /// The outcome with every age in its output replaced.
  fileprivate func replacingAge(_ age: Regex<Substring>, by text: String) -> ProcessOutcome {
    ProcessOutcome(
      status: status, output: output.replacing(age, with: text), errors: errors)
  }
}
