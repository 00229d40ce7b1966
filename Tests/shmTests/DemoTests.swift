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

@Suite("The demo", .timeLimit(.minutes(10)))
struct DemoTests {
  static let expected = """
    uint8 in shared memory NAME1
    process 1 (pid PID1) created the memory and wrote the first value: 1 0 0 0
    process 2 (pid PID2) attached and sees what process 1 wrote: 1 0 0 0
    process 2 (pid PID2) wrote the other three values: 1 2 3 4
    process 1 (pid PID1) sees what process 2 wrote: 1 2 3 4
    float64 in shared memory NAME2
    process 1 (pid PID3) created the memory and wrote the first value: 1.5 0.0 0.0 0.0
    process 2 (pid PID4) attached and sees what process 1 wrote: 1.5 0.0 0.0 0.0
    process 2 (pid PID4) wrote the other three values: 1.5 2.5 3.5 4.5
    process 1 (pid PID3) sees what process 2 wrote: 1.5 2.5 3.5 4.5
    Try next: \(Tool.command) create MyMemory --bytes 1024
              \(Tool.command) write MyMemory 1 2 3 4
              \(Tool.command) read MyMemory --count 4
              \(Tool.command) list
              \(Tool.command) remove MyMemory

    """

  @Test("Two demos at once each print the whole story, of four processes each")
  func twiceAtOnce() async throws {
    async let first = shm("demo")
    async let second = shm("demo")
    for outcome in try await [first, second] {
      let names = outcome.output.matches(of: /shm_demo_\w+/).map { String($0.0) }
      #expect(Set(names).count == 2)
      #expect(normalised(outcome) == .success(Self.expected))
      #expect(!names.contains(where: exists))
    }
  }

  /// The outcome, with each name and process number replaced by a placeholder, numbered in order of
  /// first appearance.
  private func normalised(_ outcome: ProcessOutcome) -> ProcessOutcome {
    var seen: [String: [Substring]] = [:]
    func number(_ word: Substring, _ kind: String) -> String {
      var words = seen[kind, default: []]
      if !words.contains(word) { words.append(word) }
      seen[kind] = words
      return "\(kind)\(words.firstIndex(of: word)! + 1)"
    }
    let output = outcome.output
      .replacing(/shm_demo_\w+/) { number($0.0, "NAME") }
      .replacing(/\(pid (\d+)\)/) { "(pid \(number($0.1, "PID")))" }
    return ProcessOutcome(status: outcome.status, output: output, errors: outcome.errors)
  }

  @Test("A full output is an error, from the start")
  func full() async throws {
    #expect(
      try await bash("exec \"$SHM\" demo > /dev/full")
        == .failure("Cannot write to standard output: No space left on device."))
  }

  @Test("A process that fails ends the demo")
  func failing() async throws {
    let outcome = try await runWithOwnSharedMemory(
      "ro", "\"$SHM\" demo | sed -E 's/shm_demo_\\w+/NAME/'; exit ${PIPESTATUS[0]}")
    #expect(outcome.status == .exited(1))
    #expect(outcome.output == "uint8 in shared memory NAME\n")
    #expect(outcome.errors.hasPrefix("shm: Cannot create shared memory \"shm_demo_"))
    #expect(outcome.errors.hasSuffix("\": Read-only file system.\n"))
    #expect(outcome.errors.split(separator: "\n").count == 1)
  }

  /// Which process gets which signal in the middle, and how the demo then ends.
  struct Ending: Sendable, CustomTestStringConvertible {
    var signal: Int32
    var target: String
    /// The status in the form of `subprocess.Popen.returncode`.
    var status: Int32
    var errors: String

    var testDescription: String { "signal \(signal) to \(target)" }

    static let all =
      [SIGINT, SIGTERM, SIGHUP, SIGQUIT].flatMap { signal in
        ["demo", "group"].map { Ending(signal: signal, target: $0, status: -signal, errors: "") }
      } + [
        Ending(
          signal: SIGKILL, target: "process1", status: 1,
          errors: "shm: Process 1 of the demo was ended by signal 9.\n"),
        Ending(
          signal: SIGKILL, target: "process2", status: 1,
          errors: "shm: Process 2 of the demo was ended by signal 9.\n"),
        // Only process 1 is left to clean up, which it does when it continues.
        Ending(signal: SIGKILL, target: "demo", status: -SIGKILL, errors: ""),
      ]
  }

  /// Starts a demo that stops in the middle.
  ///
  /// The pipe takes only its first line: process 1 has created the memory and waits, and process 2
  /// waits for process 1.
  private static let stoppedDemo = #"""
    import fcntl, os, signal, subprocess, sys, time
    shm = sys.argv[1]
    reader, writer = os.pipe()
    fcntl.fcntl(writer, 1031, 4096)  # F_SETPIPE_SZ
    os.write(writer, bytes(4096 - 100))
    # Swift's backtracer, where it is on, would make something else of SIGQUIT.
    environment = dict(os.environ, SWIFT_BACKTRACE="enable=no")
    demo = subprocess.Popen(
        [shm, "demo"], stdout=writer, stderr=subprocess.PIPE, start_new_session=True,
        env=environment)
    os.close(writer)

    def names():
        prefix = f"shm_demo_{demo.pid}_"
        return [name for name in os.listdir("/dev/shm") if name.startswith(prefix)]

    def children():
        with open(f"/proc/{demo.pid}/task/{demo.pid}/children") as file:
            return [int(word) for word in file.read().split()]

    while not (names() and len(children()) == 2):
        time.sleep(0.01)

    def clean_up():
        """Returns the names that the demo has left."""
        left = names()
        # A demo that does not do what it should is not to be waited for.
        try: os.killpg(demo.pid, signal.SIGKILL)
        except ProcessLookupError: pass
        for name in left: os.unlink("/dev/shm/" + name)
        return left

    """#

  @Test("However the demo ends in the middle, it leaves no name behind", arguments: Ending.all)
  func ended(ending: Ending) async throws {
    let program = #"""
      number, target = int(sys.argv[2]), sys.argv[3]
      if target == "demo":
          os.kill(demo.pid, number)
      elif target == "group":
          os.killpg(demo.pid, number)
      else:
          os.kill(children()[int(target[-1]) - 1], number)
      status = demo.wait()
      if number == signal.SIGKILL and target == "demo":
          # Whoever still runs gets on, and ends.
          while os.read(reader, 65536): pass
      left = clean_up()
      print(status, left, demo.stderr.read().decode(), sep="\n", end="")
      """#
    let python = try #require(Python.all.last)
    let outcome = try await python.run(
      Self.stoppedDemo + program, [Tool.path, "\(ending.signal)", ending.target])
    #expect(outcome == .success("\(ending.status)\n[]\n\(ending.errors)"))
  }

  @Test("The demo names the process that was killed, also if the other one ends first")
  func endedInOtherOrder() async throws {
    let program = #"""
      import ctypes, socket

      def is_waiting(process):
          with open(f"/proc/{process}/stat") as file:
              return file.read().rpartition(")")[2].split()[0] == "S"

      first, second = children()
      # Process 1 waits for room in the pipe. Process 2 finds its socket closed, and ends.
      get_descriptor = 438  # pidfd_getfd
      descriptor = ctypes.CDLL(None).syscall(get_descriptor, os.pidfd_open(first), 0, 0)
      if descriptor >= 0:
          end = socket.socket(fileno=descriptor)
          end.shutdown(socket.SHUT_RDWR)
          while second in children(): time.sleep(0.01)
      # The demo notices that, and goes on to wait for process 1.
      while demo.poll() is None and not is_waiting(demo.pid): time.sleep(0.01)
      if demo.returncode is None: os.kill(first, signal.SIGKILL)
      status = demo.wait()
      left = clean_up()
      print(descriptor >= 0, status, left, demo.stderr.read().decode(), sep="\n", end="")
      """#
    let python = try #require(Python.all.last)
    let outcome = try await python.run(Self.stoppedDemo + program, [Tool.path])
    #expect(
      outcome == .success("True\n1\n[]\nshm: Process 1 of the demo was ended by signal 9.\n"))
  }
}
