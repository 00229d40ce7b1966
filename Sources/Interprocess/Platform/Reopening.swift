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
internal import SystemPackage

// Further descriptors of a file that is already open.
extension Files {
  /// Opens the file of a descriptor again: a new description, with no lock.
  ///
  /// The kernel checks the permissions of this process, which may be more than those with which the
  /// descriptor was opened. So `writable` must be no more than the descriptor itself allows, unless
  /// this process may do more with its own file, such as remove its name.
  static func reopen(
    _ descriptor: borrowing Descriptor, writable: Bool
  ) throws(Errno) -> Descriptor {
    let path = "/proc/self/fd/\(descriptor.fd)"
    let flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
    let own = try waitingForLookers { () throws(Errno) in
      try Descriptor(isWritable: writable) { unsafe Glibc.open(path, flags) }
    }
    // Anything may be mounted at `/proc`.
    guard try status(of: own).identity == status(of: descriptor).identity else {
      throw .staleNFSFileHandle
    }
    return own
  }

  /// A second descriptor of the same description, for the caller to close; closed on `exec`.
  static func duplicate(_ descriptor: borrowing Descriptor) throws(Errno) -> CInt {
    let fd = descriptor.fd
    return try retryingInterrupts { fcntl(fd, F_DUPFD_CLOEXEC, 0) }
  }
}
