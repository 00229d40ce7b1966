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

// SAFETY: `environ` is a variable in C, which no program here ever changes.
@unsafe @preconcurrency internal import Glibc

/// A process that runs this same program, whose standard output this one reads.
public final class ChildProcess {
  private let processID: pid_t
  private let output: CInt
  private var hasEnded = false

  /// Starts the process.
  ///
  /// - Parameter arguments: The arguments, with the name of the program first.
  public init(_ arguments: [String]) throws {
    var ends: [CInt] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { throw Failure("Cannot make a pipe.") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[1]) }
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)

    // Unlike this process, the child ends at once when it is interrupted.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setflags(&attributes, CShort(POSIX_SPAWN_SETSIGMASK))

    // SAFETY: the copies live until after the call, and the array ends in NULL.
    var words: [UnsafeMutablePointer<CChar>?] =
      unsafe arguments.map { unsafe strdup($0) } + [nil]
    defer { unsafe words.forEach { unsafe free($0) } }
    var processID: pid_t = 0
    let result = unsafe posix_spawn(
      &processID, "/proc/self/exe", &actions, &attributes, &words, environ)
    guard result == 0 else {
      close(ends[0])
      throw Failure("Cannot start a process.")
    }
    self.processID = processID
    output = ends[0]
  }

  deinit { close(output) }

  /// The next line that the process prints, without its end; `nil` if it has ended, or on an
  /// interruption.
  public func nextLine(_ interruption: Interruption) -> String? {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while true {
      var request = pollfd(fd: output, events: CShort(POLLIN), revents: 0)
      while unsafe poll(&request, 1, 10) <= 0 {
        if interruption.signal != nil { return nil }
      }
      guard unsafe read(output, &byte, 1) == 1 else { return nil }
      if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(byte)
    }
    return nil
  }

  /// Whether the process has not ended yet.
  public var isRunning: Bool {
    if !hasEnded { hasEnded = waitpid(processID, nil, WNOHANG) != 0 }
    return !hasEnded
  }

  /// Kills the process if it has not ended yet.
  public func end() {
    if hasEnded { return }
    kill(processID, SIGKILL)
    waitpid(processID, nil, 0)
    hasEnded = true
  }
}
