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

/// The system calls on the files that hold shared memory.
///
/// Every function is one call, or one call repeated until all of the work is done; each throws the
/// `errno`.
enum Files {
  /// What `fstat` reports about a file.
  struct Status: Sendable {
    var identity: FileIdentity
    var kind: FileKind
    /// The permission bits, and the sticky bit.
    var mode: CModeT
    var userID: UInt32
    var groupID: UInt32
    var byteCount: Int
    var residentByteCount: Int
    var linkCount: Int
    /// The last change of the file's attributes, in seconds since 1970.
    var changeTime: timespec

    /// Whether the file is memory that goes with its last handle: see `TemporaryMark`.
    var isTemporary: Bool

    init(_ status: stat, isMarked: (CModeT) -> Bool) {
      identity = FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
      kind = FileKind(mode: status.st_mode)
      mode = status.st_mode & 0o7777
      userID = status.st_uid
      groupID = status.st_gid
      byteCount = Int(status.st_size)
      residentByteCount = Int(status.st_blocks) * 512
      linkCount = Int(status.st_nlink)
      changeTime = status.st_ctim
      isTemporary = kind == .regular && isMarked(mode)
    }

    /// The time at which the file was created, or, if the system does not know it, of the last
    /// change of its attributes.
    func creationTime(of descriptor: borrowing Descriptor) -> timespec {
      var seconds: Int64 = 0
      var nanoseconds: Int64 = 0
      return unsafe ipc_birth_time(descriptor.fd, &seconds, &nanoseconds) == 0
        ? timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds)) : changeTime
    }
  }

  // MARK: - Opening

  /// Creates a file without a name in `directory`, open for reading and writing; `nil` if the
  /// system or the file system does not support such files.
  ///
  /// - Parameter mode: Its mode, from which the umask takes bits away.
  static func openNamelessIfSupported(
    in directory: String, mode: CModeT
  ) throws(Errno) -> Descriptor? {
    let flags = ipc_O_TMPFILE | O_RDWR | O_CLOEXEC
    do {
      return try Descriptor(isWritable: true) { unsafe Glibc.open(directory, flags, mode) }
    } catch .notSupported, .isDirectory, .invalidArgument, .noFunction, .notPermitted {
      // EISDIR: a kernel that does not know the flag opens the directory. ENOSYS, EPERM: a filter
      // of system calls.
      return nil
    }
  }

  /// Creates a file in memory that has no name, and whose size can be sealed.
  static func openAnonymous() throws(Errno) -> Descriptor {
    try Descriptor(isWritable: true) { ipc_open_anonymous() }
  }

  /// Makes sure that no process can change the size of an anonymous file.
  static func sealSize(of descriptor: borrowing Descriptor) throws(Errno) {
    let fd = descriptor.fd
    try retryingInterrupts { ipc_seal_size(fd) }
  }

  /// Whether no process can shrink the file.
  static func isSealedAgainstShrinking(_ descriptor: borrowing Descriptor) -> Bool {
    ipc_is_sealed_against_shrinking(descriptor.fd) != 0
  }

  /// Opens the file at `path`.
  ///
  /// A symbolic link is not followed (`ELOOP`), and a FIFO does not block.
  static func open(_ path: String, writable: Bool) throws(Errno) -> Descriptor {
    let flags = (writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
    return try waitingForLookers { () throws(Errno) in
      try Descriptor(isWritable: writable) { unsafe Glibc.open(path, flags) }
    }
  }

  /// The same as `open`, or `nil` if there is no such file.
  static func openIfPresent(_ path: String, writable: Bool) throws(Errno) -> Descriptor? {
    do {
      return try open(path, writable: writable)
    } catch .noSuchFileOrDirectory {
      return nil
    }
  }

  /// Opens the file called `name` in `directory` only to examine it, which needs no permission on
  /// the file and does not affect a FIFO or a device.
  ///
  /// A symbolic link itself is opened, not its target.
  ///
  /// - Parameter name: Raw bytes, as `names(in:)` returns them; they need not be UTF-8.
  static func openForStatus(
    _ name: [UInt8], in directory: String
  ) throws(Errno) -> Descriptor {
    let flags = ipc_O_PATH | O_NOFOLLOW | O_CLOEXEC
    let path = (Array("\(directory)/".utf8) + name + [0]).map { CChar(bitPattern: $0) }
    return try Descriptor(isWritable: false) { unsafe Glibc.open(path, flags) }
  }

  // MARK: - Size and mode

  static func status(of descriptor: borrowing Descriptor) throws(Errno) -> Status {
    let fd = descriptor.fd
    var status = stat()
    try retryingInterrupts { unsafe fstat(fd, &status) }
    return Status(status) { TemporaryMark.isOn(fd: fd, mode: $0) }
  }

  /// Sets the mode exactly, regardless of the umask.
  static func setMode(_ mode: CModeT, of descriptor: borrowing Descriptor) throws(Errno) {
    let fd = descriptor.fd
    try retryingInterrupts { fchmod(fd, mode) }
  }

  /// The whole content of a file, read to its end; for files in `/proc`, which have no size.
  ///
  /// - Parameter limit: The approximate maximum number of bytes to read.
  static func contents(of path: String, atMost limit: Int = 1 << 30) throws(Errno) -> [UInt8] {
    let descriptor = try open(path, writable: false)
    var contents: [UInt8] = []
    let stepByteCount = 64 << 10
    // The limit ends this for a file that other processes lengthen while it is read.
    while contents.count < limit {
      let chunk = try read(atMost: stepByteCount, from: descriptor)
      if chunk.isEmpty { break }
      contents += chunk
    }
    return contents
  }

  private static func read(
    atMost byteCount: Int, from descriptor: borrowing Descriptor
  ) throws(Errno) -> [UInt8] {
    let fd = descriptor.fd
    var failure: Errno?
    let chunk = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      do throws(Errno) {
        // SAFETY: `buffer` has room for `byteCount` bytes, and `read` fills as many as it returns.
        count = try retryingInterrupts { unsafe Glibc.read(fd, buffer.baseAddress, byteCount) }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return chunk
  }
}

/// The type of C's `mode_t`.
typealias CModeT = mode_t

/// Which file it is, whatever its names.
struct FileIdentity: Hashable, Sendable {
  var device: UInt64
  var inode: UInt64
}

/// The type of a file.
enum FileKind: Sendable {
  case regular, directory, symbolicLink, fifo, socket, device

  init(mode: mode_t) {
    switch mode & S_IFMT {
    case S_IFREG: self = .regular
    case S_IFDIR: self = .directory
    case S_IFLNK: self = .symbolicLink
    case S_IFIFO: self = .fifo
    case S_IFSOCK: self = .socket
    default: self = .device
    }
  }

  /// The kind in words, with its article.
  var description: String {
    switch self {
    case .regular: "a file"
    case .directory: "a directory"
    case .symbolicLink: "a symbolic link"
    case .fifo: "a FIFO"
    case .socket: "a socket"
    case .device: "a device"
    }
  }
}
