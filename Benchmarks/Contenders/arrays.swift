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

// contender: name="Interprocess, by size of array" group=array only=curve
// curve: 8K,64K,512K,4M,32M,256M

import Harness
import Interprocess

/// How the cost of an array grows with its size in bytes, compared with an array of this process.
@main
struct Arrays {
  static func main() throws {
    Harness.begin()
    Harness.pin()
    for size in Harness.sizes {
      let count = size / MemoryLayout<Double>.stride
      func row(_ contender: String, _ what: String) -> Case {
        Case(contender, test: "array", what, size: size)
      }
      let name = "benchmark-array"
      let contender = "Interprocess SharedArray"

      var array = try SharedArray<Double>.create(name, count: count)
      row(contender, "attach and close").measure {
        let array = try SharedArray<Double>.attach(name)
        array.close()
      }
      row(contender, "fill").measure { array.fill(with: 1.5) }
      row(contender, "sum").measure {
        let span = array.span
        var sum = 0.0
        for index in span.indices { sum += span[index] }
        Harness.keep(sum)
      }
      try array.unlink()

      let buffer = UnsafeMutableBufferPointer<Double>.allocate(capacity: count)
      defer { buffer.deallocate() }
      row("unsafe pointer", "fill").measure { buffer.update(repeating: 1.5) }
      row("unsafe pointer", "sum").measure {
        var sum = 0.0
        for index in buffer.indices { sum += buffer[index] }
        Harness.keep(sum)
      }
    }
  }
}
