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
import CInterprocess
import Glibc

/// How the tool was started.
enum Invocation {
  private static let rawArguments: [[UInt8]] = {
    (0..<ipc_argument_count()).map { index in
      // SAFETY: there are that many texts, each ends in NUL, and no code changes them.
      let start = unsafe ipc_argument(index)
      return unsafe Array(UnsafeRawBufferPointer(start: start, count: strlen(start)))
    }
  }()

  /// The arguments as text, with each byte that is not UTF-8 written as in a name.
  ///
  /// Swift itself would substitute a replacement character, which would be another name.
  static let arguments: [String] = rawArguments.dropFirst().map { bytes in
    String(validating: bytes, as: UTF8.self) ?? spelled(bytes)
  }

  private static func spelled(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    var isEscape = false
    var rest = bytes[...]
    while let byte = rest.first {
      let length = (1...4).first { String(validating: rest.prefix($0), as: UTF8.self) != nil }
      if let length {
        text += rest.prefix(length)
        isEscape = byte == UInt8(ascii: "\\") && !isEscape
      } else {
        // After the backslash of an escape the byte stays invalid, and the name is refused.
        text += isEscape ? Array("\u{FFFD}".utf8) : Array("\\x\(hexadecimal(byte, digits: 2))".utf8)
        isEscape = false
      }
      rest = rest.dropFirst(length ?? 1)
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Whether an argument is the spelling of bytes that are not UTF-8.
  static func isSpelled(_ argument: String) -> Bool {
    rawArguments.contains {
      String(validating: $0, as: UTF8.self) == nil
        && spelled($0).utf8.elementsEqual(argument.utf8)
    }
  }

  /// The command that starts this tool again from the same directory, ready to paste into a shell.
  static let command: String = {
    let program = String(decoding: rawArguments.first ?? Array("shm".utf8), as: UTF8.self)
    // SAFETY: `getcwd` returns a new text that ends in NUL, which is freed here.
    if let directory = unsafe getcwd(nil, 0) {
      defer { unsafe free(directory) }
      // `swift run` starts the tool by this path.
      if program.utf8.starts(with: "\(unsafe String(cString: directory))/.build/".utf8) {
        return "swift run shm"
      }
    }
    let isPlain = program.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "/._-+".utf8.contains(byte)
      }
    }
    return isPlain && !program.isEmpty
      ? program : "'" + program.replacing("'", with: #"'\''"#) + "'"
  }()
}

/// The name of a file in the file system.
func filePath(_ argument: String) throws -> String {
  guard !Invocation.isSpelled(argument) else {
    throw ValidationError("it is not UTF-8. Give - instead, and redirect the file to it.")
  }
  return argument
}
