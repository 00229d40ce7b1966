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

/// A scope in which this thread may read a mapping whose file other processes may shrink.
///
/// Missing bytes read as zeros, and no signal ends the process. The scope must end in the thread
/// that began it, before any scope that this thread began earlier.
@safe
struct ReadGuard: ~Copyable {
  private let guarding: UnsafeMutablePointer<ipc_guard>

  init(_ range: MappedRange, of descriptor: borrowing Descriptor) throws(Errno) {
    unsafe guarding = .allocate(capacity: 1)
    unsafe guarding.initialize(to: ipc_guard())
    let result = unsafe ipc_guard_begin(
      guarding, range.start, range.byteCount, descriptor.fd, range.isWritable ? 1 : 0)
    guard result == 0 else {
      let errno = Errno(rawValue: Glibc.errno)
      unsafe guarding.deallocate()
      throw errno
    }
  }

  /// Ends the scope.
  ///
  /// - Returns: Whether zeros were read that are not in the file.
  consuming func end() -> Bool {
    let hasFailed = unsafe ipc_guard_end(guarding) != 0
    unsafe guarding.deallocate()
    return hasFailed
  }
}
