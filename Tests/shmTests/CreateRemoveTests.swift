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

@Suite("Creating and removing", .timeLimit(.minutes(10)))
struct CreateRemoveTests {
  @Test("A created segment has the given size, and is zeroed and reserved")
  func created() async throws {
    try await withName { name in
      let outcome = try await shm("create", name, "--bytes", "64KiB")
      #expect(outcome == .success())
      #expect(try content(name) == [UInt8](repeating: 0, count: 65536))
      // 128 blocks of 512 bytes.
      #expect(try await facts(name) == "65536 128 600")
    }
  }

  @Test("On demand, no pages are taken")
  func onDemand() async throws {
    try await withName { name in
      let outcome = try await shm("create", name, "--bytes", "1GiB", "--on-demand")
      #expect(outcome == .success())
      #expect(try await facts(name) == "1073741824 0 600")
    }
  }

  @Test(
    "The pages are as large as wanted", .enabled(if: HugePage.canBeHad, "\(HugePage.need)"),
    arguments: [("automatic", 0, 16 << 20), ("small", 0, 0), ("huge", 4 << 20, 16 << 20)])
  func pages(text: String, medium: Int, large: Int) async throws {
    for (byteCount, huge) in [(4 << 20, medium), (16 << 20, large)] {
      try await withName { name in
        let outcome = try await shm("create", name, "--bytes", "\(byteCount)", "--pages", text)
        #expect(outcome == .success())
        let memory = try SharedMemory.attach(name)
        try memory.prefault()
        #expect(try MappedPages(of: "/dev/shm/\(name)").hugeByteCount == huge)
      }
    }
  }

  @Test(
    "The mode is exactly the given one",
    arguments: [("0600", "600"), ("666", "666"), ("0640", "640"), ("0", "0"), ("0777", "777")])
  func mode(text: String, mode: String) async throws {
    try await withName { name in
      let outcome = try await bash(
        "umask 077; \"$SHM\" create \"$1\" --bytes 1 --mode \"$2\"", name, text)
      #expect(outcome == .success())
      #expect(try await facts(name) == "1 8 \(mode)")
    }
  }

  @Test("Memory whose name is in use stays as it is")
  func taken() async throws {
    try await withName { name in
      _ = try SharedMemory.create(name, byteCount: 3)
      #expect(
        try await shm("create", name, "--bytes", "1024")
          == .failure(
            """
            Shared memory "\(name)" exists already, and is left as it is. Choose another name, or, if no process uses it, remove it first: \(Tool.command) remove NAME.
            """))
      #expect(try content(name) == [0, 0, 0])
    }
  }

  @Test("Every name is removed, and one that cannot be removed stops none")
  func removed() async throws {
    let names = (0..<3).map { uniqueName("remove\($0)") }
    for name in [names[0], names[2]] { _ = try SharedMemory.create(name, byteCount: 1) }
    // The names are tried in order, without the leading slash of POSIX.
    #expect(
      try await shm("remove", names[0], names[1], "a/b", "/" + names[2])
        == .failure(
          """
          No shared memory named "\(names[1])"; `\(Tool.command) list` shows all there is.
          shm: A shared memory name contains no slash but a leading one; "a/b" is not one.
          """))
    #expect(!names.contains(where: exists))
  }

  @Test("Removing existing memory succeeds silently")
  func removedSilently() async throws {
    let name = uniqueName("remove")
    _ = try SharedMemory.create(name, byteCount: 1)
    #expect(try await shm("remove", name) == .success())
    #expect(!exists(name))
  }

  @Test("A full /dev/shm is an error that leaves nothing behind")
  func full() async throws {
    let outcome = try await runWithOwnSharedMemory(
      "size=64k", "\"$SHM\" create big --bytes 1MiB; echo $?; ls /dev/shm")
    #expect(outcome.output == "1\n")
    #expect(
      outcome.errors == """
        shm: No room in /dev/shm for shared memory "big": 1048576 bytes are needed and 65536 are free. \
        Remove what is not in use, or enlarge /dev/shm.

        """)
  }

  /// Memory on demand can run out of pages under a process.
  @Test("Writing where no page is left is an error")
  func noPageLeft() async throws {
    let outcome = try await runWithOwnSharedMemory(
      "size=64k",
      """
      "$SHM" create sparse --bytes 1MiB --on-demand && "$SHM" create full --bytes 64KiB || exit 98
      "$SHM" write sparse --offset 512KiB 1
      """)
    #expect(
      outcome
        == .failure(
          "The memory became smaller, or /dev/shm filled up, while the memory was in use."))
  }
}
