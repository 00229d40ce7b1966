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

// The names of files: creating, moving, removing and listing them.
extension Files {
  /// Creates a file under a name that cannot be guessed, open for reading and writing; `EEXIST` if
  /// there is such a name.
  ///
  /// - Parameter mode: Its mode, from which the umask takes bits away.
  static func make(_ path: String, mode: CModeT) throws(Errno) -> Descriptor {
    let flags = O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC
    return try Descriptor(isWritable: true) { unsafe Glibc.open(path, flags, mode) }
  }

  /// Whether the system lets this process give names to the file of a descriptor.
  ///
  /// Before Linux 6.10, that takes root privileges or a `/proc`, and a filter of system calls may
  /// refuse it. The requested name is always taken, so nothing is created.
  static func canLink(_ descriptor: borrowing Descriptor, in directory: String) -> Bool {
    do {
      try link(descriptor, at: "\(directory)/.")
      return true
    } catch {
      return error == .fileExists
    }
  }

  /// Gives the file its name at `path`; `EEXIST` if there already is one, `ENOENT` if the file has
  /// lost its last name.
  ///
  /// - Parameter existing: A path that should lead to the file, in case the system cannot name the
  ///   file of a descriptor.
  static func link(
    _ descriptor: borrowing Descriptor, at path: String, through existing: String
  ) throws(Errno) {
    do {
      try link(descriptor, at: path)
    } catch {
      guard error != .fileExists, let status = try? status(of: descriptor), status.linkCount > 0
      else { throw error }
      try retryingInterrupts { unsafe Glibc.link(existing, path) }
      // Another process may have created another file of that name in between.
      if try self.status(at: path).identity != status.identity {
        try unlink(path)
        throw .noSuchFileOrDirectory
      }
    }
  }

  /// Gives the file its name at `path`; `EEXIST` if there already is one.
  static func link(_ descriptor: borrowing Descriptor, at path: String) throws(Errno) {
    let fd = descriptor.fd
    do {
      try retryingInterrupts { unsafe linkat(fd, "", AT_FDCWD, path, ipc_AT_EMPTY_PATH) }
    } catch .noSuchFileOrDirectory {
      // Before Linux 6.10, only root may name a descriptor without a path. The way through `/proc`
      // is open to all users, takes longer, and fails in the same way for a file that gets no new
      // name.
      let source = "/proc/self/fd/\(fd)"
      try retryingInterrupts { unsafe linkat(AT_FDCWD, source, AT_FDCWD, path, AT_SYMLINK_FOLLOW) }
    }
  }

  /// Moves a name; `EEXIST` if the new one is taken.
  static func rename(_ path: String, to newPath: String) throws(Errno) {
    do {
      try retryingInterrupts { unsafe ipc_rename(path, newPath, ipc_RENAME_NOREPLACE) }
    } catch {
      // For a moment, both names lead to the file. Only its owner is certain to be allowed to
      // remove the first: another user could be left with both.
      guard isRefusal(error), try status(at: path).userID == Credentials.effectiveUserID else {
        throw error
      }
      try retryingInterrupts { unsafe Glibc.link(path, newPath) }
      try unlink(path)
    }
  }

  /// Moves a name to one that cannot be guessed, or returns `false` if there is no such file.
  static func moveIfPresent(_ path: String, aside newPath: String) throws(Errno) -> Bool {
    do {
      try retryingInterrupts { unsafe ipc_rename(path, newPath, ipc_RENAME_NOREPLACE) }
    } catch .noSuchFileOrDirectory {
      return false
    } catch {
      guard isRefusal(error) else { throw error }
      // There is nothing at the new name to replace.
      try retryingInterrupts { unsafe ipc_rename(path, newPath, 0) }
    }
    return true
  }

  /// Whether `renameat2` may have failed because the system does not have it.
  ///
  /// ENOSYS or EPERM: a filter of system calls, which may return either. EINVAL: a file system that
  /// can only replace.
  private static func isRefusal(_ error: Errno) -> Bool {
    [.noFunction, .notPermitted, .invalidArgument].contains(error)
  }

  static func unlink(_ path: String) throws(Errno) {
    try retryingInterrupts { unsafe Glibc.unlink(path) }
  }

  /// The same as `unlink`, but does nothing if there is no such name.
  static func unlinkIfPresent(_ path: String) throws(Errno) {
    do { try unlink(path) } catch .noSuchFileOrDirectory {}
  }

  /// Whether this user can remove a file from a directory that it may write to: if the directory
  /// has the sticky bit, only its owner, the file's owner, and root can.
  static func mayRemove(_ status: Status, from directory: String) -> Bool {
    let userID = Credentials.effectiveUserID
    if userID == 0 || userID == status.userID { return true }
    guard let directory = try? statusOfTarget(at: directory) else { return false }
    return directory.mode & S_ISVTX == 0 || userID == directory.userID
  }

  /// The file that `path` leads to; a symbolic link itself rather than its target.
  static func status(at path: String) throws(Errno) -> Status {
    var status = stat()
    try retryingInterrupts { unsafe lstat(path, &status) }
    return Status(status) { TemporaryMark.isOn(path: path, mode: $0) }
  }

  /// The file that `path` leads to, through symbolic links.
  static func statusOfTarget(at path: String) throws(Errno) -> Status {
    var status = stat()
    try retryingInterrupts { unsafe stat(path, &status) }
    return Status(status) { TemporaryMark.isOn(path: path, mode: $0) }
  }

  /// The same as `status(at:)`, or `nil` if there is no such file.
  static func statusIfPresent(at path: String) throws(Errno) -> Status? {
    do {
      return try status(at: path)
    } catch .noSuchFileOrDirectory {
      return nil
    }
  }

  /// The names in a directory as raw bytes, without `.` and `..`, in no particular order.
  static func names(in directory: String) throws(Errno) -> [[UInt8]] {
    guard let stream = unsafe opendir(directory) else { throw Errno(rawValue: Glibc.errno) }
    defer { unsafe closedir(stream) }
    var names: [[UInt8]] = []
    // The limit ends this for a directory to which other processes add names all the time.
    while names.count < maximumNameCount {
      // The end and an error both return NULL; only an error sets errno.
      Glibc.errno = 0
      guard let entry = unsafe readdir(stream) else {
        if Glibc.errno != 0 { throw Errno(rawValue: Glibc.errno) }
        return names
      }
      // SAFETY: `d_name` ends in NUL within the entry's `d_reclen` bytes; the offset is taken from
      // the entry itself, as `d_name` may reach beyond the struct's declared end.
      let name = unsafe UnsafeRawPointer(entry) + MemoryLayout<dirent>.offset(of: \.d_name)!
      let length = unsafe strlen(name.assumingMemoryBound(to: CChar.self))
      let bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: name, count: length))
      if bytes != [0x2E] && bytes != [0x2E, 0x2E] { names.append(bytes) }
    }
    throw .tooManyReferences
  }

  private static let maximumNameCount = 1 << 24
}
