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
import TestSupport
import Testing

@testable import Interprocess

@Suite("Processes in /proc")
struct ProcessTableTests {
  // MARK: - Mappings

  @Test("Mappings are found by device and inode, not by their path")
  func mappings() {
    let maps = """
      7f00-7f01 rw-s 00000000 00:17 42                 /dev/shm/a b
      7f01-7f02 rw-s 00000000 00:18 43                 /dev/shm/x 00:17 44
      7f02-7f03 rw-s 00000000 00:17 45                 /dev/shm/new\\012line (deleted)
      7f03-7f04 rw-p 00000000 00:00 0
      7f04-7f05 r--p 00000000 00:17 46                 /dev/shm/c
      7f05 00:17 47
      7f06-7f07 rw-s 00000000 00:17 99999999999999999999999 /dev/shm/huge

      """
    let files = ProcessTable.mappedFiles(in: Array(maps.utf8) + [0], device: "00:17")
    #expect(files == Set([42, 45, 46].map { KernelFile(device: "00:17", inode: $0) }))
  }

  @Test("This process is found with its mappings, and can be looked into")
  func own() throws {
    let name = uniqueName("table")
    let memory = try SharedMemory.create(name, byteCount: 16)
    let look = ProcessLook()
    let file = KernelFile(memory.mapping.descriptor, memory.identity, mounts: look.mounts)
    #expect(file == KernelFile(memory.identity))
    let table = look.table(file.device)
    #expect(table.entries[file]?.map(\.processID) == [getpid()])
    try memory.unlink()
  }

  // MARK: - Who may open a file

  private static let status = """
    Name:\tsleep
    Umask:\t0022
    State:\tS (sleeping)
    Uid:\t1001\t1002\t1003\t1004
    Gid:\t2001\t2002\t2003\t2004
    Groups:\t3001 3002 \nVmSize:\t    5000 kB
    Threads:\t2
    CapPrm:\t00000000a80425fb

    """

  @Test("The status of a process")
  func processStatus() throws {
    let status = try #require(ProcessStatus(Array(Self.status.utf8)))
    #expect(status.command == "sleep")
    #expect(status.credentials.userIDs == [1001, 1002, 1003, 1004])
    #expect(status.credentials.effectiveUserID == 1002)
    #expect(status.credentials.groupIDs == [2001, 2002, 2003, 2004])
    #expect(status.credentials.supplementaryGroupIDs == [3001, 3002])
    #expect(status.credentials.capabilities == 0xA804_25FB)
    #expect(status.credentials.ignoresModes)
    #expect(status.hasMemory)
    #expect(status.threadCount == 2)
  }

  @Test("A process may choose its name, and nothing else of its status")
  func hostileStatus() throws {
    let text = Self.status.replacing("sleep", with: "a\\nUid:\t0\t0\t0\t0 :")
    let status = try #require(ProcessStatus(Array(text.utf8)))
    #expect(status.command == "a\\nUid:\t0\t0\t0\t0 :")
    #expect(status.credentials.userIDs == [1001, 1002, 1003, 1004])
    // A carriage return and the newline after it are one character.
    let carriageReturn = Self.status.replacing("sleep", with: "a\r")
    #expect(ProcessStatus(Array(carriageReturn.utf8))?.command == "a\r")
    for part in ["Uid", "Gid", "Groups", "CapPrm", "Name"] {
      let broken = Self.status.replacing("\(part):", with: "X:")
      #expect(ProcessStatus(Array(broken.utf8)) == nil, "\(part)")
    }
    let changes = [
      ("1003", "x"), ("\t1004", ""), ("1001", "-1"), ("\t2004", ""), ("3001", "x"),
      ("25fb\n", "25fg\n"),
    ]
    for (part, other) in changes {
      let broken = Self.status.replacing(part, with: other)
      #expect(ProcessStatus(Array(broken.utf8)) == nil, "\(part)")
    }
    #expect(ProcessStatus([]) == nil)
    #expect(ProcessStatus([0xFF, 0, 10, 10, 58, 10]) == nil)
  }

  @Test(
    "Which processes may open a file by its mode",
    arguments: [
      // The user, the group, further groups; the mode, and whether there is an access list.
      (1000, 9, [], 0o600, false, true), (1000, 9, [], 0o000, false, true),
      (1001, 9, [], 0o600, false, false), (1001, 9, [], 0o604, false, true),
      (1001, 9, [], 0o660, false, false), (1001, 9, [2000], 0o660, false, true),
      (1001, 2000, [], 0o640, false, true), (1001, 2000, [], 0o600, false, false),
      (1001, 9, [2000], 0o604, false, false), (1001, 9, [2000], 0o620, false, true),
      (1001, 9, [], 0o611, false, false), (1001, 9, [], 0o660, true, true),
      (1001, 9, [], 0o600, true, false), (1001, 9, [], 0o602, false, true),
      // A process can leave its group, but not a further one.
      (1001, 2000, [], 0o604, false, true),
    ])
  func canOpen(
    user: Int, group: Int, groups: [Int], mode: Int, hasAccessList: Bool, isPermitted: Bool
  ) {
    var record = stat()
    record.st_uid = 1000
    record.st_gid = 2000
    record.st_mode = S_IFREG | mode_t(mode)
    let credentials = Credentials(
      userIDs: Array(repeating: UInt32(user), count: 4),
      groupIDs: Array(repeating: UInt32(group), count: 4),
      supplementaryGroupIDs: groups.map { UInt32($0) }, capabilities: 0)
    #expect(
      credentials.canOpen(
        Files.Status(record) { _ in false }, hasAccessList: hasAccessList) == isPermitted)
  }

  @Test("Any of a process's users and groups counts")
  func anyIdentity() {
    var record = stat()
    record.st_uid = 1000
    record.st_gid = 2000
    record.st_mode = S_IFREG | 0o640
    for position in 0..<4 {
      var credentials = Credentials(
        userIDs: [1, 1, 1, 1], groupIDs: [1, 1, 1, 1], supplementaryGroupIDs: [], capabilities: 0)
      credentials.userIDs[position] = 1000
      #expect(credentials.canOpen(Files.Status(record) { _ in false }, hasAccessList: false))
      credentials.userIDs[position] = 1
      credentials.groupIDs[position] = 2000
      #expect(credentials.canOpen(Files.Status(record) { _ in false }, hasAccessList: false))
    }
  }

  @Test("Capabilities count for the users that the namespace of the process knows")
  func namespaces() {
    let own = Array("         0          0 4294967295\n".utf8)
    let rootless = Array("         0       1001          1\n   1  100000      65536\n".utf8)
    #expect(NamespaceMap.knows(1000, in: own, ownText: own))
    #expect(!NamespaceMap.knows(1000, in: rootless, ownText: own))
    #expect(NamespaceMap.knows(1000, in: rootless, ownText: rootless))
    #expect(NamespaceMap.knows(1001, in: rootless, ownText: own))
    #expect(NamespaceMap.knows(165_535, in: rootless, ownText: own))
    #expect(!NamespaceMap.knows(165_536, in: rootless, ownText: own))
    #expect(!NamespaceMap.knows(1000, in: [], ownText: own))
    #expect(NamespaceMap.knows(1000, in: Array("x y\n".utf8), ownText: own))
    #expect(NamespaceMap.knows(7, in: Array("0 5 18446744073709551615\n".utf8), ownText: own))
  }
}
