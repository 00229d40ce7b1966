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

import TestSupport

/// Runs a script as `bash` does, with the tool in its path and an empty `/dev/shm` of its own.
///
/// - Parameter options: Mount options, such as `size=64k`.
func runWithOwnSharedMemory(
  _ options: String, _ script: String, _ arguments: String...
) async throws -> ProcessOutcome {
  try await runWithPrivateSharedMemory(
    options, "bash", ["-c", script, "bash"] + arguments, environment: Tool.environment)
}
