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

/// A mapping of a new file, through which its pages are taken as huge ones.
///
/// By default the kernel gives files in `/dev/shm` small pages only. But a process can take one
/// small page for each huge one, and ask the kernel to replace it by the huge one.
@safe
struct HugePages: ~Copyable {
  /// The size of a huge page, in bytes: what one page of the lowest page table maps.
  ///
  /// An entry there has 8 bytes, so small pages of 4 KiB make huge ones of 2 MiB.
  static let byteCount = Files.pageByteCount / 8 * Files.pageByteCount

  /// How many bytes are taken in one call.
  ///
  /// No signal interrupts a call, not even `SIGKILL`, so it must not be too long. It begins with a
  /// wait for a kernel thread on each processor: tens of microseconds, or tens of milliseconds if
  /// all processors are busy.
  private static let stepByteCount = max(128 << 20, byteCount)

  private let start: UnsafeMutableRawPointer
  private let mappedByteCount: Int

  /// Maps as much of a file as whole huge pages fill.
  ///
  /// - Parameter byteCount: The size of the file, at least that of a huge page.
  static func map(
    _ descriptor: borrowing Descriptor, byteCount: Int
  ) throws(Errno) -> HugePages {
    let fd = descriptor.fd
    let whole = byteCount / Self.byteCount * Self.byteCount
    // A child that inherited the mapping would keep the pages for as long as it runs.
    ipc_fork_lock()
    defer { ipc_fork_unlock() }
    let start = unsafe try MemoryMap.mapUnrecorded(fd, byteCount: whole, writable: true)
    let pages = unsafe HugePages(start: start, mappedByteCount: whole)
    try retryingInterrupts { unsafe madvise(start, whole, MADV_DONTFORK) }
    return pages
  }

  private init(start: UnsafeMutableRawPointer, mappedByteCount: Int) {
    unsafe self.start = unsafe start
    self.mappedByteCount = mappedByteCount
  }

  deinit {
    // It cannot fail for a whole mapping.
    unsafe munmap(start, mappedByteCount)
  }

  /// Takes the huge pages; they are filled with zeros.
  ///
  /// The file must have no content, and no other process may use it. After an error, a part of the
  /// pages has been taken, huge or small. A lack of memory is such an error: unlike for a small
  /// page, the kernel ends no process to get a huge one.
  func take() throws(Errno) {
    var offset = 0
    while offset < mappedByteCount {
      let byteCount = min(Self.stepByteCount, mappedByteCount - offset)
      for first in stride(from: offset, to: offset + byteCount, by: Self.byteCount) {
        try retryingInterrupts { unsafe ipc_populate(start + first, Files.pageByteCount, 1) }
      }
      try retryingInterrupts { unsafe ipc_collapse(start + offset, byteCount) }
      offset += byteCount
    }
  }
}
