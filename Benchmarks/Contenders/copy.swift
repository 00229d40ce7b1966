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

// contender: name="Interprocess SharedArray" group=copy
// sizes: 1K,64K,1M,64M
// curve: 8,64,1K,16K,256K,4M,64M,1G

import Harness
import Interprocess

@main
struct Copy {
  static func main() throws {
    Harness.begin()
    Harness.pin()
    for size in Harness.sizes {
      let values = [Double](repeating: 1.5, count: size / MemoryLayout<Double>.stride)
      var array = try SharedArray<Double>.create(nil, count: values.count)
      try array.unlink()
      func row(_ contender: String) -> Case {
        Case(
          contender, test: "copy", "private to shared", size: size, unit: .gigabytesPerSecond)
      }
      // So many in a row that the calls hardly count.
      let copyCount = max(1, 4096 / size)
      array.withUnsafeMutableBufferPointer { target in
        values.withUnsafeBufferPointer { source in
          row("unsafe pointer").measure(operationCount: copyCount) {
            for _ in 0..<copyCount {
              UnsafeMutableRawBufferPointer(target).copyMemory(from: UnsafeRawBufferPointer(source))
              Harness.touchMemory()
            }
          }
        }
      }
      row("Interprocess SharedArray").measure(operationCount: copyCount) {
        for _ in 0..<copyCount {
          array.copy(from: values)
          Harness.touchMemory()
        }
      }
    }
  }
}
