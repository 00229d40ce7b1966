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

/// The system calls on the sizes of files, and on their pages.
extension Files {
  static func setSize(_ byteCount: Int, of descriptor: borrowing Descriptor) throws(Errno) {
    let fd = descriptor.fd
    try retryingInterrupts { ftruncate(fd, off_t(byteCount)) }
  }

  // MARK: - Pages

  /// How many bytes are taken at once.
  static let reservationStepByteCount = 4 << 20

  /// Takes the pages of `range`, which nobody writes to yet, so that touching them later cannot
  /// fail, and makes the file at least that large.
  ///
  /// The file is never made smaller, also if another process enlarges it at the same time. Where
  /// the system refuses `fallocate`, the range is filled with zeros, which takes its pages as well.
  ///
  /// - Parameter stepByteCount: How much is taken in one step, which takes nothing if it fails.
  static func reserve(
    _ range: Range<Int>, of descriptor: borrowing Descriptor,
    stepByteCount: Int = reservationStepByteCount
  ) throws(Errno) {
    let fd = descriptor.fd
    do throws(Errno) {
      // Not `posix_fallocate`: where that is refused, the C library looks at each page and writes
      // into it, by two system calls.
      try inSteps(of: stepByteCount, through: range) { ipc_reserve(fd, Int64($0), Int64($1)) }
    } catch {
      guard isRefusal(ofReservation: error) else { throw error }
      try writeZeros(range, of: descriptor)
    }
  }

  /// Whether `fallocate` may have failed as the system does not have it.
  ///
  /// ENOSYS or EPERM: a filter of system calls, which may answer either; EPERM also for a size that
  /// is sealed. ENOTSUP: the file system.
  static func isRefusal(ofReservation error: Errno) -> Bool {
    [.noFunction, .notPermitted, .notSupported].contains(error)
  }

  private static func writeZeros(
    _ range: Range<Int>, of descriptor: borrowing Descriptor
  ) throws(Errno) {
    var zeros = [UInt8](repeating: 0, count: min(range.count, 1 << 20))
    var offset = range.lowerBound
    while offset < range.upperBound {
      zeros.removeLast(max(0, zeros.count - (range.upperBound - offset)))
      try write(zeros, at: offset, of: descriptor)
      offset += zeros.count
    }
  }

  /// Takes the pages of `range`, which may lie behind the end of the file, and leaves the size as
  /// it is.
  ///
  /// Fails where the system refuses that: see `isRefusal(ofReservation:)`.
  static func takePages(
    of range: Range<Int>, in descriptor: borrowing Descriptor
  ) throws(Errno) {
    let fd = descriptor.fd
    try inSteps(of: reservationStepByteCount, through: range) { offset, byteCount in
      ipc_take_pages(fd, Int64(offset), Int64(byteCount)) == 0 ? 0 : Glibc.errno
    }
  }

  /// Whether nobody can change the size of a file in memory, or its bytes, in some way.
  static func isSealed(_ descriptor: borrowing Descriptor) -> Bool {
    let seals = ipc_seals(descriptor.fd)
    return seals > 0 && seals != ipc_F_SEAL_SEAL
  }

  /// Gives back all pages behind an offset, and fills the rest of the page in which it lies with
  /// zeros; the size stays.
  ///
  /// `ENOTSUP` where the file system cannot.
  static func discardPages(
    from offset: Int, of descriptor: borrowing Descriptor
  ) throws(Errno) {
    let fd = descriptor.fd
    try retryingInterrupts { ipc_discard_pages(fd, Int64(offset), .max - Int64(offset)) }
  }

  /// Makes a call for one part of a range after the other.
  ///
  /// One that a signal interrupts gives up what it had taken. A program with a fast timer would
  /// never get through a large range in one call, so that each interruption makes the parts
  /// shorter, down to a page.
  ///
  /// - Parameter call: Returns 0 or an error number.
  private static func inSteps(
    of stepByteCount: Int, through range: Range<Int>,
    _ call: (_ offset: Int, _ byteCount: Int) -> CInt
  ) throws(Errno) {
    var offset = range.lowerBound
    var step = stepByteCount
    while offset < range.upperBound {
      let byteCount = min(step, range.upperBound - offset)
      switch call(offset, byteCount) {
      case 0: offset += byteCount
      case EINTR: step = max(step / 2, 4096)
      case let errno: throw Errno(rawValue: errno)
      }
    }
  }

  // MARK: - Room

  /// What a file system has in all, and what may still be taken.
  struct Room {
    /// `nil` if it has no limit of its own.
    var byteCount: Int?
    /// `Int.max` without a limit.
    var availableByteCount: Int
    /// `nil` if it has no limit of its own.
    var fileCount: Int?
    var hasNoFileLeft: Bool

    init(_ status: statvfs) {
      func byteCount(_ blockCount: UInt64) -> Int {
        let (count, overflow) = blockCount.multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflow ? .max : Int(clamping: count)
      }
      // A tmpfs without a limit, as with size=0 or nr_inodes=0, reports none in all.
      let hasLimit = status.f_blocks != 0
      self.byteCount = hasLimit ? byteCount(UInt64(status.f_blocks)) : nil
      availableByteCount = hasLimit ? byteCount(UInt64(status.f_bavail)) : .max
      fileCount = status.f_files != 0 ? Int(clamping: status.f_files) : nil
      hasNoFileLeft = status.f_files != 0 && status.f_ffree == 0
    }
  }

  /// The room in the file system of `descriptor`.
  static func room(of descriptor: borrowing Descriptor) throws(Errno) -> Room {
    let fd = descriptor.fd
    var status = statvfs()
    try retryingInterrupts { unsafe fstatvfs(fd, &status) }
    return Room(status)
  }

  /// The room in the file system of a path.
  static func room(at path: String) throws(Errno) -> Room {
    var status = statvfs()
    try retryingInterrupts { unsafe statvfs(path, &status) }
    return Room(status)
  }

  /// The largest file that this process may make, in bytes.
  ///
  /// A file made larger does not fail: the kernel sends `SIGXFSZ`, which ends the process.
  static func maximumFileByteCount() throws(Errno) -> Int {
    var limit = rlimit()
    try retryingInterrupts { unsafe getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) }
    return Int(clamping: limit.rlim_cur)
  }

  /// The bytes of a page.
  static let pageByteCount = sysconf(CInt(_SC_PAGESIZE))
}
