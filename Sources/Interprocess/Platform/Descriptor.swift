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

internal import CInterprocess
internal import Glibc
internal import SystemPackage

/// An open file descriptor that is closed at the end of its life.
struct Descriptor: ~Copyable, Sendable {
  let fd: CInt

  init(owning fd: CInt) {
    self.fd = fd
  }

  deinit {
    // Linux releases the descriptor whatever `close` returns, so that there is nothing to retry,
    // and these files keep no data that could fail to reach a disk.
    _ = Glibc.close(fd)
  }
}

/// Calls `body` until it is not interrupted by a signal.
///
/// - Parameter body: A system call that returns -1 and sets `errno` when it fails.
/// - Throws: The `errno` of the call, never `EINTR`.
@discardableResult
func retryingInterrupts<Result: SignedInteger>(
  _ body: () -> Result
) throws(Errno) -> Result {
  while true {
    let result = body()
    if result != -1 { return result }
    let errno = Errno(rawValue: Glibc.errno)
    if errno != .interrupted { throw errno }
  }
}
