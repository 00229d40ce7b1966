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

/// What the list of segments says about one.
func info(_ name: String) throws -> SegmentInfo {
  try #require(try SharedMemory.segments().first { $0.name == name })
}

/// Makes an empty file, as CPython has for a moment.
func makeFile(_ name: String) throws {
  #expect(FileManager.default.createFile(atPath: path(name), contents: nil))
}

/// Makes a Unix socket that nobody listens to.
func makeSocket(_ path: String) -> CInt {
  let fd = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
  defer { close(fd) }
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
  return withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
    }
  }
}

extension ExitTest.Result? {
  /// Whether the process printed a text on its standard error before it ended.
  func says(_ text: String) -> Bool {
    guard let self else { return false }
    return String(decoding: self.standardErrorContent, as: UTF8.self).contains(text)
  }
}

/// Expects this process to have so many mappings and so many descriptors of a segment.
func expectMappingsAndDescriptors(
  of name: String, _ counts: [Int], sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let inode = try #require(
    FileManager.default.attributesOfItem(atPath: path(name))[.systemFileNumber] as? UInt64)
  // Files in /proc tell no size; only a read to the end gets all of it.
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

/// The monotonic clock in nanoseconds, which all processes have in common.
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

  /// Expects the answer to a command that was sent before.
  func expectNext(
    _ answer: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let line = try await nextLine()
    #expect(line == answer, sourceLocation: sourceLocation)
  }
}

/// Waits for somebody else to remove a name, such as Python's resource tracker, which acts after its
/// program has ended.
func expectRemoval(
  of name: String, sourceLocation: SourceLocation = #_sourceLocation
) async throws {
  let deadline = SuspendingClock.now + .seconds(30)
  while exists(name) && SuspendingClock.now < deadline {
    try await Task.sleep(for: .milliseconds(5))
  }
  #expect(!exists(name), sourceLocation: sourceLocation)
}
