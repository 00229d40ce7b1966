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
      // EISDIR: a kernel that does not know the flag opens the directory. ENOSYS, EPERM: a filter of
      // system calls.
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

  /// Whether a descriptor that somebody else has opened may be written; `EBADF` if it may not be
  /// read.
  static func isWritable(fd: CInt) throws(Errno) -> Bool {
    switch try retryingInterrupts({ fcntl(fd, F_GETFL) }) & O_ACCMODE {
    case O_RDWR: return true
    case O_RDONLY: return false
    default: throw .badFileDescriptor
    }
  }

  /// Opens the file at `path`.
  ///
  /// A symbolic link is not followed (`ELOOP`), and a FIFO does not block.
  static func open(_ path: String, writable: Bool) throws(Errno) -> Descriptor {
    let flags = (writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
    return try Descriptor(isWritable: writable) { unsafe Glibc.open(path, flags) }
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

  static func setSize(_ byteCount: Int, of descriptor: borrowing Descriptor) throws(Errno) {
    let fd = descriptor.fd
    try retryingInterrupts { ftruncate(fd, off_t(byteCount)) }
  }

  /// How many bytes are taken at once.
  static let reservationStepByteCount = 4 << 20

  /// Takes the pages of `range`, so that touching them later cannot fail, and makes the file at
  /// least that large.
  ///
  /// The pages are taken in steps: a call that a signal interrupts gives up what it had taken, and
  /// a program with a fast timer would otherwise never get through a large range.
  static func reserve(_ range: Range<Int>, of descriptor: borrowing Descriptor) throws(Errno) {
    let fd = descriptor.fd
    var offset = range.lowerBound
    while offset < range.upperBound {
      let step = min(reservationStepByteCount, range.upperBound - offset)
      // Returns the error instead of setting errno.
      let result = posix_fallocate(fd, off_t(offset), off_t(step))
      if result == EINTR { continue }
      if result != 0 { throw Errno(rawValue: result) }
      offset += step
    }
  }

  /// Makes the file at least that large, with all pages of the new part taken.
  ///
  /// It is never made smaller, also if another process enlarges it at the same time. If it fails,
  /// the size has not changed.
  static func enlarge(
    _ descriptor: borrowing Descriptor, from offset: Int, to byteCount: Int
  ) throws(Errno) {
    let fd = descriptor.fd
    var result = EINTR
    while result == EINTR { result = posix_fallocate(fd, off_t(offset), off_t(byteCount - offset)) }
    if result != 0 { throw Errno(rawValue: result) }
  }

  /// The bytes that may still be taken in the file system of `descriptor`.
  static func availableByteCount(of descriptor: borrowing Descriptor) throws(Errno) -> Int {
    let fd = descriptor.fd
    var status = statvfs()
    try retryingInterrupts { unsafe fstatvfs(fd, &status) }
    let (byteCount, overflow) = UInt64(status.f_bavail)
      .multipliedReportingOverflow(by: UInt64(status.f_frsize))
    // A tmpfs mounted with size=0 has no limit of its own and reports 0 blocks in all.
    if overflow || status.f_blocks == 0 { return .max }
    return Int(clamping: byteCount)
  }

  /// The largest file that this process may make, in bytes.
  ///
  /// A file made larger does not fail: the kernel sends `SIGXFSZ`, which ends the process.
  static func maximumFileByteCount() throws(Errno) -> Int {
    var limit = rlimit()
    try retryingInterrupts { unsafe getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) }
    return Int(clamping: limit.rlim_cur)
  }

  /// The whole content of a file, read to its end; for files in `/proc`, which have no size.
  static func contents(of path: String) throws(Errno) -> [UInt8] {
    let descriptor = try open(path, writable: false)
    var contents: [UInt8] = []
    let stepByteCount = 64 << 10
    while true {
      let chunk = try read(atMost: stepByteCount, from: descriptor)
      if chunk.isEmpty { return contents }
      contents += chunk
    }
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

  /// The first bytes of a file, fewer if it is shorter.
  ///
  /// Unlike a look through a mapping, this takes no page for a part that has never been touched.
  static func firstBytes(
    _ byteCount: Int, of descriptor: borrowing Descriptor
  ) throws(Errno) -> [UInt8] {
    let fd = descriptor.fd
    var bytes = [UInt8](repeating: 0, count: byteCount)
    let count = try retryingInterrupts { unsafe pread(fd, &bytes, byteCount, 0) }
    return Array(bytes.prefix(count))
  }

  /// Where the part begins, at an offset or behind it, that has been written; `nil` if none does.
  ///
  /// What lies before it is zeros that take no pages.
  static func offsetOfData(
    from offset: Int, of descriptor: borrowing Descriptor
  ) throws(Errno) -> Int? {
    let fd = descriptor.fd
    do {
      return try retryingInterrupts { lseek(fd, off_t(offset), ipc_SEEK_DATA) }
    } catch .noSuchAddressOrDevice {
      return nil
    }
  }

  // MARK: - Descriptors

  /// Opens the file of a descriptor anew: a description of its own, with no lock.
  static func reopen(
    _ descriptor: borrowing Descriptor, writable: Bool
  ) throws(Errno) -> Descriptor {
    let path = "/proc/self/fd/\(descriptor.fd)"
    let flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK
    return try Descriptor(isWritable: writable) { unsafe Glibc.open(path, flags) }
  }

  /// As `reopen`, or `nil` if the mode of the file does not allow it.
  static func reopenIfPermitted(
    _ descriptor: borrowing Descriptor, writable: Bool
  ) throws(Errno) -> Descriptor? {
    do {
      return try reopen(descriptor, writable: writable)
    } catch .permissionDenied {
      return nil
    }
  }

  /// A second descriptor of the same description, for the caller to close; closed on `exec`.
  static func duplicate(_ descriptor: borrowing Descriptor) throws(Errno) -> CInt {
    let fd = descriptor.fd
    return try retryingInterrupts { fcntl(fd, F_DUPFD_CLOEXEC, 0) }
  }

  /// Sends bytes with a descriptor over a Unix socket.
  static func send(
    _ descriptor: borrowing Descriptor, with bytes: [UInt8], over socket: CInt
  ) throws(Errno) {
    let fd = descriptor.fd
    try retryingInterrupts { unsafe ipc_send(socket, fd, bytes, bytes.count) }
  }

  /// Receives as many bytes as the array has, and the descriptor that came with them, for the
  /// caller to close.
  static func receive(_ bytes: inout [UInt8], over socket: CInt) throws(Errno) -> CInt {
    let count = bytes.count
    return try retryingInterrupts { unsafe ipc_receive(socket, &bytes, count) }
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
