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

internal import Interprocess

/// The words of a command.
struct Words {
  private var words: [Substring]

  init(_ line: String) {
    words = line.split(separator: " ")
  }

  mutating func next() -> String {
    words.isEmpty ? "" : String(words.removeFirst())
  }

  mutating func number() -> Int {
    let word = next()
    guard let number = Int(word) else { fatalError("\(word) is not a number") }
    return number
  }

  mutating func rest() -> [String] {
    defer { words = [] }
    return words.map { String($0) }
  }

  var lifetime: SharedMemory.Lifetime { flag("temporary") ? .whileAttached : .untilUnlinked }

  func flag(_ name: String) -> Bool {
    words.contains { $0 == name }
  }

  /// The value of a word of the form `name=value`.
  func option(_ name: String) -> String? {
    words.first { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.count + 1)) }
  }
}
