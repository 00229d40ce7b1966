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

import TestSupport
import Testing

@testable import Interprocess

/// Headers that are not those of the value that a program attaches to.
@Suite("Refused segment headers", .timeLimit(.minutes(3)))
struct SegmentHeaderRefusalTests {
  private typealias Pose = SegmentHeaderTests.Pose

  /// Makes a value and a handle by which a test changes its bytes.
  private func withSegment(
    _ body: (String, inout SharedMemory) throws -> Void
  ) throws {
    let name = uniqueName()
    let value = try SharedValue.create(
      name, initialValue: Pose(x: 1, time: 2, state: [3, 4, 5]))
    var memory = try SharedMemory.attach(name)
    defer { try? SharedMemory.unlink(name) }
    try body(name, &memory)
    memory.close()
    value.close()
  }

  private func attach(_ name: String) -> InterprocessError? {
    do throws(InterprocessError) {
      _ = try SharedValue<Pose>.attach(name).load()
      return nil
    } catch {
      return error
    }
  }

  /// Attaches without reading the value, so that a bad number must be detected before.
  private func attachOnly(_ name: String) -> InterprocessError? {
    do throws(InterprocessError) {
      _ = try SharedValue<Pose>.attach(name)
      return nil
    } catch {
      return error
    }
  }

  @Test("Memory without a header, and memory too small for one, is of the wrong kind")
  func noHeader() throws {
    for byteCount in [1, 8, 127, 128, 4096] {
      let name = uniqueName()
      var memory = try SharedMemory.create(name, byteCount: byteCount)
      for (index, byte) in "SWIFTIPD".utf8.enumerated() where index < byteCount {
        memory[index] = byte
      }
      let error = attach(name)
      #expect(
        error?.code == .wrongKind(expected: "a shared value", found: "memory without a header"))
      #expect(error?.message == "\"\(name)\" is memory without a header, not a shared value.")
      try memory.unlink()
    }
  }

  @Test("A value of other fields is refused with both layouts")
  func otherFields() throws {
    try withSegment { name, memory in
      let error = #expect(throws: InterprocessError.self) {
        _ = try SharedValue<Int32>.attach(name).load()
      }
      let found = "[('x', '<f8'), ('time', '<u4'), ('state', '|u1', (3,)), ('', '|V1')]"
      #expect(error?.code == .layoutMismatch(expected: "'<i4'", found: found))
      #expect(
        error?.message == """
          The elements of "\(name)" are not laid out like Int32: there they are \(found), and \
          here '<i4'. Declare the type in the same way in both programs.
          """)
    }
  }

  @Test("A fingerprint that does not follow from the description is damage")
  func fingerprint() throws {
    try withSegment { name, memory in
      let found = "[('x', '<f8'), ('time', '<u4'), ('state', '|u1', (3,)), ('', '|V1')]"
      func expectDamage(_ described: String) {
        let reason =
          "its header describes elements as \(described), and has the fingerprint of others"
        #expect(attach(name)?.code == .corrupted(reason))
        // Also for a type that has the fingerprint found there, or another description.
        let error = #expect(throws: InterprocessError.self) {
          _ = try SharedValue<UInt32>.attach(name).load()
        }
        #expect(error?.code == .corrupted(reason))
      }
      let old = memory.load(fromByteOffset: 64, as: UInt64.self)
      for number in [old ^ 1, 0, ElementLayout(of: UInt32.self).fingerprint] {
        memory.storeBytes(of: number, toByteOffset: 64, as: UInt64.self)
        expectDamage(found)
      }
      memory.storeBytes(of: old, toByteOffset: 64, as: UInt64.self)
      #expect(attach(name) == nil)
      memory[128 + 3] = UInt8(ascii: "y")
      expectDamage(found.replacing("'x'", with: "'y'"))
    }
  }

  @Test("Types that differ only in their alignment are refused with both alignments")
  func otherAlignment() throws {
    struct Vector: Shareable { var x: SIMD4<Float> }
    struct Array: Shareable { var x: InlineArray<4, Float> }
    let name = uniqueName()
    let value = try SharedValue.create(name, initialValue: Vector(x: .zero))
    let error = #expect(throws: InterprocessError.self) {
      _ = try SharedValue<Array>.attach(name).load()
    }
    try value.unlink()
    let dtype = "[('x', '<f4', (4,))]"
    #expect(
      error?.code
        == .layoutMismatch(
          expected: "\(dtype) of 16 bytes with a stride of 16 and an alignment of 4",
          found: "\(dtype) of 16 bytes with a stride of 16 and an alignment of 16"))
    #expect(
      error?.message == """
        The elements of "\(name)" are not laid out like Array: there they are \(dtype) of 16 \
        bytes with a stride of 16 and an alignment of 16, and here \(dtype) of 16 bytes with a \
        stride of 16 and an alignment of 4. Declare the type in the same way in both programs.
        """)
  }

  @Test("Another kind, version, byte order or word size is refused")
  func otherVersion() throws {
    try withSegment { name, memory in
      for (offset, code) in [
        (8, .unsupportedVersion), (16, .unsupportedVersion), (20, .unsupportedVersion),
        (12, .wrongKind(expected: "a shared value", found: "of kind 77")),
      ] as [(Int, InterprocessError.Code)] {
        let old = memory.load(fromByteOffset: offset, as: UInt32.self)
        memory.storeBytes(of: 77, toByteOffset: offset, as: UInt32.self)
        #expect(attach(name)?.code == code)
        memory.storeBytes(of: old, toByteOffset: offset, as: UInt32.self)
      }
      #expect(attach(name) == nil)
    }
  }

  @Test("Numbers that contradict each other or the memory are refused")
  func contradictions() throws {
    try withSegment { name, memory in
      let content = Int(memory.load(fromByteOffset: 72, as: UInt64.self))
      let byteCount = UInt64(memory.byteCount)
      let huge: [UInt64] = [1 << 62, UInt64(Int.max), 1 << 63, .max, .max - 127]
      let changes: [(Int, [UInt64])] = [
        (24, [0, byteCount - 1, byteCount + 1] + huge),
        (32, [0, 1, 3, 9, 16] + huge),
        (72, [0, 1, 127, 128, byteCount, byteCount + 128] + huge),
        (80, [UInt64(content - 127), byteCount] + huge),
        (content + 8, [0, 8, 64, 127, 256, byteCount] + huge),
      ]
      for (offset, numbers) in changes {
        let old = memory.load(fromByteOffset: offset, as: UInt64.self)
        for number in numbers {
          memory.storeBytes(of: number, toByteOffset: offset, as: UInt64.self)
          guard case .corrupted? = attachOnly(name)?.code else {
            Issue.record("\(number) at \(offset) is accepted")
            continue
          }
        }
        memory.storeBytes(of: old, toByteOffset: offset, as: UInt64.self)
      }
      for number in [0, 2, 8] + huge {
        memory.storeBytes(of: number, toByteOffset: content, as: UInt64.self)
        guard case .corrupted? = attach(name)?.code else {
          Issue.record("Version \(number) is accepted")
          continue
        }
      }
      memory.storeBytes(of: 1, toByteOffset: content, as: UInt64.self)
      // The element's numbers must be those of the type.
      for offset in [40, 48, 56] {
        let old = memory.load(fromByteOffset: offset, as: UInt64.self)
        for number in [old + 1, 0] {
          memory.storeBytes(of: number, toByteOffset: offset, as: UInt64.self)
          guard case .layoutMismatch? = attach(name)?.code else {
            Issue.record("\(number) at \(offset) is accepted")
            continue
          }
        }
        memory.storeBytes(of: old, toByteOffset: offset, as: UInt64.self)
      }
      #expect(attach(name) == nil)
      let error: InterprocessError?
      memory.storeBytes(of: 5, toByteOffset: content, as: UInt64.self)
      error = attach(name)
      #expect(
        error?.message == """
          Shared memory "\(name)" is damaged: version 5 is not in its slot. Remove it, and let its \
          creator create it again.
          """)
    }
  }

  @Test("The header itself refuses a content that is misaligned or out of range")
  func contentOffset() throws {
    try withSegment { name, memory in
      let content = memory.load(fromByteOffset: 72, as: UInt64.self)
      // Half of the slots, so that there is room for the rest further behind.
      memory.storeBytes(of: 4, toByteOffset: 32, as: UInt64.self)
      memory.storeBytes(of: 128, toByteOffset: Int(content) + 16, as: UInt64.self)
      for number in [content + 8, UInt64(memory.byteCount) + 128] {
        memory.storeBytes(of: number, toByteOffset: 72, as: UInt64.self)
        var error: InterprocessError?
        do throws(InterprocessError) { _ = try SegmentHeader(memory) } catch let thrown {
          error = thrown
        }
        guard case .corrupted? = error?.code else {
          Issue.record("A content at \(number) is accepted")
          continue
        }
      }
      memory.storeBytes(of: content, toByteOffset: 72, as: UInt64.self)
      #expect(attachOnly(name) == nil)
    }
  }

  @Test("Slots that begin in the middle of a word are refused, even if there is room for them")
  func unalignedSlots() throws {
    try withSegment { name, memory in
      let content = Int(memory.load(fromByteOffset: 72, as: UInt64.self))
      memory.storeBytes(of: 4, toByteOffset: 32, as: UInt64.self)
      #expect(attachOnly(name) == nil)
      for stride: UInt64 in [129, 132, 136, 192] {
        memory.storeBytes(of: stride, toByteOffset: content + 8, as: UInt64.self)
        guard case .corrupted? = attachOnly(name)?.code else {
          Issue.record("A stride of \(stride) is accepted")
          continue
        }
      }
    }
  }

  @Test("A store into a value whose version is damaged is refused", arguments: [0, UInt64.max])
  func damagedVersion(version: UInt64) throws {
    try withSegment { name, memory in
      let content = Int(memory.load(fromByteOffset: 72, as: UInt64.self))
      memory.storeBytes(of: version, toByteOffset: content, as: UInt64.self)
      let error = #expect(throws: InterprocessError.self) {
        try SharedValue<Pose>.attach(name).store(Pose(x: 0, time: 0, state: [0, 0, 0]))
      }
      #expect(error?.code == .corrupted("its version is \(version)"))
    }
  }

  @Test("Damaged segments end in an error or a usable value")
  func mutations() throws {
    let count = extent(whole: 100_000, short: 10_000)
    try withSegment { name, memory in
      let original = memory.withBytes { bytes in
        (0..<bytes.byteCount).map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
      }
      var generator = SystemRandomNumberGenerator()
      let interesting: [UInt64] = [
        0, 1, 2, 7, 8, 127, 128, 256, UInt64(original.count), 1 << 31, 1 << 32, 1 << 62, .max,
      ]
      let headEnd = 128 + 256
      var (usable, refused) = (0, 0)
      for _ in 1...count {
        var changed: [Int] = []
        for _ in 1...Int.random(in: 1...4, using: &generator) {
          if Bool.random(using: &generator) {
            let offset = 8 * Int.random(in: 1..<headEnd / 8, using: &generator)
            let number = interesting.randomElement(using: &generator)!
            memory.storeBytes(of: number, toByteOffset: offset, as: UInt64.self)
            changed += offset..<offset + 8
          } else {
            let offset = Int.random(in: 0..<original.count, using: &generator)
            memory[offset] = UInt8.random(in: 0...255, using: &generator)
            changed.append(offset)
          }
        }
        if attach(name) == nil { usable += 1 } else { refused += 1 }
        for offset in changed { memory[offset] = original[offset] }
      }
      #expect(usable > count / 100)
      #expect(refused > count / 10)
    }
  }
}
