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

extension ElementLayout {
  /// The value at an offset as text: a number, or its elements or fields in parentheses.
  ///
  /// A value that Swift has no type for is written in hexadecimal, byte by byte.
  ///
  /// - Precondition: All of its bytes are within the memory.
  func text(at offset: Int, in memory: CopiedBytes) -> String {
    switch form {
    case .scalar(let scalar):
      return scalar.text(at: offset, in: memory)
    case .array(let count, let element):
      var texts: [String] = []
      for index in 0..<count {
        texts.append(element.text(at: offset + index * element.byteCount, in: memory))
      }
      return "(" + texts.joined(separator: ", ") + ")"
    case .record(let fields):
      var texts: [String] = []
      for field in fields {
        texts.append(field.layout.text(at: offset + field.offset, in: memory))
      }
      return "(" + texts.joined(separator: ", ") + ")"
    }
  }
}

extension ElementLayout.Scalar {
  fileprivate func text(at offset: Int, in memory: CopiedBytes) -> String {
    func load<Value: Shareable & CustomStringConvertible>(_ type: Value.Type) -> String {
      memory.load(fromByteOffset: offset, as: type).description
    }
    switch (kind, byteCount) {
    case ("i", 1): return load(Int8.self)
    case ("i", 2): return load(Int16.self)
    case ("i", 4): return load(Int32.self)
    case ("i", 8): return load(Int64.self)
    case ("u", 1): return load(UInt8.self)
    case ("u", 2): return load(UInt16.self)
    case ("u", 4): return load(UInt32.self)
    case ("u", 8): return load(UInt64.self)
    case ("f", 2): return load(Float16.self)
    case ("f", 4): return load(Float.self)
    case ("f", 8): return load(Double.self)
    case ("b", 1): return memory.bytes[offset] == 0 ? "false" : "true"
    default:
      var text = "0x"
      for index in 0..<byteCount { text += hexadecimal(memory.bytes[offset + index], digits: 2) }
      return text
    }
  }
}
