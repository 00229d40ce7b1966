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

internal import SystemPackage

extension SharedMemory {
  /// How large the pages of new memory are.
  ///
  /// Huge pages, of 2 MiB on most machines, make the creation of large memory several times as
  /// fast, and the first touch of it in each process, in any language, many times. The memory takes
  /// no byte more: the rest after the last whole huge page has small ones, and so does what it
  /// grows by.
  ///
  /// Linux gives them from 6.1 on, even if its setting for files in memory says `never`, but not if
  /// an administrator denies them. If it has none left, or refuses them, the pages are small, and
  /// everything else is the same.
  public enum Pages: Sendable, Hashable {
    /// Huge in reserved memory of 16 MiB and more; small in all other memory.
    case automatic
    /// Small. To make room for a huge page, the system may have to move small ones, so creation can
    /// take longer than usual where memory is fragmented.
    case small
    /// Huge in memory of any size that contains a whole huge page. The memory must be reserved.
    case huge

    /// From which size on huge pages are automatic.
    ///
    /// From here on they win even if all processors are busy, and the wait at the beginning (see
    /// `HugePages`) is long. On an idle machine they win from one huge page on.
    static let automaticByteCount = 16 << 20

    /// Takes huge pages for a new file, as far as they are wanted and the system gives them; the
    /// caller takes the rest.
    func takeHuge(_ byteCount: Int, in descriptor: borrowing Descriptor) {
      let least =
        switch self {
        case .automatic: max(Self.automaticByteCount, HugePages.byteCount)
        case .small: Int.max
        case .huge: HugePages.byteCount
        }
      guard byteCount >= least else { return }
      do throws(Errno) {
        try Files.setSize(byteCount, of: descriptor)
        let pages = try HugePages.map(descriptor, byteCount: byteCount)
        try? pages.take()
        checkpoint(.createHuge)
        _ = consume pages
      } catch {
        // The caller takes small pages, or meets the same error.
      }
    }
  }

  // MARK: - Prefaulting

  /// Maps all pages into this process now, so that no access has to.
  ///
  /// Each process maps a page when it first touches it, which interrupts it for a microsecond or
  /// so. Call this before a loop that must not be interrupted. Pages that the memory does not have
  /// yet are taken, as zeros, even if it is attached read-only.
  ///
  /// The system may unmap pages again, for example to write them to swap space; `mlock` prevents
  /// that. What the memory grows by later is not mapped.
  ///
  /// Does not wait for other processes. Takes time in proportion to the size. Corresponds to
  /// `MAP_POPULATE` of `mmap` in C; Python has nothing like it.
  ///
  /// - Throws: `outOfMemory` if pages are missing and there is no room for them; `invalidSize` if
  ///   another process has shrunk the memory; and `system` for anything else.
  public borrowing func prefault() throws(InterprocessError) {
    let missing = try checkRoomForMissing()
    do throws(Errno) {
      do throws(Errno) {
        try MemoryMap.populate(mapping.range)
      } catch {
        guard [.invalidArgument, .noFunction, .notPermitted].contains(error) else { throw error }
        // Before Linux 5.14, or under a filter of system calls. In this scope, a page that cannot
        // be had reads as zeros.
        let scope = try ReadGuard(mapping.range, of: mapping.descriptor)
        MemoryMap.touch(mapping.range)
        if scope.end() { throw .noSpace }
      }
    } catch {
      throw try reserving(error, missing: missing)
    }
  }
}
