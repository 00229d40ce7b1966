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

import CInterprocess
import Glibc
import SystemPackage

/// A file that is filled first, and then gets its name in one step.
///
/// It has no name until then, so that nothing stays if this process is killed. Where the file
/// system has no files without a name, or the system would not name one later, the draft has a name
/// that no other process uses.
struct SaveDraft: ~Copyable {
  let descriptor: FileDescriptor
  private let directory: String
  /// The temporary name, which is removed with the draft.
  private var name: String?

  /// - Parameter permissions: The permissions of the file, from which the umask removes bits.
  init(in directory: String, permissions: FilePermissions) throws(Errno) {
    self.directory = directory
    if let descriptor = Self.openNameless(in: directory, permissions) {
      self.descriptor = descriptor
      return
    }
    let name = Self.newName(in: directory)
    self.name = name
    descriptor = try Self.open(name, O_WRONLY | O_CREAT | O_EXCL, permissions)
  }

  deinit {
    try? descriptor.close()
    if let name { _ = unsafe unlink(name) }
  }

  /// Gives the file its name.
  ///
  /// - Parameter isReplacing: Whether there was a file of that name, which is replaced.
  consuming func publish(as target: String, replacing isReplacing: Bool) throws(Errno) {
    try flush()
    if name == nil {
      if !isReplacing {
        do throws(Errno) {
          try Self.link(descriptor, at: target)
          return
        } catch {
          // Another process has made a file of that name meanwhile; it is replaced.
          guard error == .fileExists else { throw error }
        }
      }
      // Only a file with a name can replace another; it gets a temporary one as late as possible.
      let newName = Self.newName(in: directory)
      try Self.link(descriptor, at: newName)
      name = newName
    }
    if let name {
      guard unsafe rename(name, target) == 0 else { throw Errno(rawValue: errno) }
    }
    name = nil
  }

  /// Closes a duplicate, as some file systems report only at a close that they are full.
  private borrowing func flush() throws(Errno) {
    do {
      try descriptor.duplicate().close()
    } catch let error as Errno {
      throw error
    } catch {
      preconditionFailure("A system call failed without an errno: \(error)")
    }
  }

  // MARK: - System calls

  private static func newName(in directory: String) -> String {
    "\(directory)/.shm-save-\(hexadecimal(UInt64.random(in: .min ... .max), digits: 16))"
  }

  /// - Returns: `nil` if the directory cannot have files without a name, or they could get none
  ///   later.
  private static func openNameless(
    in directory: String, _ permissions: FilePermissions
  ) -> FileDescriptor? {
    // Any other error of the directory will also meet a file with a name.
    guard let descriptor = try? open(directory, O_WRONLY | ipc_O_TMPFILE, permissions) else {
      return nil
    }
    do throws(Errno) {
      // This name is always taken, so the call makes no file.
      try link(descriptor, at: "\(directory)/.")
    } catch {
      if error == .fileExists { return descriptor }
    }
    try? descriptor.close()
    return nil
  }

  private static func open(
    _ path: String, _ flags: CInt, _ permissions: FilePermissions
  ) throws(Errno) -> FileDescriptor {
    let fd = unsafe Glibc.open(path, flags | O_CLOEXEC, permissions.rawValue)
    guard fd >= 0 else { throw Errno(rawValue: errno) }
    return FileDescriptor(rawValue: fd)
  }

  private static func link(_ descriptor: FileDescriptor, at path: String) throws(Errno) {
    let fd = descriptor.rawValue
    if unsafe linkat(fd, "", AT_FDCWD, path, ipc_AT_EMPTY_PATH) == 0 { return }
    guard errno == ENOENT else { throw Errno(rawValue: errno) }
    // Before Linux 6.10 only root may link a descriptor without a path. Any user may link it
    // through `/proc`.
    let source = "/proc/self/fd/\(fd)"
    guard unsafe linkat(AT_FDCWD, source, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 else {
      throw Errno(rawValue: errno)
    }
  }
}
