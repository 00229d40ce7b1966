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

/// Formats bytes as `hexdump -C` does: 16 on a line, in hexadecimal and ASCII, with a `*` for lines
/// that repeat the one before.
struct HexDump {
  static let lineByteCount = 16
  private static let digits = Array("0123456789abcdef".utf8)

  private var previous: [UInt8] = []
  private var isRepeating = false

  /// The text for the next line of bytes; empty if it repeats.
  ///
  /// - Parameters:
  ///   - bytes: 16 bytes, or fewer in the last line.
  ///   - offset: The position of the first byte.
  mutating func line(_ bytes: [UInt8], at offset: Int) -> [UInt8] {
    if bytes == previous {
      defer { isRepeating = true }
      return isRepeating ? [] : Array("*\n".utf8)
    }
    previous = bytes
    isRepeating = false

    var text = Array(hexadecimal(offset, digits: 8).utf8)
    let space = UInt8(ascii: " ")
    for column in 0..<Self.lineByteCount {
      text.append(space)
      if column.isMultiple(of: 8) { text.append(space) }
      if column < bytes.count {
        text.append(Self.digits[Int(bytes[column] >> 4)])
        text.append(Self.digits[Int(bytes[column] & 15)])
      } else {
        text += [space, space]
      }
    }
    text += "  |".utf8
    for byte in bytes {
      text.append(0x20...0x7E ~= byte ? byte : UInt8(ascii: "."))
    }
    text += "|\n".utf8
    return text
  }
}
