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
import TestSupport
import Testing

/// A `/dev/shm` that only one script sees, of a given size, which takes root to make.
enum OwnSharedMemory {
  /// Runs a script as `bash` does, with an empty `/dev/shm` of its own.
  ///
  /// - Parameter options: How to mount it, such as `size=64k`.
  static func run(
    _ options: String, _ script: String, _ arguments: String...
  ) async throws -> ProcessOutcome {
    try await TestSupport.run(
      "unshare",
      ["--mount", "bash", "-c", "mount -t tmpfs -o \(options) none /dev/shm || exit 99\n\(script)"]
        + ["bash"] + arguments, environment: Tool.environment)
  }

  static let isAvailable: Bool = {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/dev/shm"]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }()
}

extension Trait where Self == ConditionTrait {
  /// Skips the test, visibly, where `/dev/shm` cannot be replaced for one script.
  static var needsOwnSharedMemory: Self {
    .enabled(
      if: OwnSharedMemory.isAvailable,
      "Needs root and mount namespaces, to give a script a small /dev/shm of its own.")
  }
}
