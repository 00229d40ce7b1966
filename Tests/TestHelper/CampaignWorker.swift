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

internal import Glibc
internal import SystemPackage
internal import TestSupport

/// A worker, as the conductor of a campaign sees it.
///
/// It is the process that was started, or a child in which that process continues; all of them are
/// in one process group.
final class CampaignWorker {
  let index: Int
  /// Whether the worker has begun to work.
  var isReady = false
  private let processID: pid_t
  private let input: FileDescriptor
  private let output: FileDescriptor
  private var text: [UInt8] = []

  init(index: Int, log: String, seed: UInt64) {
    self.index = index
    let (inputEnd, input) = Self.pipe()
    let (output, outputEnd) = Self.pipe()
    (self.input, self.output) = (input, output)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, inputEnd.rawValue, 0)
    posix_spawn_file_actions_adddup2(&actions, outputEnd.rawValue, 1)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, CShort(POSIX_SPAWN_SETPGROUP))
    let arguments = [CommandLine.arguments[0], "lifetimes-worker", log, "\(index)", "\(seed)"]
    var pointers = arguments.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var processID: pid_t = 0
    let error = posix_spawn(&processID, "/proc/self/exe", &actions, &attributes, &pointers, environ)
    guard error == 0 else { fatalError("Cannot start a worker: \(Errno(rawValue: error))") }
    self.processID = processID
    try? inputEnd.close()
    try? outputEnd.close()
  }

  deinit {
    try? input.close()
    try? output.close()
  }

  /// A pipe that no other worker inherits.
  private static func pipe() -> (FileDescriptor, FileDescriptor) {
    guard let (readEnd, writeEnd) = try? FileDescriptor.pipe() else { fatalError("No pipe") }
    for end in [readEnd, writeEnd] { _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) }
    return (readEnd, writeEnd)
  }

  func send(_ line: String) {
    // If the worker is dead, the conductor notices when it reads the answer.
    _ = try? input.writeAll((line + "\n").utf8)
  }

  func hasOutput(within milliseconds: CInt) -> Bool {
    var request = pollfd(fd: output.rawValue, events: CShort(POLLIN), revents: 0)
    return poll(&request, 1, milliseconds) == 1
  }

  /// The next line of its output; `nil` at the end.
  func nextLine() -> String? {
    while true {
      if let end = text.firstIndex(of: UInt8(ascii: "\n")) {
        defer { text.removeSubrange(...end) }
        return String(decoding: text[..<end], as: UTF8.self)
      }
      var chunk = [UInt8](repeating: 0, count: 4096)
      let count = chunk.withUnsafeMutableBytes { (try? output.read(into: $0)) ?? 0 }
      if count == 0 { return nil }
      text += chunk.prefix(count)
    }
  }

  /// Waits for the end of the worker's processes.
  ///
  /// - Returns: The status of each process, as `waitpid` returns it.
  private func wait() -> [CInt] {
    var statuses: [CInt] = []
    while true {
      var status: CInt = -1
      if waitpid(-processID, &status, 0) > 0 {
        statuses.append(status)
      } else if errno != EINTR {
        return statuses
      }
    }
  }

  /// Waits until the worker has ended after an order to end.
  ///
  /// - Parameters:
  ///   - status: The expected status, as `waitpid` returns it.
  ///   - complain: Called with the worker's output if it has ended otherwise.
  func waitForEnd(with status: CInt, _ complain: (String) -> Void) {
    expect(wait(), with: status, complain)
  }

  /// Kills the worker, and waits until the kernel has released everything that it held.
  ///
  /// - Parameter complain: Called with the worker's output if it had ended by itself.
  func kill(_ complain: (String) -> Void) {
    _ = Glibc.kill(-processID, SIGKILL)
    expect(wait(), with: SIGKILL, complain)
  }

  /// Expects that the worker ended with a status, and that its earlier processes and their other
  /// children ended as they should.
  private func expect(_ statuses: [CInt], with status: CInt, _ complain: (String) -> Void) {
    guard statuses.contains(status), Set(statuses).isSubset(of: [status, 0, SIGTERM]) else {
      complain("ended with \(statuses): \(nextLine() ?? "nothing")")
      return
    }
  }
}
