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

internal import SystemPackage

extension SharedMemory {
  /// Creates memory without a name.
  ///
  /// Other processes get it only from a process that has it: through a Unix socket with
  /// `send(over:access:timeout:)`, or as a descriptor that they inherit. Its size is sealed, so
  /// that no process can shrink it under the others. It is freed with the last handle, however the
  /// processes end.
  ///
  /// Does not wait for other processes. Corresponds to `memfd_create` in C, and to
  /// `os.memfd_create` in Python.
  ///
  /// - Parameter byteCount: The size in bytes, greater than zero. The bytes are zero, and their
  ///   pages are taken: huge ones from 16 MiB on, see ``Pages``.
  /// - Returns: The memory, attached for reading and writing.
  /// - Throws: `invalidSize` if `byteCount` is not positive or above the process's file size limit;
  ///   `outOfMemory` if there is no room below the memory limits of the control group and the
  ///   machine; and `system` for anything else.
  public static func anonymous(byteCount: Int) throws(InterprocessError) -> SharedMemory {
    try Draft.check(byteCount: byteCount, name: nil)
    let action = "create anonymous memory of \(byteCount) bytes"
    let descriptor = try translating({ .system($0, name: nil, action: action) }) {
      () throws(Errno) in try Files.openAnonymous()
    }
    try Room.check(byteCount, for: nil, in: descriptor)
    let identity = try translating({ errno in
      switch errno {
      case .noSpace, .noMemory: Room.error(byteCount, for: nil, in: descriptor, errno)
      case .notPermitted, .noFunction, .notSupported:
        .callRefused(nil, "ftruncate, \(Room.reservingCalls), or F_ADD_SEALS of fcntl", errno)
      default: .system(errno, name: nil, action: action)
      }
    }) { () throws(Errno) in
      try Files.setSize(byteCount, of: descriptor)
      Pages.automatic.takeHuge(byteCount, in: descriptor)
      try Files.reserve(0..<byteCount, of: descriptor)
      try Files.sealSize(of: descriptor)
      _ = try Lease.take(on: descriptor)
      return try Files.status(of: descriptor).identity
    }
    let mapping = try Mapping.make(descriptor, byteCount: byteCount, writable: true) {
      .system($0, name: nil, action: action)
    }
    return SharedMemory(
      mapping: mapping, segmentName: nil, identity: identity, access: .readWrite,
      isCreator: true, lifetime: .whileAttached)
  }
}
