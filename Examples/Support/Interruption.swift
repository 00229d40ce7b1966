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

/// Holds back Ctrl-C (`SIGINT`) and `SIGTERM`, so that a program can first remove its memory.
public struct Interruption {
  /// Keeps both signals from ending the program, which has to check ``signal`` from now on.
  public init() {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGINT)
    unsafe sigaddset(&signals, SIGTERM)
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    // Ctrl-C often also ends the program that reads the output, which must not end this one.
    _ = Glibc.signal(SIGPIPE, SIG_IGN)
  }

  /// The number of the signal that this program got; `nil` as long as there was none.
  public var signal: Int32? {
    var pending = sigset_t()
    unsafe sigpending(&pending)
    return [SIGINT, SIGTERM].first { unsafe sigismember(&pending, $0) == 1 }
  }
}
