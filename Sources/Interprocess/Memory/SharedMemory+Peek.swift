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
  /// Opens memory only to look at it.
  ///
  /// No lease is taken, so that whoever looks does not count as somebody who uses the memory, and
  /// can look at what is stale. So its name may go at any time.
  ///
  /// - Parameter isWorthMapping: Whether to go on, given the first 16 bytes and the size in bytes.
  /// - Returns: The memory; `nil` if it is not worth it.
  /// - Throws: As attaching; the memory may be of any user.
  static func peek(
    _ name: String, if isWorthMapping: (_ firstBytes: [UInt8], _ byteCount: Int) -> Bool
  ) throws(InterprocessError) -> SharedMemory? {
    let name = try SegmentName(name)
    let opened = try translating({ .attaching(name, access: .readOnly, $0) }) { () throws(Errno) in
      try Files.openIfPresent(name.path, writable: false)
    }
    guard let descriptor = opened else { throw .notFound(name) }
    let status = try translating({ .attaching(name, access: .readOnly, $0) }) { () throws(Errno) in
      try Files.status(of: descriptor)
    }
    guard status.kind == .regular else { throw .wrongKind(name, found: status.kind) }
    let bytes = try translating({ .attaching(name, access: .readOnly, $0) }) { () throws(Errno) in
      try Files.firstBytes(16, of: descriptor)
    }
    guard status.byteCount > 0, isWorthMapping(bytes, status.byteCount) else { return nil }
    let mapping = try Mapping.make(descriptor, byteCount: status.byteCount, writable: false) {
      .attaching(name, access: .readOnly, $0)
    }
    // Without a lease the end of the handle must not be taken for the end of a holder.
    return SharedMemory(
      mapping: mapping, segmentName: name, identity: status.identity, access: .readOnly,
      isCreator: false, lifetime: .untilUnlinked)
  }
}
