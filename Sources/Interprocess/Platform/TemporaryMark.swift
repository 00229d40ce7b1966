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

/// The mark of memory that goes with its last handle.
///
/// It is the sticky bit of the mode, which has no other meaning on a file and shows in `ls`,
/// together with an extended attribute that names the inode. The bit alone can be set by accident:
/// `cp -a` copies it, and `chmod -R` sets it on files that have nothing to do with this library.
/// The attribute is copied as well, but then names another inode.
///
/// A tmpfs stores such attributes since Linux 6.6. On an older one, the bit alone is the mark, on
/// files without any execute permission: `chmod -R 1777` sets those too.
enum TemporaryMark {
  /// The bit of the mode.
  static let modeBit: CModeT = S_ISVTX

  private static let executable: CModeT = 0o111

  /// Puts the attribute on an open file, whose mode must let its owner write.
  ///
  /// - Parameter mode: The mode that the file will have.
  static func put(on descriptor: borrowing Descriptor, mode: CModeT) throws(Errno) {
    let fd = descriptor.fd
    do {
      try retryingInterrupts { ipc_set_temporary_mark(fd) }
    } catch {
      guard error == .notSupported && mode & executable == 0 else { throw error }
    }
  }

  /// Whether an open file of that mode is marked.
  static func isOn(fd: CInt, mode: CModeT) -> Bool {
    mode & modeBit != 0 && answer(ipc_has_temporary_mark(fd, nil), mode)
  }

  /// Whether the file at a path, of that mode, is marked.
  static func isOn(path: String, mode: CModeT) -> Bool {
    unsafe mode & modeBit != 0 && answer(ipc_has_temporary_mark(-1, path), mode)
  }

  private static func answer(_ result: CInt, _ mode: CModeT) -> Bool {
    // If the attribute cannot be read, because the file system stores none or the mode does not let
    // this user read it, the bit decides.
    result == -1 ? mode & executable == 0 : result == 1
  }
}
