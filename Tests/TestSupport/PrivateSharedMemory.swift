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

/// Runs a program in a mount namespace of its own, where `/dev/shm` is an empty tmpfs.
///
/// - Parameter mountOptions: How to mount it, such as `size=64k`.
package func runWithPrivateSharedMemory(
  _ mountOptions: String, _ program: String, _ arguments: [String] = [],
  environment: [String: String] = [:], input: String = ""
) async throws -> ProcessOutcome {
  let mount = "mount -t tmpfs -o \(mountOptions) tmpfs /dev/shm && exec \"$0\" \"$@\""
  // Root needs no user namespace, and may be on a system that allows none.
  let namespaces = geteuid() == 0 ? ["--mount"] : ["--map-root-user", "--mount"]
  return try await run(
    "unshare", namespaces + ["sh", "-c", mount, program] + arguments, environment: environment,
    input: input)
}
