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

import Glibc
import Subprocess
import TestSupport
import Testing

@testable import Interprocess

/// What a look at a segment says when the segment is not what it seems to be.
@Suite("Segment content", .timeLimit(.minutes(5)))
struct SegmentContentTests {
  /// The bytes of one segment of each kind.
  private func originals() throws -> [[UInt8]] {
    let value = try SharedMemory.create(
      copying: { try SharedValue.create($0, initialValue: SIMD2<Double>(1, 2)).close() })
    let list = try SharedMemory.create(
      copying: { try ShareableList.create($0, [1, "two", nil, 2.5, [0, 9]]).close() })
    let array = try SharedMemory.create(
      copying: { try SharedArray<Int32>.create($0, shape: [2, 3]).close() })
    return [value, list, array]
  }

  @Test("A structured segment that ends within its version is damaged, wherever it ends")
  func cutVersion() throws {
    let original = try originals()[0]
    let contentOffset = 256
    for byteCount in contentOffset...contentOffset + 128 {
      let name = uniqueName()
      var memory = try SharedMemory.create(name, byteCount: byteCount, lifetime: .whileAttached)
      memory.replace(with: original.prefix(byteCount))
      memory.storeBytes(of: UInt64(byteCount), toByteOffset: 24, as: UInt64.self)
      guard case .unusable("unknown", let error) = try SegmentContent(ofSegment: name) else {
        Issue.record("\(byteCount) bytes are taken for a value")
        continue
      }
      guard case .corrupted = error.code else {
        Issue.record("\(error)")
        continue
      }
    }
  }

  @Test("A value whose element is of any size is looked at without an overflow")
  func elementSize() throws {
    let name = uniqueName()
    let value = try SharedValue.create(name, initialValue: 1)
    var memory = try SharedMemory.attach(name)
    for size in [UInt64(Int.max), UInt64(Int.max) - 7, 1 << 62, 4096, .max] {
      memory.storeBytes(of: size, toByteOffset: 40, as: UInt64.self)
      guard case .unusable("unknown", _) = try SegmentContent(ofSegment: name) else {
        Issue.record("An element of \(size) bytes is accepted")
        continue
      }
    }
    memory.storeBytes(of: 8, toByteOffset: 40, as: UInt64.self)
    guard case .value("'<i8'", 1) = try SegmentContent(ofSegment: name) else {
      Issue.record("The value is not seen")
      return
    }
    memory.close()
    try value.unlink()
  }

  @Test("60,000 damaged segments are each told to be something")
  func mutations() throws {
    var generator = SeededGenerator(seed: 7)
    let interesting: [UInt64] = [
      0, 1, 2, 7, 8, 128, 256, 1 << 31, 1 << 62, UInt64(Int.max), 1 << 63, .max,
    ]
    var kinds: [String: Int] = [:]
    for original in try originals() {
      for byteCount in [original.count, original.count - 1, original.count + 1, 260, 130, 40] {
        let name = uniqueName()
        var memory = try SharedMemory.create(name, byteCount: byteCount, lifetime: .whileAttached)
        for _ in 0..<3334 {
          memory.replace(with: original.prefix(byteCount))
          // As far as it has one, so that the rest is looked at as well.
          if byteCount >= 128 && original[0] == UInt8(ascii: "S") {
            memory.storeBytes(of: UInt64(byteCount), toByteOffset: 24, as: UInt64.self)
          }
          for _ in 0..<Int.random(in: 0...3, using: &generator) {
            if Bool.random(using: &generator) {
              let offset = 8 * Int.random(in: 0...min(byteCount, 272) / 8 - 1, using: &generator)
              let number = interesting.randomElement(using: &generator)!
              memory.storeBytes(of: number, toByteOffset: offset, as: UInt64.self)
            } else {
              memory[Int.random(in: 0..<byteCount, using: &generator)] = .random(
                in: 0...255, using: &generator)
            }
          }
          switch try SegmentContent(ofSegment: name) {
          case .unusable: kinds["unusable", default: 0] += 1
          case let content: kinds[content.kind, default: 0] += 1
          }
        }
      }
    }
    #expect(Set(kinds.keys) == ["array", "bytes", "list", "unknown", "unusable", "value"])
    #expect(kinds.values.min() ?? 0 > 20, "\(kinds)")
  }

  @Test("What is no file is refused before anything is read from it")
  func noFile() throws {
    let name = uniqueName()
    #expect(mkfifo(path(name), 0o600) == 0)
    let error = #expect(throws: InterprocessError.self) { try SegmentContent(ofSegment: name) }
    #expect(error?.code == .wrongKind(expected: "shared memory", found: "a FIFO"))
    unlink(path(name))
  }
}

extension SharedMemory {
  /// The bytes of the segment that a body makes under a name.
  fileprivate static func create(copying make: (String) throws -> Void) throws -> [UInt8] {
    let name = uniqueName()
    try make(name)
    let memory = try attach(name)
    let bytes = (0..<memory.byteCount).map { memory[$0] }
    try memory.unlink()
    return bytes
  }

  /// Overwrites all bytes, with zeros behind those that are given.
  fileprivate mutating func replace(with bytes: ArraySlice<UInt8>) {
    withMutableBytes { span in
      span.withUnsafeMutableBytes { buffer in
        _ = buffer.initializeMemory(as: UInt8.self, repeating: 0)
        buffer.copyBytes(from: bytes)
      }
    }
  }
}
