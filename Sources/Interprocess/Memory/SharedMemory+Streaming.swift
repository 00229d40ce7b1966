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
  /// Creates memory whose size is not known in advance, and names it once all bytes are there.
  ///
  /// Each piece goes straight into the memory, so that nothing is collected elsewhere. If the
  /// process ends before the last piece, however it ends, or if there is no room, nothing is left
  /// behind.
  ///
  /// - Parameters:
  ///   - name: As for creating.
  ///   - next: Returns the next piece; an empty one at the end.
  /// - Throws: What creating throws, `invalidSize` also if there is no byte at all; or what `next`
  ///   throws.
  package static func create(
    _ name: String, appending next: () throws(InterprocessError) -> [UInt8]
  ) throws(InterprocessError) -> SharedMemory {
    let segmentName = try SegmentName(name)
    var piece = try next()
    // An empty piece is the end, and no memory is empty: `make` reports that as usual.
    var draft = try Draft.make(
      name: segmentName, byteCount: piece.count, options: SegmentOptions())
    var byteCount = 0
    while !piece.isEmpty {
      try draft.write(piece, at: byteCount)
      byteCount += piece.count
      piece = try next()
    }
    try draft.enlarge(to: byteCount)
    return try draft.publish()
  }
}

extension SharedMemory.Draft {
  /// Writes bytes; the file grows if they lie past its end.
  func write(_ bytes: [UInt8], at offset: Int) throws(InterprocessError) {
    let end = offset + bytes.count
    try Self.check(byteCount: end, name: requestedName)
    // The first piece already has its pages.
    if end > mapping.range.byteCount {
      try SharedMemory.Room.check(bytes.count, for: requestedName, in: mapping.descriptor)
    }
    do {
      try Files.write(bytes, at: offset, of: mapping.descriptor)
    } catch {
      switch error {
      case .noSpace, .noMemory, .diskQuotaExceeded:
        throw SharedMemory.Room.error(
          end, for: requestedName, in: mapping.descriptor, error, taken: offset)
      default:
        throw .system(
          error, name: requestedName?.value,
          action: "write to shared memory \"\(requestedName?.value ?? "")\"")
      }
    }
  }

  /// Maps the file with its present size.
  mutating func enlarge(to byteCount: Int) throws(InterprocessError) {
    if byteCount == mapping.range.byteCount { return }
    do {
      try mapping.takeAddresses(for: byteCount)
      mapping.extend(to: byteCount)
    } catch {
      throw .system(error, name: requestedName?.value, action: "map all of what was written")
    }
  }
}
