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

import FuzzSupport
import Interprocess

private let segment = Segment("npy")

/// A structure with padding between its fields and at its end.
struct Record: Shareable {
  var a: UInt8
  var b: Double
  var c: InlineArray<2, Int16>
}

/// Attaches to the input as an array of several types, reads all of it, and changes it.
@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
  segment.replace(with: UnsafeRawBufferPointer(start: start, count: count))
  use(Double.self, count)
  use(UInt8.self, count)
  use(SIMD4<Float>.self, count)
  use(Record.self, count)
  return 0
}

private func use<Element: Shareable>(_ type: Element.Type, _ byteCount: Int) {
  do {
    var array = try SharedArray<Element>.attach(segment.name)
    let shape = array.shape
    precondition(shape.reduce(1, *) == array.count, "\(shape) has not \(array.count) elements")
    precondition(
      array.count * MemoryLayout<Element>.stride < byteCount, "There is no room for the elements")
    let elements = Array(array)
    array.copy(from: elements.reversed())
    if shape.count == 2 && array.count > 0 {
      array[shape[0] - 1, shape[1] - 1] = array[0, 0]
    }
  } catch {
    // An empty file has no size yet; any other input is not an array, or has other elements.
    switch error.code {
    case .invalidSize where byteCount == 0: break
    case .corrupted, .layoutMismatch, .wrongKind: break
    default: fatalError("\(error)")
    }
  }
}
