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

/// A value that shows whether all of it was stored at once: each word follows from the first one.
package protocol WordArray {
  init(number: UInt64)
  var number: UInt64 { get }
  var isWhole: Bool { get }
}

extension InlineArray: WordArray where Element == UInt64 {
  package init(number: UInt64) {
    self.init { number &+ UInt64($0) &* 0x9E37_79B9_7F4A_7C15 }
  }

  package var number: UInt64 { self[0] }

  package var isWhole: Bool {
    let number = number
    for index in indices where self[index] != number &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15 {
      return false
    }
    return true
  }
}
