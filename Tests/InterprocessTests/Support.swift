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

import CInterprocess
import Foundation
import Interprocess
import Subprocess
import Synchronization
import TestSupport
import Testing

/// The file of a segment.
func path(_ name: String) -> String { "/dev/shm/\(name)" }

func exists(_ name: String) -> Bool {
  FileManager.default.fileExists(atPath: path(name))
}

func fileByteCount(_ name: String) throws -> Int {
  try #require(FileManager.default.attributesOfItem(atPath: path(name))[.size] as? Int)
}

/// The entry of one segment in the list.
func info(_ name: String) throws -> SegmentInfo {
  try #require(try SharedMemory.segments().first { $0.name == name })
}

/// Makes an empty file, as CPython does for a moment.
func makeFile(_ name: String) throws {
  #expect(FileManager.default.createFile(atPath: path(name), contents: nil))
}

/// Makes a Unix socket that listens at a path; -1 if it cannot.
func listen(at path: String) -> CInt {
  let fd = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
  let result = withUnixAddress(path) { bind(fd, $0, $1) }
  return result == 0 && listen(fd, 8) == 0 ? fd : -1
}

extension ExitTest.Result? {
  /// Whether the process ended with a failed precondition of this message.
  ///
  /// If the tests are built with optimisation, preconditions have no messages. The result then only
  /// says whether a trap has ended the process.
  ///
  /// - Parameter isAlwaysThere: Whether every build has the message.
  func says(_ text: String, isAlwaysThere: Bool = false) -> Bool {
    guard let self else { return false }
    guard _isDebugAssertConfiguration() || isAlwaysThere else {
      return self.exitStatus == .signal(SIGILL)
    }
    return String(decoding: self.standardErrorContent, as: UTF8.self).contains(text)
  }
}

/// Expects this process to have the given numbers of mappings and descriptors of a segment.
func expectMappingsAndDescriptors(
  of name: String, _ counts: [Int], sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let inode = try #require(
    FileManager.default.attributesOfItem(atPath: path(name))[.systemFileNumber] as? UInt64)
  // Files in /proc have no size; only a read to the end gets everything.
  let file = try #require(FileHandle(forReadingAtPath: "/proc/self/maps"))
  let maps = String(decoding: file.readDataToEndOfFile(), as: UTF8.self)
  let mappings = maps.split(separator: "\n").filter { line in
    line.split(separator: " ").dropFirst(4).first == "\(inode)"
  }
  let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
  let open = descriptors.filter { descriptor in
    var status = stat()
    return fstat(CInt(descriptor) ?? -1, &status) == 0 && UInt64(status.st_ino) == inode
  }
  #expect([mappings.count, open.count] == counts, "\(mappings)", sourceLocation: sourceLocation)
}

/// The identity of a file.
struct FileNumber: Equatable {
  var device: UInt64
  var inode: UInt64

  init(_ status: stat) {
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
  }

  /// The file that a path leads to; `nil` if nothing has that path.
  init?(at path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  init(of fd: CInt) {
    var status = stat()
    #expect(fstat(fd, &status) == 0)
    self.init(status)
  }
}

/// The descriptors and mappings of one file in a process, from `/proc`.
struct FileUse: Equatable {
  /// An open descriptor.
  struct Descriptor: Hashable {
    var isWritable = true
    var isClosedOnExec = true
    /// Whether its open file description holds a lease.
    var isLeased = true
  }

  var descriptors: [Descriptor] = []
  /// The permissions of each mapping, such as `rw-s`, in the order of their addresses.
  var mappings: [String] = []

  /// - Parameters:
  ///   - file: The file.
  ///   - processID: The process; `nil` for this one.
  init(of file: FileNumber, in processID: pid_t? = nil) throws {
    let process = "/proc/\(processID.map { "\($0)" } ?? "self")"
    for number in try FileManager.default.contentsOfDirectory(atPath: "\(process)/fd") {
      guard FileNumber(at: "\(process)/fd/\(number)") == file else { continue }
      let lines = lines(of: "\(process)/fdinfo/\(number)")
      let flags = try #require(
        lines.first { $0.hasPrefix("flags:") }.flatMap {
          CInt($0.dropFirst("flags:".count).trimmingCharacters(in: .whitespaces), radix: 8)
        })
      descriptors.append(
        Descriptor(
          isWritable: flags & O_ACCMODE == O_RDWR, isClosedOnExec: flags & O_CLOEXEC != 0,
          isLeased: lines.contains { $0.hasPrefix("lock:") && $0.contains("OFDLCK") }))
    }
    for line in lines(of: "\(process)/maps") {
      let fields = line.split(separator: " ")
      // The last letter is `s` if the mapping is shared, unlike those of programs.
      if fields.count > 4, fields[4] == "\(file.inode)", fields[1].hasSuffix("s") {
        mappings.append(String(fields[1]))
      }
    }
  }
}

/// Runs a blocking body in a new thread, as the threads for tasks are few.
func inThread<Result: Sendable>(
  _ body: @Sendable @escaping () throws -> Result
) -> Task<Result, any Error> {
  Task {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
    }
  }
}

/// Chooses the form for threads, where the compiler would choose that for tasks.
@discardableResult
func inThisThread<Result>(_ body: () throws -> Result) throws -> Result { try body() }

/// The monotonic clock in nanoseconds, which all processes share.
func now() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

extension ChildProcess {
  /// Sends a command and expects an answer.
  func expect(
    _ command: String, _ answer: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await send(command)
    try await expectNext(answer, sourceLocation: sourceLocation)
  }

  /// Expects the answer to an earlier command.
  func expectNext(
    _ answer: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let line = try await nextLine()
    #expect(line == answer, sourceLocation: sourceLocation)
  }
}

extension ChildProcess {
  /// Sends a command, and expects the helper to stop at a checkpoint on the way.
  func expectStop(
    _ command: String, at step: Checkpoint, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await send(command)
    try await expectStop(at: step, sourceLocation: sourceLocation)
  }

  /// Expects the helper to stop at a checkpoint.
  func expectStop(
    at step: Checkpoint, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try #require(
      try await nextLine() == "stopped \(step.description)", sourceLocation: sourceLocation)
    // The helper reports just before it stops; a signal to continue must not come in between.
    while processState(processID) != "T" { try await Task.sleep(for: .milliseconds(1)) }
  }

  /// Continues a stopped helper, and expects the answer to its command.
  func expectAfterStop(
    _ answer: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try send(signal: .resume)
    try await expectNext(answer, sourceLocation: sourceLocation)
  }
}

/// The state letter of a process in `/proc`; `nil` if there is no such process.
func processState(_ processID: Int32) -> Character? { processState(in: "/proc/\(processID)/stat") }

/// The state letter in a `stat` file, which may be that of a thread.
func processState(in path: String) -> Character? {
  guard let file = FileHandle(forReadingAtPath: path) else { return nil }
  let text = String(decoding: file.readDataToEndOfFile(), as: UTF8.self)
  // The command, in parentheses, may contain anything.
  return text.lastIndex(of: ")").flatMap { text[$0...].dropFirst(2).first }
}

/// Lets the caller's thread take `SIGUSR1`: a new thread inherits the signal mask of its creator,
/// which may be a thread of the pool.
func takeSignals() {
  var signals = sigset_t()
  sigemptyset(&signals)
  sigaddset(&signals, SIGUSR1)
  pthread_sigmask(SIG_UNBLOCK, &signals, nil)
}

/// Waits until another process removes a name, such as Python's resource tracker, which acts after
/// its program has ended.
func expectRemoval(
  of name: String, sourceLocation: SourceLocation = #_sourceLocation
) async throws {
  let deadline = SuspendingClock.now + .seconds(30)
  while exists(name) && SuspendingClock.now < deadline {
    try await Task.sleep(for: .milliseconds(5))
  }
  #expect(!exists(name), sourceLocation: sourceLocation)
}

/// Sweeps until a name is gone.
///
/// Other tests sweep the same `/dev/shm`, and one that has claimed a name keeps others from it for
/// a moment.
func expectSwept(_ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
  let deadline = SuspendingClock.now + .seconds(30)
  repeat {
    _ = try SharedMemory.sweep()
  } while exists(name) && SuspendingClock.now < deadline
  #expect(!exists(name), sourceLocation: sourceLocation)
}

/// The error of a test that has waited far too long.
struct TakesTooLong: Error {}

/// Waits for a body that normally ends well within half a minute, and gives up if it does not.
///
/// The body then still runs, so the test has to end what it waits for.
func inTime<Result: Sendable>(
  _ body: @Sendable @escaping () async throws -> Result
) async throws -> Result {
  try await withCheckedThrowingContinuation { continuation in
    let waiting = Mutex<CheckedContinuation<Result, any Error>?>(continuation)
    let finish = { @Sendable (result: Swift.Result<Result, any Error>) in
      waiting.withLock { waiting in
        waiting?.resume(with: result)
        waiting = nil
      }
    }
    // On a dispatch queue, as all threads for tasks may be blocked.
    let watchdog = DispatchWorkItem { finish(.failure(TakesTooLong())) }
    DispatchQueue.global().asyncAfter(deadline: .now() + 30, execute: watchdog)
    Task.detached {
      do {
        finish(.success(try await body()))
      } catch {
        finish(.failure(error))
      }
    }
  }
}

/// Starts nested helpers, each of which lives as long as its body.
func withHelpers(
  _ count: Int, _ helpers: [ChildProcess] = [],
  _ body: @escaping @Sendable ([ChildProcess]) async throws -> Void
) async throws {
  if count == 0 { return try await body(helpers) }
  let (status, _) = try await withChildProcess(Places.helper) { helper in
    try await withHelpers(count - 1, helpers + [helper], body)
  }
  #expect(status == .exited(0))
}

/// A flag that one thread or task sets for another.
final class Flag: Sendable {
  private let value = Atomic(false)

  var isSet: Bool { value.load(ordering: .relaxed) }

  func set() { value.store(true, ordering: .relaxed) }
}
