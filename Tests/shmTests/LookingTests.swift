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

/// Commands that only look at memory leave it unchanged, and survive changes by others meanwhile.
@Suite("Looking", .timeLimit(.minutes(10)))
struct LookingTests {
  static let looks: [[String]] = [
    ["dump"], ["read"], ["read", "--as", "float64"], ["info"], ["info", "--json"], ["list"],
    ["list", "--json"], ["save", "-"],
  ]

  private func look(_ arguments: [String], _ name: String) async throws -> ProcessOutcome {
    let names = arguments[0] == "list" ? [] : [name]
    return try await run(
      "bash",
      ["-c", "\"$SHM\" \"$@\" > /dev/null", "bash", arguments[0]] + names + arguments.dropFirst(),
      environment: Tool.environment)
  }

  @Test("Looking at memory with holes takes no page of it", arguments: looks)
  func holes(look arguments: [String]) async throws {
    try await withName("sparse") { name in
      try SharedMemory.create(
        name, byteCount: 8 << 20, options: SegmentOptions(reservation: .onDemand)
      ).close()
      let file = FileHandle(forUpdatingAtPath: "/dev/shm/\(name)")!
      try file.seek(toOffset: 3 << 20)
      try file.write(contentsOf: Data([1, 2, 3]))
      try file.close()
      #expect(try await facts(name) == "\(8 << 20) 8 600")
      #expect(try await look(arguments, name) == .success())
      #expect(try await facts(name) == "\(8 << 20) 8 600")
    }
  }

  @Test(
    "Looking at an array, a list, a lock and a queue with holes takes no page", arguments: looks)
  func structuredHoles(look arguments: [String]) async throws {
    let names = ["array", "lock", "queue", "semaphore"].map { uniqueName($0) }
    defer { for name in names { try? SharedMemory.unlink(name) } }
    try SharedArray<Double>.create(
      names[0], shape: [1 << 10, 1 << 8], options: SegmentOptions(reservation: .onDemand)
    )
    .close()
    let lock = try SharedReadWriteLock.create(
      names[1], initialValue: 0, maximumReaderCount: 1 << 14,
      options: SegmentOptions(reservation: .onDemand))
    let queue = try SharedQueue<UInt64>.create(
      names[2], capacity: 1 << 18, options: SegmentOptions(reservation: .onDemand))
    let semaphore = try SharedSemaphore.create(
      names[3], permitCount: 1 << 18, options: SegmentOptions(reservation: .onDemand))
    for name in names {
      let before = try await facts(name)
      #expect(try await look(arguments, name) == .success())
      #expect(try await facts(name) == before)
    }
    withExtendedLifetime((lock, queue, semaphore)) {}
  }

  @Test("A dump and a copy of memory with holes equal those of the same bytes without holes")
  func holesAreZeros() async throws {
    try await withTemporaryDirectory { directory in
      try await withName("sparse") { name in
        try await withName("full") { full in
          let outcome = try await bash(
            """
            cd "$3"; exec 2>&1
            # Data at the beginning, in the middle, across pieces, and a hole at the end.
            truncate -s 3000001 file
            for offset in 0 65530 1000000 1048570 2097152; do
              printf 'some data' | dd of=file bs=1 seek=$offset conv=notrunc status=none
            done
            cp --sparse=always file "/dev/shm/$1"; cp --sparse=never file "/dev/shm/$2"
            test $(stat -c %b "/dev/shm/$1") -lt $(stat -c %b "/dev/shm/$2") || echo no holes
            for part in "" "--offset 7" "--offset 65535 --count 1500001"; do
              cmp <("$SHM" dump "$1" $part) <("$SHM" dump "$2" $part)
            done
            "$SHM" save "$1" copy; cmp file copy; "$SHM" save "$1" - | cmp file -
            test $(stat -c %b copy) -lt 500 || echo the copy has no holes
            """, name, full, directory)
          #expect(outcome == .success())
        }
      }
    }
  }

  @Test("A file that shrinks and grows all the time costs one line of a list, not the list")
  func shrinking() async throws {
    let outcome = try await runWithOwnSharedMemory(
      "size=16m",
      """
      "$SHM" create steady --bytes 1
      python3 - <<'END' & player=$!
      import os
      # A list of many elements, which takes a while to look through.
      count = 4000
      table = b"".join((8 * index).to_bytes(8, "little") for index in range(count + 1))
      content = count.to_bytes(8, "little") + table + bytes(8 * count)
      content += b"q".ljust(8, b"\\0") * count + bytes(count)
      fd = os.open("/dev/shm/player", os.O_RDWR | os.O_CREAT)
      while True:
        os.pwrite(fd, content, 0)
        for byte_count in (len(content) - 1, 4096, 40, 0): os.ftruncate(fd, byte_count)
      END
      trap 'kill $player' EXIT
      while [ ! -e /dev/shm/player ]; do sleep 0.01; done
      for look in {1..\(extent(whole: 15, short: 5))}; do
        "$SHM" list > /tmp/$1 || echo "list failed"
        grep -q '^player ' /tmp/$1 && grep -q '^steady  *bytes' /tmp/$1 || echo "a line is missing"
        "$SHM" list --json | python3 -c 'import json, sys; assert len(json.load(sys.stdin)) == 2'
        "$SHM" info player > /dev/null || echo "info failed"
      done 2> /tmp/$1.errors
      grep -v 'shm: Shared memory "player" became smaller while it was looked at. Look again.' \\
        /tmp/$1.errors
      rm /tmp/$1 /tmp/$1.errors
      """, uniqueName("looks"))
    #expect(outcome.output == "")
    #expect(outcome.errors == "")
  }
}
