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

/// On whose behalf this process runs.
enum Credentials {
  /// The user whose permissions the kernel checks.
  static var effectiveUserID: UInt32 { geteuid() }
}
