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
import Testing

/// How the library reads the system's files, with files in a directory of the test's own.
@Suite("Memory limits")
struct MemoryLimitTests {
  private static let mebibyte = 1 << 20

  /// Calls a body with the limit from a directory that has these files.
  private func limit(_ files: [String: String]) throws -> MemoryLimit? {
    let root = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: root) }
    for (path, text) in files {
      let file = root.appending(path: path)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    return MemoryLimit.tightest(root: root.path)
  }

  private static let version2 = [
    "proc/meminfo": "MemTotal: 9 kB\nMemAvailable:    1048576 kB\nSwapFree:  0 kB\n",
    "proc/self/cgroup": "1:name=systemd:/x\n0::/a/b\n",
    "proc/self/mountinfo": """
    22 27 0:21 / /proc rw,relatime shared:5 - proc proc rw
    35 31 0:32 / /groups rw,relatime shared:9 master:1 - cgroup2 cgroup2 rw
    """,
    "groups/a/memory.max": "104857600\n", "groups/a/memory.current": "52428800\n",
    "groups/a/memory.stat": "anon 1\ninactive_file 0\n",
    "groups/a/b/memory.max": "max\n", "groups/a/b/memory.current": "52428800\n",
  ]

  private func with(_ changes: [String: String?], _ files: [String: String] = version2)
    -> [String: String]
  {
    var files = files
    for (path, text) in changes { files[path] = text }
    return files
  }

  private func expect(
    _ files: [String: String], group directory: String?, mebibytes: Int,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let found = try limit(files)
    switch (found?.source, directory) {
    case (.controlGroup(let path, _)?, let directory?):
      #expect(path == directory, sourceLocation: sourceLocation)
    case (.machine?, nil): break
    default: Issue.record("\(String(describing: found))", sourceLocation: sourceLocation)
    }
    // A part is kept back, but not much.
    let available = (found?.availableByteCount ?? 0) / Self.mebibyte
    #expect(
      available <= mebibytes && available >= mebibytes - 2 - mebibytes / 32,
      sourceLocation: sourceLocation)
  }

  @Test("Version 2: the tightest limit of all groups around the process counts")
  func version2() throws {
    try expect(Self.version2, group: "/groups/a", mebibytes: 50)
    try expect(
      with(["groups/a/b/memory.max": "83886080\n"]), group: "/groups/a/b", mebibytes: 30)
    try expect(
      with(["groups/a/memory.max": "max\n"]), group: nil, mebibytes: 1024)
  }

  @Test("Version 2: pages that can be taken from the page cache are free")
  func cache() throws {
    try expect(
      with(["groups/a/memory.stat": "inactive_file 20971520\nactive_file 10485760\nshmem 5\n"]),
      group: "/groups/a", mebibytes: 80)
  }

  @Test("Version 2: swap counts as far as the group may use it")
  func swap() throws {
    let meminfo = "MemAvailable:    1048576 kB\nSwapFree:  102400 kB\n"
    try expect(with(["proc/meminfo": meminfo]), group: "/groups/a", mebibytes: 150)
    try expect(
      with([
        "proc/meminfo": meminfo, "groups/a/memory.swap.max": "20971520\n",
        "groups/a/memory.swap.current": "10485760\n",
      ]), group: "/groups/a", mebibytes: 60)
  }

  @Test("Version 2: a container sees its own group at the mount, whatever the group is called")
  func container() throws {
    let files = [
      "proc/self/cgroup": "0::/docker/1234\n",
      "proc/self/mountinfo": "35 31 0:32 /docker/1234 /groups rw - cgroup2 cgroup rw\n",
      "groups/memory.max": "104857600\n", "groups/memory.current": "20971520\n",
    ]
    try expect(files, group: "/groups", mebibytes: 80)
    try expect(with(["proc/self/cgroup": "0::/\n"], files), group: "/groups", mebibytes: 80)
    try expect(
      with(["proc/self/cgroup": "0::/../../other\n"], files), group: "/groups", mebibytes: 80)
  }

  private static let version1 = [
    "proc/self/cgroup": "4:cpu,memory:/a/b\n0::/elsewhere\n",
    "proc/self/mountinfo": """
    34 31 0:31 / /cpu rw - cgroup cgroup rw,cpuset
    35 31 0:32 / /mem rw,relatime - cgroup cgroup rw,memory,cpu
    """,
    "mem/memory.limit_in_bytes": "9223372036854771712\n", "mem/memory.usage_in_bytes": "1\n",
    "mem/a/memory.limit_in_bytes": "104857600\n", "mem/a/memory.usage_in_bytes": "52428800\n",
    "mem/a/memory.stat": "cache 9\ninactive_file 3\ntotal_inactive_file 10485760\n",
    "mem/a/b/memory.limit_in_bytes": "9223372036854771712\n",
    "mem/a/b/memory.usage_in_bytes": "52428800\n",
  ]

  @Test("Version 1: limits, the page cache, and swap that counts with memory")
  func version1() throws {
    try expect(Self.version1, group: "/mem/a", mebibytes: 60)
    try expect(
      with(
        ["mem/a/b/memory.stat": "hierarchical_memory_limit 73400320\n"], Self.version1),
      group: "/mem/a/b", mebibytes: 20)
    try expect(
      with(
        [
          "proc/meminfo": "SwapFree:  10240 kB\n",
          "mem/a/memory.memsw.limit_in_bytes": "9223372036854771712\n",
          "mem/a/memory.memsw.usage_in_bytes": "52428800\n",
        ], Self.version1), group: "/mem/a", mebibytes: 70)
    try expect(
      with(
        [
          "proc/meminfo": "SwapFree:  10240 kB\n",
          "mem/a/memory.memsw.limit_in_bytes": "104857600\n",
          "mem/a/memory.memsw.usage_in_bytes": "57671680\n",
        ], Self.version1), group: "/mem/a", mebibytes: 55)
  }

  @Test("A limit that is used up leaves zero, not less")
  func usedUp() throws {
    let found = try limit(with(["groups/a/memory.current": "904857600\n"]))
    #expect(found?.availableByteCount == 0)
  }

  @Test("Files that cannot be read or make no sense limit nothing")
  func nonsense() throws {
    #expect(try limit([:]) == nil)
    for text in ["", "\n", "x", "-1", "99999999999999999999999", "0x10", "\u{0}", "max max"] {
      #expect(try limit(["proc/meminfo": "MemAvailable: \(text) kB\nSwapFree\n:::\n"]) == nil)
      for path in ["groups/a/memory.max", "groups/a/memory.current"] {
        try expect(with([path: text]), group: nil, mebibytes: 1024)
      }
    }
    for path in ["proc/self/cgroup", "proc/self/mountinfo"] {
      for text in ["", "0::", "::::", "0", " - ", "a b c d e f - ", "35 31 0:32 / / rw - cgroup2"] {
        try expect(with([path: text]), group: nil, mebibytes: 1024)
      }
    }
    // Sums do not overflow.
    let most = "18446744073709551615"
    #expect(
      try limit([
        "proc/meminfo": "MemAvailable: \(most) kB\nSwapFree: \(most) kB\n"
      ])?.source == .machine)
  }

  @Test("This system has a limit")
  func here() throws {
    let found = try #require(MemoryLimit.tightest())
    #expect(found.availableByteCount > 0)
  }
}
