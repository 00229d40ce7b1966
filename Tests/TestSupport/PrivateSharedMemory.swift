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

import Glibc

/// Runs a program in a mount namespace of its own, where `/dev/shm` is an empty tmpfs of the given
/// size.
///
/// - Parameter byteCount: The size of that tmpfs.
package func runWithPrivateSharedMemory(
  byteCount: Int, _ program: String, _ arguments: [String], input: String = ""
) async throws -> ProcessOutcome {
  let mount = "mount -t tmpfs -o size=\(byteCount) tmpfs /dev/shm && exec \"$0\" \"$@\""
  // Root needs no user namespace, and may be on a system that allows none.
  let namespaces = geteuid() == 0 ? ["--mount"] : ["--map-root-user", "--mount"]
  return try await run(
    "unshare", namespaces + ["sh", "-c", mount, program] + arguments, input: input)
}
