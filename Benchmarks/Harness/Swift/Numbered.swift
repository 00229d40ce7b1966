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

/// A payload that carries a number, by which the other side recognises it.
public protocol Numbered: Shareable {
  /// A payload that carries this number.
  init(number: UInt64)
  /// The number that it carries.
  var number: UInt64 { get }
}

extension UInt64: Numbered {
  /// A payload that carries this number.
  @inlinable public init(number: UInt64) { self = number }
  /// The number that it carries.
  @inlinable public var number: UInt64 { self }
}

/// A payload of 64 bytes.
public struct Message64: Numbered {
  @usableFromInline var words: InlineArray<8, UInt64>
  /// A payload that carries this number.
  @inlinable public init(number: UInt64) { words = InlineArray(repeating: number) }
  /// The number that it carries.
  @inlinable public var number: UInt64 { words[0] }
}

/// A payload of 1024 bytes.
public struct Message1024: Numbered {
  @usableFromInline var words: InlineArray<128, UInt64>
  /// A payload that carries this number.
  @inlinable public init(number: UInt64) { words = InlineArray(repeating: number) }
  /// The number that it carries.
  @inlinable public var number: UInt64 { words[0] }
}

/// A payload of 4096 bytes.
public struct Message4096: Numbered {
  @usableFromInline var words: InlineArray<512, UInt64>
  /// A payload that carries this number.
  @inlinable public init(number: UInt64) { words = InlineArray(repeating: number) }
  /// The number that it carries.
  @inlinable public var number: UInt64 { words[0] }
}
