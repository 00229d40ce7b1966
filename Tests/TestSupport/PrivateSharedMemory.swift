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
package import Subprocess

/// Runs a program in a mount namespace of its own, where `/dev/shm` is an empty tmpfs.
///
/// - Parameter mountOptions: Mount options, such as `size=64k`.
package func runWithPrivateSharedMemory(
  _ mountOptions: String, _ program: String, _ arguments: [String] = [],
  environment: [String: String] = [:], input: String = ""
) async throws -> ProcessOutcome {
  try await run(
    "unshare", unshareArguments(mountOptions, "exec \"$0\" \"$@\"") + [program] + arguments,
    environment: environment, input: input)
}

/// A `/dev/shm` that only the programs started in it see, so that no other process creates, sweeps
/// or counts memory there.
package struct PrivateSharedMemory: Sendable {
  fileprivate let keeperID: Int32

  /// The directory, as this process can reach it.
  package var directory: String { "/proc/\(keeperID)/root/dev/shm" }

  package func path(_ name: String) -> String { "\(directory)/\(name)" }

  /// The names in it, sorted.
  package func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
  }

  /// Starts a program there, and talks to it.
  package func withChildProcess<Result: Sendable>(
    _ program: String, _ arguments: [String] = [],
    _ body: (ChildProcess) async throws -> Result
  ) async throws -> (status: TerminationStatus, result: Result) {
    let namespaces = geteuid() == 0 ? ["--mount"] : ["--user", "--preserve-credentials", "--mount"]
    return try await TestSupport.withChildProcess(
      "nsenter", ["--target", "\(keeperID)"] + namespaces + [program] + arguments, body)
  }

  /// Starts the helper there, and talks to it.
  package func withHelper<Result: Sendable>(
    _ body: (ChildProcess) async throws -> Result
  ) async throws -> Result {
    try await withChildProcess(Places.helper, [], body).result
  }
}

/// Mounts a `/dev/shm` that lasts as long as the body.
///
/// - Parameters:
///   - mountOptions: Mount options, such as `size=64k`.
///   - setup: Shell commands that run there first, such as mounting another `/proc`.
package func withPrivateSharedMemory<Result: Sendable>(
  _ mountOptions: String = "size=64m", setup: String = "true",
  _ body: (PrivateSharedMemory) async throws -> Result
) async throws -> Result {
  // `cat` ends when its input does.
  let command = "{ \(setup); } && echo mounted && exec cat"
  return try await withChildProcess("unshare", unshareArguments(mountOptions, command)) { keeper in
    guard try await keeper.nextLine() == "mounted" else { throw CannotMount() }
    return try await body(PrivateSharedMemory(keeperID: keeper.processID))
  }.result
}

private struct CannotMount: Error {}

/// - Parameter command: The shell command that runs once the tmpfs is mounted.
private func unshareArguments(_ mountOptions: String, _ command: String) -> [String] {
  // Root needs no user namespace, and the system may not allow one.
  let namespaces = geteuid() == 0 ? ["--mount"] : ["--map-root-user", "--mount"]
  let mount = "mount -t tmpfs -o \(mountOptions) tmpfs /dev/shm"
  return namespaces + ["sh", "-c", "\(mount) && \(command)"]
}
