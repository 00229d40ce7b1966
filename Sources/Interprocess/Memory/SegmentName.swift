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

/// A checked name of a segment, and the path of its file.
///
/// A name is 1 to 255 bytes without `/` and NUL, and is neither `.` nor `..`; names that this
/// library creates are UTF-8. One leading slash, the POSIX habit, is dropped.
struct SegmentName: Sendable, Hashable {
  /// The directory that glibc's `shm_open` uses, and with it CPython.
  static let directory = "/dev/shm"

  /// The greatest length of a name: the kernel's `NAME_MAX`.
  static let maximumByteCount = 255

  /// The name as text, for messages.
  ///
  /// Names are compared as bytes: two texts that are equal in Swift may be the names of two files.
  let value: String

  /// The bytes of the name, without a NUL.
  let bytes: [UInt8]

  /// The path of the file; empty, as for no file, if the name is not UTF-8.
  let path: String

  init(_ name: String) throws(InterprocessError) {
    try self.init(bytes: Array(name.utf8))
  }

  /// A name that need not be UTF-8; if it is not, it has no `path`.
  init(bytes name: [UInt8]) throws(InterprocessError) {
    let bytes = name.first == UInt8(ascii: "/") ? Array(name.dropFirst()) : name
    if let problem = Self.problem(with: bytes) {
      let text = Self.text(of: name)
      throw InterprocessError(
        code: .invalidName, name: text,
        message: "A shared memory name \(problem); \(String(reflecting: text)) is not one.")
    }
    self.init(unchecked: bytes)
  }

  /// A name found in the directory; `nil` if it is not UTF-8.
  init?(fileName bytes: [UInt8]) {
    guard String(validating: bytes, as: UTF8.self) != nil else { return nil }
    self.init(unchecked: bytes)
  }

  static func == (left: SegmentName, right: SegmentName) -> Bool { left.bytes == right.bytes }

  func hash(into hasher: inout Hasher) { hasher.combine(bytes) }

  /// A name that is most likely unused.
  static func random() -> SegmentName {
    let digits = String(UInt64.random(in: .min ... .max), radix: 16)
    let zeros = String(repeating: "0", count: 16 - digits.count)
    return SegmentName(unchecked: Array("swift_\(zeros)\(digits)".utf8))
  }

  private init(unchecked bytes: [UInt8]) {
    self.bytes = bytes
    value = Self.text(of: bytes)
    let isText = String(validating: bytes, as: UTF8.self) != nil
    path = isText ? "\(Self.directory)/\(value)" : ""
  }

  /// The text of a name, with each byte that is not part of UTF-8 as `\xNN`.
  private static func text(of bytes: [UInt8]) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    var text = ""
    var rest = bytes[...]
    while let byte = rest.first {
      // A scalar has at most 4 bytes.
      let length = (1...4).first {
        String(validating: rest.prefix($0), as: UTF8.self) != nil
      }
      if let length {
        text += String(decoding: rest.prefix(length), as: UTF8.self)
      } else {
        text += "\\x" + String(byte, radix: 16)
      }
      rest = rest.dropFirst(length ?? 1)
    }
    return text
  }

  private static func problem(with bytes: [UInt8]) -> String? {
    if bytes.isEmpty { return "has at least one byte" }
    if bytes.count > maximumByteCount { return "has at most \(maximumByteCount) bytes" }
    if bytes.contains(UInt8(ascii: "/")) { return "contains no slash but a leading one" }
    if bytes.contains(0) { return "contains no NUL" }
    if bytes == [0x2E] || bytes == [0x2E, 0x2E] { return "is neither \".\" nor \"..\"" }
    return nil
  }
}

extension SharedMemory {
  /// Whether shared memory lies in a directory, by whatever path that is named.
  package static func isPlace(_ directory: String) -> Bool {
    guard let place = try? Files.statusOfTarget(at: SegmentName.directory) else { return false }
    return (try? Files.statusOfTarget(at: directory))?.identity == place.identity
  }
}
