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

/// A value in JSON (RFC 8259).
enum JSON {
  case string(String)
  case integer(any BinaryInteger)
  case number(Double)
  case boolean(Bool)
  case null
  case array([JSON])
  case object([(key: String, value: JSON)])

  /// The value as text in one line.
  var text: String {
    switch self {
    case .string(let string): Self.literal(string)
    case .integer(let integer): integer.description
    case .number(let number): number.description
    case .boolean(let boolean): boolean ? "true" : "false"
    case .null: "null"
    case .array(let elements): "[" + elements.map(\.text).joined(separator: ", ") + "]"
    case .object(let members):
      "{" + members.map { "\(Self.literal($0.key)): \($0.value.text)" }.joined(separator: ", ")
        + "}"
    }
  }

  /// A string literal, without anything that acts on a terminal.
  private static func literal(_ string: String) -> String {
    var text = "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case _ where scalar.isPrintable: text.unicodeScalars.append(scalar)
      default:
        // JSON has only escapes of four digits: a scalar beyond the first 65536 takes two.
        for unit in String(scalar).utf16 { text += "\\u" + hexadecimal(unit, digits: 4) }
      }
    }
    return text + "\""
  }
}
