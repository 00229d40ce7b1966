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

// Reading a file without mapping it: holes read as zeros, and take no page; and a file that shrinks
// ends earlier, where a mapping would end the process.
extension Files {
  /// The bytes of a range; fewer if the file ends before.
  static func bytes(
    in range: Range<Int>, of descriptor: borrowing Descriptor
  ) throws(Errno) -> [UInt8] {
    let fd = descriptor.fd
    var failure: Errno?
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
      do throws(Errno) {
        while count < range.count {
          let done = count
          // SAFETY: `buffer` has room for as many bytes as the range, `done` of which are filled.
          let readCount = try retryingInterrupts {
            unsafe pread(
              fd, buffer.baseAddress! + done, range.count - done, off_t(range.lowerBound + done))
          }
          if readCount == 0 { return }
          count += readCount
        }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// The first part of a range that has been written; `nil` if none has.
  ///
  /// All other bytes are zeros that take no pages.
  static func data(
    in range: Range<Int>, of descriptor: borrowing Descriptor
  ) throws(Errno) -> Range<Int>? {
    let fd = descriptor.fd
    do {
      let start = try retryingInterrupts { lseek(fd, off_t(range.lowerBound), ipc_SEEK_DATA) }
      if start >= range.upperBound { return nil }
      let end = try retryingInterrupts { lseek(fd, start, ipc_SEEK_HOLE) }
      return start < end ? start..<min(end, range.upperBound) : nil
    } catch .noSuchAddressOrDevice {
      // Only a hole follows, up to the end of the file.
      return nil
    }
  }

  /// Writes bytes into a file, which grows if they lie past its end.
  static func write(
    _ bytes: [UInt8], at offset: Int, of descriptor: borrowing Descriptor
  ) throws(Errno) {
    let fd = descriptor.fd
    var done = 0
    while done < bytes.count {
      done += try retryingInterrupts {
        unsafe bytes.withUnsafeBytes { buffer in
          // SAFETY: the pointer leads to the remaining bytes, some of which it writes.
          unsafe pwrite(
            fd, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
        }
      }
    }
  }

  /// Opens the file called `name` in `directory` for reading, as `open(_:writable:)` does.
  ///
  /// - Parameter name: Raw bytes, which need not be UTF-8.
  static func openIfPresent(
    _ name: [UInt8], in directory: String
  ) throws(Errno) -> Descriptor? {
    let flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
    let path = path(of: name, in: directory)
    do {
      return try Descriptor(isWritable: false) { unsafe Glibc.open(path, flags) }
    } catch .noSuchFileOrDirectory {
      return nil
    }
  }

  /// Removes the file called `name` in `directory`.
  static func unlink(_ name: [UInt8], in directory: String) throws(Errno) {
    let path = path(of: name, in: directory)
    try retryingInterrupts { unsafe Glibc.unlink(path) }
  }

  private static func path(of name: [UInt8], in directory: String) -> [CChar] {
    (Array("\(directory)/".utf8) + name + [0]).map { CChar(bitPattern: $0) }
  }
}
