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

/// A control group with a limit of memory, for as long as a test runs.
///
/// To make one takes root, and a kernel that gives out limits of memory.
package struct ControlGroup: Sendable {
  /// Where its files lie.
  package let directory: String

  /// Where groups can be made here, and the name of the file that has their limit.
  private static let place: (directory: String, limit: String)? = {
    guard geteuid() == 0 else { return nil }
    if access("/sys/fs/cgroup/memory/memory.usage_in_bytes", W_OK | R_OK) == 0
      || access("/sys/fs/cgroup/memory/cgroup.procs", W_OK) == 0
    {
      return ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
    }
    let controllers = try? String(
      contentsOfFile: "/sys/fs/cgroup/cgroup.subtree_control", encoding: .utf8)
    if controllers?.contains("memory") == true, access("/sys/fs/cgroup", W_OK) == 0 {
      return ("/sys/fs/cgroup", "memory.max")
    }
    return nil
  }()

  /// Whether this process can make groups.
  package static var canBeMade: Bool { place != nil }

  package struct CannotBeMade: Error {}

  /// Lets a body have a group of at most so many bytes.
  package static func with<Result>(
    byteCount: Int, _ body: (ControlGroup) async throws -> Result
  ) async throws -> Result {
    guard let place else { throw CannotBeMade() }
    let directory = "\(place.directory)/ipctest_\(getpid())_\(UInt32.random(in: .min ... .max))"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    // The kernel removes a directory of files that are not files only as a whole, and only when
    // all processes have left.
    defer {
      for _ in 0..<1000 where rmdir(directory) != 0 { usleep(10_000) }
    }
    let group = ControlGroup(directory: directory)
    try group.write("\(byteCount)", to: place.limit)
    return try await body(group)
  }

  /// Moves a process into the group.
  package func add(_ processID: Int32) throws {
    try write("\(processID)", to: "cgroup.procs")
  }

  private func write(_ text: String, to name: String) throws {
    guard let file = FileHandle(forWritingAtPath: "\(directory)/\(name)") else {
      throw CannotBeMade()
    }
    try file.write(contentsOf: Data(text.utf8))
    try file.close()
  }
}
