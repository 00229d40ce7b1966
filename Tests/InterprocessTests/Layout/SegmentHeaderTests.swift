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
}
