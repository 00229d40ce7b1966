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

/// Element types of arrays, each with values that follow from a number.
enum ArrayTypes {
  /// A structure with padding after each of the first two fields, and at the end.
  struct Padded: Shareable, Equatable {
    var a: UInt8
    var b: Double
    var c: UInt16
  }

  struct Inner: Shareable, Equatable {
    var x: Double
    var y: UInt8
  }

  /// A structure with structures, arrays and vectors, and a field in what would be padding in C.
  struct Nested: Shareable, Equatable {
    var head: Int32
    var inner: Inner
    var tail: UInt8
    var grid: InlineArray<2, InlineArray<3, Int16>>
    var list: InlineArray<3, Inner>
    var lanes: SIMD4<Float>
    var three: SIMD3<Float>
    var wide: Int128
    var größe: Float16

    static func == (left: Nested, right: Nested) -> Bool {
      left.head == right.head && left.inner == right.inner && left.tail == right.tail
        && (0..<2).allSatisfy { i in (0..<3).allSatisfy { left.grid[i][$0] == right.grid[i][$0] } }
        && (0..<3).allSatisfy { left.list[$0] == right.list[$0] } && left.lanes == right.lanes
        && left.three == right.three && left.wide == right.wide && left.größe == right.größe
    }
  }

  /// The layout of numpy with `align=True`: there `inner` ends with padding, in Swift it does not.
  struct Aligned: Shareable, Equatable {
    var head: Int32
    var inner: Inner
    var z: Double
    var end: UInt8
  }

  /// A structure whose name is not in latin1.
  struct Chinese: Shareable, Equatable {
    var `名`: Int64
    var `it's "`: UInt8
  }

  struct Grid: Shareable, Equatable {
    var rows: InlineArray<2, SIMD2<Double>>

    static func == (left: Grid, right: Grid) -> Bool {
      left.rows[0] == right.rows[0] && left.rows[1] == right.rows[1]
    }
  }

  static var all: [any Shareable.Type] {
    [
      Int8.self, Int16.self, Int32.self, Int64.self, Int.self, Int128.self,
      UInt8.self, UInt16.self, UInt32.self, UInt64.self, UInt.self, UInt128.self,
      Float16.self, Float.self, Double.self,
      SIMD2<Int8>.self, SIMD3<Float>.self, SIMD4<Float>.self, SIMD8<UInt16>.self,
      SIMD16<Double>.self, SIMD32<Int64>.self, SIMD64<Float16>.self,
      InlineArray<5, Int32>.self, InlineArray<2, InlineArray<3, Double>>.self,
      InlineArray<2, SIMD3<Double>>.self, InlineArray<3, Padded>.self,
      Padded.self, Inner.self, Nested.self, Aligned.self, Chinese.self, Grid.self,
    ]
  }

  static var numbers: [any (Shareable & Numeric).Type] {
    [
      Int8.self, Int16.self, Int32.self, Int64.self, Int.self,
      UInt8.self, UInt16.self, UInt32.self, UInt64.self, UInt.self,
      Float16.self, Float.self, Double.self,
    ]
  }
}

extension SharedArray {
  /// The element at any number of indices, through the subscript of that number.
  subscript(indices: [Int]) -> Element {
    get {
      switch indices.count {
      case 1: self[indices[0]]
      case 2: self[indices[0], indices[1]]
      case 3: self[indices[0], indices[1], indices[2]]
      default: self[indices[0], indices[1], indices[2], indices[3]]
      }
    }
    set {
      switch indices.count {
      case 1: self[indices[0]] = newValue
      case 2: self[indices[0], indices[1]] = newValue
      case 3: self[indices[0], indices[1], indices[2]] = newValue
      default: self[indices[0], indices[1], indices[2], indices[3]] = newValue
      }
    }
  }

  /// All indices of a shape, in row-major order.
  static func indices(_ shape: [Int]) -> [[Int]] {
    shape.reduce([[]]) { indices, extent in
      indices.flatMap { index in (0..<extent).map { index + [$0] } }
    }
  }
}
