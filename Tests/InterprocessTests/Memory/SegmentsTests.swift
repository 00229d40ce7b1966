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
import SystemPackage
import TestSupport
import Testing

@Suite("Listing")
struct SegmentsTests {
  @Test("A segment is listed with its size, pages, owner, mode and age")
  func attributes() throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(
      name, byteCount: 5000, options: SegmentOptions(permissions: [.ownerReadWrite, .groupRead]))
    let info = try info(name)
    #expect(info.name == name)
    #expect(info.byteCount == 5000)
    #expect(info.residentByteCount == 8192)
    #expect(info.userID == geteuid())
    #expect(info.permissions == [.ownerReadWrite, .groupRead])
    #expect(info.age >= .zero && info.age < .seconds(120))
    try memory.unlink()
    #expect(try SharedMemory.segments().allSatisfy { $0.name != name })
  }

  @Test("Exactly the processes that have the segment mapped are listed")
  func processes() async throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 16)
    let own = getpid()
    #expect(try info(name).processes.map(\.processID) == [own])
    _ = try await withChildProcess(Places.helper) { helper in
      try await helper.expect("attach \(name)", "ok 16")
      let processes = try info(name).processes
      #expect(processes.map(\.processID) == [own, helper.processID].sorted())
      // The kernel keeps 15 bytes of a command's name.
      let command = processes.first { $0.processID == helper.processID }?.command
      #expect(command == "interprocess-te")
      try await helper.expect("close", "ok ")
      #expect(try info(name).processes.map(\.processID) == [own])
    }
    memory.close()
    #expect(try info(name).processes.isEmpty)
    try SharedMemory.unlink(name)
  }

  @Test("Handles are counted, and no other locks")
  func handles() throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 16, options: .whileAttached)
    let reader = try SharedMemory.attach(name, access: .readOnly)
    #expect(try info(name).handleCount == 2)
    reader.close()
    #expect(try info(name).handleCount == 1)
    memory.close()
    #expect(!exists(name))

    // Locks of other kinds, and on other bytes than that of the lease.
    try makeFile(name)
    let leaseOffset = 1 << 62
    let ownLock: CInt = 6  // F_SETLK
    let descriptionLock: CInt = 37  // F_OFD_SETLK
    for (command, type, offset) in [
      (ownLock, F_RDLCK, leaseOffset), (descriptionLock, F_RDLCK, 0),
      (descriptionLock, F_WRLCK, leaseOffset),
    ] {
      let fd = open(path(name), O_RDWR)
      var lock = flock()
      lock.l_type = CShort(type)
      lock.l_start = offset
      lock.l_len = 1
      #expect(fcntl(fd, command, &lock) == 0)
      #expect(try info(name).handleCount == 0)
      close(fd)
    }
    try SharedMemory.unlink(name)
  }

  @Test("The list is sorted, and contains only files")
  func sorted() throws {
    let names = ["b", "a", "c"].map { uniqueName("list") + $0 }
    for name in names { _ = try SharedMemory.create(name, byteCount: 16) }
    let directory = uniqueName("directory")
    #expect(mkdir(path(directory), 0o700) == 0)
    let listed = try SharedMemory.segments().map(\.name)
    #expect(listed == listed.sorted())
    #expect(listed.filter { names.contains($0) }.count == 3)
    #expect(!listed.contains(directory))
    #expect(rmdir(path(directory)) == 0)
    for name in names { try SharedMemory.unlink(name) }
  }

  @Test("A name that is not UTF-8 is listed all the same")
  func invalidUTF8() throws {
    let name = uniqueName()
    let bytes = Array(path(name).utf8CString.dropLast()) + [CChar(bitPattern: 0xFF), 0]
    let fd = open(bytes, O_CREAT | O_EXCL, 0o600)
    #expect(fd >= 0)
    close(fd)
    #expect(try SharedMemory.segments().contains { $0.name == name + "\u{FFFD}" })
    #expect(unlink(bytes) == 0)
  }
}
