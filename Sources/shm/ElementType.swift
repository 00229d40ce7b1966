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

/// The types of values that can be read and written.
enum ElementType: String, CaseIterable, ExpressibleByArgument {
  case uint8, int8, int16, uint16, int32, uint32, int64, uint64, float16, float32, float64

  /// NumPy's name for the type, as in the header of an array.
  var dtype: String {
    // The name consists of the kind of number and its bits.
    let kind = rawValue.first { $0 != "n" } ?? "u"
    let bitCount = Int(rawValue.drop { !$0.isNumber }) ?? 8
    return "'\(bitCount == 8 ? "|" : "<")\(kind)\(bitCount / 8)'"
  }

  var element: any Element.Type {
    switch self {
    case .uint8: UInt8.self
    case .int8: Int8.self
    case .int16: Int16.self
    case .uint16: UInt16.self
    case .int32: Int32.self
    case .uint32: UInt32.self
    case .int64: Int64.self
    case .uint64: UInt64.self
    case .float16: Float16.self
    case .float32: Float.self
    case .float64: Double.self
    }
  }
}

/// A value in shared memory that can be written as text.
protocol Element: Shareable, CustomStringConvertible {
  /// The value that a text stands for; `nil` if it stands for none, or for one out of range.
  static func parse(_ text: String) -> Self?

  /// The range of values, to follow the name of the type; empty if that needs no word.
  static var rangeText: String { get }
}

extension Element where Self: FixedWidthInteger {
  static func parse(_ text: String) -> Self? { Self(text) }

  static var rangeText: String { " (\(min) to \(max))" }
}

extension Element where Self: BinaryFloatingPoint & LosslessStringConvertible {
  static func parse(_ text: String) -> Self? {
    guard let value = Self(text) else { return nil }
    // A number too large for the type becomes infinite; only "inf" is meant to be infinite.
    if value.isInfinite && !text.lowercased().contains("inf") { return nil }
    return value
  }

  static var rangeText: String { " (at most \(greatestFiniteMagnitude), inf or nan)" }
}

extension UInt8: Element {}
extension Int8: Element {}
extension Int16: Element {}
extension UInt16: Element {}
extension Int32: Element {}
extension UInt32: Element {}
extension Int64: Element {}
extension UInt64: Element {}
extension Float16: Element {}
extension Float: Element {}
extension Double: Element {}
