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
import CInterprocess
import Glibc
import Interprocess
import SystemPackage

struct Demo: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show two processes that share memory.",
    discussion: """
      Starts two processes, twice: once for bytes, once for floating-point numbers. Process 1 \
      creates the memory and writes the first value; process 2 attaches to it by its name and \
      writes the other three. Each line shows what a process sees. Then both close the memory, \
      and process 1 removes its name.

        shm demo
      """)

  func run() throws {
    for example in DemoExample.allCases {
      try run(example)
    }
    try Output.write { output in
      try output.writeLine(
        """
        Try next: \(Invocation.command) create MyMemory --bytes 1024
                  \(Invocation.command) write MyMemory 1 2 3 4
                  \(Invocation.command) read MyMemory --count 4
                  \(Invocation.command) list
                  \(Invocation.command) remove MyMemory
        """)
    }
  }

  private func run(_ example: DemoExample) throws {
    let random = hexadecimal(UInt64.random(in: .min ... .max), digits: 16)
    let name = "shm_demo_\(getpid())_\(random)"
    try Output.write { output in
      try output.writeLine("\(example.rawValue) in shared memory \(name)")
    }
    let signals = DemoSignals.block()
    // An interrupt that arrived meanwhile ends this process here.
    defer { signals.unblock() }
    do {
      var processes = try DemoChild.startPair(example, name: name)
      defer { for index in processes.indices { processes[index].end() } }
      try signals.waitForAll(&processes)
    } catch {
      // Process 1 has probably not removed the name.
      try? SharedMemory.unlink(name)
      throw error
    }
  }
}

// MARK: - Processes

/// One of the two processes that the demo starts.
private struct DemoChild {
  let number: Int
  let processID: pid_t
  private(set) var isRunning = true
  /// Whether it has ended because the other one has.
  private(set) var isLeftAlone = false

  /// Starts this program twice; the two processes take turns over a socket.
  static func startPair(_ example: DemoExample, name: String) throws -> [DemoChild] {
    var ends: [CInt] = [-1, -1]
    let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
    guard unsafe socketpair(AF_UNIX, type, 0, &ends) == 0 else {
      throw Failure(Errno(rawValue: errno), action: "make a socket")
    }
    defer { for end in ends { close(end) } }
    var processes: [DemoChild] = []
    for (number, end) in zip(1..., ends) {
      do {
        processes.append(try start(number, example, name: name, socket: end))
      } catch {
        for index in processes.indices { processes[index].end() }
        throw error
      }
    }
    return processes
  }

  private static func start(
    _ number: Int, _ example: DemoExample, name: String, socket: CInt
  ) throws -> DemoChild {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, socket, STDIN_FILENO)

    // Unlike this process, the child must not block the signals that end it.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setflags(&attributes, CShort(POSIX_SPAWN_SETSIGMASK))

    let words = [
      "shm", DemoProcess.configuration.commandName!, "\(number)", example.rawValue, name,
    ]
    // SAFETY: the copies live until after the call, and the array ends in NULL.
    var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
    defer { unsafe arguments.forEach { unsafe free($0) } }
    var processID: pid_t = 0
    // This path leads to this program wherever it is installed.
    var result = unsafe posix_spawn(
      &processID, "/proc/self/exe", &actions, &attributes, &arguments, environ)
    if result == ENOENT, let program = unsafe ipc_program() {
      // There is no `/proc` here.
      result = unsafe posix_spawn(
        &processID, program, &actions, &attributes, &arguments, environ)
    }
    guard result == 0 else {
      throw Failure(Errno(rawValue: result), action: "start a process")
    }
    return DemoChild(number: number, processID: processID)
  }

  private init(number: Int, processID: pid_t) {
    self.number = number
    self.processID = processID
  }

  /// Checks whether the process has ended, without waiting for it.
  ///
  /// - Throws: If it has failed.
  mutating func look() throws {
    guard isRunning, let status = waitForEnd(CInt(WNOHANG)) else { return }
    let signal = status & 0x7F
    if signal != 0 {
      throw Failure("Process \(number) of the demo was ended by signal \(signal).")
    }
    let exitCode = status >> 8
    isLeftAlone = exitCode == DemoProcess.leftAlone.rawValue
    // The process has reported any other reason.
    if exitCode != 0 && !isLeftAlone { throw ExitCode(1) }
  }

  /// Kills the process if it still runs.
  mutating func end() {
    guard isRunning else { return }
    kill(processID, SIGKILL)
    _ = waitForEnd(0)
  }

  private mutating func waitForEnd(_ options: CInt) -> CInt? {
    var status: CInt = 0
    while true {
      let result = unsafe waitpid(processID, &status, options)
      if result == processID {
        isRunning = false
        return status
      }
      if result == 0 { return nil }
      precondition(errno == EINTR, "waitpid for a child failed")
    }
  }
}

// MARK: - Signals

/// The signals that would end the demo, blocked until it has cleaned up.
private struct DemoSignals {
  private var blocked = sigset_t()
  private var previous = sigset_t()

  static func block() -> DemoSignals {
    var signals = DemoSignals()
    unsafe sigemptyset(&signals.blocked)
    // A parent may hand down an ignored SIGCHLD; the kernel would then keep no child's status.
    signal(SIGCHLD, SIG_DFL)
    unsafe sigaddset(&signals.blocked, SIGCHLD)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
      // A signal that is ignored, as under `nohup`, stays ignored.
      var action = sigaction()
      unsafe sigaction(number, nil, &action)
      // SAFETY: the value in the union is as large as a number, and is only compared as one.
      let handler = unsafe unsafeBitCast(action.__sigaction_handler, to: Int.self)
      let ignored = unsafe unsafeBitCast(SIG_IGN, to: Int.self)
      if handler != ignored {
        unsafe sigaddset(&signals.blocked, number)
      }
    }
    unsafe sigprocmask(SIG_BLOCK, &signals.blocked, &signals.previous)
    return signals
  }

  /// Unblocks the signals; one that was held back, or that ended the wait, takes effect.
  func unblock() {
    var previous = previous
    unsafe sigprocmask(SIG_SETMASK, &previous, nil)
  }

  /// Waits until all processes have succeeded.
  ///
  /// - Throws: If one has failed, if they take half a minute, or if a signal has arrived.
  func waitForAll(_ processes: inout [DemoChild]) throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while true {
      for index in processes.indices { try processes[index].look() }
      if !processes.contains(where: \.isRunning) {
        if processes.contains(where: \.isLeftAlone) {
          throw Failure("The processes of the demo lost each other.")
        }
        return
      }
      let timeLeft = deadline - .now
      guard timeLeft > .zero else {
        throw Failure("The processes of the demo did not end within half a minute.")
      }
      var time = timespec(tv_sec: Int(timeLeft.components.seconds), tv_nsec: 1_000_000)
      var awaited = blocked
      let number = unsafe sigtimedwait(&awaited, nil, &time)
      if number > 0 && number != SIGCHLD {
        // The signal is still blocked: it takes effect after the clean-up.
        raise(number)
        throw ExitCode(1)
      }
    }
  }
}
