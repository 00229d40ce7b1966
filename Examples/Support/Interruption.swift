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

/// Ctrl-C (`SIGINT`) and `SIGTERM`, held back so that a program can remove its shared memory first.
public struct Interruption {
  /// From now on neither signal ends the program; it has to look at ``signal``.
  public init() {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGINT)
    unsafe sigaddset(&signals, SIGTERM)
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    // Nor does the end of the program that reads the output, which Ctrl-C often ends as well.
    _ = Glibc.signal(SIGPIPE, SIG_IGN)
  }

  /// The number of the signal that was sent to this program; `nil` as long as there was none.
  public var signal: Int32? {
    var pending = sigset_t()
    unsafe sigpending(&pending)
    return [SIGINT, SIGTERM].first { unsafe sigismember(&pending, $0) == 1 }
  }
}
