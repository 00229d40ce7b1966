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
  /// Makes the memory larger.
  ///
  /// The new bytes are zero, and their pages are taken, whatever the reservation was at creation.
  /// Other handles keep their size until they call ``refresh()``; who attaches later sees the new
  /// size, also in Python. Several processes may do this at once; the largest size counts. Memory
  /// is never made smaller.
  ///
  /// The bytes may lie at another address in this process afterwards, which no view can notice, as
  /// none can exist meanwhile. Does not wait for other processes. Corresponds to `posix_fallocate`
  /// and `mremap` in C; Python's `SharedMemory` cannot grow.
  ///
  /// - Parameter newByteCount: The size in bytes; at least the present one.
  /// - Throws: `invalidSize` if that is smaller than the present size or above the process's file
  ///   size limit, `outOfMemory` if there is no room, `permissionDenied` if the size is sealed, as
  ///   that of anonymous memory, and `system` for anything else. The memory is then as it was.
  /// - Precondition: The memory is attached for writing.
  public mutating func grow(to newByteCount: Int) throws(InterprocessError) {
    precondition(mapping.range.isWritable, "This shared memory is attached read-only")
    guard newByteCount >= byteCount else {
      throw InterprocessError(
        code: .invalidSize, name: segmentName?.value,
        message: "Memory of \(byteCount) bytes cannot shrink to \(newByteCount).")
    }
    try Draft.check(byteCount: newByteCount, name: segmentName)
    if Files.isSealedAgainstShrinking(mapping.descriptor) {
      throw InterprocessError(
        code: .permissionDenied, name: segmentName?.value,
        message: "The size of this memory is sealed.", errno: .notPermitted)
    }
    let (present, available) = try translating({ self.growing($0) }) { () throws(Errno) in
      try (
        Files.status(of: mapping.descriptor).byteCount,
        Files.availableByteCount(of: mapping.descriptor)
      )
    }
    if newByteCount > present {
      let needed = newByteCount - present
      guard needed <= available else {
        throw Draft.outOfMemory(segmentName, needed: needed, available: available, errno: nil)
      }
      try translating({ errno in
        switch errno {
        case .noSpace, .noMemory, .diskQuotaExceeded:
          Draft.outOfMemory(segmentName, needed: needed, available: available, errno: errno)
        default: self.growing(errno)
        }
      }) { () throws(Errno) in
        try Files.enlarge(mapping.descriptor, from: present, to: newByteCount)
      }
    }
    try refresh()
  }

  /// Takes notice of the size that the memory has by now, if some process has made it larger.
  ///
  /// The bytes may lie at another address in this process afterwards. Does not block. There is
  /// nothing like it in Python, where a block keeps the size that it had when it was attached.
  ///
  /// - Throws: `invalidSize` if the memory has become smaller, which nobody should do to it: what
  ///   is gone must not be touched; and `system` for anything else.
  public mutating func refresh() throws(InterprocessError) {
    let present = try translating({ self.growing($0) }) { () throws(Errno) in
      try Files.status(of: mapping.descriptor).byteCount
    }
    guard present >= byteCount else {
      throw InterprocessError(
        code: .invalidSize, name: segmentName?.value,
        message: """
          Someone has shrunk this memory from \(byteCount) to \(present) bytes. Close it, and do \
          not touch its bytes.
          """)
    }
    if present == byteCount { return }
    do {
      try enlargeMapping(to: present)
    } catch {
      throw growing(error)
    }
  }

  private borrowing func growing(_ errno: Errno) -> InterprocessError {
    .system(errno, name: segmentName?.value, action: "enlarge shared memory")
  }
}
