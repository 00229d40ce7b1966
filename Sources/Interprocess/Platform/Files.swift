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
/// Every function is one call, or one call that is made until it has done all of its work; each
/// throws the `errno`.
enum Files {
  /// What `fstat` tells of a file.
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

    /// The time at which the file was made, or, where the system does not know that, of the last
    /// change of its attributes.
    func creationTime(of descriptor: borrowing Descriptor) -> timespec {
      var seconds: Int64 = 0
      var nanoseconds: Int64 = 0
      return unsafe ipc_birth_time(descriptor.fd, &seconds, &nanoseconds) == 0
        ? timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds)) : changeTime
    }
  }

  // MARK: - Opening

  /// Makes a file without a name in `directory`, open for reading and writing; `nil` where the
  /// system or the file system makes no such files.
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

  /// Makes a file in memory that has no name, and whose size can be sealed.
  static func openAnonymous() throws(Errno) -> Descriptor {
    try Descriptor(isWritable: true) { ipc_open_anonymous() }
  }

  /// Sees to it that nobody can change the size of an anonymous file.
  static func sealSize(of descriptor: borrowing Descriptor) throws(Errno) {
    let fd = descriptor.fd
    try retryingInterrupts { ipc_seal_size(fd) }
  }

  /// Whether nobody can shrink the file.
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

  /// As `open`, or `nil` if there is no such file.
  static func openIfPresent(_ path: String, writable: Bool) throws(Errno) -> Descriptor? {
    do {
      return try open(path, writable: writable)
    } catch .noSuchFileOrDirectory {
      return nil
    }
  }

  /// Opens the file called `name` in `directory` only to look at it, which needs no permission on
  /// the file and does nothing to a FIFO or a device.
  ///
  /// A symbolic link is opened itself.
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

  /// Sets the mode exactly; the umask has no part in it.
  static func setMode(_ mode: CModeT, of descriptor: borrowing Descriptor) throws(Errno) {
    let fd = descriptor.fd
    try retryingInterrupts { fchmod(fd, mode) }
  }

  /// The whole content of a file, read to its end; for files in `/proc`, which have no size.
  ///
  /// - Parameter limit: About how many bytes to read at most.
  static func contents(of path: String, atMost limit: Int = 1 << 30) throws(Errno) -> [UInt8] {
    let descriptor = try open(path, writable: false)
    var contents: [UInt8] = []
    let stepByteCount = 64 << 10
    // What others can make longer while it is read has an end here.
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

/// Which file it is, whatever names lead to it.
struct FileIdentity: Hashable, Sendable {
  var device: UInt64
  var inode: UInt64
}

/// What sort of file it is.
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
