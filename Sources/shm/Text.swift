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

import Interprocess

extension String {
  /// The text in one line and without anything that acts on a terminal: names and commands come
  /// from other users.
  ///
  /// Such characters, and the backslash, are written as in a Swift or Python literal.
  var escaped: String { escaping(backslash: true) }

  /// The same as `escaped`, but backslashes stay, as messages may contain escapes already.
  var withoutControls: String { escaping(backslash: false) }

  /// The text escaped and in quotes, to be named in a message.
  var quoted: String { "\"\(escaped)\"" }

  private func escaping(backslash: Bool) -> String {
    var text = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\\" where backslash: text += "\\\\"
      case _ where scalar.isPrintable: text.unicodeScalars.append(scalar)
      case _ where scalar.isASCII: text += "\\x" + hexadecimal(scalar.value, digits: 2)
      default: text += "\\u{" + hexadecimal(scalar.value, digits: 4) + "}"
      }
    }
    return text
  }
}

extension Unicode.Scalar {
  /// Whether the scalar is visible or a plain space, and does not affect the text around it.
  var isPrintable: Bool {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse,
      .unassigned:
      false
    default:
      true
    }
  }
}

/// A number in hexadecimal, padded with zeros to at least this many digits.
func hexadecimal(_ value: some BinaryInteger, digits: Int) -> String {
  let text = String(value, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}

/// A number of bytes in the largest unit that divides it, as the tool reads it: 1024 is 1KiB, and
/// 1500 is 1500.
func sizeText(_ byteCount: Int) -> String {
  guard byteCount > 0 else { return String(byteCount) }
  for unit in ByteCount.units where byteCount.isMultiple(of: unit.byteCount) {
    return "\(byteCount / unit.byteCount)\(unit.name)"
  }
  return String(byteCount)
}

/// A time in its largest whole unit: 5s, 3m, 2h, 4d.
func ageText(_ age: Duration) -> String {
  let seconds = age.components.seconds
  return switch seconds {
  case ..<60: "\(seconds)s"
  case ..<3600: "\(seconds / 60)m"
  case ..<86400: "\(seconds / 3600)h"
  default: "\(seconds / 86400)d"
  }
}

/// Rows as lines with aligned columns, two spaces apart and without spaces at the ends of lines.
///
/// - Parameter rightAligned: The columns that hold numbers.
func tableLines(_ rows: [[String]], rightAligned: Set<Int>) -> [String] {
  var widths: [Int] = []
  for row in rows {
    for (column, cell) in row.enumerated() {
      if column == widths.count { widths.append(0) }
      widths[column] = max(widths[column], cell.count)
    }
  }
  return rows.map { row in
    let cells = row.enumerated().map { column, cell in
      let padding = String(repeating: " ", count: widths[column] - cell.count)
      return rightAligned.contains(column) ? padding + cell : cell + padding
    }
    let line = cells.joined(separator: "  ")
    return String(line.reversed().drop { $0 == " " }.reversed())
  }
}
