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

// The names of files: giving, moving, removing and listing them.
extension Files {
  /// Makes a file under a name that nobody else can know, open for reading and writing; `EEXIST` if
  /// there is such a name.
  ///
  /// - Parameter mode: Its mode, from which the umask takes bits away.
  static func make(_ path: String, mode: CModeT) throws(Errno) -> Descriptor {
    let flags = O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC
    return try Descriptor(isWritable: true) { unsafe Glibc.open(path, flags, mode) }
  }

  /// Whether the system lets this process give names to the file of a descriptor.
  ///
  /// Before Linux 6.10 that takes a right of root's or a `/proc`, and a filter of system calls may
  /// refuse it. The name that is asked for is always taken, so that nothing is made.
  static func canLink(_ descriptor: borrowing Descriptor, in directory: String) -> Bool {
    do {
      try link(descriptor, at: "\(directory)/.")
      return true
    } catch {
      return error == .fileExists
    }
  }

  /// Gives the file its name at `path`; `EEXIST` if there is one already, `ENOENT` if the file has
  /// lost its last name.
  ///
  /// - Parameter existing: A path that should lead to the file, for where the system does not name
  ///   the file of a descriptor.
  static func link(
    _ descriptor: borrowing Descriptor, at path: String, through existing: String
  ) throws(Errno) {
    do {
      try link(descriptor, at: path)
    } catch {
      guard error != .fileExists, let status = try? status(of: descriptor), status.linkCount > 0
      else { throw error }
      try retryingInterrupts { unsafe Glibc.link(existing, path) }
      // Somebody may have made another file of that name in between.
      if try self.status(at: path).identity != status.identity {
        try unlink(path)
        throw .noSuchFileOrDirectory
      }
    }
  }

  /// Gives the file its name at `path`; `EEXIST` if there is one already.
  static func link(_ descriptor: borrowing Descriptor, at path: String) throws(Errno) {
    let fd = descriptor.fd
    do {
      try retryingInterrupts { unsafe linkat(fd, "", AT_FDCWD, path, ipc_AT_EMPTY_PATH) }
    } catch .noSuchFileOrDirectory {
      // Before Linux 6.10 only root may name a descriptor without a path. The way through `/proc`
      // is open to all, takes longer, and fails in the same way for a file that gets no new name.
      let source = "/proc/self/fd/\(fd)"
      try retryingInterrupts { unsafe linkat(AT_FDCWD, source, AT_FDCWD, path, AT_SYMLINK_FOLLOW) }
    }
  }

  /// Moves a name; `EEXIST` if the new one is taken.
  static func rename(_ path: String, to newPath: String) throws(Errno) {
    do {
      try retryingInterrupts { unsafe ipc_rename(path, newPath, ipc_RENAME_NOREPLACE) }
    } catch {
      // For the moment in between, both names lead to the file. Only its owner may certainly remove
      // the first: others would be left with both.
      guard isRefusal(error), try status(at: path).userID == Credentials.effectiveUserID else {
        throw error
      }
      try retryingInterrupts { unsafe Glibc.link(path, newPath) }
      try unlink(path)
    }
  }

  /// Moves a name to one that nobody else can know, or returns `false` if there is no such file.
  static func moveIfPresent(_ path: String, aside newPath: String) throws(Errno) -> Bool {
    do {
      try retryingInterrupts { unsafe ipc_rename(path, newPath, ipc_RENAME_NOREPLACE) }
    } catch .noSuchFileOrDirectory {
      return false
    } catch {
      guard isRefusal(error) else { throw error }
      // There is nothing to replace.
      try retryingInterrupts { unsafe ipc_rename(path, newPath, 0) }
    }
    return true
  }

  /// Whether `renameat2` may have failed as the system does not have it.
  ///
  /// ENOSYS or EPERM: a filter of system calls, which may answer either. EINVAL: a file system that
  /// only replaces.
  private static func isRefusal(_ error: Errno) -> Bool {
    [.noFunction, .notPermitted, .invalidArgument].contains(error)
  }

  static func unlink(_ path: String) throws(Errno) {
    try retryingInterrupts { unsafe Glibc.unlink(path) }
  }

  /// As `unlink`, and nothing if there is no such name.
  static func unlinkIfPresent(_ path: String) throws(Errno) {
    do { try unlink(path) } catch .noSuchFileOrDirectory {}
  }

  /// Whether a user such as this one can remove a file from a directory that it may write to: where
  /// the directory has the sticky bit, its owner, that of the file, and root.
  static func mayRemove(_ status: Status, from directory: String) -> Bool {
    let userID = Credentials.effectiveUserID
    if userID == 0 || userID == status.userID { return true }
    guard let directory = try? statusOfTarget(at: directory) else { return false }
    return directory.mode & S_ISVTX == 0 || userID == directory.userID
  }

  /// The file that `path` leads to; a symbolic link is looked at itself.
  static func status(at path: String) throws(Errno) -> Status {
    var status = stat()
    try retryingInterrupts { unsafe lstat(path, &status) }
    return Status(status) { TemporaryMark.isOn(path: path, mode: $0) }
  }

  /// The file that `path` leads to in the end.
  static func statusOfTarget(at path: String) throws(Errno) -> Status {
    var status = stat()
    try retryingInterrupts { unsafe stat(path, &status) }
    return Status(status) { TemporaryMark.isOn(path: path, mode: $0) }
  }

  /// As `status(at:)`, or `nil` if there is no such file.
  static func statusIfPresent(at path: String) throws(Errno) -> Status? {
    do {
      return try status(at: path)
    } catch .noSuchFileOrDirectory {
      return nil
    }
  }

  /// The names in a directory as raw bytes, without `.` and `..`, in no order.
  static func names(in directory: String) throws(Errno) -> [[UInt8]] {
    guard let stream = unsafe opendir(directory) else { throw Errno(rawValue: Glibc.errno) }
    defer { unsafe closedir(stream) }
    var names: [[UInt8]] = []
    // A directory to which others add names all the time has an end here.
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
