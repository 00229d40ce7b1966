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

/// A control group with a memory limit, for as long as a test runs.
///
/// Creating one needs root, and a kernel that provides memory limits.
package struct ControlGroup: Sendable {
  /// The directory of its files.
  package let directory: String

  /// Where groups can be created here, and the name of the file that holds their limit.
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

  /// Whether this process can create groups.
  package static var canBeMade: Bool { place != nil }

  package struct CannotBeMade: Error {}

  /// Runs a body with a group of at most the given number of bytes.
  package static func with<Result>(
    byteCount: Int, _ body: (ControlGroup) async throws -> Result
  ) async throws -> Result {
    guard let place else { throw CannotBeMade() }
    let directory = "\(place.directory)/ipctest_\(getpid())_\(UInt32.random(in: .min ... .max))"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    // The kernel only removes the directory as a whole, with the files in it, and only when all
    // processes have left.
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
