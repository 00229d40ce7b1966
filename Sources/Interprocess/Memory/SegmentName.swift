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

/// A checked name of a segment, and the place where it lies.
///
/// A name is 1 to 255 bytes of UTF-8 without `/` and NUL, and is neither `.` nor `..`. One leading
/// slash, the POSIX habit, is dropped.
struct SegmentName: Sendable, Hashable {
  /// The directory that glibc's `shm_open` uses, and with it CPython.
  static let directory = "/dev/shm"

  /// The most bytes that a name has: what the kernel calls `NAME_MAX`.
  static let maximumByteCount = 255

  let value: String

  /// The file of that name.
  let path: String

  init(_ name: String) throws(InterprocessError) {
    let value =
      name.utf8.first == UInt8(ascii: "/")
      ? String(Substring(name.utf8.dropFirst())) : name
    if let problem = Self.problem(with: value) {
      throw InterprocessError(
        code: .invalidName, name: name,
        message: "A shared memory name \(problem); \(String(reflecting: name)) is not one.")
    }
    self.init(unchecked: value)
  }

  /// A name found in the directory; `nil` if it is not UTF-8.
  init?(fileName bytes: [UInt8]) {
    guard let value = String(validating: bytes, as: UTF8.self) else { return nil }
    self.init(unchecked: value)
  }

  /// A name that most likely nobody uses.
  static func random() -> SegmentName {
    let digits = String(UInt64.random(in: .min ... .max), radix: 16)
    let zeros = String(repeating: "0", count: 16 - digits.count)
    return SegmentName(unchecked: "swift_\(zeros)\(digits)")
  }

  private init(unchecked value: String) {
    self.value = value
    path = "\(Self.directory)/\(value)"
  }

  private static func problem(with value: String) -> String? {
    if value.isEmpty { return "has at least one byte" }
    if value.utf8.count > maximumByteCount { return "has at most \(maximumByteCount) bytes" }
    if value.utf8.contains(UInt8(ascii: "/")) { return "contains no slash but a leading one" }
    if value.utf8.contains(0) { return "contains no NUL" }
    if value == "." || value == ".." { return "is neither \".\" nor \"..\"" }
    return nil
  }
}
