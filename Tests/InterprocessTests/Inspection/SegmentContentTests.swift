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
import TestSupport
import Testing

@testable import Interprocess

/// What looking at a segment reports when the segment is not what it seems to be.
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
    return [value, list, array] + (try synchronizationSegments()).map(\.bytes)
  }

  @Test("A structured segment that ends within its version is damaged, wherever it ends")
  func cutVersion() throws {
    let original = try originals()[0]
    let contentOffset = 256
    for byteCount in contentOffset...contentOffset + 128 {
      let name = uniqueName()
      var memory = try SharedMemory.create(name, byteCount: byteCount, options: .whileAttached)
      memory.replace(with: original.prefix(byteCount))
      memory.storeBytes(of: UInt64(byteCount), toByteOffset: 24, as: UInt64.self)
      guard case .unusable("value", let error) = try SegmentContent(ofSegment: name) else {
        Issue.record("\(byteCount) bytes are taken for a value")
        continue
      }
      guard case .corrupted = error.code else {
        Issue.record("\(error)")
        continue
      }
    }
  }

  @Test("A value with an element of any size is read without an overflow")
  func elementSize() throws {
    let name = uniqueName()
    let value = try SharedValue.create(name, initialValue: 1)
    var memory = try SharedMemory.attach(name)
    for size in [UInt64(Int.max), UInt64(Int.max) - 7, 1 << 62, 4096, .max] {
      memory.storeBytes(of: size, toByteOffset: 40, as: UInt64.self)
      guard case .unusable("value", _) = try SegmentContent(ofSegment: name) else {
        Issue.record("An element of \(size) bytes is accepted")
        continue
      }
    }
    memory.storeBytes(of: 8, toByteOffset: 40, as: UInt64.self)
    #expect(try facts(name) == ["dtype": .text("'<i8'"), "version": .integer(1)])
    memory.close()
    try value.unlink()
  }

  @Test("A queue with elements of any stride and alignment is read without a crash")
  func queueElements() throws {
    let name = uniqueName()
    let queue = try SharedQueue<Int32>.create(name, capacity: 9)
    defer { try? SharedMemory.unlink(name) }
    for number in 0..<5 { try queue.send(Int32(number)) }
    var memory = try SharedMemory.attach(name)
    let (capacity, stride, alignment) = (32, 48, 56)
    let forged: [(offset: Int, value: UInt64)] = [
      (capacity, 0), (capacity, 1 << 40), (capacity, UInt64(Int.max)), (stride, 0),
      (stride, UInt64(Int.max)), (stride, 1 << 20), (alignment, 0), (alignment, 3),
      (alignment, 1 << 40), (alignment, UInt64(Int.max)),
    ]
    for (offset, value) in forged {
      let right = memory.load(fromByteOffset: offset, as: UInt64.self)
      memory.storeBytes(of: value, toByteOffset: offset, as: UInt64.self)
      guard case .unusable("queue", let error) = try SegmentContent(ofSegment: name),
        case .corrupted = error.code
      else {
        Issue.record("\(value) at \(offset) is accepted")
        continue
      }
      memory.storeBytes(of: right, toByteOffset: offset, as: UInt64.self)
    }
    #expect(try facts(name)["sentCount"] == .integer(5))
  }

  @Test("Memory that shrinks while it is read is an error, and no content")
  func shrinks() throws {
    for original in try originals() {
      for byteCount in [0, 1, 40, 130, original.count - 1] {
        let name = uniqueName()
        var memory = try SharedMemory.create(
          name, byteCount: original.count, options: .whileAttached)
        memory.replace(with: original[...])
        let peek = try SegmentPeek(name: SegmentName(name), owner: .anyone)
        #expect(truncate(path(name), byteCount) == 0)
        let error = #expect(throws: InterprocessError.self) { try SegmentContent(of: peek) }
        #expect(error?.code == .invalidSize)
      }
    }
  }

  @Test("Each damaged segment is reported as something")
  func mutations() throws {
    let roundCount = extent(whole: 1429, short: 200)
    var generator = SeededGenerator(seed: 7)
    let interesting: [UInt64] = [
      0, 1, 2, 7, 8, 128, 256, 1 << 31, 1 << 62, UInt64(Int.max), 1 << 63, .max,
    ]
    var kinds: [String: Int] = [:]
    for original in try originals() {
      for byteCount in [original.count, original.count - 1, original.count + 1, 260, 130, 40] {
        let name = uniqueName()
        var memory = try SharedMemory.create(name, byteCount: byteCount, options: .whileAttached)
        for _ in 0..<roundCount {
          memory.replace(with: original.prefix(byteCount))
          // As far as there is one, so that the rest is read, too.
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
          let content = try SegmentContent(ofSegment: name)
          if case .unusable = content {
            kinds["unusable", default: 0] += 1
          } else {
            kinds[content.kind, default: 0] += 1
          }
          let kind = try SegmentContent.kind(ofSegment: Array(name.utf8))
          if kind != content.kind { Issue.record("\(kind) is not \(content)") }
        }
      }
    }
    #expect(
      Set(kinds.keys) == [
        "array", "atomic", "barrier", "bytes", "event", "list", "mutex", "read-write-lock",
        "semaphore", "unknown", "unusable", "value",
      ])
    #expect(kinds.values.min() ?? 0 > roundCount / 70, "\(kinds)")
  }

  @Test("Each kind has a number and a name of its own, and is found by its number")
  func kinds() {
    let kinds = SegmentKinds.all
    #expect(kinds.map { $0.number } == (1...UInt32(kinds.count)).map { $0 })
    #expect(Set(kinds.map { $0.word }).count == kinds.count)
    for kind in kinds { #expect(SegmentKinds.kind(kind.number) == kind) }
    // So that no kind of the C header is missing in the list.
    #expect(SegmentHeader.name(ofKind: 0) == nil)
    #expect(SegmentHeader.name(ofKind: UInt32(kinds.count + 1)) == nil)
  }

  @Test("A path that is not a file is refused before anything is read from it")
  func noFile() throws {
    let name = uniqueName()
    #expect(mkfifo(path(name), 0o600) == 0)
    let error = #expect(throws: InterprocessError.self) { try SegmentContent(ofSegment: name) }
    #expect(error?.code == .wrongKind(expected: "shared memory", found: "a FIFO"))
    unlink(path(name))
  }
}
