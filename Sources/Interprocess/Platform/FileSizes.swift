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

  /// How many bytes are taken in one step.
  static let reservationStepByteCount = 4 << 20

  /// Takes the pages of `range`, which no process writes to yet, so that touching them later cannot
  /// fail, and makes the file at least that large.
  ///
  /// The file is never made smaller, even if another process enlarges it at the same time. If the
  /// system refuses `fallocate`, the range is filled with zeros, which takes its pages as well.
  ///
  /// - Parameter stepByteCount: How much is taken in one step; a failed step takes nothing.
  static func reserve(
    _ range: Range<Int>, of descriptor: borrowing Descriptor,
    stepByteCount: Int = reservationStepByteCount
  ) throws(Errno) {
    let fd = descriptor.fd
    do throws(Errno) {
      // Not `posix_fallocate`: if that is refused, the C library reads each page and writes into
      // it, with two system calls.
      try inSteps(of: stepByteCount, through: range) { ipc_reserve(fd, Int64($0), Int64($1)) }
    } catch {
      guard isRefusal(ofReservation: error) else { throw error }
      try writeZeros(range, of: descriptor)
    }
  }

  /// Whether `fallocate` may have failed because the system does not have it.
  ///
  /// ENOSYS or EPERM: a filter of system calls, which may return either; EPERM also if the size is
  /// sealed. ENOTSUP: the file system.
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

  /// Takes the pages of `range`, which may lie past the end of the file, without changing the
  /// size.
  ///
  /// Fails if the system refuses that: see `isRefusal(ofReservation:)`.
  static func takePages(
    of range: Range<Int>, in descriptor: borrowing Descriptor
  ) throws(Errno) {
    let fd = descriptor.fd
    try inSteps(of: reservationStepByteCount, through: range) { offset, byteCount in
      ipc_take_pages(fd, Int64(offset), Int64(byteCount)) == 0 ? 0 : Glibc.errno
    }
  }

  /// Whether a seal prevents some change of a file in memory, to its size or its bytes.
  static func isSealed(_ descriptor: borrowing Descriptor) -> Bool {
    let seals = ipc_seals(descriptor.fd)
    return seals > 0 && seals != ipc_F_SEAL_SEAL
  }

  /// Gives back all pages after an offset, and fills the rest of the page that contains it with
  /// zeros; the size stays.
  ///
  /// `ENOTSUP` if the file system cannot.
  static func discardPages(
    from offset: Int, of descriptor: borrowing Descriptor
  ) throws(Errno) {
    let fd = descriptor.fd
    try retryingInterrupts { ipc_discard_pages(fd, Int64(offset), .max - Int64(offset)) }
  }

  /// Makes a call for each part of a range in turn.
  ///
  /// A call that a signal interrupts gives up what it had taken. With a fast timer, a large range
  /// would never be finished in one call, so each interruption makes the parts shorter, down to a
  /// page.
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
      case EINTR: step = max(step / 2, Files.pageByteCount)
      case let errno: throw Errno(rawValue: errno)
      }
    }
  }

  // MARK: - Room

  /// The total size of a file system, and what may still be taken.
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
      // A tmpfs without a limit, as with size=0 or nr_inodes=0, reports totals of zero.
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

  /// The size of the largest file that this process may create, in bytes.
  ///
  /// Making a file larger than that does not fail: the kernel sends `SIGXFSZ`, which ends the
  /// process.
  static func maximumFileByteCount() throws(Errno) -> Int {
    var limit = rlimit()
    try retryingInterrupts { unsafe getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) }
    return Int(clamping: limit.rlim_cur)
  }

  /// The size of a page, in bytes.
  static let pageByteCount = sysconf(CInt(_SC_PAGESIZE))
}
