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
import Subprocess
import TestSupport
import Testing

@testable import Interprocess

@Suite("Segment header", .timeLimit(.minutes(3)))
struct SegmentHeaderTests {
  struct Pose: Shareable, Equatable {
    var x: Double
    var time: UInt32
    var state: InlineArray<3, UInt8>

    static func == (left: Pose, right: Pose) -> Bool {
      left.x == right.x && left.time == right.time
        && left.state.indices.allSatisfy { left.state[$0] == right.state[$0] }
    }
  }

  @Test("The header has the fields of the C header, where C has them")
  func sameInC() {
    #expect(MemoryLayout<RawSegmentHeader>.size == 128)
    #expect(MemoryLayout<ipc_segment_header>.size == 128)
    let pairs: [(Int?, Int?)] = [
      (offset(\.magic), offsetInC(\.magic)), (offset(\.version), offsetInC(\.version)),
      (offset(\.kind), offsetInC(\.kind)), (offset(\.byte_order), offsetInC(\.byte_order)),
      (offset(\.word_byte_count), offsetInC(\.word_byte_count)),
      (offset(\.byte_count), offsetInC(\.byte_count)),
      (offset(\.capacity), offsetInC(\.capacity)),
      (offset(\.element_size), offsetInC(\.element_size)),
      (offset(\.element_stride), offsetInC(\.element_stride)),
      (offset(\.element_alignment), offsetInC(\.element_alignment)),
      (offset(\.fingerprint), offsetInC(\.fingerprint)),
      (offset(\.content_offset), offsetInC(\.content_offset)),
      (offset(\.description_byte_count), offsetInC(\.description_byte_count)),
      (offset(\.reserved), offsetInC(\.reserved)),
    ]
    for (inSwift, inC) in pairs { #expect(inSwift != nil && inSwift == inC) }
  }

  @Test("Numbers and bits are those of the C header")
  func numbersInC() {
    #expect(Lease.byteOffset == IPC_LEASE_BYTE)
    #expect(Lease.byteOffset(ofNumber: 7) == IPC_NUMBER_BYTE + 7)
    #expect(HolderNumber.range == 1..<IPC_ABANDONED)
    #expect(RobustLock.state(of: IPC_ABANDONED) == .abandoned)
    #expect(RobustLock.state(of: IPC_MUTEX_WAITERS) == .free)
    #expect(RobustLock.state(of: IPC_MUTEX_WAITERS | 7) == .held(number: 7))
    #expect(SharedEvent.state(of: IPC_EVENT_SET | IPC_EVENT_WAITERS) == (true, 0))
  }

  @Test(
    "Python reads a mutex and an event by the documented offsets, and asks whether holders live")
  func synchronizationInPython() async throws {
    let name = uniqueName()
    let mutex = try SharedMutex.create(name, initialValue: Account())
    let event = try SharedEvent.create("\(name)_event", isSet: true)
    for _ in 0..<6 { event.pulse() }
    event.set()
    let python = try #require(Python.all.first)
    let program = """
      import fcntl, struct, sys
      def content(name):
        file = open("/dev/shm/" + name, "rb")
        data = file.read()
        kind, = struct.unpack_from("<I", data, 12)
        capacity, size = struct.unpack_from("<2Q", data, 32)
        offset, = struct.unpack_from("<Q", data, 72)
        return file, kind, capacity, size, data[offset:]
      file, kind, capacity, size, data = content(sys.argv[1])
      word, turn, first, second = struct.unpack_from("<2I8x2Q", data)
      number = word & 0x3fffffff
      # F_OFD_GETLK, with a flock of 64 bits.
      lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 2**62 + 2**32 + number, 1, 0)
      found = struct.unpack("hhqqi4x", fcntl.fcntl(file, 36, lock))
      holder = {0: "nobody", 2**30 - 1: "a dead one"}.get(number, "a number")
      print(kind, capacity, size, holder, word >> 30, turn, first, second,
        "alive" if found[0] != fcntl.F_UNLCK else "not alive")
      file, kind, capacity, size, data = content(sys.argv[1] + "_event")
      word, = struct.unpack_from("<I", data)
      print(kind, capacity, size, word >> 2, word & 2, word & 1)
      """
    let eventLine = "5 1 4 7 2 0\n"
    func expectLine(_ line: String) async throws {
      let result = try await python.run(program, [name])
      #expect(result == .init(status: .exited(0), output: line + eventLine, errors: ""))
    }
    try await expectLine("2 1 24 nobody 0 0 0 0 not alive\n")
    _ = try await withChildProcess(Places.helper, ["sync", "mutex-hold", name]) { child in
      #expect(try await child.nextLine() == "held")
      try await expectLine("2 1 24 a number 0 0 1 0 alive\n")
      try child.kill()
    }
    try await expectLine("2 1 24 a number 0 0 1 0 not alive\n")
    #expect(throws: InterprocessError.self) { try mutex.withLock { _ in } }
    try await expectLine("2 1 24 a dead one 0 0 1 0 not alive\n")
    try mutex.unlink()
    try event.unlink()
  }

  private func offset<Field>(_ path: KeyPath<RawSegmentHeader, Field>) -> Int? {
    MemoryLayout<RawSegmentHeader>.offset(of: path)
  }

  private func offsetInC<Field>(_ path: KeyPath<ipc_segment_header, Field>) -> Int? {
    MemoryLayout<ipc_segment_header>.offset(of: path)
  }

  @Test("Python reads a value by the documented offsets, with only numpy")
  func python() async throws {
    let name = uniqueName()
    let value = try SharedValue.create(
      name, initialValue: Pose(x: 0, time: 0, state: [0, 0, 0]))
    for number in 1...11 {
      try value.store(Pose(x: 1.5, time: UInt32(number), state: [1, 2, 3]))
    }
    let python = try #require(Python.withNumpy)
    let result = try await python.run(
      """
      import ast, struct, sys, numpy
      data = open("/dev/shm/" + sys.argv[1], "rb").read()
      (magic, version, kind, order, word, total, capacity, size, stride, alignment, fingerprint,
        content, length) = struct.unpack_from("<8s4I8Q", data)
      text = data[128:128 + length].decode()
      h = 0xcbf29ce484222325
      for byte in text.encode():
        h = (h ^ byte) * 0x100000001b3 % 2**64
      dtype = numpy.lib.format.descr_to_dtype(ast.literal_eval(text))
      latest, slot = struct.unpack_from("<2Q", data, content)
      offset = content + 128 + latest % capacity * slot
      print(magic, version, kind, hex(order), word, total == len(data), capacity, size, stride,
        alignment, h == fingerprint, dtype.itemsize, latest,
        struct.unpack_from("<Q", data, offset)[0],
        *(field.tolist() for field in numpy.frombuffer(data, dtype, 1, offset + 8)[0]))
      """, [name])
    #expect(
      result.output == """
        b'SWIFTIPC' 1 1 0x1020304 8 True 8 15 16 8 True 16 12 12 1.5 11 [1, 2, 3]

        """)
    #expect(result.errors == "")
    try value.unlink()
  }

  @Test("A type whose description no reader accepts is not written")
  func longDescription() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let scalar = ElementLayout(.scalar(.init(kind: "i", byteCount: 8)), byteCount: 8)
      let name = String(repeating: "x", count: 64 << 10)
      let layout = ElementLayout(
        .record([.init(name: name, offset: 0, layout: scalar)]), byteCount: 8)
      let contentOffset = SegmentHeader.contentOffset(of: layout)
      let memory = try SharedMemory.create(byteCount: contentOffset, options: .whileAttached) {
        SegmentHeader.write(ValueKind.self, of: Int.self, layout: layout, capacity: 1, to: &$0)
      }
      memory.close()
    }
    #expect(result.says("The type has too many fields to describe"))
  }

  // MARK: - What is refused

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
      // The element's numbers and the fingerprint must be those of the type.
      for offset in [40, 48, 56, 64] {
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
