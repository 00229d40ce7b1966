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

/// The name of shared memory as people give it to the tool.
///
/// Names are bytes. The tool reads a name in the form in which it shows it, with `\\`, `\n`, `\xNN`
/// and the like for bytes that cannot be shown, so that every name can be given back to it.
struct Name {
  /// The bytes, without the leading slash of POSIX names.
  let bytes: [UInt8]

  init(_ argument: String) throws {
    var bytes: [UInt8] = []
    var rest = Array(argument.utf8)[...]
    while let byte = rest.popFirst() {
      bytes += byte == UInt8(ascii: "\\") ? try Self.escaped(&rest) : [byte]
    }
    self.bytes = bytes.first == UInt8(ascii: "/") ? Array(bytes.dropFirst()) : bytes
  }

  /// The bytes that an escape stands for; its backslash has already been read.
  private static func escaped(_ rest: inout ArraySlice<UInt8>) throws -> [UInt8] {
    switch rest.popFirst() {
    case UInt8(ascii: "\\"): return [UInt8(ascii: "\\")]
    case UInt8(ascii: "n"): return [UInt8(ascii: "\n")]
    case UInt8(ascii: "r"): return [UInt8(ascii: "\r")]
    case UInt8(ascii: "t"): return [UInt8(ascii: "\t")]
    case UInt8(ascii: "x"):
      if let byte = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16),
        rest.count >= 2, rest.first != UInt8(ascii: "+")
      {
        rest = rest.dropFirst(2)
        return [byte]
      }
    case UInt8(ascii: "u"):
      let digits = rest.dropFirst().prefix { $0 != UInt8(ascii: "}") }
      if rest.first == UInt8(ascii: "{"), digits.first != UInt8(ascii: "+"),
        let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
        let scalar = Unicode.Scalar(value), rest.count >= digits.count + 2
      {
        rest = rest.dropFirst(digits.count + 2)
        return Array(String(scalar).utf8)
      }
    default: break
    }
    throw ValidationError(
      #"it has a backslash that does not begin \\, \n, \r, \t, \xNN or \u{N}; write \\ for one."#)
  }

  /// The name in quotes, as it can be given back to the tool.
  var quoted: String { "\"\(bytes.escapedName)\"" }

  /// The name as text, for actions that need one.
  ///
  /// - Parameter action: The action that other names do not allow, to follow "Cannot".
  func text(to action: String) throws(Failure) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure(
        "Cannot \(action) \(quoted): this needs a name in UTF-8. Choose another name.")
    }
    return text
  }
}

extension Sequence<UInt8> {
  /// A name in one line that the tool can read back, without anything that acts on a terminal:
  /// escaped as text is, with `\xNN` for each byte that is not UTF-8.
  var escapedName: String {
    var text = ""
    var rest = Array(self)[...]
    while let byte = rest.first {
      // A scalar has at most 4 bytes.
      let length = (1...4).first { String(validating: rest.prefix($0), as: UTF8.self) != nil }
      if let length {
        text += String(decoding: rest.prefix(length), as: UTF8.self).escaped
      } else {
        text += "\\x" + hexadecimal(byte, digits: 2)
      }
      rest = rest.dropFirst(length ?? 1)
    }
    return text
  }
}
