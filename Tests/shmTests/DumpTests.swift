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

import Foundation
import Interprocess
import TestSupport
import Testing

@Suite("Dumping", .timeLimit(.minutes(10)))
struct DumpTests {
  /// The dump of a segment with these bytes.
  private func dump(_ bytes: [UInt8], _ options: String...) async throws -> ProcessOutcome {
    try await withName("dump") { name in
      try create(name, bytes)
      return try await shm(["dump", name] + options)
    }
  }

  private func create(_ name: String, _ bytes: [UInt8]) throws {
    _ = try SharedMemory.create(name, byteCount: bytes.count) { memory in
      for (offset, byte) in bytes.enumerated() {
        memory.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
      }
    }
  }

  @Test("Every byte is in hexadecimal, and in ASCII if it can be printed")
  func allBytes() async throws {
    #expect(
      try await dump((0...255).map { UInt8($0) })
        == .success(
          """
          00000000  00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f  |................|
          00000010  10 11 12 13 14 15 16 17  18 19 1a 1b 1c 1d 1e 1f  |................|
          00000020  20 21 22 23 24 25 26 27  28 29 2a 2b 2c 2d 2e 2f  | !"#$%&'()*+,-./|
          00000030  30 31 32 33 34 35 36 37  38 39 3a 3b 3c 3d 3e 3f  |0123456789:;<=>?|
          00000040  40 41 42 43 44 45 46 47  48 49 4a 4b 4c 4d 4e 4f  |@ABCDEFGHIJKLMNO|
          00000050  50 51 52 53 54 55 56 57  58 59 5a 5b 5c 5d 5e 5f  |PQRSTUVWXYZ[\\]^_|
          00000060  60 61 62 63 64 65 66 67  68 69 6a 6b 6c 6d 6e 6f  |`abcdefghijklmno|
          00000070  70 71 72 73 74 75 76 77  78 79 7a 7b 7c 7d 7e 7f  |pqrstuvwxyz{|}~.|
          00000080  80 81 82 83 84 85 86 87  88 89 8a 8b 8c 8d 8e 8f  |................|
          00000090  90 91 92 93 94 95 96 97  98 99 9a 9b 9c 9d 9e 9f  |................|
          000000a0  a0 a1 a2 a3 a4 a5 a6 a7  a8 a9 aa ab ac ad ae af  |................|
          000000b0  b0 b1 b2 b3 b4 b5 b6 b7  b8 b9 ba bb bc bd be bf  |................|
          000000c0  c0 c1 c2 c3 c4 c5 c6 c7  c8 c9 ca cb cc cd ce cf  |................|
          000000d0  d0 d1 d2 d3 d4 d5 d6 d7  d8 d9 da db dc dd de df  |................|
          000000e0  e0 e1 e2 e3 e4 e5 e6 e7  e8 e9 ea eb ec ed ee ef  |................|
          000000f0  f0 f1 f2 f3 f4 f5 f6 f7  f8 f9 fa fb fc fd fe ff  |................|
          00000100

          """))
  }

  @Test("Repeated lines become one asterisk, but a short last line is shown")
  func repeats() async throws {
    let bytes = [UInt8](repeating: 0, count: 64) + [UInt8](repeating: 65, count: 53)
    #expect(
      try await dump(bytes)
        == .success(
          """
          00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|
          *
          00000040  41 41 41 41 41 41 41 41  41 41 41 41 41 41 41 41  |AAAAAAAAAAAAAAAA|
          *
          00000070  41 41 41 41 41                                    |AAAAA|
          00000075

          """))
  }

  @Test("A part is shown with its offsets in the segment")
  func part() async throws {
    let bytes = Array("The quick brown fox jumps over the lazy dog".utf8)
    #expect(
      try await dump(bytes, "--offset", "4", "--count", "21")
        == .success(
          """
          00000004  71 75 69 63 6b 20 62 72  6f 77 6e 20 66 6f 78 20  |quick brown fox |
          00000014  6a 75 6d 70 73                                    |jumps|
          00000019

          """))
    #expect(try await dump(bytes, "--count", "0") == .success())
    #expect(try await dump(bytes, "--offset", "43") == .success())
  }

  @Test("Offsets beyond 4 GiB have more digits")
  func large() async throws {
    try await withName("large") { name in
      _ = try SharedMemory.create(
        name, byteCount: (4 << 30) + 1, options: SegmentOptions(reservation: .onDemand))
      #expect(
        try await shm("dump", name, "--offset", "4294967280")
          == .success(
            """
            fffffff0  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|
            100000000  00                                                |.|
            100000001

            """))
    }
  }

  static let hexdumpIsInstalled = FileManager.default.isExecutableFile(atPath: "/usr/bin/hexdump")

  @Test(
    "The output equals that of hexdump -C, byte for byte",
    .enabled(if: hexdumpIsInstalled, "Needs hexdump, of the package bsdextrautils."),
    arguments: [1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 100, 4096, 4097, 100_003])
  func hexdump(byteCount: Int) async throws {
    // Runs of equal lines of every length, which begin and end at many places.
    var bytes = noise(byteCount)
    for start in stride(from: 32, to: byteCount, by: 160) {
      for index in start..<min(start + 16 * (start / 160 % 7), byteCount) {
        bytes[index] = bytes[start]
      }
    }
    try await withName("hexdump") { name in
      try create(name, bytes)
      let offsets = [0, 1, 16, byteCount / 2, byteCount - 1].filter { $0 < byteCount }
      for offset in offsets {
        for count in [1, 16, 40, byteCount] where count <= byteCount - offset {
          let expected = try await run(
            "hexdump", ["-C", "-s", "\(offset)", "-n", "\(count)", "/dev/shm/\(name)"])
          let outcome = try await shm(
            "dump", name, "--offset", "\(offset)", "--count", "\(count)")
          #expect(outcome == expected)
        }
      }
    }
  }

  @Test("Memory that shrinks while it is shown is an error", arguments: ["dump", "read"])
  func shrinks(command: String) async throws {
    try await withName("shrinks") { name in
      try create(name, noise(4 << 20))
      // The tool has opened the memory when the first byte arrives; the pipe holds far less than
      // all.
      let outcome = try await bash(
        """
        "$SHM" "$1" "$2" | { head -c 1 > /dev/null; truncate -s 4096 "/dev/shm/$2"; cat > /dev/null; }
        exit ${PIPESTATUS[0]}
        """, command, name)
      #expect(
        outcome
          == .failure(
            "Shared memory \"\(name)\" became smaller while it was looked at. Look again.")
      )
    }
  }

  @Test("A closed pipe is an error", arguments: ["dump", "read", "save"])
  func readerGone(command: String) async throws {
    try await withName("pipe") { name in
      try create(name, noise(1 << 20))
      let outcome = try await bash(
        """
        arguments=("$1" "$2"); [ "$1" = save ] && arguments+=(-)
        "$SHM" "${arguments[@]}" | head -c 1 > /dev/null
        exit ${PIPESTATUS[0]}
        """, command, name)
      #expect(outcome == .failure("Cannot write to standard output: Broken pipe."))
    }
  }

  @Test(
    "A full output is an error",
    arguments: [["dump"], ["read"], ["info"], ["info", "--json"]])
  func full(arguments: [String]) async throws {
    try await withName("full") { name in
      try create(name, [1])
      let outcome = try await bash(
        "exec \"$SHM\" $2 \"$1\" > /dev/full", name, arguments.joined(separator: " "))
      #expect(outcome == .failure("Cannot write to standard output: No space left on device."))
    }
  }
}
