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

internal import Glibc
internal import SystemPackage

/// The system calls on mappings.
enum MemoryMap {
  /// Maps the first `byteCount` bytes of a file, shared with whoever else has it mapped.
  ///
  /// - Returns: The address of the first byte, aligned to a page.
  static func map(
    _ descriptor: borrowing Descriptor, byteCount: Int, writable: Bool
  ) throws(Errno) -> UnsafeMutableRawPointer {
    let protection = writable ? PROT_READ | PROT_WRITE : PROT_READ
    let address = unsafe mmap(nil, byteCount, protection, MAP_SHARED, descriptor.fd, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw Errno(rawValue: Glibc.errno)
    }
    return unsafe address
  }

  /// Removes a mapping.
  ///
  /// It cannot fail for a range that `map` returned.
  static func unmap(_ start: UnsafeMutableRawPointer, byteCount: Int) {
    let result = unsafe munmap(start, byteCount)
    precondition(result == 0, "munmap of a mapped range failed")
  }
}
