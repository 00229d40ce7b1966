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

import ArgumentParser
import Interprocess
import SystemPackage

/// A number of bytes as people write it: `4096`, `64KiB`.
enum ByteCount {
  /// The units, the largest first.
  static let units: [(name: String, byteCount: Int)] = [
    ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
  ]

  static func parse(_ text: String) throws -> Int {
    let unit = units.first { text.hasSuffix($0.name) }
    let number = try wholeNumber(String(text.dropLast(unit?.name.count ?? 0)))
    let (byteCount, overflow) = number.multipliedReportingOverflow(by: unit?.byteCount ?? 1)
    if overflow { throw ValidationError("it is too large.") }
    return byteCount
  }
}

/// A number written in decimal digits only.
func wholeNumber(_ text: String) throws -> Int {
  guard !text.isEmpty, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else {
    throw ValidationError("it is not a whole number.")
  }
  guard let number = Int(text) else { throw ValidationError("it is too large.") }
  return number
}

/// A shape as `--shape` takes it, such as 480x640.
func shape(_ text: String) throws -> [Int] {
  let parts = text.split(separator: "x", omittingEmptySubsequences: false)
  guard parts.count <= 64 else { throw ValidationError("it has more than 64 dimensions.") }
  return try parts.map { try wholeNumber(String($0)) }
}

/// Permissions as `chmod` takes them: octal, for the user, the group and others.
func permissions(_ text: String) throws -> FilePermissions {
  guard (1...4).contains(text.utf8.count),
    text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "7") ~= $0 }),
    let mode = CModeT(text, radix: 8), mode <= 0o777
  else { throw ValidationError("it is not an octal number from 0000 to 0777.") }
  return FilePermissions(rawValue: mode)
}

extension FilePermissions {
  /// The mode with four octal digits: `0600`.
  var modeText: String {
    let digits = String(rawValue, radix: 8)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}

/// The arguments of every command that attaches to one segment.
struct Segment: ParsableArguments {
  @Argument(help: "The name of the shared memory.", transform: Name.init)
  var name: Name

  @Flag(help: "Also accept memory that belongs to neither this user nor root.")
  var anyOwner = false

  private var owner: SharedMemory.Owner { anyOwner ? .anyone : .currentUser }

  /// Opens the memory for reading, which leaves no trace.
  func look() throws -> SegmentPeek {
    do {
      return try SegmentPeek(name.bytes, owner: owner)
    } catch {
      throw Failure(error, name)
    }
  }

  func attach() throws -> SharedMemory {
    let text = try name.text(to: "write to")
    do {
      return try SharedMemory.attach(text, access: .readWrite, owner: owner)
    } catch {
      throw Failure(error, name)
    }
  }
}
