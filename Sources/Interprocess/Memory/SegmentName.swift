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
    let isMarked = name.utf8.first == UInt8(ascii: "/")
    let value = isMarked ? String(Substring(name.utf8.dropFirst())) : name
    let bytes = Array(value.utf8)
    if let problem = Self.problem(with: bytes) { throw Self.invalid(name, problem) }
    self.init(text: value, bytes)
  }

  /// A name that need not be UTF-8; if it is not, it has no `path`.
  init(bytes name: [UInt8]) throws(InterprocessError) {
    let bytes = name.first == UInt8(ascii: "/") ? Array(name.dropFirst()) : name
    if let problem = Self.problem(with: bytes) {
      throw Self.invalid(String(validating: name, as: UTF8.self) ?? Self.escaped(name), problem)
    }
    if let text = String(validating: bytes, as: UTF8.self) {
      self.init(text: text, bytes)
    } else {
      self.init(text: Self.escaped(bytes), bytes, isWhole: false)
    }
  }

  /// A name found in the directory; `nil` if it is not UTF-8.
  init?(fileName bytes: [UInt8]) {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    self.init(text: text, bytes)
  }

  static func == (left: SegmentName, right: SegmentName) -> Bool { left.bytes == right.bytes }

  func hash(into hasher: inout Hasher) { hasher.combine(bytes) }

  /// A name that is most likely unused.
  static func random() -> SegmentName {
    let digits = String(UInt64.random(in: .min ... .max), radix: 16)
    let zeros = String(repeating: "0", count: 16 - digits.count)
    let text = "swift_\(zeros)\(digits)"
    return SegmentName(text: text, Array(text.utf8))
  }

  /// - Parameter isWhole: Whether these are the bytes of the text.
  private init(text: String, _ bytes: [UInt8], isWhole: Bool = true) {
    self.bytes = bytes
    value = text
    path = isWhole ? "\(Self.directory)/\(text)" : ""
  }

  private static func invalid(_ name: String, _ problem: String) -> InterprocessError {
    InterprocessError(
      code: .invalidName, name: name,
      message: "A shared memory name \(problem); \(String(reflecting: name)) is not one.")
  }

  /// The text of a name that is not UTF-8, with each byte that is not part of it as `\xNN`.
  private static func escaped(_ bytes: [UInt8]) -> String {
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
