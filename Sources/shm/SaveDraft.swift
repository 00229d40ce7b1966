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

/// A file that is being filled, and then gets a name in one step.
///
/// It has no name until then, so that nothing is left of it if this process is killed. Where the
/// file system makes no such files, or the system would not name it later, it has one that nobody
/// else uses.
struct SaveDraft: ~Copyable {
  let descriptor: FileDescriptor
  private let directory: String
  /// The name that goes with the draft.
  private var name: String?

  /// - Parameter permissions: Those of the file, from which the umask takes bits away.
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
  /// - Parameter isReplacing: Whether there was a file of that name, which goes.
  consuming func publish(as target: String, replacing isReplacing: Bool) throws(Errno) {
    try flush()
    if name == nil {
      if !isReplacing {
        do throws(Errno) {
          try Self.link(descriptor, at: target)
          return
        } catch {
          // Somebody else was faster; then that file is replaced.
          guard error == .fileExists else { throw error }
        }
      }
      // Only a file with a name can take the place of another: the shorter it has one, the better.
      let newName = Self.newName(in: directory)
      try Self.link(descriptor, at: newName)
      name = newName
    }
    if let name {
      guard unsafe rename(name, target) == 0 else { throw Errno(rawValue: errno) }
    }
    name = nil
  }

  /// Some file systems find out only when a descriptor is closed that they are full.
  private borrowing func flush() throws(Errno) {
    do {
      try descriptor.duplicate().close()
    } catch let error as Errno {
      throw error
    } catch {
      preconditionFailure("A system call failed with something else than an errno: \(error)")
    }
  }

  // MARK: - System calls

  private static func newName(in directory: String) -> String {
    "\(directory)/.shm-save-\(hexadecimal(UInt64.random(in: .min ... .max), digits: 16))"
  }

  /// - Returns: `nil` if there are no files without a name here, or they could get none later.
  private static func openNameless(
    in directory: String, _ permissions: FilePermissions
  ) -> FileDescriptor? {
    // What else is wrong with the directory is wrong with a file that has a name, too.
    guard let descriptor = try? open(directory, O_WRONLY | ipc_O_TMPFILE, permissions) else {
      return nil
    }
    do throws(Errno) {
      // This name is always taken, so that nothing is made.
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
    // Before Linux 6.10 only root may name a descriptor without a path. The way through `/proc` is
    // open to all.
    let source = "/proc/self/fd/\(fd)"
    guard unsafe linkat(AT_FDCWD, source, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 else {
      throw Errno(rawValue: errno)
    }
  }
}
