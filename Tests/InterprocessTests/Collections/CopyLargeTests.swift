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

import CInterprocess
import Interprocess
import Testing

@Suite("Copying past the caches")
struct CopyLargeTests {
  @Test("Every byte is copied, and no other one touched, at any place and of any size")
  func places() {
    let room = 512
    let source = (0..<room).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) }
    for offset in 0..<65 {
      for count in [0, 1, 63, 64, 65, 127, 128, 191, 300] {
        for sourceOffset in [0, 1, 8] {
          var target = [UInt8](repeating: 0, count: room)
          source.withUnsafeBytes { source in
            target.withUnsafeMutableBytes { target in
              ipc_copy_large(
                target.baseAddress! + offset, source.baseAddress! + sourceOffset, count)
            }
          }
          var expected = [UInt8](repeating: 0, count: room)
          expected.replaceSubrange(
            offset..<offset + count, with: source[sourceOffset..<sourceOffset + count])
          #expect(target == expected, "\(count) bytes from \(sourceOffset) to \(offset)")
        }
      }
    }
  }

  @Test("Overlapping bytes are moved", arguments: [-200, -64, -1, 0, 1, 64, 200])
  func overlapping(distance: Int) {
    let bytes = (0..<1024).map { UInt8(truncatingIfNeeded: $0 &* 13) }
    var moved = bytes
    moved.withUnsafeMutableBytes {
      ipc_copy_large($0.baseAddress! + 300 + distance, $0.baseAddress! + 300, 400)
    }
    var expected = bytes
    expected.replaceSubrange(300 + distance..<700 + distance, with: bytes[300..<700])
    #expect(moved == expected)
  }

  @Test("A large array is copied whole")
  func large() throws {
    let values = (0..<(4 << 20) + 9).map { UInt64($0) &* 0x9E37_79B9_7F4A_7C15 }
    var array = try SharedArray<UInt64>.create(nil, count: values.count)
    try array.unlink()
    array.copy(from: values)
    #expect(Array(array) == values)
  }
}
