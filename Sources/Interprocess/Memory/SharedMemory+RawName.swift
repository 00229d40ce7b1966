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

// Names that are not UTF-8: programs in other languages may create them, and people must be able to
// remove them.
extension SharedMemory {
  /// The same as `unlink(_:)`, for a name that need not be UTF-8.
  package static func unlink(nameBytes: [UInt8]) throws(InterprocessError) {
    if let name = String(validating: nameBytes, as: UTF8.self) { return try unlink(name) }
    let name = try SegmentName(bytes: nameBytes)
    do {
      try Files.unlink(name.bytes, in: SegmentName.directory)
    } catch {
      switch error {
      case .noSuchFileOrDirectory: throw .notFound(name)
      case .isDirectory: throw .wrongKind(name, found: .directory)
      case .permissionDenied, .notPermitted:
        throw .permissionDenied(
          name, "Only its owner and root may remove shared memory \"\(name.value)\".", error)
      default:
        throw .system(error, name: name.value, action: "remove shared memory \"\(name.value)\"")
      }
    }
  }
}
